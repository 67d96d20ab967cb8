/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_PEERS_H
#define CONNTRACE_TRACK_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/conn.h"
#include "track/distribution.h"
#include "track/peers_keys.h"

/* Connections summed up by keys (the report "peers"). Only the sums are kept, no connection. */

/** Distinct processes, and distinct names, that a group remembers; further ones only set its flag. */
#define PEERS_LIST_MAX 64

/** enum peers_total - quantities that are summed over a group */
enum peers_total {
	/** connections established after a retransmitted SYN, and after a retransmitted SYN/ACK */
	PEERS_DUP_SYN,
	PEERS_DUP_SYNACK,
	/** established connections that are older than the run */
	PEERS_OLDER,
	PEERS_SYN_RTX,
	PEERS_SYNACK_RTX,
	PEERS_RETRANS,
	PEERS_RX_BYTES,
	PEERS_TX_BYTES,
	/** struct conn.rx_least and .tx_least */
	PEERS_RX_LEAST,
	PEERS_TX_LEAST,
	PEERS_RX_PKTS,
	PEERS_TX_PKTS,
	PEERS_RX_WIRE,
	PEERS_TX_WIRE,
	/** nanoseconds of handshakes, and of waits in the accept queue */
	PEERS_HS_TIME,
	PEERS_QUEUE_TIME,
	/** nanoseconds that connect(2) took until its outcome was known */
	PEERS_CONNECT_TIME,
	/** nanoseconds from the first request to its answer */
	PEERS_FIRST_TIME,
	PEERS_TOTAL_NUM
};

/** enum peers_spread - quantities of which a group keeps the distribution, in nanoseconds */
enum peers_spread {
	/** of those established within the run */
	PEERS_HS,
	/** of these, those that the other side opened */
	PEERS_QUEUE,
	/** of all established ones */
	PEERS_RTT,
	/** of those with an answer in packets */
	PEERS_FIRST,
	/** of attempts by a call that was seen, when they are decided, with any result */
	PEERS_CONNECT,
	/** of those with a ClientHello in packets */
	PEERS_TLS,
	PEERS_SPREAD_NUM
};

/**
 * struct peers_sum - a quantity summed over a group
 * @known: over the members where it is known
 * @unknown: members where it is not
 */
struct peers_sum {
	int64_t known;
	uint64_t unknown;
};

/**
 * struct peers_group - the connections with one identity
 *
 * There may be PEERS_GROUPS_MAX of them, so what can be computed from other fields is not stored.
 *
 * @identity: the keys
 * @conns: how many connections (attempts)
 * @results: by enum conn_result
 * @open: how many are still alive
 * @totals: by enum peers_total; see peers_total()
 * @totals_known: by enum peers_total, a bit: some member's value is known
 * @spreads: by enum peers_spread, of the members where it is known
 * @spreads_unknown: by enum peers_spread, members that have such a time, whose length is unknown
 * @duration: nanoseconds that members lasted
 * @durations: of how many members this is known
 * @why: enum suspicious_reason bits of any member
 * @first_ns: first sign of any, since the epoch, CONN_UNKNOWN if unknown
 * @last_ns: last sign of any
 * @pids: distinct processes, ascending by first appearance
 * @comms: distinct names of processes
 * @pid_count: valid in @pids
 * @comm_count: valid in @comms
 * @more_pids: there were further ones
 * @more_comms: there were further ones
 * @other: the groups that a full table could not keep, see peers_keep_rest(); @identity is not valid
 * @partial: it may have had connections before, which are counted in the group @other
 */
struct peers_group {
	struct peers_identity identity;
	uint64_t conns;
	uint64_t results[RESULT_NUM];
	uint64_t open;
	struct peers_sum totals[PEERS_TOTAL_NUM];
	struct distribution spreads[PEERS_SPREAD_NUM];
	uint64_t spreads_unknown[PEERS_SPREAD_NUM];
	struct peers_sum duration;
	uint64_t durations;
	uint32_t totals_known;
	uint32_t why;
	int64_t first_ns;
	int64_t last_ns;
	int32_t *pids;
	char (*comms)[16];
	uint8_t pid_count;
	uint8_t comm_count;
	bool more_pids;
	bool more_comms;
	bool other;
	bool partial;
};

/** Default limit of groups in a table. */
#define PEERS_GROUPS_MAX (1U << 18)

/** Exact values that the distributions of one table may keep together (16 MiB); beyond that see distribution.h. */
#define PEERS_EXACT_VALUES (INT64_C(1) << 20)

/** struct peers - a table of groups */
struct peers;

/** peers_new() - an empty table by @keys with room for @groups_max groups */
struct peers *peers_new(const struct peers_keys *keys, size_t groups_max);

/** peers_keep_few() - keep only DISTRIBUTION_ALWAYS_EXACT values of each distribution exactly; for an empty table */
void peers_keep_few(struct peers *peers);

/**
 * peers_keep_rest() - let a full table fold its lightest groups into one, peers_rest(); for an empty table
 *
 * Then peers_add() never refuses a connection, and the sums over all groups and peers_rest() are exact. The weight of a
 * group is made of its connections, its established connections and its bytes, so groups of a flood with forged
 * addresses are light. The oldest of equals are folded, so that a late group has time to grow.
 */
void peers_keep_rest(struct peers *peers);

/** peers_rest() - the group of all connections that the table could not keep; NULL when there are none */
struct peers_group *peers_rest(struct peers *peers);

/** peers_partial() - groups that may lack connections which are in peers_rest() */
uint64_t peers_partial(const struct peers *peers);

/** peers_merge() - add all that @from has counted to @to (peers_rest.c); @budget as in distribution_add() */
void peers_merge(struct peers_group *to, const struct peers_group *from, int64_t *budget);

/**
 * peers_lightest() - find the groups that a full table lets go (peers_rest.c)
 *
 * Return: an array of @count flags to be freed; that of a group that is to go is set.
 */
bool *peers_lightest(const struct peers_group *groups, size_t count);

/** peers_remember_pid(), peers_remember_comm() - let a group name a process (peers_rest.c) */
void peers_remember_pid(struct peers_group *group, int32_t pid);
void peers_remember_comm(struct peers_group *group, const char comm[16]);

/** peers_free() - NULL is fine */
void peers_free(struct peers *peers);

/** peers_copy() - a second table equal to @peers, to be added to without changing the first */
struct peers *peers_copy(const struct peers *peers);

/**
 * peers_add() - fold a connection into its group, or, with PEERS_KEY_GROUP, into each of its groups
 *
 * Return: false when a group would be new and the table is full; the connection is not in that group then.
 */
bool peers_add(struct peers *peers, const struct conn *conn);

/** peers_reserve() - make the groups of a connection, which is not counted; returns as peers_add() */
bool peers_reserve(struct peers *peers, const struct conn *conn);

/** peers_reserve_groups() - make a row for every one of keys.groups; for PEERS_KEY_GROUP alone */
void peers_reserve_groups(struct peers *peers);

/** peers_count() - how many groups there are */
size_t peers_count(const struct peers *peers);

/** peers_group() - the group number @index, in order of appearance; valid until the next peers_add() */
struct peers_group *peers_group(struct peers *peers, size_t index);

/** peers_total() - a sum; CONN_UNKNOWN when a member's value is unknown, because it would not be exact */
int64_t peers_total(const struct peers_group *group, enum peers_total total);

/** peers_known() - a sum over the members where it is known; CONN_UNKNOWN when it is known of none of them */
int64_t peers_known(const struct peers_group *group, enum peers_total total);

/**
 * peers_has_spread() - whether the connection has such a time, known or not
 *
 * A failed connection has no handshake. The handshake of a connection older than the run was not observed.
 */
bool peers_has_spread(const struct conn *conn, enum peers_spread spread);

/** peers_failures() - connections for which conn_has_failed() is true */
int64_t peers_failures(const struct peers_group *group);

/** peers_duration() - how long a member lasted, mean in nanoseconds of those where it is known; CONN_UNKNOWN without */
int64_t peers_duration(const struct peers_group *group);

/** peers_rate() - thousandths of a connection per second between first and last sign; CONN_UNKNOWN without a span */
int64_t peers_rate(const struct peers_group *group);

#endif
