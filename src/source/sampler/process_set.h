/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_PROCESS_SET_H
#define CONNTRACE_SOURCE_SAMPLER_PROCESS_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "system/procfs_owners.h"

/*
 * The processes that are watched without being stopped: those named, and the
 * children found under /proc since. A child that is orphaned between two looks
 * is not found; its sockets are unless it made them itself.
 *
 * A process is its PID and the pidfd opened when it was found: what was read
 * under its PID counts only if the pidfd says afterwards that it still lives.
 *
 * A child that came and went between two looks held all that its parent did, so
 * it must at least be known that there was none. No process came at all while
 * the system has made none (its newest PID does not tell: it may be given out
 * again). Otherwise a target's own were either
 * waited for, which adds their page faults and time to its account, or are still
 * among its children, dead ones too; only if it ignores SIGCHLD they leave no
 * trace.
 */

/** struct process_set - a set of processes */
struct process_set;

/**
 * struct target - one of them
 * @pid: thread group id
 * @comm: its name when it was told last, "" not told yet; for whoever tells
 * @pidfd: readable when it has ended; -1 none (Linux before 5.3)
 * @sampled: number of the look that told its name, if it had changed; for whoever tells
 * @found: number of the look that found it; 0 it was named
 * @forks: number of the last look after which it may have had children that were not there at the look before
 * @children: a sum of the PIDs of those it has; @before: at the look before
 * @waited: a sum of what those used that it has waited for
 * @departed: it is in another network namespace now
 * @unread: what it has open could not be read: 1 that is to be told, 2 it has been
 * @ended: how many looks have found that it has; it is kept for some, because last words come late
 */
struct target {
	pid_t pid;
	char comm[16];
	int pidfd;
	uint32_t sampled, found, forks;
	uint64_t children, before, waited;
	bool departed;
	uint8_t unread;
	uint8_t ended;
};

/** target_is_over() - had it ended at an earlier look? Then it holds nothing, and its number may be another's */
static inline bool target_is_over(const struct target *target)
{
	return target->ended > 1;
}

/** process_set_alive() - what was read of it just now is its own, and not of another one that has got its number */
bool process_set_alive(const struct target *target);

/** process_set_new() - none yet; @follow their children too */
struct process_set *process_set_new(bool follow);

/** process_set_free() - the processes go on; NULL is fine */
void process_set_free(struct process_set *process_set);

/**
 * process_set_add() - one more
 * @process_set: the set
 * @pid: the process
 * @netns: its network namespace must be this one, if both are known (0 unknown)
 * @err: why not
 *
 * Return: 0 or a negative errno: -EACCES may not be looked at, -ESRCH no such process, -EXDEV elsewhere.
 */
int process_set_add(struct process_set *process_set, pid_t pid, uint32_t netns, struct err *err);

/** process_set_refresh() - mark those that have ended, drop those marked some looks ago; Return: how many run */
size_t process_set_refresh(struct process_set *process_set);

/**
 * process_set_departed() - the next one that can't be watched any more
 *
 * It has gone into another network namespace (unshare(2), setns(2)): what it opens there is not in the lists of this
 * one; what it had before is. Or it may not be inspected.
 *
 * Return: a sentence for the user, valid until the next call; NULL none, or enough have been told of.
 */
const char *process_set_departed(struct process_set *process_set);

/**
 * process_set_follow() - which of them had children since they were asked last? New ones become targets, if they are to
 * @process_set: the set
 * @sample: number of this look
 *
 * Return: did any have, or may have had?
 */
bool process_set_follow(struct process_set *process_set, uint32_t sample);

/** process_set_are_all() - has nobody on this host had a child, or a thread, since process_set_follow()? */
bool process_set_are_all(const struct process_set *process_set);

/** process_set_had_forks() - may any of them have had children since look number @sample? */
bool process_set_had_forks(const struct process_set *process_set, uint32_t sample);

/**
 * process_set_others() - what sockets all the other processes hold
 * @process_set: the set; children that come to light join it
 * @owners: they are added there
 *
 * Return: are there processes that may not be looked at?
 */
bool process_set_others(struct process_set *process_set, struct procfs_owners *owners);

/** process_set_last() - do all live that did at process_set_refresh()? Those that do not are marked as ended */
bool process_set_last(struct process_set *process_set);

/** process_set_find() - the one that has this number, or had it last; NULL when it is none; valid until the set changes
 */
struct target *process_set_find(struct process_set *process_set, pid_t pid);

/** process_set_at() - the @index-th, NULL behind the last */
struct target *process_set_at(struct process_set *process_set, size_t index);

#endif
