/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_LISTENERS_H
#define CONNTRACE_SOURCE_SAMPLER_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "source/sampler/common_identity.h"
#include "source/sampler/holder_activity.h"
#include "model/event.h"

/*
 * The listening sockets of this network namespace, as of the last samples, and the owners of connections that came in
 * through them: every connection through a listener that only the targets hold is theirs, however short.
 */

/** enum ownership_owner - owner of a listener, or of a connection through it */
enum ownership_owner {
	/** targets and others hold it, or it is unknown */
	OWNERSHIP_UNCLEAR,
	/** only targets hold it */
	OWNERSHIP_TARGETS,
	/** no target holds it */
	OWNERSHIP_OTHERS,
	/** there is no listener */
	OWNERSHIP_NONE,
};

/**
 * struct listener - a listening socket
 * @local: address and port it is bound to
 * @cookie: its socket cookie
 * @inode: its inode number
 * @uid: the user that created it
 * @owner: enum ownership_owner
 * @pid: the only process that holds it, if that is a target; 0 several, or not a target's
 * @since: number of the sample from which on @pid is right; 0 since the listener exists
 * @common_identity: what the targets that hold it have in common
 * @named: @common_identity is up to date; @found: a holder was found while it is read
 * @mptcp: connections through it may be MPTCP
 * @delay: enum info_delay of connections through it; @delay_asked: how often it was queried
 * @unheld: no target held it any more when they were last read
 * @holders: number of processes that held it when all were last read; @others: how many are no targets
 * @shared: when all were last read, others held it whose activity is not observed; @other_pid: the PID of one that
 *	    is no target, or of the nearest parent that may not be inspected, 0 unknown; @sealed: it may not be
 *inspected
 * @may_be_unseen: processes under @master may hold it, too (holder_activity.h), which can't be inspected; @master 0:
 *	    under any master
 * @run: when others ran last; 0 if there are none; @has_run: one has run since it was found
 * @last: the target that ran last of several that hold it, 0 unknown; @last_since: number of the last sample since
 *	    whose predecessor another target may have run
 * @waiting: number of connections that wait to be accepted, and @backlog: its limit, both at the last sample
 *	    that saw it
 * @is_reported: it has been reported; @is_reported_full: its full queue has been reported too
 * @first_sample: number of the sample that found it
 * @sampled: number of the sample that saw it last
 * @unreliable_before: what was accepted before this sample may have come through another listener;
 *	    @unreliable_from: the sample since which this is so and continues; 0 no longer
 * @next: of the same port, -1 ends
 */
struct listener {
	struct endpoint local;
	uint64_t cookie;
	uint32_t inode;
	uint32_t uid;
	enum ownership_owner owner;
	pid_t pid;
	uint32_t since;
	struct common_identity common_identity;
	uint32_t holders, others;
	pid_t other_pid, master, last;
	uint32_t last_since;
	struct holder_run run;
	bool mptcp, named, found, unheld, shared, sealed, may_be_unseen, has_run;
	bool is_reported, is_reported_full;
	uint8_t delay, delay_asked;
	int32_t waiting, backlog;
	uint64_t first_sample, sampled, unreliable_before, unreliable_from;
	int next;
};

/** struct listeners - all of them */
struct listeners;

/** listeners_new() - an empty set */
struct listeners *listeners_new(void);

/** listeners_free() - free it; NULL is allowed */
void listeners_free(struct listeners *listeners);

/**
 * listeners_see() - sample number @sample found this listener (an EVENT_INFO in TCP_LISTEN); Return: true when it is
 * new
 */
bool listeners_see(struct listeners *listeners, const struct event *event, uint64_t sample);

/** listeners_forget() - drop those not found since sample number @sample, the targets' not since @targets_sample */
void listeners_forget(struct listeners *listeners, uint64_t sample, uint64_t targets_sample);

/** listeners_at() - the @index-th, NULL behind the last; valid until one is added or dropped */
struct listener *listeners_at(struct listeners *listeners, size_t index);

/** listeners_by_cookie() - NULL when there is none */
struct listener *listeners_by_cookie(struct listeners *listeners, const struct endpoint *local, uint64_t cookie);

/**
 * listeners_mark_unreliable() - the owner of connections accepted before sample number @sample at an end like @local is
 * unknown
 *
 * A listener has been opened and closed there that no sample has seen. Where no target listens this has no effect.
 */
void listeners_mark_unreliable(struct listeners *listeners, const struct endpoint *local, uint64_t sample);

/**
 * listeners_compare() - mark ends unreliable where sample number @sample found or missed a listener beside one of
 * others
 */
void listeners_compare(struct listeners *listeners, uint64_t sample);

/** listeners_trust() - all sockets destroyed before sample number @sample are reported: earlier marks are lifted */
void listeners_trust(struct listeners *listeners, uint64_t sample);

/**
 * struct ownership - owner of a connection
 * @owner: enum ownership_owner
 * @pid: the only process that may have accepted it, if that is a target; 0 several
 * @is_alone: @pid alone holds the listener; false also if other holders have not run
 * @since: number of the sample from which on @pid is right; 0 since a connection can come through there
 * @unreliable_before: number of the sample from which on @owner is right
 * @run: when other processes that may have accepted it ran last: from the sample @run.last on @owner is right
 * @common_identity: what the targets that hold it have in common
 * @mptcp: one of the listeners it may have come through accepts MPTCP
 * @delay: enum info_delay
 */
struct ownership {
	enum ownership_owner owner;
	pid_t pid;
	bool is_alone;
	uint32_t since;
	uint64_t unreliable_before;
	struct holder_run run;
	struct common_identity common_identity;
	bool mptcp;
	uint8_t delay;
};

/**
 * listeners_judge() - find the owner of an incoming connection
 * @listeners: all of them
 * @local: its local end
 * @from: number of the last sample before it was accepted; listeners gone by then do not count, unless
 * @is_late: it may have been destroyed before that sample and reported after it
 *
 * As in the kernel, a listener bound to this very address takes precedence over one bound to any, and one for IPv4 over
 * one for both.
 */
struct ownership listeners_judge(const struct listeners *listeners, const struct endpoint *local, uint64_t from,
				 bool is_late);

#endif
