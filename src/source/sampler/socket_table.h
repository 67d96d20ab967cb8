/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_SOCKET_TABLE_H
#define CONNTRACE_SOURCE_SAMPLER_SOCKET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/event.h"

/** enum socket_owner - owner of a socket */
enum socket_owner {
	/** no target was found to hold it; the sample may have been too early or too late */
	SOCKET_UNDECIDED,
	SOCKET_TARGETS,
	SOCKET_OTHERS,
};

/** enum socket_renewal - whether it was connected again since it was first seen; its cookie stays the same */
enum socket_renewal {
	SOCKET_FIRST,
	/** it was, and the connection before was reported as the targets' */
	SOCKET_RENEWED,
	/** it was, and the connection before needs no report any more */
	SOCKET_RENEWAL_REPORTED,
};

/** enum socket_news - what a sample has found out about a socket */
enum socket_news {
	SOCKET_SAME,
	/** it is the targets', and in another state than before */
	SOCKET_CHANGED,
	/** its owner must be queried */
	SOCKET_FRESH,
};

/**
 * struct socket_seen - a TCP socket that a sample has seen
 * @cookie: its cookie, 0 no socket
 * @bytes: a sum of what it had sent and received, which grows while it is connected
 * @inode: its inode number, 0 when no process has it (not accepted yet, or closed)
 * @sample: number of the sample that saw it last
 * @sure: number of the last sample whose counters belong to its state, as far as that was queried; 0 none
 * @from: number of the last sample before it was accepted, as far as is known: the same if it waited then
 * @ends: a hash of its ends
 * @owner: enum socket_owner
 * @state: its TCP state then
 * @tries: how often no target was found to hold it
 * @renewal: enum socket_renewal
 * @was_mptcp: it was part of an MPTCP connection
 */
struct socket_seen {
	uint64_t cookie;
	int64_t bytes;
	uint32_t inode;
	uint32_t sample;
	uint32_t sure;
	uint32_t from;
	uint32_t ends;
	uint8_t owner;
	uint8_t state;
	uint8_t tries;
	uint8_t renewal;
	bool was_mptcp;
};

/** struct socket_table - finds sockets by cookie, which the kernel counts up */
struct socket_table;

/** socket_table_new() - an empty table */
struct socket_table *socket_table_new(void);

/** socket_table_free() - free it; NULL is allowed */
void socket_table_free(struct socket_table *table);

/** socket_table_find() - NULL when no sample has seen it; valid until one is added or removed */
struct socket_seen *socket_table_find(const struct socket_table *table, uint64_t cookie);

/**
 * socket_table_is_orphan() - whether its owner has closed it and it is not destroyed yet; one that waits to be accepted
 * is in other states
 */
bool socket_table_is_orphan(const struct event_info *info);

/**
 * socket_table_see() - sample number @sample has found a socket that is or was connected (an EVENT_INFO with counters);
 * sample number @before listed all sockets before that one
 */
enum socket_news socket_table_see(struct socket_table *table, const struct event *event, uint32_t sample,
				  uint32_t before);

/**
 * socket_table_see_again() - sample number @sample queried it again, perhaps without counters; whether it is unchanged
 */
void socket_table_see_again(struct socket_table *table, const struct event *event, uint32_t sample);

/**
 * socket_table_is_renewed() - whether @event belongs to another connection than the one that was @seen last
 *
 * connect(2) to AF_UNSPEC, or one that fails, leaves a socket that may be connected again: to other ends, or with all
 * counters at zero.
 */
bool socket_table_is_renewed(const struct socket_table *table, const struct socket_seen *seen,
			     const struct event *event);

/** socket_table_remove() - does nothing when it is not in the table */
void socket_table_remove(struct socket_table *table, uint64_t cookie);

/** socket_table_count() - number of sockets */
size_t socket_table_count(const struct socket_table *table);

/** socket_table_sweep() - remove those that sample number @sample did not see */
void socket_table_sweep(struct socket_table *table, uint32_t sample);

#endif
