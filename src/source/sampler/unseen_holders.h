/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_UNSEEN_HOLDERS_H
#define CONNTRACE_SOURCE_SAMPLER_UNSEEN_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "source/sampler/process_set.h"

/*
 * Processes that may hold a listening socket of the targets, and may not be inspected: the master of another user that
 * opened the socket before it started the targets, and other processes that may have inherited it.
 *
 * Whether they hold it is unknown. A process that has not run since a sample has accepted nothing since: the kernel
 * shows to everyone how often each thread has left a processor (proc_pid_status(5)). A connection accepted in a time in
 * which none of them has run was therefore accepted by a target.
 */

/** struct unseen_holders - these processes, and when they ran */
struct unseen_holders;

/** unseen_holders_new() - none; @process_set must live longer */
struct unseen_holders *unseen_holders_new(struct process_set *process_set);

/** unseen_holders_free() - free it; NULL is allowed */
void unseen_holders_free(struct unseen_holders *holders);

/**
 * unseen_holders_master() - the nearest parent of @pid that may not be inspected
 *
 * Return: its PID; 0 none; -1 the parents can't be read (a /proc with hidepid).
 */
pid_t unseen_holders_master(pid_t pid);

/**
 * unseen_holders_search() - find all of them again, in sample number @sample
 *
 * They are the masters of all targets, a master's descendants, and processes that may have been such before their
 * parent ended: younger ones of the same control group, which are children of the first process, or have the master's
 * name and an ancestor of it as parent. Where the first process itself is the master, its children do not count: they
 * are services. Those that were not known before count as having run
 * until the next sample.
 */
void unseen_holders_search(struct unseen_holders *holders, uint32_t sample);

/** unseen_holders_begin() - a sample begins, before any socket is listed */
void unseen_holders_begin(struct unseen_holders *holders);

/**
 * unseen_holders_sample() - find which have run since the last sample began; sample number @sample has listed sockets
 * Return: true when they must be searched again: they may have had children.
 */
bool unseen_holders_sample(struct unseen_holders *holders, uint32_t sample);

/** unseen_holders_are_still() - whether none of them has run since the last sample began */
bool unseen_holders_are_still(const struct unseen_holders *holders);

/**
 * struct unseen_run - when the holders under a master ran last
 * @last: number of the last sample since whose predecessor one of them may have run
 * @before: the same before the present sample
 */
struct unseen_run {
	uint32_t last, before;
};

/** unseen_holders_run() - of the holders under @master, 0 all of them; UINT32_MAX: there are none any more */
struct unseen_run unseen_holders_run(const struct unseen_holders *holders, pid_t master);

#endif
