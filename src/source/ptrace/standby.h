/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_STANDBY_H
#define CONNTRACE_SOURCE_PTRACE_STANDBY_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

struct tracer;

/*
 * After a crash. A tree under the system-call filter is killed with its tracer,
 * though it is not to blame. Only the thread that traces it can keep it going,
 * and needs little for that: each stop is let go, and nothing is looked at. The
 * thread does that inside a signal handler, which it never leaves, because what
 * it was interrupted in may hold a lock that is never released. So it makes
 * system calls only, and reads of the tracer what it set aside before: the
 * reports that it has taken and not acted on.
 */

/**
 * struct standby - what the tracing thread is at, for its signal handlers
 * @report: what is acted on, of a thread that was not resumed yet; si_pid 0: nothing. The kernel writes it, so that a
 *	    signal finds it there even if it comes when waitid(2) returns
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
 * Return: whose report it is, 0 when there is none, or a negative errno.
 */
pid_t standby_wait(struct standby *standby, int *status, int flags);

/** standby_keep() - a report that was set aside before is acted on now */
void standby_keep(struct standby *standby, pid_t tid, int status);

/** standby_done() - the thread that has reported was resumed, or will never be, or its report was set aside */
void standby_done(struct standby *standby);

/** standby_watch() - from here on a crash leaves what @tracer has launched running; called by its thread */
void standby_watch(struct tracer *tracer);

/** standby_end() - the tracer is about to be closed */
void standby_end(void);

/** standby_on_wake() - handler of TRACER_WAKE_SIGNAL: interrupts wait4(2), or takes over after a crash elsewhere */
void standby_on_wake(int number);

#endif
