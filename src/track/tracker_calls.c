// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include <errno.h>

#include "base/array.h"
#include "base/clock.h"

/* Evidence of system calls. */

/* Where the call was seen. */
static enum conn_seen seen_by(const struct event *event)
{
	if (event->origin == ORIGIN_BPF)
		return SEEN_CALLS | SEEN_BPF;
	if (event->origin == ORIGIN_PERF)
		return SEEN_PERF;
	return event->origin == ORIGIN_AUDIT ? SEEN_AUDIT : SEEN_CALLS;
}

/* Audit has no record of each shutdown(2). */
static void note_seen(struct record *record, const struct event *event, int64_t time_ns)
{
	record_seen(record, time_ns, seen_by(event));
	if (event->origin == ORIGIN_AUDIT)
		tcp_payload_calls_unseen(record_bytes(record));
}

static void set_owner(struct tracker *tracker, struct record *record, const struct event_call *call)
{
	tracker_set_process(tracker, record, call->pid, call->uid);
	record_evidence(record)->tid = call->tid;
	record_evidence(record)->fd = call->fd;
}

/*
 * Two calls claim to have made one socket: descriptors changed between their returns and the samples, so its maker is
 * unknown. Both connections exist; only the thread of the second one is known.
 */
static void dispute(struct tracker *tracker, struct record *record, const struct event *event)
{
	struct record *other = tracker_record_new(tracker, false);

	record->seen |= SEEN_DISPUTED;
	record_evidence(record)->tid = 0;
	other->dir = record->dir;
	other->conn.flow.netns = event->flow.netns;
	other->seen |= SEEN_DISPUTED;
	record_evidence(other)->accept_ns = event->time_ns;
	set_owner(tracker, other, &event->call);
	note_seen(other, event, event->time_ns);
}

/* The source does not know the local end: the packets are found by the rest. */
static void join_by_half(struct tracker *tracker, struct record *record, const struct event_call *call)
{
	bool is_half = (call->cookie & EVENT_COOKIE_MADE_UP) && record->wire == NULL &&
		       !flow_is_complete(&record->conn.flow) && !record_is_unsent(record);

	/* Audit has no return of connect(2) until which the SYN was sent. */
	if (is_half && !((record->seen & SEEN_AUDIT) && record->dir == DIR_OUT))
		tracker_join_packets(tracker, record);
}

/* A call of audit whose socket was not read. */
static bool is_half(const struct event *event)
{
	return event->origin == ORIGIN_AUDIT && (event->call.cookie & EVENT_COOKIE_MADE_UP);
}

/* Beside audit, the sockets that wait to be accepted are listed, and those that are destroyed. */
static bool is_half_accept(const struct tracker *tracker, const struct event *event)
{
	return is_half(event) && tracker->config.has_destroy && event->call.kind == CALL_ACCEPT;
}

/* It is joined to packets that come later, or to counters. */
static void await_packets(struct tracker *tracker, struct record *record, const struct event *event)
{
	bool is_known = record->evidence->cookie != event->call.cookie;

	if (is_half(event) && !is_known && (tracker->stats.run.has_packets || is_half_accept(tracker, event)) &&
	    !record_is_unsent(record))
		tracker_halves_add(tracker, record, event);
}

static void count_failed_accept(struct tracker *tracker, const struct event_call *call)
{
	struct tracker_stats *stats = &tracker->stats;
	struct tracker_accept *kind = stats->accepts, *end = kind + stats->accept_kinds;

	stats->accept_failed++;
	while (kind < end && (kind->pid != call->pid || kind->error != call->error))
		kind++;
	if (kind == end && stats->accept_kinds == TRACKER_ACCEPT_KINDS)
		return;
	if (kind == end) {
		stats->accept_kinds++;
		*kind = (struct tracker_accept){.pid = call->pid, .error = call->error};
	}
	kind->count++;
}

static void feed_accept_failed(struct tracker *tracker, const struct event *event)
{
	count_failed_accept(tracker, &event->call);
	tracker_accept_failed(tracker, event);
}

uint64_t tracker_failed_accepts(const struct tracker *tracker)
{
	return tracker->stats.accept_failed;
}

/* While it waited the kernel has shown the TCP socket below it, which has another cookie, and an end of its own. */
static struct record *waiting_mptcp(struct tracker *tracker, const struct event *event)
{
	struct record *record = tracker_join_waiting(tracker, &event->flow);

	if (record == NULL)
		return NULL;
	tracker_join_cookie(tracker, record, event->call.cookie);
	record->conn.flow.proto = event->flow.proto;
	return record;
}

static void feed_accept(struct tracker *tracker, const struct event *event)
{
	struct record *record = record_table_find_cookie(tracker->table, event->call.cookie);

	if (record != NULL && record->evidence->accept_ns >= 0) {
		dispute(tracker, record, event);
		return;
	}
	if (record == NULL && is_half_accept(tracker, event))
		record = tracker_join_waiting(tracker, &event->flow);
	if (record == NULL && event->flow.proto == FLOW_PROTO_MPTCP)
		record = waiting_mptcp(tracker, event);
	if (record == NULL) {
		record = tracker_record_new(tracker, false);
		tracker_join_flow(tracker, record, &event->flow);
		tracker_join_cookie(tracker, record, event->call.cookie);
	}
	record->dir = DIR_IN;
	tcp_payload_opener(record_bytes(record), DIR_IN);
	record_evidence(record)->accept_ns = event->time_ns;
	if (event->call.disputed)
		record->seen |= SEEN_DISPUTED;
	else if (event->origin == ORIGIN_CALLS || event->origin == ORIGIN_BPF)
		tcp_payload_accepted(record_bytes(record));
	set_owner(tracker, record, &event->call);
	note_seen(record, event, event->time_ns);
	join_by_half(tracker, record, &event->call);
	await_packets(tracker, record, event);
	tracker_observe_call(tracker, record, event);
}

/* It came with its descriptor: the owner is the process that opened or accepted it if known, else the current one. */
static void feed_take(struct tracker *tracker, const struct event *event)
{
	struct record *record = tracker_join_find(tracker, &event->flow, event->call.cookie);

	if (record == NULL) {
		record = tracker_record_found(tracker);
		tracker_join_flow(tracker, record, &event->flow);
		tracker_join_cookie(tracker, record, event->call.cookie);
	}
	if (record->evidence->process == NULL) {
		set_owner(tracker, record, &event->call);
		record_evidence(record)->tid = 0;
	} else {
		tracker_set_last(tracker, record, event->call.pid);
	}
	note_seen(record, event, event->time_ns);
}

/* Another connect(2) on a socket whose first attempt is not over: it only queries that one (EALREADY, EISCONN, 0). */
static bool is_same_attempt(const struct record *earlier, int error)
{
	if (earlier->closing || earlier->reported || earlier->evidence->connect_begin_ns < 0)
		return false;
	return error == EALREADY || error == EISCONN || earlier->evidence->call_error == EINPROGRESS ||
	       earlier->evidence->call_error == EALREADY || earlier->evidence->call_error == EINTR;
}

static void feed_connect_begin(struct tracker *tracker, const struct event *event)
{
	struct record *earlier = record_table_find_cookie(tracker->table, event->call.cookie);
	struct record *record = tracker_record_new(tracker, false);

	record->conn.flow = event->flow;
	record->dir = DIR_OUT;
	tcp_payload_opener(record_bytes(record), DIR_OUT);
	record_evidence(record)->connect_begin_ns = event->time_ns;
	record_evidence(record)->connect_tid = event->call.tid != 0 ? event->call.tid : -1;
	set_owner(tracker, record, &event->call);
	note_seen(record, event, event->time_ns);
	tracker->connecting = array_reserve(tracker->connecting, tracker->connecting_count, &tracker->connecting_size,
					    sizeof(*tracker->connecting));
	tracker->connecting[tracker->connecting_count++] = (struct connecting){event->call.tid, record};
	tracker_observe_call(tracker, earlier != NULL && is_same_attempt(earlier, 0) ? earlier : record, event);
}

static struct connecting *find_connecting(const struct tracker *tracker, pid_t tid)
{
	for (size_t i = tracker->connecting_count; i-- > 0;)
		if (tracker->connecting[i].tid == tid)
			return &tracker->connecting[i];
	return NULL;
}

static struct record *take_connecting(struct tracker *tracker, pid_t tid)
{
	struct connecting *connecting = find_connecting(tracker, tid);
	struct record *record = connecting != NULL ? connecting->record : NULL;

	if (record == NULL)
		return NULL;
	*connecting = tracker->connecting[--tracker->connecting_count];
	record_evidence(record)->connect_tid = 0;
	return record;
}

static void connect_decided(struct tracker *tracker, struct record *record, int error, int64_t time_ns)
{
	struct evidence *evidence = record_evidence(record);

	evidence->call_error = error;
	if (record_is_undecided(error))
		return;
	if (evidence->outcome_ns < 0)
		evidence->outcome_ns = time_ns;
	if (error == 0)
		return;
	if (record->wire == NULL && !record_is_unsent(record))
		tracker_join_packets(tracker, record);
	tracker_begin_closing(tracker, record);
}

/*
 * A connect(2) returns whose begin was before the run, or is lost. What it queries, or does not attempt (EALREADY,
 * EISCONN), may be known already.
 */
static struct record *attempt_unseen(struct tracker *tracker, const struct event *event, struct record *known)
{
	struct record *record = known != NULL && !known->closing && !known->reported ? known : NULL;
	bool attempts = event->call.error != EISCONN && (record == NULL || event->call.error != EALREADY);

	if (record == NULL) {
		record = tracker_record_found(tracker);
		tracker_join_flow(tracker, record, &event->flow);
		tracker_join_cookie(tracker, record, event->call.cookie);
	}
	if (record->evidence->process == NULL)
		set_owner(tracker, record, &event->call);
	if (event->call.error == EISCONN)
		record_evidence(record)->established = true;
	note_seen(record, event, event->time_ns);
	if (!attempts)
		return NULL;
	record->dir = DIR_OUT;
	tcp_payload_opener(record_bytes(record), DIR_OUT);
	if (event->call.begin_ns > 0) {
		record_evidence(record)->connect_begin_ns = event->call.begin_ns;
		note_seen(record, event, event->call.begin_ns);
	}
	return record;
}

static void feed_connect_end(struct tracker *tracker, const struct event *event)
{
	struct record *record = take_connecting(tracker, event->call.tid);
	struct record *earlier = record_table_find_cookie(tracker->table, event->call.cookie);
	int error = event->call.error;

	if (earlier != NULL && is_same_attempt(earlier, error)) {
		if (record != NULL)
			tracker_drop(tracker, record);
		tracker_observe_call(tracker, earlier, event);
		if (error != EALREADY)
			connect_decided(tracker, earlier, error == EISCONN ? 0 : error, event->time_ns);
		return;
	}
	/* The socket has a connection already, which goes on: nothing was attempted. */
	if (record != NULL && earlier != NULL && error == EISCONN) {
		tracker_drop(tracker, record);
		return;
	}
	if (record == NULL)
		record = attempt_unseen(tracker, event, earlier);
	if (record == NULL)
		return;
	if (event->call.disputed)
		record->seen |= SEEN_DISPUTED;
	record_evidence(record)->connect_end_ns = event->time_ns;
	record_evidence(record)->call_error = error;
	record_evidence(record)->nothing_sent |= event->call.argument == 1;
	note_seen(record, event, event->time_ns);
	if (earlier != NULL && earlier != record)
		tracker_begin_closing(tracker, earlier);
	tracker_join_flow(tracker, record, &event->flow);
	tracker_join_cookie(tracker, record, event->call.cookie);
	join_by_half(tracker, record, &event->call);
	await_packets(tracker, record, event);
	tracker_observe_call(tracker, record, event);
	connect_decided(tracker, record, error, event->time_ns);
}

/* How far back an attempt is searched for that neither cookie nor ends identify. */
#define UNDECIDED_SEARCH_MAX 4096

/* The socket could not be sampled (it had failed already): only the descriptor identifies the attempt. */
static struct record *find_undecided(struct tracker *tracker, const struct event_call *call)
{
	struct record *record = tracker->open.last;

	for (int steps = 0; record != NULL && steps < UNDECIDED_SEARCH_MAX; record = record->previous, steps++) {
		const struct evidence *known = record->evidence;

		if (known->process == NULL || known->process->pid != call->pid || known->fd != call->fd)
			continue;
		/* The latest on this descriptor, or none. */
		if (record->evidence->connect_end_ns < 0 || !record_is_undecided(record->evidence->call_error))
			return NULL;
		return record;
	}
	return NULL;
}

/* A later call may give more of the ends. */
static void learn_flow(struct tracker *tracker, struct record *record, const struct event *event)
{
	if (flow_is_complete(&event->flow) && !flow_is_complete(&record->conn.flow))
		tracker_join_flow(tracker, record, &event->flow);
	else
		join_by_half(tracker, record, &event->call);
}

/* A socket that was destroyed longer than this before its process ended was not closed by that end. */
#define TOGETHER_NS CLOCK_NS_PER_SEC

/* A process was killed at a moment when its open sockets could not be sampled. */
static void feed_exit_unseen(struct tracker *tracker, const struct event *event)
{
	struct record_list *lists[] = {&tracker->open, &tracker->closing};

	for (size_t i = 0; i < 2; i++) {
		for (struct record *record = lists[i]->last; record != NULL; record = record->previous) {
			const struct evidence *known = record->evidence;
			int64_t destroy_ns = record->evidence->destroy_ns;

			if ((known->process != NULL && known->process->pid == event->call.pid) ||
			    (known->last_process != NULL && known->last_process->pid == event->call.pid))
				record_evidence(record)->may_have_exited |=
					destroy_ns < 0 || destroy_ns > clock_after(event->time_ns, -TOGETHER_NS);
		}
	}
}

/* The connection of a later call; NULL: none, or it is unknown whether the call is of it. */
static struct record *find(struct tracker *tracker, const struct event *event)
{
	const struct event_call *call = &event->call;
	struct record *record = tracker_join_find(tracker, &event->flow, call->cookie);

	if (record == NULL && call->kind == CALL_SO_ERROR && call->cookie == 0)
		return find_undecided(tracker, call);
	if (record == NULL && call->kind == CALL_EXIT && call->fd < 0)
		feed_exit_unseen(tracker, event);
	if (record == NULL || call->kind != CALL_EXIT || !call->disputed)
		return record;
	record_evidence(record)->may_have_exited = true;
	return NULL;
}

/* The program has not asked for it, so its calls do not show it. */
static void feed_outcome(struct tracker *tracker, const struct event *event)
{
	struct record *record = tracker_join_find(tracker, &event->flow, event->call.cookie);

	if (record == NULL || !record_is_undecided(record->evidence->call_error))
		return;
	learn_flow(tracker, record, event);
	note_seen(record, event, event->time_ns);
	connect_decided(tracker, record, event->call.error, event->time_ns);
}

static void feed_end(struct tracker *tracker, struct record *record, const struct event *event)
{
	if (event->call.kind == CALL_CLOSE)
		record_evidence(record)->close_ns = event->time_ns;
	else
		record_evidence(record)->exit_ns = event->time_ns;
	/* No other source reports its end. */
	if (event->call.cookie & EVENT_COOKIE_MADE_UP)
		tracker_begin_closing(tracker, record);
}

static void forget_connecting(struct tracker *tracker, pid_t tid)
{
	struct record *record = take_connecting(tracker, tid);

	if (record != NULL)
		tracker_drop(tracker, record);
}

/* While connect(2) has not returned, only the remote end is known. */
static void feed_state(struct tracker *tracker, const struct event *event)
{
	struct record *record = find(tracker, event);
	const struct connecting *connecting = find_connecting(tracker, event->call.tid);

	if (record == NULL && connecting != NULL &&
	    endpoint_equal(&connecting->record->conn.flow.remote, &event->flow.remote))
		record = connecting->record;
	if (record != NULL)
		tracker_observe_call(tracker, record, event);
}

void tracker_calls_feed(struct tracker *tracker, const struct event *event)
{
	const struct event_call *call = &event->call;
	struct record *record;

	switch (call->kind) {
	case CALL_ACCEPT:
		if (call->error > 0)
			feed_accept_failed(tracker, event);
		else
			feed_accept(tracker, event);
		return;
	case CALL_CONNECT_BEGIN:
		feed_connect_begin(tracker, event);
		return;
	case CALL_CONNECT_END:
		feed_connect_end(tracker, event);
		return;
	case CALL_TAKE:
		feed_take(tracker, event);
		return;
	case CALL_OUTCOME:
		feed_outcome(tracker, event);
		return;
	case CALL_STATE:
	case CALL_RETRANSMIT:
		feed_state(tracker, event);
		return;
	case CALL_CONNECT_OTHER:
		forget_connecting(tracker, call->tid);
		return;
	}
	record = find(tracker, event);
	if (record == NULL)
		return;
	if (call->cookie & EVENT_COOKIE_MADE_UP)
		learn_flow(tracker, record, event);
	tracker_set_last(tracker, record, call->pid);
	note_seen(record, event, event->time_ns);
	tracker_observe_call(tracker, record, event);
	switch (call->kind) {
	case CALL_SO_ERROR:
		/* 0 during the handshake means nothing; the counters that come with it show whether it is under way. */
		if (record_is_undecided(record->evidence->call_error) && call->error != 0)
			connect_decided(tracker, record, call->error, event->time_ns);
		break;
	case CALL_SHUTDOWN:
		tcp_payload_shutdown(record_bytes(record), call->argument);
		break;
	case CALL_CLOSE:
	case CALL_EXIT:
		feed_end(tracker, record, event);
		break;
	case CALL_DISCONNECT:
		record_disconnected(record, event->time_ns);
		record_table_remove_cookie(tracker->table, record); /* it belongs to the next connection from now on */
		tracker_begin_closing(tracker, record);
		break;
	default:
		break;
	}
}
