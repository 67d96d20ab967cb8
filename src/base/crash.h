/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_CRASH_H
#define CONNTRACE_BASE_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * A fatal signal of this program's own making (SIGSEGV, SIGABRT, ...). Nothing
 * of its memory can be trusted then, no lock, no allocation: the handlers here
 * make system calls only. They give the terminal back and say what happened
 * and what becomes of those that are watched. Whoever cannot run without us is
 * kept alive by a function that is registered for it; after that the process
 * ends by the signal, and leaves its core where it crashed.
 */

/** Room for a stack on which a handler runs when the thread's own has overflowed. */
#define CRASH_STACK_SIZE (64 * 1024)

/**
 * crash_watch() - install the handlers, and a stack for the calling thread
 * @outcome: what becomes of those that are watched, the end of a sentence; lives as long as the process
 */
void crash_watch(const char *outcome);

/** crash_stack() - a stack for the handlers in the calling thread; @stack has CRASH_STACK_SIZE bytes, NULL: no more */
void crash_stack(void *stack);

/** crash_restore() - what gives the terminal back, async-signal-safe; NULL: there is nothing to give back */
void crash_restore(void (*restore)(void));

/**
 * crash_standby() - somebody can only run as long as we do
 * @standby: async-signal-safe; keeps them going and returns true when the last one has ended, false when it cannot
 * @context: handed to it; NULL @standby: there is nobody any more
 * @outcome: as of crash_watch(), when there is a @standby
 */
void crash_standby(bool (*standby)(void *context), void *context, const char *outcome);

/** crash_child() - a process of ours that is of no use after a crash, and is killed first; 0 none */
void crash_child(pid_t pid);

/** crash_exit() - end the process at once because of @why, as in a crash, but with an exit status and without a core */
void crash_exit(const char *why, int status) __attribute__((noreturn));

/** crash_kill() - give the terminal back and end by SIGKILL; async-signal-safe */
void crash_kill(void);

/** crash_has_happened() - async-signal-safe */
bool crash_has_happened(void);

#endif
