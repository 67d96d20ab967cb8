/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_INTERRUPT_H
#define CONNTRACE_RUN_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/signalfd.h>

#include "base/err.h"

/*
 * Signals, and the second SIGINT, which ends the program at once whatever it is
 * doing. The main thread may be anywhere: it opens a FIFO, prints a long
 * report, or writes into a pipe that nobody reads. So a thread of its own reads
 * the signals and hands them to the main thread through a pipe. When another
 * SIGINT or SIGTERM comes while the one before has not been taken, or when the
 * run is over and only its report is printed, that thread ends the process by
 * that signal. The thread allocates nothing and takes no lock but its own, so
 * the process may fork.
 */

/**
 * interrupt_open() - start the thread; once
 * @signals: what it reads; they are blocked already, in every thread
 * @err: why not
 *
 * It stays until the process ends.
 *
 * Return: 0 or a negative errno.
 */
int interrupt_open(const sigset_t *signals, struct err *err);

/** interrupt_fd() - readable when interrupt_read() has something to tell */
int interrupt_fd(void);

/** interrupt_read() - the next signal; Return: false when there is none */
bool interrupt_read(struct signalfd_siginfo *info);

/**
 * interrupt_command() - a command was launched, which the signals of the terminal reach by themselves
 * @lives: called with @context in the other thread: does it run? NULL: it does not any more, and @context may go
 */
void interrupt_command(bool (*lives)(void *context), void *context);

/**
 * interrupt_final() - nobody calls interrupt_read() from here on
 * @within_ns: the process ends after this time, by the last signal that came; 0: it may take its time
 *
 * A signal that came before counts as the first one.
 */
void interrupt_final(int64_t within_ns);

/** interrupt_hurries() - has SIGINT or SIGTERM come since interrupt_final()? Then nothing is waited for any more */
bool interrupt_hurries(void);

#endif
