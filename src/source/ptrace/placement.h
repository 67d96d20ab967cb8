/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_PLACEMENT_H
#define CONNTRACE_SOURCE_PTRACE_PLACEMENT_H

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Where the tracing thread runs. A stop hands the processor from the tracee
 * to the tracer and back; left alone, the scheduler puts the two on different
 * processors whenever one is idle, and each hand-over wakes an idle one, which
 * costs more than the stop itself (on a virtual machine much more). As long as
 * all stops are of one thread, tracer and tracee can't run at the same time
 * anyway, so the tracer goes to the tracee's processor. When several threads
 * stop in turn it is set free again.
 */

/**
 * struct placement - where the tracing thread is
 * @free: the processors it may use when it is not bound
 * @tid: the thread whose stops are being counted
 * @streak: how many stops of it in a row, since its processor was asked for
 * @patience: after so many its processor is asked for again
 * @bound: the processor it is bound to, -1 none
 */
struct placement {
	cpu_set_t free;
	pid_t tid;
	unsigned int streak;
	unsigned int patience;
	int bound;
};

/** placement_init() - note where the calling thread may run */
void placement_init(struct placement *placement);

/** placement_stop() - a thread stopped: bind or free the calling thread */
void placement_stop(struct placement *placement, pid_t tid);

#endif
