/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_LISTENERS_H
#define CONNTRACE_SOURCE_SAMPLER_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "source/sampler/common_identity.h"
#include "model/event.h"

/*
 * The listening sockets of this network namespace, as of the last looks, and
 * whose a connection is that came in through them: of a listener that only the
 * targets hold every connection is theirs, however short.
 */

/** enum ownership_owner - whose is a listener, or what came through it */
enum ownership_owner {
	/** targets and others hold it, or it cannot be told */
	OWNERSHIP_UNCLEAR,
	/** the targets', and nobody else's */
	OWNERSHIP_TARGETS,
	/** no target has it */
	OWNERSHIP_OTHERS,
	/** nobody listens there */
	OWNERSHIP_NONE,
};

/**
 * struct listener - one of them
 * @local: address and port it is bound to
 * @cookie: its socket cookie
 * @inode: its inode number
 * @uid: who made it
 * @owner: enum ownership_owner
 * @pid: the only process that holds it, if that is a target; 0 several, or not a target's
 * @since: number of the look from which on that is so; 0 since there is the listener
 * @common_identity: what the targets that hold it have in common
 * @named: @common_identity is up to date; @found: one of those that hold it was found, while it is read
 * @mptcp: what comes in may be MPTCP
 * @delay: enum info_delay of what comes in; @delay_asked: how often it was asked
 * @unheld: no target held it any more when they were asked last
 * @shared: others held it when all were asked last; @other_pid: the PID of one of them, or of the nearest parent that
 *	    may not be looked at, 0 unknown; @sealed: it may not be looked at
 * @waiting: how many connections wait to be accepted, and @backlog: how many may, at the look that saw it last
 * @is_reported: it has been reported; @is_reported_full: so has that its queue was full
 * @first_sample: number of the look that found it
 * @sampled: number of the look that saw it last
 * @unreliable_before: what was accepted before this look may have come through another one; @unreliable_from: since
 *this one it is so, and goes on; 0 no longer
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
	pid_t other_pid;
	bool mptcp, named, found, unheld, shared, sealed;
	bool is_reported, is_reported_full;
	uint8_t delay, delay_asked;
	int32_t waiting, backlog;
	uint64_t first_sample, sampled, unreliable_before, unreliable_from;
	int next;
};

/** struct listeners - all of them */
struct listeners;

/** listeners_new() - none yet */
struct listeners *listeners_new(void);

/** listeners_free() - NULL is fine */
void listeners_free(struct listeners *listeners);

/** listeners_see() - look number @sample saw this one (an EVENT_INFO in TCP_LISTEN); Return: true when it is new */
bool listeners_see(struct listeners *listeners, const struct event *event, uint64_t sample);

/** listeners_forget() - drop those that no look saw since look number @sample, of the targets' since @targets_sample */
void listeners_forget(struct listeners *listeners, uint64_t sample, uint64_t targets_sample);

/** listeners_at() - the @index-th, NULL behind the last; valid until one comes or goes */
struct listener *listeners_at(struct listeners *listeners, size_t index);

/** listeners_by_cookie() - NULL when it is none */
struct listener *listeners_by_cookie(struct listeners *listeners, const struct endpoint *local, uint64_t cookie);

/**
 * listeners_mark_unreliable() - what was accepted before look number @sample at an end like @local may be anybody's
 *
 * A listener has come and gone there that no look has seen. Where no target listens it does not matter.
 */
void listeners_mark_unreliable(struct listeners *listeners, const struct endpoint *local, uint64_t sample);

/** listeners_compare() - doubt where look number @sample has found a listener, or missed one, beside one of others' */
void listeners_compare(struct listeners *listeners, uint64_t sample);

/** listeners_trust() - all that died before look number @sample has been told of: the doubts of before are over */
void listeners_trust(struct listeners *listeners, uint64_t sample);

/**
 * struct ownership - whose is a connection
 * @owner: enum ownership_owner
 * @pid: the only process that holds what it came through, if that is a target; 0 several
 * @since: number of the look from which on that is so; 0 since it can come through there
 * @unreliable_before: number of the look from which on @owner is right
 * @common_identity: what the targets that hold it have in common
 * @mptcp: one of those that it may have come through takes MPTCP
 * @delay: enum info_delay
 */
struct ownership {
	enum ownership_owner owner;
	pid_t pid;
	uint32_t since;
	uint64_t unreliable_before;
	struct common_identity common_identity;
	bool mptcp;
	uint8_t delay;
};

/**
 * listeners_judge() - whose is a connection that came in
 * @listeners: all of them
 * @local: its local end
 * @from: number of the last look before it was accepted; what was gone by then is not asked, unless
 * @is_late: it may have died before that look, and was told of after it
 *
 * As in the kernel, one bound to this very address goes before one bound to
 * any, and one for IPv4 before one for both.
 */
struct ownership listeners_judge(const struct listeners *listeners, const struct endpoint *local, uint64_t from,
				 bool is_late);

#endif
