/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_TRACKER_H
#define CONNTRACE_TRACK_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/conn.h"
#include "model/event.h"
#include "model/message.h"
#include "track/suspicious.h"
#include "track/timeline.h"

/** Minimum of tracker_config.limit: the connection that is being updated must never be the oldest one. */
#define TRACKER_LIMIT_MIN 100

/**
 * struct tracker_config - parameters of a run
 * @limit: connections tracked at once, at least TRACKER_LIMIT_MIN; beyond it the oldest finished one goes first, then
 *         the oldest attempt, then the oldest: the last two kinds are reported as known by then, and counted
 * @timeout_ns: a handshake without an answer of this duration has timed out
 * @linger_ns: how long a finished connection is kept for late packets and counters
 * @linger_limit: when more are kept the oldest of them goes earlier; 0: no limit
 * @by_events: time comes from the events, as in a file: due work is done right after the event that made it due,
 *             however many are fed at once; tracker_tick() does nothing
 * @whole: there is no target: every connection is of interest, also one known only by packets
 * @has_destroy: destroy events come, so closing a descriptor is not the end of a socket
 * @has_all_destroy: and from all network namespaces, not only from @netns
 * @closers: it matters which side closed first
 * @netns: network namespace of packets and destroy events, 0 unknown
 * @syn_retries: net.ipv4.tcp_syn_retries, -1 unknown
 * @suspicious: thresholds of the reasons
 * @flow_key: of the flow_hash() that events have; secret, because peers choose the hashed values
 */
struct tracker_config {
	size_t limit;
	int64_t timeout_ns;
	int64_t linger_ns;
	size_t linger_limit;
	bool by_events;
	bool whole;
	bool has_destroy;
	bool has_all_destroy;
	bool closers;
	uint32_t netns;
	int32_t syn_retries;
	struct suspicious_limits suspicious;
	struct hash_key flow_key;
};

/**
 * struct tracker_notify - callbacks
 * @context: passed to the callbacks
 * @opened: packets showed a connection without its handshake; its flow.local may be this host's. May be NULL
 * @message: an application sent a message on a connection of interest; @conn is settled. Where both ends are of
 *           interest @conn is the acceptor's, and the other one if that is not wanted. Return: true when it was wanted.
 *           May be NULL
 * @finished: a connection ended; @conn is settled and valid during the call only. Each is reported once
 */
struct tracker_notify {
	void *context;
	void (*opened)(void *context, const struct flow *flow);
	void (*finished)(void *context, const struct conn *conn);
	bool (*message)(void *context, const struct conn *conn, const struct message *message, int64_t time_ns);
};

/**
 * struct tracker_observer - callbacks for events within connections
 *
 * Events of a connection are reported once it is of interest. Earlier ones are kept until then, up to the length of a
 * handshake.
 *
 * @context: passed to the callbacks
 * @keep: keep a time line in each connection
 * @full: with each segment, not only remarkable ones
 * @around: plain segments kept around each remarkable one
 * @bytes: limit of the memory of all time lines, 0 for TIMELINE_BYTES
 * @frame: a frame that is no segment, and so of no connection: an EVENT_FRAME; may be NULL
 * @unsettled: @entry does not read the connections, and gets NULL
 * @entry: a segment, an ICMP error, a message or a call of a connection; both are valid during the call only. An entry
 *	   of two ends that are both of interest is reported for each connection, that of the acceptor first, the second
 *	   one with @first, the connection reported before, and a segment with SEGMENT_REPORTED. May be NULL
 * @counters: the kernel's counters of a connection came; may be NULL
 */
struct tracker_observer {
	void *context;
	bool keep;
	bool full;
	unsigned int around;
	size_t bytes;
	bool unsettled;
	void (*frame)(void *context, const struct event *event);
	void (*entry)(void *context, const struct conn *conn, const struct conn *first,
		      const struct timeline_entry *entry);
	void (*counters)(void *context, const struct conn *conn, int64_t time_ns);
};

/** enum left_out - why the frame of a TCP segment is in no row, as decided by the tracker */
enum left_out {
	/** a copy of a frame that is counted */
	LEFT_OUT_COPY,
	/** it came after its connection had been reported, and begins no other one */
	LEFT_OUT_LATE,
	/** its connection belongs to no watched process */
	LEFT_OUT_UNCLAIMED,
	/** the same, but the connection had no frame since the processes are watched: it may be one of theirs */
	LEFT_OUT_EARLY,
	LEFT_OUT_NUM
};

/** Kinds of failures of accept(2) that are distinguished; further ones count only in the sum. */
#define TRACKER_ACCEPT_KINDS 16

/**
 * struct tracker_accept - an error of accept(2) in a process
 * @pid: thread group id
 * @error: errno
 * @count: how often
 */
struct tracker_accept {
	int32_t pid;
	int32_t error;
	uint64_t count;
};

/**
 * struct tracker_stats - statistics of the tracker
 * @lost: by enum lost_where; -1 when it is only known that something was lost
 * @left_out: by enum left_out: frames of TCP segments that are in no connection's count
 * @both_ends: frames that two connections count, because both ends are of interest
 * @unattributed: connections reported without a process
 * @too_short: connections of this host without a record, an end of which has an unknown owner: it may be a target
 * @failed: of these, attempts that failed, or resets; @failed_with: the other end of the last one, port 0 unknown
 * @gaps: processes of which connections may be missing
 * @unfound: connections that a target accepted, as breakpoints report, without a record: their sockets are not known
 * @unreported: connections that a target accepted without the breakpoint that was set there
 * @accept_failed: how often accept(2) of a target failed, for other reasons than an empty queue
 * @accept_kinds: used in @accepts
 * @accepts: of these, by process and errno
 * @unaccepted: connections established at a target's listener, and destroyed without being accepted by a target
 * @shared_waiting: most connections at once that waited at listeners that may be another process's (SO_REUSEPORT)
 * @full_queues: listening sockets of targets whose accept queue was found full
 * @open: connections of interest that are open now
 * @unsettled: connections that have ended, but whose byte count another source may still complete
 * @run: facts of the run in the events; all 0: none
 */
struct tracker_stats {
	int64_t lost[LOST_WHERE_NUM];
	uint64_t left_out[LEFT_OUT_NUM];
	uint64_t both_ends;
	uint64_t unattributed;
	uint64_t too_short;
	uint64_t failed;
	struct endpoint failed_with;
	uint64_t gaps;
	uint64_t unfound;
	uint64_t unreported;
	uint64_t accept_failed;
	uint32_t accept_kinds;
	struct tracker_accept accepts[TRACKER_ACCEPT_KINDS];
	uint64_t unaccepted;
	uint64_t shared_waiting;
	uint64_t full_queues;
	struct event_run run;
	uint64_t open;
	uint64_t unsettled;
};

/**
 * struct tracker_join_stats - how a log of audit was joined to packets
 * @calls: calls of the log that made a connection
 * @joined: those whose packets were found
 * @ambiguous: SYN segments that may belong to calls of several processes
 * @clocks: peers of which both have the first connection
 * @ahead_ns: how much later the SYN is than the call, the median of these peers
 */
struct tracker_join_stats {
	uint64_t calls;
	uint64_t joined;
	uint64_t ambiguous;
	uint64_t clocks;
	int64_t ahead_ns;
};

/** struct tracker - joins events into connections */
struct tracker;

/** tracker_new() - @config and @notify are copied */
struct tracker *tracker_new(const struct tracker_config *config, const struct tracker_notify *notify);

/** tracker_observe() - call @observer, which is copied, from now on; without one there is no cost */
void tracker_observe(struct tracker *tracker, const struct tracker_observer *observer);

/** tracker_free() - free it; open connections are not reported; NULL is fine */
void tracker_free(struct tracker *tracker);

/**
 * tracker_feed() - process events
 * @tracker: the tracker
 * @events: ordered by time, though any order is accepted; an unknown network namespace is filled in
 * @count: number of events. Many at once are faster: memory is fetched before it is needed
 */
void tracker_feed(struct tracker *tracker, struct event *events, size_t count);

/** tracker_join_stats() - until now; all 0 without a log of audit or without packets */
void tracker_join_stats(const struct tracker *tracker, struct tracker_join_stats *stats);

/** tracker_tick() - time passed: finish connections that have lingered long enough */
void tracker_tick(struct tracker *tracker, int64_t now_ns);

/** tracker_finish() - no more events: finish ended connections; the open ones stay, as pending or open */
void tracker_finish(struct tracker *tracker, int64_t now_ns);

/**
 * tracker_next() - walk over the open connections of interest
 * @tracker: the tracker
 * @previous: NULL begins, then the last result; no event may be fed meanwhile
 *
 * Return: a connection, settled, that is valid until the next call only; NULL at the end.
 */
const struct conn *tracker_next(struct tracker *tracker, const struct conn *previous);

/** tracker_next_ended() - as tracker_next(), of those that have ended and wait for late events, oldest first */
const struct conn *tracker_next_ended(struct tracker *tracker, const struct conn *previous);

/** tracker_ended() - how many have ended and wait, of interest or not */
size_t tracker_ended(const struct tracker *tracker);

/**
 * tracker_last() - as tracker_next(), after tracker_finish(), when they are not needed again
 *
 * Each connection is freed by the next call, so that its memory is available to the report. No event may be fed any
 * more, and no lookup finds a record.
 */
const struct conn *tracker_last(struct tracker *tracker, const struct conn *previous);

/**
 * tracker_find() - the connection of an end, unless it was reported already
 * @tracker: the tracker
 * @flow: its ends; local is its local side
 *
 * Return: a connection of interest, settled, that is valid until the next call only; else NULL.
 */
const struct conn *tracker_find(struct tracker *tracker, const struct flow *flow);

/** tracker_now() - time of the newest event, since the epoch */
int64_t tracker_now(const struct tracker *tracker);

/**
 * tracker_wants_timewait() - whether it helps to know if a TIME_WAIT socket still exists
 * @event: final counters that have not been fed yet
 * @cookie: that of the TIME_WAIT socket, 0 when it has one of its own; set if true is returned
 *
 * It may decide whether the peer's FIN is among the bytes received (system/tcp_payload.c). Where both FINs are known it
 * tells only which was first, and helps with @closers of struct tracker_config.
 */
bool tracker_wants_timewait(const struct tracker *tracker, const struct event *event, uint64_t *cookie);

/** tracker_stats() - the statistics so far */
void tracker_stats(const struct tracker *tracker, struct tracker_stats *stats);

/** enum tracker_listener - whose listener a connection came in at */
enum tracker_listener {
	/** another process's, or none */
	LISTENER_OTHER,
	LISTENER_OWN,
	/** a target's or another process's: both listen with the same address and port (SO_REUSEPORT) */
	LISTENER_SHARED,
};

/** tracker_listener() - the listener of a connection (an EVENT_INFO of sock_diag(7)), chosen as the kernel does */
enum tracker_listener tracker_listener(const struct tracker *tracker, const struct event *event);

/** tracker_owns_listener() - whether a listening socket (an EVENT_INFO) is a target's */
bool tracker_owns_listener(const struct tracker *tracker, const struct event *event);

/** tracker_listens() - whether a target listens on the port of flow.local, with any address */
bool tracker_listens(const struct tracker *tracker, const struct flow *flow);

/** tracker_failed_accepts() - how often accept(2) of a target has failed so far */
uint64_t tracker_failed_accepts(const struct tracker *tracker);

#endif
