// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/xalloc.h"
#include "track/process_table.h"
#include "track/record.h"
#include "track/record_table.h"
#include "track/wire_view.h"

/*
 * A connection is a set of facts, whichever came first. A fact finds its
 * record by socket cookie when it has one, else by flow; a connect(2) that has
 * no local port yet is found by its thread. Packets make records of their own
 * ("unowned" in a run with a target), whose wire evidence is moved to the
 * record of the process once a call claims the flow. With both ends traced on
 * this host there are two records, each with its own view of the same packets.
 *
 * A record is on one of three lists: open; closing (it has ended and lingers
 * for what comes late); told (reported already, kept to absorb late packets).
 */

/* An unanswered SYN may be resent up to 64 s after the one before (RFC 6298 back-off, tcp_syn_retries 6). */
#define SYN_GAP_MAX_NS (130 * CLOCK_NS_PER_SEC)
/* Late packets of a closed connection come while its peer is in TIME_WAIT. */
#define TOLD_KEEP_NS (60 * CLOCK_NS_PER_SEC)
#define TOLD_MAX 16384
/* How far back the packets of a connect(2) that failed without a local address are looked for. */
#define CONNECT_SEARCH_MAX 4096
/* How many old records are looked at in a tick. */
#define SWEEP_AT_ONCE 64

struct connecting {
	pid_t tid;
	struct record *record;
};

struct listening {
	uint32_t netns;
	uint16_t port;
};

struct tracker {
	struct tracker_config config;
	struct tracker_notify notify;
	struct record_table *table;
	struct process_table *processes;
	struct record_list open, closing, told;
	struct connecting *connecting;
	size_t connecting_count, connecting_size;
	struct listening *listening;
	size_t listening_count;
	uint64_t ids;
	int64_t now_ns;
	struct tracker_account account;
};

struct tracker *tracker_new(const struct tracker_config *config, const struct tracker_notify *notify)
{
	struct tracker *tracker = xcalloc(1, sizeof(*tracker));

	tracker->config = *config;
	tracker->notify = *notify;
	tracker->table = record_table_new();
	tracker->processes = process_table_new();
	return tracker;
}

static void record_free(struct tracker *tracker, struct record_list *list, struct record *record)
{
	record_table_remove(tracker->table, record);
	record_list_remove(list, record);
	record_done(record);
	free(record);
}

void tracker_free(struct tracker *tracker)
{
	if (tracker == NULL)
		return;
	while (tracker->open.first != NULL)
		record_free(tracker, &tracker->open, tracker->open.first);
	while (tracker->closing.first != NULL)
		record_free(tracker, &tracker->closing, tracker->closing.first);
	while (tracker->told.first != NULL)
		record_free(tracker, &tracker->told, tracker->told.first);
	record_table_free(tracker->table);
	process_table_free(tracker->processes);
	free(tracker->connecting);
	free(tracker->listening);
	free(tracker);
}

static bool is_wanted(const struct tracker *tracker, const struct record *record)
{
	return tracker->config.whole || record->owned;
}

static bool is_listening(const struct tracker *tracker, const struct flow *flow)
{
	for (size_t i = 0; i < tracker->listening_count; i++)
		if (tracker->listening[i].port == flow->local.port && tracker->listening[i].netns == flow->netns)
			return true;
	return false;
}

static void settle(struct tracker *tracker, struct record *record)
{
	record_settle(record, tracker->config.timeout_ns, tracker->now_ns);
	/* A connection older than the run: its opener shows in the counters or by the listener it came through. */
	if (record->conn.dir == DIR_UNKNOWN && (record->conn.seen & SEEN_EXISTING) != 0 &&
	    is_listening(tracker, &record->conn.flow))
		record->conn.dir = DIR_IN;
}

/* ---- birth and end of records ------------------------------------------- */

static void tell(struct tracker *tracker, struct record *record)
{
	if (!is_wanted(tracker, record))
		return;
	settle(tracker, record);
	record->conn.open = 0;
	if (record->conn.process == NULL)
		tracker->account.unattributed++;
	tracker->notify.finished(tracker->notify.context, &record->conn);
}

static struct record_list *list_of(struct tracker *tracker, const struct record *record)
{
	return record->closing ? &tracker->closing : &tracker->open;
}

/* The record's story is over: report it, and keep it a while when packets may still come. */
static void finish(struct tracker *tracker, struct record *record)
{
	struct record_list *list = list_of(tracker, record);

	tell(tracker, record);
	if (record->wire == NULL || tracker->told.count >= TOLD_MAX) {
		record_free(tracker, list, record);
		return;
	}
	record_list_remove(list, record);
	record_table_remove_cookie(tracker->table, record);
	record->finish_at_ns = tracker->now_ns + TOLD_KEEP_NS;
	record->told = true;
	record_list_append(&tracker->told, record);
}

static void begin_closing(struct tracker *tracker, struct record *record)
{
	if (record->closing || record->told)
		return;
	record_list_remove(&tracker->open, record);
	record->closing = true;
	record->finish_at_ns = tracker->now_ns + tracker->config.linger_ns;
	record_list_append(&tracker->closing, record);
}

/* Destroy events come of our own network namespace only. */
static bool tells_destroy(const struct tracker *tracker, const struct flow *flow)
{
	return tracker->config.has_destroy &&
	       (flow->netns == tracker->config.netns || flow->netns == 0 || tracker->config.netns == 0);
}

/*
 * A newer connection took its flow. By its cookie it may still be found: the
 * last word of a socket can come after its ports have been used again.
 */
static void supersede(struct tracker *tracker, struct record *record)
{
	record_table_remove_flow(tracker->table, record);
	if (record->told)
		record_free(tracker, &tracker->told, record);
	else if (record->conn.cookie == 0 || !tells_destroy(tracker, &record->conn.flow))
		finish(tracker, record);
}

static void make_room(struct tracker *tracker)
{
	struct record_list *list = &tracker->told;

	if (list->first == NULL)
		list = &tracker->closing;
	if (list->first == NULL) {
		list = &tracker->open;
		if (tracker->account.lost[LOST_TABLE] >= 0)
			tracker->account.lost[LOST_TABLE]++;
	}
	if (list != &tracker->told)
		tell(tracker, list->first);
	record_free(tracker, list, list->first);
}

static struct record *record_new(struct tracker *tracker)
{
	struct record *record;

	if (tracker->open.count + tracker->closing.count + tracker->told.count >= tracker->config.limit)
		make_room(tracker);
	record = xmalloc(sizeof(*record));
	record_init(record);
	record->conn.id = ++tracker->ids;
	record_list_append(&tracker->open, record);
	return record;
}

/* A connection that is older than the run: a shutdown(2) may have been before our time. */
static struct record *record_existing(struct tracker *tracker)
{
	struct record *record = record_new(tracker);

	record->conn.seen |= SEEN_EXISTING;
	bytes_trust(&record->bytes, BYTES_ABSENCE_PROVES);
	return record;
}

/* ---- joining ---------------------------------------------------------------- */

static void move_wire(struct record *to, struct record *from, bool flip)
{
	to->wire = from->wire;
	from->wire = NULL;
	if (flip)
		wire_flip(to->wire);
	to->conn.seen |= SEEN_WIRE;
	if (to->conn.start_ns < 0 || from->conn.start_ns < to->conn.start_ns)
		to->conn.start_ns = from->conn.start_ns;
	if (from->conn.end_ns > to->conn.end_ns)
		to->conn.end_ns = from->conn.end_ns;
}

static void drop(struct tracker *tracker, struct record *record)
{
	record_free(tracker, record->told ? &tracker->told : list_of(tracker, record), record);
}

/* Packets made a record that nobody of ours claimed. */
static bool is_unclaimed(const struct record *record)
{
	return !record->owned && record->wire != NULL && record->conn.cookie == 0;
}

/* @record has this flow from now on: take over what packets said of it. */
static void claim_flow(struct tracker *tracker, struct record *record, const struct flow *flow)
{
	struct flow reverse = flow_reverse(flow);
	struct record *other;

	record_table_remove_flow(tracker->table, record);
	record->conn.flow = *flow;
	if (!flow_is_complete(flow))
		return;
	other = record_table_find_flow(tracker->table, flow);
	if (other != NULL && is_unclaimed(other) && !other->told && record->wire == NULL) {
		move_wire(record, other, false);
		drop(tracker, other);
	} else if (other != NULL) {
		supersede(tracker, other);
	}
	other = record->wire == NULL ? record_table_find_flow(tracker->table, &reverse) : NULL;
	if (other != NULL && other->wire != NULL && !other->told) {
		if (is_unclaimed(other) && !tracker->config.whole) {
			move_wire(record, other, true);
			drop(tracker, other);
		} else {
			record->wire = wire_copy(other->wire);
			wire_flip(record->wire);
			record->conn.seen |= SEEN_WIRE;
		}
	}
	record_table_add_flow(tracker->table, record);
}

static void claim_cookie(struct tracker *tracker, struct record *record, uint64_t cookie)
{
	struct record *other;

	if (cookie == 0 || record->conn.cookie == cookie)
		return;
	other = record_table_find_cookie(tracker->table, cookie);
	if (other != NULL)
		record_table_remove_cookie(tracker->table, other);
	record_table_remove_cookie(tracker->table, record);
	record->conn.cookie = cookie;
	record_table_add_cookie(tracker->table, record);
}

/* The live record an event is about. An event with a cookie never goes to a record with another one. */
static struct record *find(struct tracker *tracker, const struct flow *flow, uint64_t cookie)
{
	struct record *record = cookie != 0 ? record_table_find_cookie(tracker->table, cookie) : NULL;

	if (record != NULL)
		return record;
	record = flow_is_complete(flow) ? record_table_find_flow(tracker->table, flow) : NULL;
	if (record == NULL || record->told || (cookie != 0 && record->conn.cookie != 0))
		return NULL;
	return record;
}

/* A failed connect(2) leaves the local port but not the address: find the packets by what is left. */
static struct record *search_packets(struct tracker *tracker, const struct record *record)
{
	const struct flow *flow = &record->conn.flow;
	struct record_list *lists[] = {&tracker->open, &tracker->closing};
	struct record *found = NULL;

	for (size_t i = 0; i < 2; i++) {
		struct record *candidate = lists[i]->last;

		for (int steps = 0; candidate != NULL && steps < CONNECT_SEARCH_MAX; candidate = candidate->previous, steps++) {
			const struct flow *other = &candidate->conn.flow;

			if (!is_unclaimed(candidate) || candidate->conn.start_ns < record->connect_begin_ns)
				continue;
			if (!((other->local.port == flow->local.port && endpoint_equal(&other->remote, &flow->remote)) ||
			      (other->remote.port == flow->local.port && endpoint_equal(&other->local, &flow->remote))))
				continue;
			/* Two that fit: nobody can say which, so it is neither. */
			if (found != NULL)
				return NULL;
			found = candidate;
		}
	}
	return found;
}

static void adopt_packets(struct tracker *tracker, struct record *record)
{
	struct record *packets = search_packets(tracker, record);
	struct flow flow;

	if (packets == NULL)
		return;
	flow = packets->conn.flow;
	if (flow.local.port != record->conn.flow.local.port || !endpoint_equal(&flow.remote, &record->conn.flow.remote))
		flow = flow_reverse(&flow);
	claim_flow(tracker, record, &flow);
}

static void set_process(struct tracker *tracker, struct record *record, pid_t pid, uint32_t uid)
{
	process_unref(record->conn.process);
	record->conn.process = process_ref(process_table_get(tracker->processes, pid));
	record->conn.uid = uid != (uint32_t)-1 ? uid : record->conn.process->uid;
	record->owned = true;
}

static void set_owner(struct tracker *tracker, struct record *record, const struct event_call *call)
{
	set_process(tracker, record, call->pid, call->uid);
	record->conn.tid = call->tid;
	record->conn.fd = call->fd;
}

static void set_last(struct tracker *tracker, struct record *record, pid_t pid)
{
	if (record->conn.process == NULL || record->conn.process->pid == pid)
		return;
	process_unref(record->conn.last_process);
	record->conn.last_process = process_ref(process_table_get(tracker->processes, pid));
}

/* ---- calls -------------------------------------------------------------------- */

static void feed_accept(struct tracker *tracker, const struct event *event)
{
	struct record *record = record_table_find_cookie(tracker->table, event->call.cookie);

	if (record == NULL) {
		record = record_new(tracker);
		claim_flow(tracker, record, &event->flow);
		claim_cookie(tracker, record, event->call.cookie);
	}
	record->conn.dir = DIR_IN;
	bytes_opener(&record->bytes, DIR_IN);
	record->accept_ns = event->time_ns;
	set_owner(tracker, record, &event->call);
	record_seen(record, event->time_ns, SEEN_CALLS);
}

static void feed_connect_begin(struct tracker *tracker, const struct event *event)
{
	struct record *record = record_new(tracker);

	record->conn.flow = event->flow;
	record->conn.dir = DIR_OUT;
	bytes_opener(&record->bytes, DIR_OUT);
	record->connect_begin_ns = event->time_ns;
	record->connect_tid = event->call.tid;
	set_owner(tracker, record, &event->call);
	record_seen(record, event->time_ns, SEEN_CALLS);
	if (tracker->connecting_count == tracker->connecting_size) {
		tracker->connecting_size = tracker->connecting_size > 0 ? tracker->connecting_size * 2 : 16;
		tracker->connecting =
			xreallocarray(tracker->connecting, tracker->connecting_size, sizeof(*tracker->connecting));
	}
	tracker->connecting[tracker->connecting_count++] = (struct connecting){event->call.tid, record};
}

static struct record *take_connecting(struct tracker *tracker, pid_t tid)
{
	for (size_t i = tracker->connecting_count; i-- > 0;) {
		struct record *record = tracker->connecting[i].record;

		if (tracker->connecting[i].tid != tid)
			continue;
		tracker->connecting[i] = tracker->connecting[--tracker->connecting_count];
		record->connect_tid = 0;
		return record;
	}
	return NULL;
}

/*
 * Another connect(2) on a socket whose first attempt is not over: it only asks
 * how that one is going (EALREADY, EISCONN, 0).
 */
static bool is_same_attempt(const struct record *earlier, int error)
{
	if (earlier->closing || earlier->told || earlier->connect_begin_ns < 0)
		return false;
	return error == EALREADY || error == EISCONN || earlier->call_error == EINPROGRESS ||
	       earlier->call_error == EALREADY || earlier->call_error == EINTR;
}

static bool is_undecided(int error)
{
	return error == EINPROGRESS || error == EALREADY || error == EINTR || error == EAGAIN;
}

static void connect_decided(struct tracker *tracker, struct record *record, int error, int64_t time_ns)
{
	record->call_error = error;
	if (is_undecided(error))
		return;
	record->outcome_ns = time_ns;
	if (error == 0 || error == EISCONN)
		return;
	if (record->wire == NULL)
		adopt_packets(tracker, record);
	begin_closing(tracker, record);
}

static void feed_connect_end(struct tracker *tracker, const struct event *event)
{
	struct record *record = take_connecting(tracker, event->call.tid);
	struct record *earlier = record_table_find_cookie(tracker->table, event->call.cookie);
	int error = event->call.error;

	if (earlier != NULL && is_same_attempt(earlier, error)) {
		if (record != NULL)
			drop(tracker, record);
		if (error != EALREADY)
			connect_decided(tracker, earlier, error == EISCONN ? 0 : error, event->time_ns);
		return;
	}
	if (record == NULL)
		return; /* its begin was before the run or is lost: the kernel's counters may still tell of it */
	record->connect_end_ns = event->time_ns;
	record_seen(record, event->time_ns, SEEN_CALLS);
	if (earlier != NULL)
		begin_closing(tracker, earlier);
	claim_flow(tracker, record, &event->flow);
	claim_cookie(tracker, record, event->call.cookie);
	connect_decided(tracker, record, error, event->time_ns);
}

static void feed_call(struct tracker *tracker, const struct event *event)
{
	const struct event_call *call = &event->call;
	struct record *record;

	switch (call->kind) {
	case CALL_ACCEPT:
		feed_accept(tracker, event);
		return;
	case CALL_CONNECT_BEGIN:
		feed_connect_begin(tracker, event);
		return;
	case CALL_CONNECT_END:
		feed_connect_end(tracker, event);
		return;
	case CALL_CONNECT_OTHER:
		record = take_connecting(tracker, call->tid);
		if (record != NULL)
			drop(tracker, record);
		return;
	default:
		break;
	}
	record = find(tracker, &event->flow, call->cookie);
	if (record == NULL)
		return;
	set_last(tracker, record, call->pid);
	record_seen(record, event->time_ns, SEEN_CALLS);
	switch (call->kind) {
	case CALL_SO_ERROR:
		/* 0 while the handshake runs says nothing; the counters that come with it say whether it does. */
		if (record->call_error >= 0 && is_undecided(record->call_error) && call->error != 0)
			connect_decided(tracker, record, call->error, event->time_ns);
		break;
	case CALL_SHUTDOWN:
		bytes_shutdown(&record->bytes, call->argument);
		break;
	case CALL_CLOSE:
		record->close_ns = event->time_ns;
		break;
	case CALL_EXIT:
		record->exit_ns = event->time_ns;
		break;
	default:
		break;
	}
}

/* ---- counters, owners, processes ------------------------------------------------ */

static void remember_listener(struct tracker *tracker, const struct flow *flow)
{
	if (is_listening(tracker, flow))
		return;
	tracker->listening = xreallocarray(tracker->listening, tracker->listening_count + 1, sizeof(*tracker->listening));
	tracker->listening[tracker->listening_count++] = (struct listening){flow->netns, flow->local.port};
}

/* The other end of one of ours died on this host: what it sent is what ours could receive. */
static void feed_other_end(struct tracker *tracker, const struct event *event)
{
	struct flow reverse = flow_reverse(&event->flow);
	struct record *record = record_table_find_flow(tracker->table, &reverse);

	if (record != NULL && !record->told && bytes_final_sent(&event->info) >= 0)
		bytes_peer_sent(&record->bytes, bytes_final_sent(&event->info));
}

static void feed_info(struct tracker *tracker, const struct event *event)
{
	struct record *record = find(tracker, &event->flow, event->info.cookie);
	bool is_existing = event->info.reason == INFO_EXISTING;

	if (event->info.state == TCP_LISTEN) {
		remember_listener(tracker, &event->flow);
		return;
	}
	if (event->info.reason == INFO_DESTROY)
		feed_other_end(tracker, event);
	if (record == NULL && is_existing) {
		record = record_existing(tracker);
		claim_flow(tracker, record, &event->flow);
	}
	if (record == NULL)
		return;
	claim_cookie(tracker, record, event->info.cookie);
	record_info(record, event);
	if (is_undecided(record->call_error) && record->outcome_ns < 0 && record->established &&
	    event->info.reason != INFO_DESTROY)
		record->outcome_ns = event->time_ns;
	if (event->info.reason == INFO_DESTROY) {
		begin_closing(tracker, record);
	} else if (event->info.reason == INFO_CLOSE && !tells_destroy(tracker, &record->conn.flow)) {
		bytes_ended(&record->bytes);
		begin_closing(tracker, record);
	}
}

static void feed_owner(struct tracker *tracker, const struct event *event)
{
	struct record *record = find(tracker, &event->flow, event->owner.cookie);

	if (record == NULL) {
		record = record_existing(tracker);
		claim_flow(tracker, record, &event->flow);
	}
	claim_cookie(tracker, record, event->owner.cookie);
	if (record->conn.process == NULL) {
		set_process(tracker, record, event->owner.pid, event->owner.uid);
		record->conn.fd = event->owner.fd;
	}
	record_seen(record, event->time_ns, SEEN_KERNEL);
}

/* ---- packets --------------------------------------------------------------------- */

static struct record *record_of_packet(struct tracker *tracker, const struct event *event, const struct flow *flow)
{
	struct record *record = record_new(tracker);

	record->wire = wire_new();
	bytes_trust(&record->bytes, BYTES_ABSENCE_PROVES);
	claim_flow(tracker, record, flow);
	record_seen(record, event->time_ns, SEEN_WIRE);
	if (tracker->notify.opened != NULL)
		tracker->notify.opened(tracker->notify.context, flow);
	return record;
}

/*
 * Whose side is "local" in a connection nobody claimed: this host's, as far as
 * its addresses or the capture tell; else that of the side that accepts.
 */
static void record_new_flow(struct tracker *tracker, const struct event *event, struct record **sender,
			    struct record **receiver)
{
	struct flow reverse = flow_reverse(&event->flow);
	const struct event_segment *segment = &event->segment;
	bool sends = (segment->has & SEGMENT_HAS_OUTGOING) != 0;
	bool receives = (segment->has & SEGMENT_HAS_INCOMING) != 0;

	if (tracker->config.is_local != NULL) {
		sends = tracker->config.is_local(&event->flow.local);
		receives = tracker->config.is_local(&event->flow.remote);
	}
	/* In a run with a target one record is enough until somebody claims the flow. */
	if (!sends && !receives)
		sends = (segment->flags & (SEGMENT_SYN | SEGMENT_ACK)) == (SEGMENT_SYN | SEGMENT_ACK);
	if (sends)
		*sender = record_of_packet(tracker, event, &event->flow);
	if ((receives && (tracker->config.whole || !sends)) || !sends)
		*receiver = record_of_packet(tracker, event, &reverse);
}

static struct record *packet_record(struct tracker *tracker, const struct event *event, const struct flow *flow,
				    enum wire_side side)
{
	struct record *record = record_table_find_flow(tracker->table, flow);

	if (record != NULL && record->wire != NULL && event->type == EVENT_SEGMENT && !wire_accepts(record->wire, event, side)) {
		supersede(tracker, record);
		return NULL;
	}
	if (record != NULL && record->wire == NULL) {
		record->wire = wire_new();
		record->conn.seen |= SEEN_WIRE;
	}
	return record;
}

static void feed_packet_to(struct tracker *tracker, struct record *record, const struct event *event, enum wire_side side)
{
	if (record == NULL)
		return;
	if (event->type == EVENT_ICMP)
		wire_icmp(record->wire, event, side);
	else
		wire_feed(record->wire, event, side);
	if (record->told)
		return;
	record_seen(record, event->time_ns, SEEN_WIRE);
	if (!record->owned && wire_is_finished(record->wire))
		begin_closing(tracker, record);
}

static void feed_packet(struct tracker *tracker, struct event *event)
{
	struct flow reverse;
	struct record *sender, *receiver;

	if (event->flow.netns == 0)
		event->flow.netns = tracker->config.netns;
	reverse = flow_reverse(&event->flow);
	sender = packet_record(tracker, event, &event->flow, WIRE_LOCAL);
	receiver = packet_record(tracker, event, &reverse, WIRE_REMOTE);
	if (sender == NULL && receiver == NULL && event->type == EVENT_SEGMENT)
		record_new_flow(tracker, event, &sender, &receiver);
	feed_packet_to(tracker, sender, event, WIRE_LOCAL);
	feed_packet_to(tracker, receiver, event, WIRE_REMOTE);
}

/* ---- the public verbs -------------------------------------------------------------- */

static void feed_lost(struct tracker *tracker, const struct event_lost *lost)
{
	int64_t *sum = lost->where < LOST_WHERE_NUM ? &tracker->account.lost[lost->where] : NULL;

	if (sum == NULL)
		return;
	if (lost->count < 0)
		*sum = -1;
	else if (*sum >= 0)
		*sum += lost->count;
}

void tracker_feed(struct tracker *tracker, const struct event *event)
{
	struct event packet;

	if (event->time_ns > tracker->now_ns)
		tracker->now_ns = event->time_ns;
	switch (event->type) {
	case EVENT_CALL:
		feed_call(tracker, event);
		break;
	case EVENT_INFO:
		feed_info(tracker, event);
		break;
	case EVENT_SEGMENT:
	case EVENT_ICMP:
		packet = *event;
		feed_packet(tracker, &packet);
		break;
	case EVENT_OWNER:
		feed_owner(tracker, event);
		break;
	case EVENT_PROCESS:
		process_table_feed(tracker->processes, event);
		break;
	case EVENT_LOST:
		feed_lost(tracker, &event->lost);
		break;
	case EVENT_RUN:
		tracker->config.whole = event->run.whole;
		tracker->config.has_destroy = event->run.has_destroy;
		tracker->config.netns = event->run.netns;
		break;
	default:
		break;
	}
}

/* Nobody of ours knows it, and no packet came for long. */
static bool has_timed_out(const struct tracker *tracker, const struct record *record)
{
	int64_t silence = clock_span(record->conn.end_ns, tracker->now_ns);

	if (record->owned || record->wire == NULL || silence < tracker->config.timeout_ns)
		return false;
	return silence > SYN_GAP_MAX_NS && wire_established_ns(record->wire) < 0;
}

void tracker_tick(struct tracker *tracker, int64_t now_ns)
{
	if (now_ns > tracker->now_ns)
		tracker->now_ns = now_ns;
	while (tracker->closing.first != NULL && tracker->closing.first->finish_at_ns <= tracker->now_ns)
		finish(tracker, tracker->closing.first);
	while (tracker->told.first != NULL && tracker->told.first->finish_at_ns <= tracker->now_ns)
		record_free(tracker, &tracker->told, tracker->told.first);
	/* The oldest come first; one that is old but alive goes to the end, so that all have their turn. */
	for (int i = 0; i < SWEEP_AT_ONCE && tracker->open.first != NULL; i++) {
		struct record *record = tracker->open.first;

		if (clock_span(record->conn.end_ns, tracker->now_ns) < tracker->config.timeout_ns)
			break;
		if (has_timed_out(tracker, record)) {
			finish(tracker, record);
		} else {
			record_list_remove(&tracker->open, record);
			record_list_append(&tracker->open, record);
		}
	}
}

void tracker_finish(struct tracker *tracker, int64_t now_ns)
{
	if (now_ns > tracker->now_ns)
		tracker->now_ns = now_ns;
	while (tracker->closing.first != NULL)
		finish(tracker, tracker->closing.first);
}

const struct conn *tracker_next(struct tracker *tracker, const struct conn *previous)
{
	/* conn is the first member of its record. */
	struct record *record = (struct record *)(uintptr_t)previous;

	_Static_assert(offsetof(struct record, conn) == 0, "a conn is its record");
	record = record != NULL ? record->next : tracker->open.first;
	while (record != NULL && !is_wanted(tracker, record))
		record = record->next;
	if (record == NULL && (previous == NULL || !((const struct record *)previous)->closing)) {
		record = tracker->closing.first;
		while (record != NULL && !is_wanted(tracker, record))
			record = record->next;
	}
	if (record == NULL)
		return NULL;
	settle(tracker, record);
	return &record->conn;
}

bool tracker_wants_timewait(const struct tracker *tracker, const struct event_info *info)
{
	const struct record *record = record_table_find_cookie(tracker->table, info->cookie);
	struct bytes bytes;
	int64_t rx, tx;

	if (record == NULL || info->reason != INFO_DESTROY || info->timewait != TIMEWAIT_UNKNOWN)
		return false;
	/* Would the last word do without it? */
	bytes = record->bytes;
	bytes_trust(&bytes, BYTES_CALLS_SEEN);
	bytes_feed(&bytes, info);
	bytes_settle(&bytes, &rx, &tx);
	return rx < 0 || bytes_close(&bytes) == CLOSE_UNKNOWN;
}

void tracker_account(const struct tracker *tracker, struct tracker_account *account)
{
	*account = tracker->account;
	for (const struct record *record = tracker->open.first; record != NULL; record = record->next) {
		if (!is_wanted(tracker, record))
			continue;
		account->open++;
		account->unattributed += record->conn.process == NULL;
	}
	for (const struct record *record = tracker->closing.first; record != NULL; record = record->next) {
		int64_t rx, tx;

		bytes_settle(&record->bytes, &rx, &tx);
		account->unsettled += is_wanted(tracker, record) && rx < 0;
	}
}
