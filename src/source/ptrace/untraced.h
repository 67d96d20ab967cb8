/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_UNTRACED_H
#define CONNTRACE_SOURCE_PTRACE_UNTRACED_H

#include "source/ptrace/tracee.h"

/*
 * A child created with CLONE_UNTRACED (clone(2)) would not be traced, but under the seccomp filter of its parent its
 * accept(2) and connect(2) would fail. The flag is therefore removed during the call. This is the only change conntrace
 * makes to a traced program, and the flag has no other effect.
 */

/** untraced_take() - the thread is at the entry of a SYSCALL_CLONE_UNTRACED: remove the flag */
void untraced_take(const struct tracee *tracee);

/** untraced_give_back() - it has returned: restore the flag in the program's memory or register */
void untraced_give_back(const struct tracee *tracee);

#endif
