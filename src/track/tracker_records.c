// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include "base/clock.h"

/* Begin, owner and end of records, and what is due with time; below the files that feed events. */

/* An unanswered SYN may be retransmitted up to 64 s after the one before (RFC 6298 back-off, tcp_syn_retries 6). */
#define SYN_GAP_MAX_NS (130 * CLOCK_NS_PER_SEC)
/* Late packets of a closed connection come while its peer is in TIME_WAIT. */
#define REPORTED_KEEP_NS (60 * CLOCK_NS_PER_SEC)
#define REPORTED_MAX 16384
/* How many old records that stay open are passed over in a tick. */
#define SWEEP_AT_ONCE 64
/* How many records beyond the limit of lingering ones wait to be finished together. */
#define LINGER_AT_ONCE 256
/* Where their number is limited, more than this many linger only as long as in a live run. */
#define LINGER_MANY 8192
#define LINGER_LEAST_NS (2 * CLOCK_NS_PER_SEC)
/* How often due work is done when time comes from the events. */
#define TICK_NS (100 * CLOCK_NS_PER_MS)
/* How many established connections are passed over in the search for one to evict; far fewer than TRACKER_LIMIT_MIN. */
#define SPARE_AT_ONCE 8

static void forget_call(struct tracker *tracker, const struct record *record)
{
	for (size_t i = 0; i < tracker->connecting_count; i++) {
		if (tracker->connecting[i].record != record)
			continue;
		tracker->connecting[i] = tracker->connecting[--tracker->connecting_count];
		return;
	}
}

void tracker_dispose(struct tracker *tracker, struct record *record)
{
	if (record->evidence->connect_tid != 0)
		forget_call(tracker, record);
	tracker_halves_forget(tracker, record);
	record_free(record, tracker->pool);
}

static void forget(struct tracker *tracker, struct record_list *list, struct record *record)
{
	record_table_remove(tracker->table, record);
	record_list_remove(list, record);
	tracker_dispose(tracker, record);
}

void tracker_leave_out(const struct tracker *tracker, const struct record *record, struct tracker_stats *stats)
{
	bool is_early = record->wire != NULL && wire_last_ns(record->wire) < tracker->watched_ns;

	stats->left_out[is_early ? LEFT_OUT_EARLY : LEFT_OUT_UNCLAIMED] += record_frames(record);
}

void tracker_tell(struct tracker *tracker, struct record *record)
{
	struct conn conn;

	if (!tracker_wants(tracker, record)) {
		tracker_leave_out(tracker, record, &tracker->stats);
		return;
	}
	tracker_report_put_off(tracker, record);
	tracker_listening_compare(tracker, record);
	tracker_settle(tracker, record, &conn);
	conn.open = 0;
	tracker_judge(tracker, record, &conn);
	if (conn.process == NULL)
		tracker->stats.unattributed++;
	tracker->notify.finished(tracker->notify.context, &conn);
}

static void move_to_end(struct record_list *list, struct record *record)
{
	record_list_remove(list, record);
	record_list_append(list, record);
}

static struct record_list *list_of(struct tracker *tracker, const struct record *record)
{
	return record->closing ? &tracker->closing : &tracker->open;
}

/* Report an ended record, and keep it a while when packets may still come. */
static void finish(struct tracker *tracker, struct record *record)
{
	struct record_list *list = list_of(tracker, record);

	record_table_prefetch_slot(tracker->table, record);
	tracker_tell(tracker, record);
	tracker_observe_reported(tracker, record);
	if (record->wire == NULL || tracker->reported.count >= REPORTED_MAX) {
		forget(tracker, list, record);
		return;
	}
	record_list_remove(list, record);
	record_table_remove_cookie(tracker->table, record);
	record->finish_at_ns = clock_after(tracker->now_ns, REPORTED_KEEP_NS);
	record->reported = true;
	record_list_append(&tracker->reported, record);
}

void tracker_begin_closing(struct tracker *tracker, struct record *record)
{
	if (record->closing || record->reported)
		return;
	record_list_remove(&tracker->open, record);
	record->closing = true;
	record->finish_at_ns = clock_after(tracker->now_ns, tracker->config.linger_ns);
	record_list_append(&tracker->closing, record);
}

void tracker_go_on(struct tracker *tracker, struct record *record)
{
	record_list_remove(&tracker->closing, record);
	record->closing = false;
	record_list_append(&tracker->open, record);
}

void tracker_linger_on(struct tracker *tracker, struct record *record)
{
	record->finish_at_ns = clock_after(tracker->now_ns, tracker->config.linger_ns);
	move_to_end(&tracker->closing, record);
}

/* An attempt without an answer so far that is known only by packets. */
static bool is_pending_attempt(const struct tracker *tracker, const struct record *record)
{
	return !record->owned && !record->closing && record->evidence->cookie == 0 && record->wire != NULL &&
	       wire_result(record->wire, tracker->now_ns, tracker->config.timeout_ns) == RESULT_PENDING;
}

/*
 * A newer connection took its flow. It can still be found by its cookie: final counters of a socket can come after its
 * ports are in use again.
 */
void tracker_supersede(struct tracker *tracker, struct record *record)
{
	record_table_remove_flow(tracker->table, record);
	if (record->reported)
		forget(tracker, &tracker->reported, record);
	else if (is_pending_attempt(tracker, record))
		return; /* it is given up, and fails by its timeout */
	else if (record->evidence->cookie == 0 || !tracker_tells_destroy(tracker, &record->conn.flow))
		finish(tracker, record);
}

/* No watched process owns it, it was not established, and no packet came for long. */
static bool is_silent_attempt(const struct tracker *tracker, const struct record *record)
{
	return !record->owned && record->wire != NULL && !wire_is_established(record->wire) &&
	       clock_span(record->conn.end_ns, tracker->now_ns) > SYN_GAP_MAX_NS;
}

/* A RST ended it that no packet has contradicted for long. */
static bool is_silent_reset(const struct tracker *tracker, const struct record *record)
{
	return !record->owned && record->wire != NULL && wire_may_go_on(record->wire) &&
	       clock_span(record->conn.end_ns, tracker->now_ns) >= tracker->config.timeout_ns;
}

/* A flood of attempts must not evict established connections. */
static struct record *oldest_attempt(struct tracker *tracker)
{
	for (int i = 0; i < SPARE_AT_ONCE; i++) {
		struct record *record = tracker->open.first;

		if (record->wire != NULL && !record->owned && !wire_is_established(record->wire))
			break;
		move_to_end(&tracker->open, record);
	}
	return tracker->open.first;
}

static void make_room(struct tracker *tracker)
{
	struct record_list *list = &tracker->reported;
	struct record *record;

	if (list->first == NULL)
		list = &tracker->closing;
	record = list->first;
	if (record == NULL) {
		list = &tracker->open;
		record = oldest_attempt(tracker);
		if (!is_silent_attempt(tracker, record) && !is_silent_reset(tracker, record) &&
		    tracker->stats.lost[LOST_TABLE] >= 0)
			tracker->stats.lost[LOST_TABLE]++;
	}
	if (list != &tracker->reported)
		tracker_tell(tracker, record);
	forget(tracker, list, record);
}

struct record *tracker_record_new(struct tracker *tracker, bool has_wire)
{
	struct record *record;

	if (tracker->open.count + tracker->closing.count + tracker->reported.count >= tracker->config.limit)
		make_room(tracker);
	record = record_new(has_wire ? tracker->pool : NULL);
	record->conn.id = ++tracker->ids;
	record_list_append(&tracker->open, record);
	return record;
}

/* A connection whose begin was not seen: a shutdown(2) may have come before the run. */
struct record *tracker_record_found(struct tracker *tracker)
{
	struct record *record = tracker_record_new(tracker, false);

	record->calls_unseen = true;
	return record;
}

void tracker_drop(struct tracker *tracker, struct record *record)
{
	forget(tracker, record->reported ? &tracker->reported : list_of(tracker, record), record);
}

void tracker_set_owned(struct tracker *tracker, struct record *record)
{
	record->owned = true;
	tracker_observe_claimed(tracker, record);
	tracker_messages_claimed(tracker, record);
}

void tracker_set_process(struct tracker *tracker, struct record *record, pid_t pid, uint32_t uid)
{
	process_unref(record->evidence->process);
	record_evidence(record)->process = process_ref(process_table_get(tracker->processes, pid));
	record_evidence(record)->uid = uid != (uint32_t)-1 ? uid : record->evidence->process->uid;
	if (!record->owned)
		tracker_set_owned(tracker, record);
	else
		tracker_messages_claimed(tracker, record);
}

/* An attempt whose ports another connection has now. */
static bool is_replaced(const struct record *record)
{
	return !record->owned && record->wire != NULL && !record->in_flow_table && record->evidence->cookie == 0;
}

/* The oldest come first; an old but open one moves to the end, so that all have their turn. */
static void sweep_open(struct tracker *tracker)
{
	for (int passed = 0; passed < SWEEP_AT_ONCE && tracker->open.first != NULL;) {
		struct record *record = tracker->open.first;

		/* A connection whose packets have no time is never too old. */
		if (record->conn.end_ns >= 0 &&
		    clock_span(record->conn.end_ns, tracker->now_ns) < tracker->config.timeout_ns)
			break;
		if (is_silent_reset(tracker, record)) {
			tracker_begin_closing(tracker, record);
		} else if (is_replaced(record) ||
			   (is_silent_attempt(tracker, record) && !wire_is_under_way(record->wire))) {
			finish(tracker, record);
		} else {
			move_to_end(&tracker->open, record);
			passed++;
		}
	}
}

static bool has_lingered(const struct tracker *tracker)
{
	const struct record_list *closing = &tracker->closing;
	const struct tracker_config *config = &tracker->config;
	int64_t left_ns = closing->first != NULL ? closing->first->finish_at_ns - tracker->now_ns : INT64_MAX;

	if (left_ns <= 0 || config->linger_limit == 0 || closing->first == NULL)
		return left_ns <= 0;
	return closing->count > config->linger_limit ||
	       (closing->count > LINGER_MANY && left_ns <= config->linger_ns - LINGER_LEAST_NS);
}

static void finish_lingered(struct tracker *tracker)
{
	while (has_lingered(tracker)) {
		tracker_fetch_after(tracker->closing.first);
		finish(tracker, tracker->closing.first);
	}
}

static void do_due(struct tracker *tracker)
{
	finish_lingered(tracker);
	while (tracker->reported.first != NULL && tracker->reported.first->finish_at_ns <= tracker->now_ns)
		forget(tracker, &tracker->reported, tracker->reported.first);
	sweep_open(tracker);
}

void tracker_set_last(struct tracker *tracker, struct record *record, pid_t pid)
{
	if (record->evidence->process == NULL || record->evidence->process->pid == pid)
		return;
	process_unref(record->evidence->last_process);
	record_evidence(record)->last_process = process_ref(process_table_get(tracker->processes, pid));
}

void tracker_tick(struct tracker *tracker, int64_t now_ns)
{
	if (tracker->config.by_events)
		return;
	if (now_ns > tracker->now_ns)
		tracker->now_ns = now_ns;
	do_due(tracker);
}

void tracker_pass_time(struct tracker *tracker)
{
	if (tracker->now_ns >= tracker->tick_ns) {
		do_due(tracker);
		tracker->tick_ns = clock_after(tracker->now_ns - tracker->now_ns % TICK_NS, TICK_NS);
	} else if (tracker->closing.count > tracker->config.linger_limit + LINGER_AT_ONCE &&
		   tracker->config.linger_limit > 0) {
		finish_lingered(tracker);
	}
}
