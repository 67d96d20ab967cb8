/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TARGETS_H
#define CONNTRACE_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "source/procfs/procfs_owners.h"

/*
 * The processes that are watched without being stopped: those named, and the
 * children found under /proc since. A child that is orphaned between two looks
 * is not found; its sockets are unless it made them itself.
 */

/** struct targets - a set of processes */
struct targets;

/**
 * struct target - one of them
 * @pid: thread group id
 * @comm: its name when it was told last, "" not told yet; for whoever tells
 * @pidfd: readable when it has ended; -1 none (Linux before 5.3)
 * @looked: for targets_each()'s caller
 */
struct target {
	pid_t pid;
	char comm[16];
	int pidfd;
	uint64_t looked;
};

/** targets_new() - none yet; @follow their children too */
struct targets *targets_new(bool follow);

/** targets_free() - the processes go on; NULL is fine */
void targets_free(struct targets *targets);

/**
 * targets_add() - one more
 * @targets: the set
 * @pid: the process
 * @netns: its network namespace must be this one, if both are known (0 unknown)
 * @err: why not
 *
 * Return: 0 or a negative errno: -EACCES may not be looked at, -ESRCH no such process, -EXDEV elsewhere.
 */
int targets_add(struct targets *targets, pid_t pid, uint32_t netns, struct err *err);

/** targets_refresh() - drop those that have ended; Return: how many are left */
size_t targets_refresh(struct targets *targets);

/** targets_follow() - look for new children; Return: how many were found, 0 when they are not to be followed */
size_t targets_follow(struct targets *targets);

/**
 * targets_strangers() - what sockets all the other processes hold
 * @targets: the set
 * @owners: they are added there
 *
 * Return: are there processes that may not be looked at?
 */
bool targets_strangers(struct targets *targets, struct procfs_owners *owners);

/** targets_find() - NULL when it is none of them; valid until the set changes */
struct target *targets_find(struct targets *targets, pid_t pid);

/** targets_at() - the @index-th, NULL behind the last */
struct target *targets_at(struct targets *targets, size_t index);

#endif
