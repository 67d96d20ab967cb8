/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_TRACKER_STATE_H
#define CONNTRACE_TRACK_TRACKER_STATE_H

#include "base/hash.h"
#include "model/message.h"
#include "track/process_table.h"
#include "track/record_table.h"
#include "track/tracker.h"
#include "track/pending_messages.h"

/* What tracker.c, tracker_join.c, tracker_calls.c and tracker_packets.c share, and nobody else needs. */

/**
 * struct connecting - a connect(2) that has not returned
 * @tid: the thread that waits in it
 * @record: made when it was entered
 */
struct connecting {
	pid_t tid;
	struct record *record;
};

/**
 * struct listening - a port that a target listens on
 * @netns: network namespace
 * @port: in host byte order
 * @unseen: connections may be accepted there without a call that is seen (io_uring)
 * @was_full: more waited there than were to, once
 * @failed_ns: when accept(2) failed there last
 * @accept_error: its errno, 0 it has not failed
 */
struct listening {
	uint32_t netns;
	uint16_t port;
	bool unseen;
	bool was_full;
	int64_t failed_ns;
	int32_t accept_error;
};

/** ICMP errors that are kept because the segment they quote may come behind them in a file. */
#define TRACKER_EARLY 4

/**
 * struct early_icmp - an ICMP error about a connection nobody knows yet
 * @flow: of the segment it quotes
 * @time_ns: when it passed
 * @icmp: what it says; version 0: there is none
 */
struct early_icmp {
	struct flow flow;
	int64_t time_ns;
	struct event_icmp icmp;
};

/**
 * struct tracker - see tracker.c
 * @config: what to expect
 * @notify: who is told
 * @pool: memory of the records that packets make
 * @table: finds records
 * @processes: finds processes
 * @open: connections that live
 * @closing: those that have ended and linger for what comes late
 * @reported: those that have been reported and are kept to absorb late packets
 * @connecting: calls under way
 * @connecting_count: how many
 * @connecting_size: room there
 * @listening: ports of listeners older than the run
 * @listening_count: how many
 * @message: the one that comes in pieces
 * @pending_messages: how many messages wait for an owner of their connection
 * @last_words: of other ends, by hash of the flow; made when the first one comes
 * @last_words_key: the hash's secret
 * @early: the latest ICMP errors that came before what they quote
 * @early_at: where the next one goes
 * @ids: number of the last record
 * @owners_come: calls are not watched, and a connection may be known by its last word alone
 * @now_ns: time of the newest event or tick
 * @tick_ns: with tracker_config.by_events: the next time at which what is due is done
 * @walked: what tracker_next() returned last: @view
 * @view: that connection, as reports see it
 * @stats: what was lost and left unattributed
 * @observer: who wants to know what happens in connections
 * @is_observed: somebody does
 * @has_frame: @frame came just before
 * @frame_ns: its time
 * @frame: of the segment that comes next
 * @rules: how time lines are kept
 */
struct tracker {
	struct tracker_config config;
	struct tracker_notify notify;
	struct pool *pool;
	struct record_table *table;
	struct process_table *processes;
	struct record_list open, closing, reported;
	struct connecting *connecting;
	size_t connecting_count, connecting_size;
	struct listening *listening;
	size_t listening_count;
	struct message message;
	struct pending_limit pending_messages;
	struct last_word *last_words;
	struct hash_key last_words_key;
	struct early_icmp early[TRACKER_EARLY];
	unsigned int early_at;
	uint64_t ids;
	bool owners_come;
	int64_t now_ns;
	int64_t tick_ns;
	struct record *walked;
	struct conn view;
	struct tracker_stats stats;
	struct tracker_observer observer;
	bool is_observed;
	bool has_frame;
	int64_t frame_ns;
	struct event_frame frame;
	struct timeline_rules rules;
};

/**
 * struct last_word - what the other end of a connection has sent in all, which nobody of ours is known for yet
 * @flow: of the connection, seen from the end that is not dead yet
 * @time_ns: when it was told
 * @sent: payload
 */
struct last_word {
	struct flow flow;
	int64_t time_ns;
	int64_t sent;
};

/* tracker.c */

/** tracker_record_new() - a record nothing is known of, see record_new(); makes room when there are too many */
struct record *tracker_record_new(struct tracker *tracker, bool has_wire);

/** tracker_dispose() - free a record that is on no list and in no table any more */
void tracker_dispose(struct tracker *tracker, struct record *record);

/** tracker_tells_destroy() - does the kernel report the end of this socket? Only in the own namespace, not of MPTCP */
bool tracker_tells_destroy(const struct tracker *tracker, const struct flow *flow);

/** tracker_dir_by_listener() - DIR_IN where a target listens on the local port, DIR_OUT where on the remote one here */
enum conn_dir tracker_dir_by_listener(const struct tracker *tracker, const struct flow *flow);

/** tracker_accept_failed() - accept(2) on a target's listener has failed: an EVENT_CALL of CALL_ACCEPT with an error */
void tracker_accept_failed(struct tracker *tracker, const struct event *event);

/** tracker_feed_info() - an EVENT_INFO but one of INFO_RENEWED */
void tracker_feed_info(struct tracker *tracker, const struct event *event);

/** tracker_feed_renewed() - an EVENT_INFO of INFO_RENEWED */
void tracker_feed_renewed(struct tracker *tracker, const struct event *event);

/** tracker_tell() - report it, as ended */
void tracker_tell(struct tracker *tracker, struct record *record);

/** tracker_judge() - is there something suspicious about it? @conn: settled */
void tracker_judge(const struct tracker *tracker, const struct record *record, struct conn *conn);

/** tracker_fetch_after() - nobody has looked at old ones for long: fetch the next one while @record is dealt with */
static inline void tracker_fetch_after(const struct record *record)
{
	if (record->next != NULL)
		record_prefetch(record->next);
}

/** tracker_wants() - is the connection of interest? */
bool tracker_wants(const struct tracker *tracker, const struct record *record);

/** tracker_settle() - work out what reports see of it */
void tracker_settle(struct tracker *tracker, struct record *record, struct conn *conn);

/** tracker_record_found() - a record of a connection whose birth was not seen */
struct record *tracker_record_found(struct tracker *tracker);

/** tracker_go_on() - it seemed to have ended, by its packets alone, and has not */
void tracker_go_on(struct tracker *tracker, struct record *record);

/** tracker_linger_on() - it has ended, and a packet of it has come: what comes late is waited for once more */
void tracker_linger_on(struct tracker *tracker, struct record *record);

/** tracker_begin_closing() - it has ended: finish it when it has lingered long enough */
void tracker_begin_closing(struct tracker *tracker, struct record *record);

/**
 * tracker_supersede() - a newer connection took its flow
 *
 * By its cookie it may still be found: the last word of a socket can come
 * after its ports have been used again.
 */
void tracker_supersede(struct tracker *tracker, struct record *record);

/** tracker_drop() - it turned out to be nothing, or part of another record: free it untold */
void tracker_drop(struct tracker *tracker, struct record *record);

/** tracker_set_process() - @pid owns it; @uid -1 (as uid_t) for what is known of the process */
void tracker_set_process(struct tracker *tracker, struct record *record, pid_t pid, uint32_t uid);

/** tracker_set_last() - @pid used it last, if that is another than the one who owns it */
void tracker_set_last(struct tracker *tracker, struct record *record, pid_t pid);

/* tracker_join.c */

/** tracker_join_find() - the live record an event is about; one with a cookie never goes to a record with another */
struct record *tracker_join_find(struct tracker *tracker, const struct flow *flow, uint64_t cookie);

/** tracker_join_part() - its socket has another connection, as is found at @time_ns; nobody saw how it ended */
void tracker_join_part(struct tracker *tracker, struct record *record, int64_t time_ns);

/** tracker_join_flow() - @record has this flow from now on: take over what packets said of it */
void tracker_join_flow(struct tracker *tracker, struct record *record, const struct flow *flow);

/** tracker_join_cookie() - @record has this cookie from now on; 0 changes nothing */
void tracker_join_cookie(struct tracker *tracker, struct record *record, uint64_t cookie);

/** tracker_join_packets() - find the packets of a connect(2) that failed and left no local address */
void tracker_join_packets(struct tracker *tracker, struct record *record);

/* tracker_final.c */

/** tracker_last_words_keep() - the end told of by @event, in a destroy event, died on this host; who has the other? */
void tracker_last_words_keep(struct tracker *tracker, const struct event *event);

/** tracker_last_words_take() - @record has its flow now, since @time_ns or a little before */
void tracker_last_words_take(struct tracker *tracker, struct record *record, int64_t time_ns);

/** tracker_last_words_forget() - all of them: some were lost */
void tracker_last_words_forget(struct tracker *tracker);

/* tracker_calls.c */

/** tracker_calls_feed() - take in an EVENT_CALL */
void tracker_calls_feed(struct tracker *tracker, const struct event *event);

/** tracker_calls_forget() - @record is about to be freed: no call under way may lead to it */
void tracker_calls_forget(struct tracker *tracker, const struct record *record);

/* tracker_packets.c */

/**
 * tracker_packets_feed() - take in a packet
 * @tracker: the tracker
 * @event: EVENT_SEGMENT or EVENT_ICMP; its network namespace is filled in
 * @hash: what record_table_locate() said of its flow
 */
void tracker_packets_feed(struct tracker *tracker, struct event *event, uint32_t hash);

/** tracker_packets_end() - no more packets are read, whatever passes: see record.blind */
void tracker_packets_end(struct tracker *tracker);

/* tracker_observe.c; all of them do nothing when nobody observes, but for the first, which then must not be called */

/** tracker_observe_segment() - wire_feed(), whose answer it returns, and tell; @first: the other end's, told before */
bool tracker_observe_segment(struct tracker *tracker, struct record *record, const struct event *event,
			     enum wire_side side, struct record *first);

/** tracker_observe_icmp() - an ICMP error came about a segment of @side */
void tracker_observe_icmp(struct tracker *tracker, struct record *record, const struct event *event,
			  enum wire_side side);

/** tracker_observe_message() - an application on @side said something; @reported: the other end's record has had it */
void tracker_observe_message(struct tracker *tracker, struct record *record, const struct message *message,
			     int64_t time_ns, enum wire_side side, bool reported);

/** tracker_observe_call() - its process made a call on it */
void tracker_observe_call(struct tracker *tracker, struct record *record, const struct event *event);

/** tracker_observe_counters() - counters came at @time_ns */
void tracker_observe_counters(struct tracker *tracker, struct record *record, int64_t time_ns);

/** tracker_observe_frame() - an EVENT_FRAME came */
void tracker_observe_frame(struct tracker *tracker, const struct event *event);

/** tracker_may_be_shared() - may its other end, on this host too, turn out to be of interest as well? */
static inline bool tracker_may_be_shared(const struct tracker *tracker, const struct record *record)
{
	struct flow reverse;

	if (!record->is_inside || tracker->config.whole || !record->owned)
		return false;
	reverse = flow_reverse(&record->conn.flow);
	return record_table_find_flow(tracker->table, &reverse) == NULL;
}

/** tracker_observe_claimed() - it has become of interest */
void tracker_observe_claimed(struct tracker *tracker, struct record *record);

/** tracker_observe_joined() - @to takes over the packets of @from, which has its ends the other way round if @flip */
void tracker_observe_joined(struct tracker *tracker, struct record *to, struct record *from, bool flip);

/** tracker_observe_copied() - @to, the other end of @from, shares its packets */
void tracker_observe_copied(struct tracker *tracker, struct record *to, struct record *from);

/** tracker_observe_reported() - it has been reported: what happened in it will not be asked for again */
void tracker_observe_reported(struct tracker *tracker, struct record *record);
/** tracker_messages_feed() - take in a piece of what an application said: EVENT_MESSAGE */
void tracker_messages_feed(struct tracker *tracker, const struct event *event);

/** tracker_messages_claimed() - it is known whose @record is: tell what was said before */
void tracker_messages_claimed(struct tracker *tracker, struct record *record);

/** tracker_messages_joined() - @to takes over what was said on @from, which nobody claimed */
void tracker_messages_joined(struct tracker *tracker, struct record *to, struct record *from);

#endif
