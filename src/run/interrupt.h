/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_INTERRUPT_H
#define CONNTRACE_RUN_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/signalfd.h>

#include "base/err.h"

/*
 * Signals, and the second SIGINT, which ends the program at once in any state.
 * The main thread may block anywhere: when it opens a FIFO, prints a long
 * report, or writes into a pipe without a reader. So a separate thread reads the
 * signals and hands them to the main thread through a pipe. When another SIGINT
 * or SIGTERM comes before the main thread took the previous one, or while only
 * the report is printed after the run, that thread ends the process by that
 * signal. The thread allocates nothing and takes no lock but its own, so the
 * process may fork.
 */

/**
 * interrupt_open() - start the thread; once
 * @signals: the signals it reads; already blocked in every thread
 * @err: the message of a failure
 *
 * It stays until the process ends.
 *
 * Return: 0 or a negative errno.
 */
int interrupt_open(const sigset_t *signals, struct err *err);

/** interrupt_fd() - readable when interrupt_read() has something to return */
int interrupt_fd(void);

/** interrupt_read() - the next signal; Return: false when there is none */
bool interrupt_read(struct signalfd_siginfo *info);

/**
 * interrupt_command() - a command was launched, which gets the signals of the terminal by itself
 * @lives: called with @context in the other thread: true while it runs. NULL: it has ended, and @context is not used
 */
void interrupt_command(bool (*lives)(void *context), void *context);

/**
 * interrupt_opening() - files are opened by their names, which may block
 * @begins: it begins; else it is over. interrupt_open() begins it, too
 *
 * A first SIGINT or SIGTERM that came before or meanwhile ends the process after five seconds, unless it is over then.
 */
void interrupt_opening(bool begins);

/**
 * interrupt_final() - interrupt_read() is not called any more
 * @at_once: a second SIGINT or SIGTERM has been read: the process ends half a second later, by that signal; so it does
 *	     if the second one came and was not read
 *
 * A signal that came before counts as the first one.
 */
void interrupt_final(bool at_once);

/** interrupt_hurries() - true when SIGINT or SIGTERM came since interrupt_final(): do not wait any more */
bool interrupt_hurries(void);

#endif
