/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_PLACEMENT_H
#define CONNTRACE_SOURCE_PTRACE_PLACEMENT_H

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * The processor of the tracing thread. A stop hands the processor from the tracee to the tracer and back. By default
 * the scheduler puts the two on different processors whenever one is idle, and each hand-over wakes an idle one, which
 * costs more than the stop itself (on a virtual machine much more). While all stops are of one thread, tracer and
 * tracee can't run at the same time anyway, so the tracer moves to the tracee's processor. When several threads stop in
 * turn it is unbound again.
 */

/**
 * struct placement - where the tracing thread runs
 * @free: the processors it may use when it is not bound
 * @tid: the thread whose stops are being counted
 * @streak: number of its stops in a row since its processor was queried
 * @patience: number of stops after which its processor is queried again
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
