/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_CRASH_H
#define CONNTRACE_BASE_CRASH_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Handles a fatal signal caused by this program itself (SIGSEGV, SIGABRT, ...). Its memory, locks and allocations
 * cannot be trusted then, so the handlers make system calls only. They restore the terminal and report the crash and
 * its effect on the watched processes. A registered function keeps processes alive that cannot run without this one.
 * After that the process ends by the signal, with a core of the place of the crash.
 */

/** Size of a stack on which a handler runs when the thread's own has overflowed. */
#define CRASH_STACK_SIZE (64 * 1024)

/**
 * crash_watch() - install the handlers, and a stack for the calling thread
 * @outcome: the effect on the watched processes, the end of a sentence; must stay valid
 */
void crash_watch(const char *outcome);

/** The signal that calls a standby thread; it waits while a crash is handled. */
#define CRASH_WAKE_SIGNAL SIGRTMAX

/** crash_stack() - a stack for the handlers in the calling thread; @stack has CRASH_STACK_SIZE bytes, NULL: no more */
void crash_stack(void *stack);

/** crash_restore() - set the function that restores the terminal, async-signal-safe; NULL: none */
void crash_restore(void (*restore)(void));

/**
 * crash_standby() - set a function for processes that can only run as long as this one
 * @standby: async-signal-safe; keeps them running and returns true when the last one has ended, false when it cannot
 * @context: passed to it; NULL @standby: there are no such processes any more
 * @outcome: as in crash_watch(), with @standby
 */
void crash_standby(bool (*standby)(void *context), void *context, const char *outcome);

/** crash_child() - set a child process to be killed first in a crash; 0 none */
void crash_child(pid_t pid);

/** crash_exit() - end the process at once for reason @why, as in a crash, but with an exit status and without a core */
void crash_exit(const char *why, int status) __attribute__((noreturn));

/** crash_kill() - restore the terminal and end by SIGKILL; async-signal-safe */
void crash_kill(void);

/** crash_has_happened() - async-signal-safe */
bool crash_has_happened(void);

#endif
