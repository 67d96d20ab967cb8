/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_HOLDER_ACTIVITY_H
#define CONNTRACE_SOURCE_SAMPLER_HOLDER_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "source/sampler/process_set.h"

/*
 * Which of the processes that hold a listening socket of the targets have run.
 *
 * A process that has not run since a sample has accepted nothing since: the kernel shows to everyone how often each
 * thread has left a processor (proc_pid_status(5)). A connection accepted in a time in which no process but targets has
 * run was therefore accepted by a target, and by the only target that has run.
 *
 * Holders are found in two ways. Those that may be inspected are known by their descriptors. Others may hold it: the
 * master of another user that opened the socket before it started the targets, and what may have inherited it.
 */

/* Of a listener with more holders than this, the activity is not read. */
#define HOLDER_ACTIVITY_MAX 32

/** struct holder_activity - these processes, and when they ran */
struct holder_activity;

/** holder_activity_new() - none; @process_set must live longer */
struct holder_activity *holder_activity_new(struct process_set *process_set);

/** holder_activity_free() - free it; NULL is allowed */
void holder_activity_free(struct holder_activity *holders);

/**
 * holder_activity_master() - the nearest parent of @pid that may not be inspected
 *
 * Return: its PID; 0 none; -1 the parents can't be read (a /proc with hidepid).
 */
pid_t holder_activity_master(pid_t pid);

/**
 * holder_activity_search() - begin to find all of them again, in sample number @sample
 *
 * The former ones are dropped, but when they ran is known as soon as they are added again. Those that were not known
 * before count as having run until the next sample.
 */
void holder_activity_search(struct holder_activity *activity, uint32_t sample);

/** holder_activity_add() - process @pid holds the listener with this inode number; @is_target: it is a target */
void holder_activity_add(struct holder_activity *activity, pid_t pid, uint32_t inode, bool is_target);

/**
 * holder_activity_add_unseen() - add those that may hold a listener, and may not be inspected
 *
 * They are the masters of all targets, and the known holders that are no targets, a master's descendants, and processes
 * that may have been such before their parent ended: younger ones of the same control group, which are children of the
 * first process, or have the master's name and an ancestor of it as parent. Where the first process itself is the
 * master, its children do not count: they are services.
 */
void holder_activity_add_unseen(struct holder_activity *activity);

/** holder_activity_begin() - a sample begins, before any socket is listed */
void holder_activity_begin(struct holder_activity *holders);

/**
 * holder_activity_sample() - find which have run since the last sample began; sample number @sample has listed sockets
 * Return: true when they must be searched again: they may have had children.
 */
bool holder_activity_sample(struct holder_activity *holders, uint32_t sample);

/** holder_activity_is_none() - whether none of them but targets has run since the last sample began */
bool holder_activity_is_none(const struct holder_activity *holders);

/**
 * struct holder_run - when processes ran last
 * @last: number of the last sample since whose predecessor one of them may have run
 * @before: the same before the present sample
 */
struct holder_run {
	uint32_t last, before;
};

/** holder_run_later() - when any of both ran */
static inline struct holder_run holder_run_later(const struct holder_run *a, const struct holder_run *b)
{
	return (struct holder_run){a->last > b->last ? a->last : b->last,
				   a->before > b->before ? a->before : b->before};
}

/**
 * holder_activity_run_unseen() - when those that may not be inspected ran, under @master, 0 all of them; UINT32_MAX:
 * there are none any more
 */
struct holder_run holder_activity_run_unseen(const struct holder_activity *activity, pid_t master);

/** holder_activity_run_others() - when holders of this listener that are no targets ran; 0 there are none */
struct holder_run holder_activity_run_others(const struct holder_activity *activity, uint32_t inode);

/**
 * holder_activity_last() - the target that ran last of those that hold this listener
 * @activity: all of them
 * @inode: the listener
 * @since: set to the number of the last sample since whose predecessor another target may have run
 *
 * Return: its PID; 0 none is known.
 */
pid_t holder_activity_last(const struct holder_activity *activity, uint32_t inode, uint32_t *since);

#endif
