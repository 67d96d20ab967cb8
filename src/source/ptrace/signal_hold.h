/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_SIGNAL_HOLD_H
#define CONNTRACE_SOURCE_PTRACE_SIGNAL_HOLD_H

#include "source/ptrace/tracee.h"

/*
 * A signal that a program ignores (SIGCHLD, by default) does not disturb its calls. In a traced program it does,
 * because the kernel reports the signal to the tracer first: a sleeping call is interrupted and restarted. A send with
 * MSG_FASTOPEN must not be restarted: its data left with the SYN, and is sent a second time (Linux 6.18). Those signals
 * are therefore blocked during such a call, and it continues as without a tracer.
 */

/** signal_hold_begin() - at the entry of a send with MSG_FASTOPEN, or of the first one after TCP_FASTOPEN_CONNECT */
void signal_hold_begin(struct tracee *tracee);

/** signal_hold_end() - at its exit, whatever it returned; does nothing unless it has begun */
void signal_hold_end(struct tracee *tracee);

/** signal_hold_lasts() - whether any thread is in such a call and must not be detached yet */
bool signal_hold_lasts(const struct tracee_table *table);

#endif
