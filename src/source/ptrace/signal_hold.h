/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_SIGNAL_HOLD_H
#define CONNTRACE_SOURCE_PTRACE_SIGNAL_HOLD_H

#include "source/ptrace/tracee.h"

/*
 * A signal that a program ignores (SIGCHLD, unless it wants it) does not
 * disturb its calls. When it is traced it does, because the kernel lets the
 * tracer see the signal first: a call that sleeps is interrupted and made
 * again. For a send with MSG_FASTOPEN once more is once too often: its data
 * left with the SYN, and leaves a second time (Linux 6.18). So while such a
 * call lasts those signals are blocked, and what they would have interrupted
 * goes on as if nobody traced it.
 */

/** signal_hold_begin() - at the entry of a send with MSG_FASTOPEN, or of the first one after TCP_FASTOPEN_CONNECT */
void signal_hold_begin(struct tracee *tracee);

/** signal_hold_end() - at its exit, whatever it returned; does nothing unless it has begun */
void signal_hold_end(struct tracee *tracee);

/** signal_hold_lasts() - is any thread in such a call? Then it must not be let go yet */
bool signal_hold_lasts(const struct tracee_table *table);

#endif
