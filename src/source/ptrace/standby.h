/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_STANDBY_H
#define CONNTRACE_SOURCE_PTRACE_STANDBY_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

struct tracer;

/*
 * After a crash. A tree under the system-call filter is killed with its tracer, though it is not at fault. Only the
 * thread that traces it can keep it running, which takes little: each stop is resumed, and nothing is read. The thread
 * does that inside a signal handler, which it never leaves, because the interrupted code may hold a lock that is never
 * released. It therefore makes system calls only, and reads of the tracer only what was set aside before: the reports
 * that were taken and not acted on.
 */

/**
 * struct standby - state of the tracing thread for its signal handlers
 * @report: the report being acted on, of a thread that was not resumed yet; si_pid 0: none. The kernel
 *	    writes it, so that a signal finds it there even if it arrives when waitid(2) returns
 * @begun: the handler has taken over
 * @over: the last tracee has ended
 */
struct standby {
	siginfo_t report;
	atomic_bool begun, over;
};

/**
 * standby_wait() - as wait4(2) of all children and tracees, keeping the report until standby_done()
 * @standby: the thread's
 * @status: of wait(2)
 * @flags: WNOHANG or 0
 *
 * Return: the thread that reported, 0 when there is none, or a negative errno.
 */
pid_t standby_wait(struct standby *standby, int *status, int flags);

/** standby_keep() - a report that was set aside before is acted on now */
void standby_keep(struct standby *standby, pid_t tid, int status);

/** standby_done() - the thread that has reported was resumed, or will never be, or its report was set aside */
void standby_done(struct standby *standby);

/**
 * standby_take() - socket_take() by the tracing thread; only one descriptor at a time
 *
 * After a crash the duplicate does not stay open: the program's close(2) still sends the FIN.
 */
int standby_take(int pidfd, int fd);

/** standby_drop() - close what standby_take() returned */
void standby_drop(int fd);

/** standby_watch() - from here on a crash leaves the processes launched by @tracer running; called by its thread */
void standby_watch(struct tracer *tracer);

/** standby_end() - the tracer is about to be closed */
void standby_end(void);

/** standby_on_wake() - handler of TRACER_WAKE_SIGNAL: interrupts wait4(2), or takes over after a crash elsewhere */
void standby_on_wake(int number);

#endif
