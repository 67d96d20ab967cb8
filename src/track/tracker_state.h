/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_TRACKER_STATE_H
#define CONNTRACE_TRACK_TRACKER_STATE_H

#include "base/hash.h"
#include "model/message.h"
#include "track/dns_names.h"
#include "track/process_table.h"
#include "track/record_table.h"
#include "track/tracker.h"
#include "track/pending_messages.h"

/* Shared by the files tracker*.c and internal to them. */

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
 * struct listening - a listening socket of a target, or of another process on the same port
 * @cookie: socket cookie, 0 unknown
 * @local: bound address and port; the address is unspecified for all
 * @netns: network namespace
 * @device: bound interface, 0 none or unknown
 * @v6only: it takes no IPv4
 * @is_own: of a target
 * @is_mptcp: an MPTCP socket; the list has it with another cookie
 * @listed_ns: time of the last list of all listeners that has it, 0 none
 * @unseen: connections may be accepted there without a traced call (io_uring)
 * @was_full: its accept queue was found full once
 * @failed_ns: time of the last failed accept(2)
 * @accept_error: its errno, 0 it has not failed
 * @calls: how often breakpoints reported that accept(2) returned a connection of it; @nameless: without the peer
 * @rows: connections of the run that came in through it
 */
struct listening {
	uint64_t cookie;
	struct endpoint local;
	uint32_t netns;
	uint32_t device;
	bool v6only;
	bool is_own;
	bool is_mptcp;
	bool unseen;
	bool was_full;
	int64_t listed_ns;
	int64_t failed_ns;
	int32_t accept_error;
	uint64_t calls, nameless, rows;
};

/** Number of ICMP errors that are kept: in a file the segment that they quote may come after them. */
#define TRACKER_EARLY 4

/**
 * struct early_icmp - an ICMP error about a connection that is not known yet
 * @flow: of the segment it quotes
 * @time_ns: when it passed
 * @icmp: the error; version 0: there is none
 */
struct early_icmp {
	struct flow flow;
	int64_t time_ns;
	struct event_icmp icmp;
};

/**
 * struct tracker - see tracker.c
 * @config: parameters
 * @notify: callbacks
 * @pool: memory of the records that packets make
 * @table: finds records
 * @processes: finds processes
 * @open: open connections
 * @closing: those that have ended and wait for late events
 * @reported: those that have been reported and are kept to absorb late packets
 * @connecting: calls under way
 * @connecting_count: how many
 * @connecting_size: room there
 * @listening: listening sockets of targets, and those of others on the same ports
 * @listening_count: how many
 * @listed_ns: time of the last list of all listeners, 0 none
 * @shared_waiting: since then: stats.shared_waiting
 * @message: the one that comes in pieces
 * @pending_messages: the messages that wait for an owner of their connection
 * @finals: final counters of other ends, by hash of the flow; made when the first one comes
 * @unowned: ends whose owner is unknown, by hash of the flow of the other end; made when the first one comes
 * @attempts: those of connect(2) that breakpoints reported, NULL none were
 * @destroyed: sockets that ended, one of which may be that of an attempt, NULL none
 * @accepts: calls of accept(2) likewise
 * @accepts_ns: since then breakpoints report them, 0 they do not
 * @unplaced: those of a listener that is not known
 * @renewed: cookie of the socket that was last found connected again, 0 none
 * @early: the latest ICMP errors that came before the segment they quote
 * @early_at: where the next one goes
 * @ids: number of the last record
 * @owners_come: calls are not watched, and a connection may be known by its final counters alone
 * @has_packets: packets made a record
 * @has_beside: packets made a record beside another one with the same ends
 * @halves: records that wait for their packets, NULL none ever did
 * @watched_ns: since then the processes are watched; below 0 or 0: from the begin
 * @now_ns: time of the newest event or tick
 * @tick_ns: with tracker_config.by_events: the next time at which due work is done
 * @walked: what tracker_next() returned last: @view
 * @view: that connection, settled
 * @stats: statistics
 * @observer: callbacks for events within connections
 * @is_observed: @observer is set
 * @has_frame: @frame came just before
 * @frame_ns: its time
 * @frame: for the segment that comes next
 * @rules: how time lines are kept
 */
struct tracker {
	struct tracker_config config;
	struct tracker_notify notify;
	struct pool *pool;
	struct record_table *table;
	struct process_table *processes;
	struct dns_names *dns_names;
	struct record_list open, closing, reported;
	struct connecting *connecting;
	size_t connecting_count, connecting_size;
	struct listening *listening;
	size_t listening_count;
	int64_t listed_ns;
	uint64_t shared_waiting;
	struct message message;
	struct pending_limit pending_messages;
	struct final_counters *finals;
	struct unowned_end *unowned;
	struct attempts *attempts;
	struct destroyed *destroyed;
	struct accepts *accepts;
	int64_t accepts_ns;
	uint64_t unplaced;
	uint64_t renewed;
	struct early_icmp early[TRACKER_EARLY];
	unsigned int early_at;
	uint64_t ids;
	bool owners_come;
	bool has_packets;
	bool has_beside;
	struct halves *halves;
	int64_t watched_ns;
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
 * struct final_counters - bytes that one end of a connection sent in all, whose other end has no known owner yet
 * @flow: of the connection, seen from the end that still exists
 * @time_ns: time of the event
 * @sent: payload
 */
struct final_counters {
	struct flow flow;
	int64_t time_ns;
	int64_t sent;
};

/**
 * struct unowned_end - an end whose owner is unknown
 * @peer: the flow seen from the other end
 * @time_ns: time of the event
 * @is_counted: false: an attempt has a row for it
 * @is_failed: counted among those that failed or were reset, too
 */
struct unowned_end {
	struct flow peer;
	int64_t time_ns;
	bool is_counted, is_failed;
};

/* tracker_listening.c */

/** tracker_dir_by_listener() - DIR_IN when a target listens on the local port, DIR_OUT when on the remote one */
enum conn_dir tracker_dir_by_listener(const struct tracker *tracker, const struct flow *flow);

/** tracker_listening_at() - the target's socket that is bound to the local end; NULL none is known */
struct listening *tracker_listening_at(struct tracker *tracker, const struct flow *flow);

/** tracker_listening_compare() - a connection has ended: its listener shows whether accept(2) was reported of it */
void tracker_listening_compare(struct tracker *tracker, struct record *record);

/** tracker_remember_listener() - an EVENT_INFO of a socket in TCP_LISTEN */
void tracker_remember_listener(struct tracker *tracker, const struct event *event);

/** tracker_listens_mptcp() - whether the listener of a connection is a target's that accepts MPTCP */
bool tracker_listens_mptcp(const struct tracker *tracker, const struct event *event);

/** tracker_listens_unseen() - whether the listener of a connection is a target's that accepts unseen (io_uring) */
bool tracker_listens_unseen(const struct tracker *tracker, const struct event *event);

/** tracker_accept_error() - errno of accept(2) at the listener of a connection since @born_ns; 0 none, or unknown */
int32_t tracker_accept_error(const struct tracker *tracker, const struct event *event, int64_t born_ns);

/** tracker_accept_failed() - accept(2) on a target's listener has failed: an EVENT_CALL of CALL_ACCEPT with an error */
void tracker_accept_failed(struct tracker *tracker, const struct event *event);

/** tracker_accepts_unseen() - whether a target accepts at flow.local without a call that is seen (io_uring) */
bool tracker_accepts_unseen(const struct tracker *tracker, const struct flow *flow);

/* tracker_settle.c */

/** tracker_wants() - whether the connection is of interest */
static inline bool tracker_wants(const struct tracker *tracker, const struct record *record)
{
	return tracker->config.whole || record->owned;
}

/** tracker_tells_destroy() - whether the kernel reports its end: only in the own namespace, not for MPTCP */
bool tracker_tells_destroy(const struct tracker *tracker, const struct flow *flow);

/** tracker_settle() - compute the values for reports */
void tracker_settle(struct tracker *tracker, struct record *record, struct conn *conn);

/** tracker_judge() - set @conn->why; @conn: settled */
void tracker_judge(const struct tracker *tracker, const struct record *record, struct conn *conn);

/* tracker_records.c */

/** tracker_record_new() - an empty record, see record_new(); makes room when there are too many */
struct record *tracker_record_new(struct tracker *tracker, bool has_wire);

/** tracker_dispose() - free a record that is on no list and in no table any more */
void tracker_dispose(struct tracker *tracker, struct record *record);

/** tracker_leave_out() - count the frames of a connection that no watched process owns, in @stats */
void tracker_leave_out(const struct tracker *tracker, const struct record *record, struct tracker_stats *stats);

/** tracker_tell() - report a connection that has ended */
void tracker_tell(struct tracker *tracker, struct record *record);

/** tracker_fetch_after() - old records are not in the cache: fetch the next one while @record is processed */
static inline void tracker_fetch_after(const struct record *record)
{
	if (record->next != NULL)
		record_prefetch(record->next);
}

/** tracker_record_found() - a record of a connection whose begin was not seen */
struct record *tracker_record_found(struct tracker *tracker);

/** tracker_go_on() - a connection that seemed to have ended, by its packets alone, has not */
void tracker_go_on(struct tracker *tracker, struct record *record);

/** tracker_linger_on() - a packet of an ended connection came: wait for late events again */
void tracker_linger_on(struct tracker *tracker, struct record *record);

/** tracker_begin_closing() - a connection has ended: finish it when it has lingered long enough */
void tracker_begin_closing(struct tracker *tracker, struct record *record);

/**
 * tracker_supersede() - a newer connection took its flow
 *
 * It can still be found by its cookie: final counters of a socket can come after its ports are in use again.
 */
void tracker_supersede(struct tracker *tracker, struct record *record);

/** tracker_drop() - free a record that is no connection, or part of another record, without a report */
void tracker_drop(struct tracker *tracker, struct record *record);

/** tracker_set_process() - @pid owns it; @uid -1 (as uid_t) for the user of the process */
void tracker_set_process(struct tracker *tracker, struct record *record, pid_t pid, uint32_t uid);

/** tracker_set_owned() - it is of interest, whatever its owner */
void tracker_set_owned(struct tracker *tracker, struct record *record);

/** tracker_set_last() - @pid used it last, if that is not its owner */
void tracker_set_last(struct tracker *tracker, struct record *record, pid_t pid);

/**
 * tracker_pass_time() - do what is due, after an event
 *
 * The number of lingering records is limited. Some more may wait: many are finished faster together, because their
 * memory is fetched before it is needed.
 */
void tracker_pass_time(struct tracker *tracker);

/* tracker_info.c */

/** tracker_feed_info() - an EVENT_INFO other than INFO_RENEWED */
void tracker_feed_info(struct tracker *tracker, const struct event *event);

/** tracker_feed_renewed() - an EVENT_INFO of INFO_RENEWED */
void tracker_feed_renewed(struct tracker *tracker, const struct event *event);

/* tracker_join.c */

/** tracker_join_find() - the open record of an event; an event with a cookie matches no record with another one */
struct record *tracker_join_find(struct tracker *tracker, const struct flow *flow, uint64_t cookie);

/** tracker_join_part() - its socket has another connection, as found at @time_ns; its own end was not seen */
void tracker_join_part(struct tracker *tracker, struct record *record, int64_t time_ns);

/** tracker_join_flow() - @record has this flow from now on: take over its packet evidence */
void tracker_join_flow(struct tracker *tracker, struct record *record, const struct flow *flow);

/** tracker_join_cookie() - @record has this cookie from now on; 0 changes nothing */
void tracker_join_cookie(struct tracker *tracker, struct record *record, uint64_t cookie);

/**
 * tracker_join_reset() - complete the flow of a socket without remote port
 *
 * The kernel disconnects a socket that its owner resets (SO_LINGER) before it reports its end. The packets have the
 * port: of several such connections it is the one that was reset first.
 */
void tracker_join_reset(const struct tracker *tracker, struct flow *half);

/**
 * tracker_join_waiting() - the record of a connection that waits to be accepted
 * @half: its flow, of which the local end or its address may be unknown
 */
struct record *tracker_join_waiting(struct tracker *tracker, const struct flow *half);

/** tracker_join_packets() - find the packets of a connect(2) that failed and left no local address */
void tracker_join_packets(struct tracker *tracker, struct record *record);

/* tracker_halves.c */

/** tracker_halves_add() - @record, of a call that a log has, waits for its packets, or has them already */
void tracker_halves_add(struct tracker *tracker, struct record *record, const struct event *event);

/** tracker_halves_forget() - @record does not wait any more, if it did */
void tracker_halves_forget(struct tracker *tracker, struct record *record);

/** tracker_halves_syn() - a SYN came; Return: may a record wait for it? */
bool tracker_halves_syn(struct tracker *tracker, const struct event *event);

/**
 * tracker_halves_take() - the record that waits for the SYN of @flow, which it has not yet; it does not wait any more
 * @tracker: the tracker
 * @flow: from its side
 * @is_in: it is an accepted one
 * @time_ns: of the SYN
 *
 * Return: NULL: there is none, or it is unknown which.
 */
struct record *tracker_halves_take(struct tracker *tracker, const struct flow *flow, bool is_in, int64_t time_ns);

/** tracker_halves_socket() - as tracker_halves_take(), by the counters of an accepted socket */
struct record *tracker_halves_socket(struct tracker *tracker, const struct event *event);

/** tracker_halves_free() - free what waits */
void tracker_halves_free(struct tracker *tracker);

/* tracker_final.c */

/** tracker_final_keep() - keep the final counters of a destroyed end, given by @event, for the other end */
void tracker_final_keep(struct tracker *tracker, const struct event *event);

/** tracker_final_take() - use them for @record, which has its flow since @time_ns or a little before */
void tracker_final_take(struct tracker *tracker, struct record *record, int64_t time_ns);

/** tracker_final_forget() - drop all of them, because some were lost */
void tracker_final_forget(struct tracker *tracker);

/* tracker_unowned.c */

/** tracker_unowned_count() - count the connection of an EVENT_OWNER without a process, unless its other end is a row */
void tracker_unowned_count(struct tracker *tracker, const struct event *event);

/** tracker_unowned_peer() - a new row has this flow: its other end does not count */
void tracker_unowned_peer(struct tracker *tracker, const struct flow *flow, int64_t time_ns);

/* tracker_attempts.c */

/** tracker_attempts_call() - a call reported by a breakpoint; completes it; Return: false when it is done with */
bool tracker_attempts_call(struct tracker *tracker, struct event *event);

/** tracker_attempts_sampled() - the record of the attempt whose socket has the new owner of @event; NULL none */
struct record *tracker_attempts_sampled(struct tracker *tracker, const struct event *event);

/** tracker_attempts_have() - whether a socket to @remote that has no owner may be counted as that of an attempt */
bool tracker_attempts_have(struct tracker *tracker, const struct endpoint *remote);

/** tracker_attempts_free() - forget them */
void tracker_attempts_free(struct tracker *tracker);

/* tracker_destroyed.c */

/** tracker_destroyed_add() - no connection is known of the socket with this EVENT_OWNER or these final counters */
void tracker_destroyed_add(struct tracker *tracker, const struct event *event);

/** tracker_destroyed_lost() - the kernel did not report all that ended until now */
void tracker_destroyed_lost(struct tracker *tracker);

/** tracker_destroyed_decide() - the socket of an attempt has ended, as has been reported: find it, or its outcome */
void tracker_destroyed_decide(struct tracker *tracker, struct record *record);

/** tracker_destroyed_finish() - the same for all attempts whose socket has ended, once all has been reported */
void tracker_destroyed_finish(struct tracker *tracker);

/** tracker_destroyed_free() - forget the sockets */
void tracker_destroyed_free(struct tracker *tracker);

/* tracker_accepts.c */

/** tracker_accepts_add() - accept(2) has returned, as a breakpoint reports it; its socket comes later */
void tracker_accepts_add(struct tracker *tracker, const struct event *event);

/**
 * tracker_accepts_claim() - feed the call that has accepted a socket
 * @tracker: the tracker
 * @flow: of the socket
 * @cookie: of the socket
 * @time_ns: when the socket was there, or has just gone
 *
 * Return: whether there is one.
 */
bool tracker_accepts_claim(struct tracker *tracker, const struct flow *flow, uint64_t cookie, int64_t time_ns);

/** tracker_accepts_waiting() - calls whose socket has not come */
uint64_t tracker_accepts_waiting(const struct tracker *tracker);

/** tracker_accepts_free() - free what waits */
void tracker_accepts_free(struct tracker *tracker);

/* tracker_calls.c */

/** tracker_calls_feed() - process an EVENT_CALL */
void tracker_calls_feed(struct tracker *tracker, const struct event *event);

/* tracker_packets.c */

/**
 * tracker_packets_feed() - process a packet
 * @tracker: the tracker
 * @event: EVENT_SEGMENT or EVENT_ICMP; its network namespace is filled in
 * @hash: result of record_table_locate() for its flow
 */
void tracker_packets_feed(struct tracker *tracker, struct event *event, uint32_t hash);

/** tracker_packets_recall() - process the ICMP errors that came before the connection was known */
void tracker_packets_recall(struct tracker *tracker, struct record *record);

/** tracker_packets_end() - no more packets are read: see record.blind */
void tracker_packets_end(struct tracker *tracker);

/* tracker_pending.c */

/** tracker_pending_add() - keep a message, because the end that the reports want may not be known yet */
void tracker_pending_add(struct tracker *tracker, struct record *record, const struct message *message,
			 int64_t time_ns);

/** tracker_pending_report() - report a message of @record or, if that is not selected, of @other, which may be NULL */
void tracker_pending_report(struct tracker *tracker, struct record *record, struct record *other,
			    const struct message *message, int64_t time_ns);

/** tracker_messages_claimed() - the owner of @record is known, or it is put off no longer: report its messages */
void tracker_messages_claimed(struct tracker *tracker, struct record *record);

/** tracker_messages_joined() - @to takes over the messages of @from, which has no owner */
void tracker_messages_joined(struct tracker *tracker, struct record *to, struct record *from);

/* tracker_both_ends.c */

/**
 * tracker_goes_first() - both ends are on this host and of interest: is @record to be reported before @other?
 *
 * The accepting one is, unless the other one has been reported alone. Where nothing shows which one that is, it is the
 * one that was met last.
 */
bool tracker_goes_first(const struct tracker *tracker, const struct record *record, const struct record *other);

/**
 * tracker_put_off() - is what packets say of @record, which is of interest, to be reported later?
 *
 * A target listens where its other end is, so that end may be of interest, too, and then it goes first. Until a call
 * or a sample shows that, or the answer of another process, or the end, it waits.
 */
bool tracker_put_off(const struct tracker *tracker, struct record *record);

/** tracker_learns_late() - may it become known after the answer that the target listening at flow.local accepted? */
bool tracker_learns_late(const struct tracker *tracker, const struct flow *flow);

/* tracker_observe.c; without an observer these do nothing, and the first must not be called */

/** tracker_observe_segment() - wire_feed() and report; returns its result; @first: the other end's, reported before */
bool tracker_observe_segment(struct tracker *tracker, struct record *record, const struct event *event,
			     enum wire_side side, struct record *first);

/** tracker_observe_icmp() - an ICMP error about a segment of @side came; @first: the other end's, reported before */
void tracker_observe_icmp(struct tracker *tracker, struct record *record, const struct event *event,
			  enum wire_side side, struct record *first);

/** tracker_observe_message() - a message of @side; @first: the other end's record, reported before */
void tracker_observe_message(struct tracker *tracker, struct record *record, const struct message *message,
			     int64_t time_ns, enum wire_side side, struct record *first);

/** tracker_observe_call() - its process made a call on it */
void tracker_observe_call(struct tracker *tracker, struct record *record, const struct event *event);

/** tracker_observe_counters() - counters came at @time_ns */
void tracker_observe_counters(struct tracker *tracker, struct record *record, int64_t time_ns);

/** tracker_observe_frame() - an EVENT_FRAME came */
void tracker_observe_frame(struct tracker *tracker, const struct event *event);

/** tracker_may_be_shared() - whether its other end, on this host too, may become of interest as well */
static inline bool tracker_may_be_shared(const struct tracker *tracker, const struct record *record)
{
	struct flow reverse;

	if (!record->is_inside || tracker->config.whole || !record->owned)
		return false;
	reverse = flow_reverse(&record->conn.flow);
	return record_table_find_flow(tracker->table, &reverse) == NULL;
}

/** tracker_report_put_off() - report what was put off, if anything was, as @record's */
void tracker_report_put_off(struct tracker *tracker, struct record *record);

/** tracker_observe_claimed() - it has become of interest, or what was put off is to be reported */
void tracker_observe_claimed(struct tracker *tracker, struct record *record);

/** tracker_observe_joined() - @to takes over the packets of @from, which has its ends the other way round if @flip */
void tracker_observe_joined(struct tracker *tracker, struct record *to, struct record *from, bool flip);

/** tracker_observe_copied() - @to, the other end of @from, shares its packets */
void tracker_observe_copied(struct tracker *tracker, struct record *to, struct record *from);

/** tracker_observe_reported() - a connection has been reported: its events are not needed again */
void tracker_observe_reported(struct tracker *tracker, struct record *record);

/* tracker_messages.c */

/** tracker_messages_feed() - process a piece of an application's message: EVENT_MESSAGE */
void tracker_messages_feed(struct tracker *tracker, const struct event *event);

#endif
