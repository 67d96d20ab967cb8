/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_PROCESS_SET_H
#define CONNTRACE_SOURCE_SAMPLER_PROCESS_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/process_choice.h"
#include "system/procfs_owners.h"

/*
 * The processes that are watched without being stopped: those named, and the children found under /proc since. A child
 * that is orphaned between two samples is not found; its sockets are found unless it created them itself.
 *
 * A process is its PID and the pidfd opened when it was found: what was read under its PID counts only if the pidfd
 * shows afterwards that it still lives.
 *
 * A child that came and went between two samples held all that its parent did. Its absence must therefore be proven. No
 * process was created while the system has created none (its newest PID does not prove this: a PID may be reused).
 * Otherwise a target's children were either waited for, which adds their page faults and time to its account, or are
 * still among its children, zombies too. They leave no trace only if it ignores SIGCHLD.
 */

/** struct process_set - a set of processes */
struct process_set;

/**
 * struct target - a watched process
 * @pid: thread group id
 * @comm: its name when it was last reported, "" not yet; for the caller
 * @pidfd: readable when it has ended; -1 none (Linux before 5.3)
 * @sampled: number of the sample that reported its name, if it had changed; for the caller
 * @found: number of the sample that found it; 0 it was named
 * @forks: number of the last sample after which it may have had children that did not exist at the sample
 *	    before
 * @children: a sum of the PIDs of its children; @before: at the sample before
 * @waited: a sum of page faults and times of children it has waited for
 * @departed: it is in another network namespace now
 * @unread: its descriptors could not be read: 1 to be reported, 2 reported
 * @ended: number of samples that found it ended; it is kept for some samples, because final counters arrive
 *	    late
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

/** target_is_over() - whether it had ended at an earlier sample: it holds nothing, and its PID may have been reused */
static inline bool target_is_over(const struct target *target)
{
	return target->ended > 1;
}

/**
 * process_set_alive() - whether what was read of it just now is its own, and not of another process with its reused PID
 */
bool process_set_alive(const struct target *target);

/** Maximum number of processes. */
#define PROCESS_SET_MAX 65536

/** process_set_new() - an empty set for @most processes; @follow their children too */
struct process_set *process_set_new(bool follow, size_t most);

/** process_set_free() - the processes continue; NULL is allowed */
void process_set_free(struct process_set *process_set);

/**
 * process_set_add() - add a process
 * @process_set: the set
 * @pid: the process
 * @netns: its network namespace must be this one, if both are known (0 unknown)
 * @err: the message
 *
 * Return: 0 or a negative errno: -EACCES may not be inspected, -ESRCH no such process, -EXDEV in another namespace,
 * -E2BIG no room.
 */
int process_set_add(struct process_set *process_set, pid_t pid, uint32_t netns, struct err *err);

/** process_set_finds() - whether a process that runs is chosen; also true where that cannot be read */
bool process_set_finds(const struct process_choice *choice);

/**
 * process_set_choose() - add the processes that are chosen and run; root's are those of the host, and a user's that
 * user's
 * @process_set: the set
 * @choice: those that it wants; one that gets a wanted name later is found by a later call
 * @netns: their network namespace must be this one, if both are known (0 unknown)
 *
 * Reading the names of all processes takes milliseconds, so it is done after some process was started, and each second.
 */
void process_set_choose(struct process_set *process_set, const struct process_choice *choice, uint32_t netns);

/** process_set_refresh() - mark those that have ended, drop those marked some samples ago; Return: how many run */
size_t process_set_refresh(struct process_set *process_set);

/**
 * process_set_departed() - the next process that can't be watched any more
 *
 * It has entered another network namespace (unshare(2), setns(2)): sockets it opens there are not in the lists of this
 * one, earlier ones are. Or it may not be inspected. Or it is the first child without room in the set.
 *
 * Return: a sentence for the user, valid until the next call; NULL none, or enough have been reported.
 */
const char *process_set_departed(struct process_set *process_set);

/**
 * process_set_follow() - find which of them had children since the last call; new ones become targets, if they are
 * followed
 * @process_set: the set
 * @sample: number of this sample
 *
 * Return: true when any had, or may have had.
 */
bool process_set_follow(struct process_set *process_set, uint32_t sample);

/** process_set_are_all() - whether no process on this host had a child, or a thread, since process_set_follow() */
bool process_set_are_all(const struct process_set *process_set);

/** process_set_had_forks() - whether any of them may have had children since sample number @sample */
bool process_set_had_forks(const struct process_set *process_set, uint32_t sample);

/**
 * process_set_others() - the sockets that all other processes hold
 * @process_set: the set; children found on the way are added to it
 * @owners: they are added there
 *
 * Return: true when there are processes that may not be inspected, or sockets without room in @owners.
 */
bool process_set_others(struct process_set *process_set, struct procfs_owners *owners);

/**
 * process_set_last() - whether all processes found alive by process_set_refresh() still live; the others are marked as
 * ended
 */
bool process_set_last(struct process_set *process_set);

/**
 * process_set_find() - the one that has this number, or had it last; NULL when there is none; valid until the set
 * changes
 */
struct target *process_set_find(struct process_set *process_set, pid_t pid);

/** process_set_at() - the @index-th, NULL behind the last */
struct target *process_set_at(struct process_set *process_set, size_t index);

#endif
