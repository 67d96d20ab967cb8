/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_UNTRACED_H
#define CONNTRACE_SOURCE_PTRACE_UNTRACED_H

#include "source/ptrace/tracee.h"

/*
 * A child born with CLONE_UNTRACED (clone(2)) would not be traced, but under
 * the seccomp filter of its parent its accept(2) and connect(2) would fail. So
 * the flag is taken away for the length of the call: the one thing conntrace
 * ever changes in a traced program, and it has no other meaning.
 */

/** untraced_take() - the thread is at the entry of a SYSCALL_CLONE_UNTRACED: take the flag away */
void untraced_take(const struct tracee *tracee);

/** untraced_give_back() - it has returned: put the flag back where the program had it */
void untraced_give_back(const struct tracee *tracee);

#endif
