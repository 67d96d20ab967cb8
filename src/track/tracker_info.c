// SPDX-License-Identifier: GPL-2.0-or-later
#include <netinet/tcp.h>

#include "base/clock.h"
#include "track/tracker_state.h"

/* Evidence of the kernel's socket counters: EVENT_INFO finds its record or begins one, and finds listening ports. */

/* The kernel's clock of some times has this resolution, or a better one. */
#define TICK_MOST_NS (10 * CLOCK_NS_PER_MS)

/* Final counters of an unknown connection, on a port where a target accepts unseen: it needs no owner. */
static struct record *record_unseen(struct tracker *tracker, const struct event *event)
{
	struct record *record;

	if (event->info.reason != INFO_DESTROY || event->info.bytes_received < 0 || !flow_is_complete(&event->flow) ||
	    !tracker_listens_unseen(tracker, event))
		return NULL;
	record = tracker_record_found(tracker);
	tracker_join_flow(tracker, record, &event->flow);
	/* Only a finished handshake makes a socket of its own. */
	record_evidence(record)->established = true;
	record->dir = DIR_IN;
	tracker_set_owned(tracker, record);
	return record;
}

/* It waits, or did until now. Once it has sent data, another process has accepted it. */
static void note_refusal(const struct tracker *tracker, struct record *record, const struct event *event)
{
	int64_t born_ns = record->conn.start_ns;
	int32_t error;

	if (!record->evidence->waits || record->evidence->accept_ns >= 0)
		return;
	/* The kernel's time of the last sent data is that of its creation. */
	if (event->info.last_data_sent_ms >= 0)
		born_ns = event->time_ns - event->info.last_data_sent_ms * CLOCK_NS_PER_MS - TICK_MOST_NS;
	error = event->info.bytes_sent > 0 ? 0 : tracker_accept_error(tracker, event, born_ns);
	if (event->info.bytes_sent > 0 || error != 0)
		record_evidence(record)->accept_error = error;
}

/* It waits to be accepted: it is established, and a later call may give its owner. */
static struct record *record_waiting(struct tracker *tracker, const struct event *event, struct record *record)
{
	if (record == NULL) {
		record = tracker_record_found(tracker);
		tracker_join_flow(tracker, record, &event->flow);
	}
	if (record->evidence->accept_ns < 0)
		record_evidence(record)->waits = true;
	record_evidence(record)->established = true;
	record->dir = DIR_IN;
	if (!record->owned)
		tracker_set_owned(tracker, record);
	return record;
}

/*
 * The final counters of a connection that waited at a target's listener, and that no target has taken. A socket that is
 * destroyed with the listener has lost the other end's port and the counters, and so has the TCP socket of each
 * accepted MPTCP connection. One that has sent data was accepted by another process, perhaps by one that listened there
 * before.
 */
static bool was_never_accepted(const struct tracker *tracker, const struct event *event)
{
	return event->info.reason == INFO_DESTROY && event->time_ns >= tracker->watched_ns &&
	       !tcp_payload_is_lost(&event->info) && !tracker->owners_come && event->info.bytes_sent <= 0 &&
	       !tracker->config.whole && endpoint_has_ip(&event->flow.remote) && event->info.listener != 0 &&
	       tcp_payload_final_opener(&event->info) != DIR_OUT && tracker_listener(tracker, event) == LISTENER_OWN &&
	       (flow_is_complete(&event->flow) || !tracker_listens_mptcp(tracker, event));
}

/* An attempt of which nothing came back: it still waits, or its socket is gone and all packets were captured. */
static bool is_unanswered(const struct tracker *tracker, const struct event *event)
{
	const struct event_info *info = &event->info;

	if (info->reason == INFO_SAMPLE)
		return info->state == TCP_SYN_SENT;
	return info->reason == INFO_DESTROY && tracker->stats.run.has_packets == 2 && info->segs_in == 0 &&
	       info->segs_out > 0 && info->bytes_received == 0;
}

/* In a run on the wire: an attempt whose SYN is in no packet. */
static struct record *record_unsent(struct tracker *tracker, const struct event *event)
{
	struct flow reverse = flow_reverse(&event->flow);
	struct record *record;

	if (!tracker->config.whole || !is_unanswered(tracker, event) || !flow_is_complete(&event->flow) ||
	    record_table_find_flow(tracker->table, &event->flow) != NULL ||
	    record_table_find_flow(tracker->table, &reverse) != NULL)
		return NULL;
	record = tracker_record_found(tracker);
	tracker_join_flow(tracker, record, &event->flow);
	record->dir = DIR_OUT;
	tracker_packets_recall(tracker, record);
	return record;
}

/*
 * The other end of a tracked connection was destroyed on this host: it sent what the tracked end received. Without a
 * record it may be the socket of an attempt.
 */
static void feed_other_end(struct tracker *tracker, const struct event *event, const struct record *own)
{
	struct flow reverse = flow_reverse(&event->flow);
	struct record *record = record_table_find_flow(tracker->table, &reverse);

	if (own == NULL)
		tracker_destroyed_add(tracker, event);
	/* A record that has the counters of its other end already belongs to an earlier use of this flow. */
	if ((tracker->owners_come || tracker->halves != NULL) &&
	    (record == NULL || record->reported || record->evidence->tcp_payload.peer_sent >= 0))
		tracker_final_keep(tracker, event);
	else if (record != NULL && !record->reported && tcp_payload_final_sent(&event->info) >= 0)
		tcp_payload_peer_sent(record_bytes(record), tcp_payload_final_sent(&event->info));
}

/* Its socket had another connection before, so it has opened this one. An EVENT_OWNER gives the owner. */
void tracker_feed_renewed(struct tracker *tracker, const struct event *event)
{
	struct record *record = record_table_find_cookie(tracker->table, event->info.cookie);

	if (record != NULL)
		tracker_join_part(tracker, record, event->time_ns);
	/* A breakpoint may have reported the call: the process and the descriptor show which one. */
	tracker->renewed = event->info.cookie;
	if (tracker->attempts != NULL)
		return;
	record = tracker_record_found(tracker);
	tracker_join_flow(tracker, record, &event->flow);
	tracker_join_cookie(tracker, record, event->info.cookie);
	record->dir = DIR_OUT;
	tcp_payload_opener(record_bytes(record), DIR_OUT);
	tracker_final_take(tracker, record, event->time_ns);
}

/*
 * A program at the cgroup (bpf(2)) may rewrite the results of getsockname(2) and getpeername(2), but not the ends in a
 * destroy event: these are in its packets.
 */
static void learn_ends(struct tracker *tracker, struct record *record, const struct event *last)
{
	const struct flow *known = &record->conn.flow;

	if (record->evidence->cookie == 0 || record->evidence->cookie != last->info.cookie ||
	    !flow_is_complete(&last->flow) ||
	    (endpoint_equal(&known->local, &last->flow.local) && endpoint_equal(&known->remote, &last->flow.remote)))
		return;
	tracker_join_flow(tracker, record, &last->flow);
}

/* The accepted connection of a call whose socket could not be read, by audit or a breakpoint. NULL: there is none. */
static struct record *take_call(struct tracker *tracker, const struct event *event)
{
	struct record *record = tracker_halves_socket(tracker, event);

	if (record == NULL && tracker_accepts_claim(tracker, &event->flow, event->info.cookie, event->time_ns))
		record = record_table_find_cookie(tracker->table, event->info.cookie);
	if (record == NULL)
		return NULL;
	tracker_join_flow(tracker, record, &event->flow);
	if (event->info.reason == INFO_DESTROY)
		tracker_final_take(tracker, record, event->time_ns);
	return record;
}

void tracker_feed_info(struct tracker *tracker, const struct event *event)
{
	struct record *record = tracker_join_find(tracker, &event->flow, event->info.cookie);
	bool is_existing = event->info.reason == INFO_EXISTING;

	if (record == NULL && (event->info.reason == INFO_DESTROY || event->info.reason == INFO_WAITING))
		record = take_call(tracker, event);
	if (event->info.state == TCP_LISTEN) {
		tracker_remember_listener(tracker, event);
		return;
	}
	if (record == NULL && event->info.reason == INFO_WAITING &&
	    tracker_listener(tracker, event) == LISTENER_SHARED) {
		if (++tracker->shared_waiting > tracker->stats.shared_waiting)
			tracker->stats.shared_waiting = tracker->shared_waiting;
		return;
	}
	if (event->info.reason == INFO_DESTROY)
		feed_other_end(tracker, event, record);
	if (record != NULL && event->info.reason == INFO_DESTROY)
		learn_ends(tracker, record, event);
	if (record == NULL && is_existing) {
		record = tracker_record_found(tracker);
		tracker_join_flow(tracker, record, &event->flow);
	}
	/* A waiting socket is no file of a target yet. */
	if (event->info.reason == INFO_WAITING ||
	    (is_existing && event->info.inode == 0 && record->evidence->process == NULL))
		record = record_waiting(tracker, event, record);
	if (record != NULL)
		note_refusal(tracker, record, event);
	if (record != NULL && record->evidence->waits && event->info.reason == INFO_DESTROY)
		tracker->stats.unaccepted += record->evidence->accept_ns < 0;
	if (record == NULL)
		record = record_unseen(tracker, event);
	if (record == NULL)
		record = record_unsent(tracker, event);
	if (record == NULL) {
		tracker->stats.unaccepted += was_never_accepted(tracker, event);
		return;
	}
	if (is_existing)
		record->seen |= SEEN_EXISTING;
	if (event->origin == ORIGIN_BPF)
		record->seen |= SEEN_BPF;
	tracker_join_cookie(tracker, record, event->info.cookie);
	/* It waited to be accepted when it was found. */
	(void)tracker_accepts_claim(tracker, &event->flow, event->info.cookie, event->time_ns);
	record_info(record, event);
	tracker_observe_counters(tracker, record, event->time_ns);
	/* A handshake finished, or a RST came, before connect(2) returned: the error has not been read yet. */
	if (record_is_undecided(record->evidence->call_error) && record->evidence->outcome_ns < 0 &&
	    event->info.reason != INFO_DESTROY &&
	    (record->evidence->established || (event->info.state == TCP_CLOSE && event->info.segs_in > 0)))
		record_evidence(record)->outcome_ns = event->time_ns;
	if (event->info.reason == INFO_DESTROY) {
		tracker_begin_closing(tracker, record);
	} else if (event->info.reason == INFO_CLOSE && !tracker_tells_destroy(tracker, &record->conn.flow)) {
		tcp_payload_ended(record_bytes(record));
		tracker_begin_closing(tracker, record);
	}
}
