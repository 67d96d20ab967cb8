/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PERF_ARMED_H
#define CONNTRACE_SOURCE_PERF_ARMED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "source/perf/hit_rings.h"
#include "source/perf/sites.h"

/** struct armed - the breakpoints of threads, and with them those of the threads that they create */
struct armed;

/** armed_new() - none yet; @follow: their child processes have them, too; @rings must outlive it */
struct armed *armed_new(const struct hit_rings *rings, bool follow);

/** enum armed_origin - what is known of a process */
enum armed_origin {
	/** it was named, and has no breakpoints of this run */
	ARMED_NAMED,
	/** a child, which may have those of its parent */
	ARMED_CHILD,
	/** execve(2) has removed those it had */
	ARMED_EXEC,
	/** they were forgotten; it may have those of its parent */
	ARMED_AGAIN,
};

/**
 * armed_process() - set the breakpoints of all threads of a process
 * @armed: the breakpoints
 * @pid: the process
 * @sites: where
 * @origin: enum armed_origin
 * @err: the message of a failure
 *
 * Return: 0, or a negative errno: -ESRCH it has ended, -EACCES not permitted, -ENOSPC another program has breakpoints
 * there, -EMFILE too many threads.
 */
int armed_process(struct armed *armed, pid_t pid, const struct sites *sites, enum armed_origin origin, struct err *err);

/**
 * armed_forget() - close the breakpoints of a process
 * @armed: the breakpoints
 * @pid: the process; 0: all processes
 *
 * Those that its children have from it go, too. Those of a process that has called execve(2) are gone already.
 */
void armed_forget(struct armed *armed, pid_t pid);

/** armed_disable() - from now on nothing is counted or recorded */
void armed_disable(struct armed *armed);

/** armed_hits() - how often all breakpoints have been reached, whether or not that was recorded */
uint64_t armed_hits(const struct armed *armed);

/** armed_free() - the processes continue without breakpoints; NULL is fine */
void armed_free(struct armed *armed);

#endif
