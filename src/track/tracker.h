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

/** A tracker holds at least so many: what a packet is just being fed to is never the oldest. */
#define TRACKER_LIMIT_MIN 100

/**
 * struct tracker_config - what to expect
 * @limit: connections tracked at once, at least TRACKER_LIMIT_MIN; beyond it the oldest finished one goes first, then
 *	   the oldest attempt, then the oldest: of those two kinds it is told what is known by then, and counted
 * @timeout_ns: a handshake without an answer for that long has timed out
 * @linger_ns: how long a finished connection is kept for packets and counters that come late
 * @linger_limit: when more are kept the oldest of them goes earlier; 0: no limit
 * @by_events: time is what the events say, as in a file: what is due is done right after the event that made it so,
 *	       whatever number of them is fed at once; tracker_tick() does nothing
 * @whole: there is no target: every connection is of interest, also one only packets told of
 * @has_destroy: destroy events come, so closing a descriptor is not the end of a socket
 * @netns: network namespace of packets and destroy events, 0 unknown
 * @syn_retries: net.ipv4.tcp_syn_retries, -1 unknown
 * @suspicious: from when on something is suspicious
 * @flow_key: of the flow_hash() that events have; a secret, for peers choose what is hashed
 */
struct tracker_config {
	size_t limit;
	int64_t timeout_ns;
	int64_t linger_ns;
	size_t linger_limit;
	bool by_events;
	bool whole;
	bool has_destroy;
	uint32_t netns;
	int32_t syn_retries;
	struct suspicious_limits suspicious;
	struct hash_key flow_key;
};

/**
 * struct tracker_notify - who is told
 * @context: passed on
 * @opened: packets told of a connection without its handshake; its flow.local may be this host's. NULL when nobody
 *	    asks
 * @message: an application said something on a connection of interest; @conn is settled. Where both ends are of
 *	     interest it is the acceptor's, and the other one if that is not wanted. Return: was it wanted? NULL when
 *	     nobody asks
 * @finished: a connection ended; @conn is settled and valid during the call only. Each is told once
 */
struct tracker_notify {
	void *context;
	void (*opened)(void *context, const struct flow *flow);
	void (*finished)(void *context, const struct conn *conn);
	bool (*message)(void *context, const struct conn *conn, const struct message *message, int64_t time_ns);
};

/**
 * struct tracker_observer - who wants more than connections: what happens in them
 *
 * Of a connection that is of no interest (yet) nothing is told; what was seen
 * of it is told when it turns out to be of interest, as long as that is not
 * more than a handshake takes.
 *
 * @context: passed on
 * @keep: keep a time line in each connection
 * @full: with each segment, not only those that stand out
 * @around: plain segments kept around each that stands out
 * @frame: a frame that is no segment, and so of no connection: an EVENT_FRAME; NULL when nobody asks
 * @entry: a segment, an ICMP error or a call of a connection; both are valid during the call only. Of a packet both of
 *	   whose ends are of interest each connection is told, that of the acceptor first, the second one with
 *	   SEGMENT_REPORTED and with @first, the connection that was told of it. NULL when nobody asks
 * @counters: the kernel's counters of a connection came; NULL when nobody asks
 */
struct tracker_observer {
	void *context;
	bool keep;
	bool full;
	unsigned int around;
	void (*frame)(void *context, const struct event *event);
	void (*entry)(void *context, const struct conn *conn, const struct conn *first,
		      const struct timeline_entry *entry);
	void (*counters)(void *context, const struct conn *conn, int64_t time_ns);
};

/** enum left_out - why the frame of a TCP segment is in no row, as far as the tracker decides it */
enum left_out {
	/** a copy of a frame that is counted */
	LEFT_OUT_COPY,
	/** it came after its connection had been reported, and begins no other */
	LEFT_OUT_LATE,
	/** its connection is none of a process that is watched */
	LEFT_OUT_UNCLAIMED,
	LEFT_OUT_NUM
};

/** Kinds of failures of accept(2) that are told apart; further ones count only in the sum. */
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
 * struct tracker_stats - what the tracker has to answer for
 * @lost: by enum lost_where; -1 when it is only known that something was lost
 * @left_out: by enum left_out: frames of TCP segments that are in no connection's count
 * @both_ends: frames that two connections count, because both ends are of interest
 * @unattributed: connections told without a process
 * @too_short: connections of this host that nobody was found for: perhaps a target's, so they are not told
 * @accept_failed: how often accept(2) of a target failed, not for want of a connection
 * @accept_kinds: used in @accepts
 * @accepts: of these, by process and errno
 * @unaccepted: connections that came about at a target's listener, and died without having been accepted by a target
 * @full_queues: listening sockets of targets whose accept queue was found full
 * @open: connections of interest that are open now
 * @unsettled: connections that have ended, but whose byte count another witness may still complete
 * @run: what the events say of the run; all 0: nothing
 */
struct tracker_stats {
	int64_t lost[LOST_WHERE_NUM];
	uint64_t left_out[LEFT_OUT_NUM];
	uint64_t both_ends;
	uint64_t unattributed;
	uint64_t too_short;
	uint64_t accept_failed;
	uint32_t accept_kinds;
	struct tracker_accept accepts[TRACKER_ACCEPT_KINDS];
	uint64_t unaccepted;
	uint64_t full_queues;
	struct event_run run;
	uint64_t open;
	uint64_t unsettled;
};

/** struct tracker - the memory: joins events into connections */
struct tracker;

/** tracker_new() - @config and @notify are copied */
struct tracker *tracker_new(const struct tracker_config *config, const struct tracker_notify *notify);

/** tracker_observe() - tell @observer, which is copied, from now on; without one nothing of this costs anything */
void tracker_observe(struct tracker *tracker, const struct tracker_observer *observer);

/** tracker_free() - free it; open connections are not told; NULL is fine */
void tracker_free(struct tracker *tracker);

/**
 * tracker_feed() - take in facts
 * @tracker: the memory
 * @events: in the order of their times, but any order is survived; a network namespace nobody stated is filled in
 * @count: how many. Many at once are faster than one by one: memory is fetched before it is needed
 */
void tracker_feed(struct tracker *tracker, struct event *events, size_t count);

/** tracker_tick() - time passed: finish what has lingered long enough */
void tracker_tick(struct tracker *tracker, int64_t now_ns);

/** tracker_finish() - nothing more will come: finish what has ended; what is open stays, as pending or open */
void tracker_finish(struct tracker *tracker, int64_t now_ns);

/**
 * tracker_next() - walk over the open connections of interest
 * @tracker: the memory
 * @previous: NULL begins, then what it returned last; nothing may be fed meanwhile
 *
 * Return: a connection, settled, that is valid until the next call only; NULL at the end.
 */
const struct conn *tracker_next(struct tracker *tracker, const struct conn *previous);

/** tracker_next_ended() - as tracker_next(), of those that have ended and wait for what comes late, oldest first */
const struct conn *tracker_next_ended(struct tracker *tracker, const struct conn *previous);

/** tracker_ended() - how many of those there are, whether of interest or not */
size_t tracker_ended(const struct tracker *tracker);

/**
 * tracker_last() - as tracker_next(), after tracker_finish(), when nobody will ask for them again
 *
 * Each connection is gone with the next call, so that what is made of it may have its memory. Nothing may be fed any
 * more, and nothing is found.
 */
const struct conn *tracker_last(struct tracker *tracker, const struct conn *previous);

/**
 * tracker_wants_timewait() - would it help to know whether a TIME_WAIT socket lives on?
 * @info: a last word that has not been fed yet
 *
 * Whether the peer's FIN is among the bytes received may hang on it (system/tcp_payload.c).
 */
bool tracker_wants_timewait(const struct tracker *tracker, const struct event_info *info);

/** tracker_stats() - the accounts so far */
void tracker_stats(const struct tracker *tracker, struct tracker_stats *stats);

/** tracker_listens() - did a target listen on flow.local when the run began, or is it found to? */
bool tracker_listens(const struct tracker *tracker, const struct flow *flow);

/** tracker_failed_accepts() - how often accept(2) of a target has failed so far */
uint64_t tracker_failed_accepts(const struct tracker *tracker);

#endif
