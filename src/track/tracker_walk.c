// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>

#include "track/tracker_state.h"

/* The end of a run, and the walk over open connections. */

static void take_away(struct tracker *tracker, struct record *record, bool is_in_no_table)
{
	if (!is_in_no_table)
		record_table_remove(tracker->table, record);
	tracker_dispose(tracker, record);
}

/* Reports copy what they need, so reported records are freed first. */
void tracker_finish(struct tracker *tracker, int64_t now_ns)
{
	/* Clearing the table is faster than many removals, but the remaining records must be added again. */
	bool at_once = tracker->closing.count + tracker->reported.count > tracker->open.count;

	if (now_ns > tracker->now_ns)
		tracker->now_ns = now_ns;
	for (struct record *record = tracker->open.first; record != NULL; record = record->next)
		tracker_report_put_off(tracker, record);
	tracker_destroyed_finish(tracker);
	if (at_once)
		record_table_clear(tracker->table);
	for (struct record *record = tracker->closing.first, *next; record != NULL; record = next) {
		next = record->next;
		tracker_fetch_after(record);
		tracker_tell(tracker, record);
		tracker_observe_reported(tracker, record);
		take_away(tracker, record, at_once);
	}
	for (struct record *record = tracker->reported.first, *next; record != NULL; record = next) {
		next = record->next;
		take_away(tracker, record, at_once);
	}
	tracker->closing = tracker->reported = (struct record_list){0};
	for (struct record *record = tracker->open.first; at_once && record != NULL; record = record->next)
		record_table_add(tracker->table, record);
}

static struct record *first_wanted(const struct tracker *tracker, struct record *record)
{
	while (record != NULL && !tracker_wants(tracker, record))
		record = record->next;
	return record;
}

static const struct conn *show(struct tracker *tracker, struct record *record)
{
	tracker->walked = record;
	if (record == NULL)
		return NULL;
	tracker_settle(tracker, record, &tracker->view);
	tracker_judge(tracker, record, &tracker->view);
	return &tracker->view;
}

const struct conn *tracker_next(struct tracker *tracker, const struct conn *previous)
{
	struct record *record = previous != NULL ? tracker->walked->next : tracker->open.first;
	bool in_closing = previous != NULL && tracker->walked->closing;

	record = first_wanted(tracker, record);
	if (record == NULL && !in_closing)
		record = first_wanted(tracker, tracker->closing.first);
	return show(tracker, record);
}

const struct conn *tracker_next_ended(struct tracker *tracker, const struct conn *previous)
{
	struct record *record = previous != NULL ? tracker->walked->next : tracker->closing.first;

	return show(tracker, first_wanted(tracker, record));
}

size_t tracker_ended(const struct tracker *tracker)
{
	return tracker->closing.count;
}

const struct conn *tracker_find(struct tracker *tracker, const struct flow *flow)
{
	struct record *record = record_table_find_flow(tracker->table, flow);

	if (record == NULL || record->reported || !tracker_wants(tracker, record))
		return NULL;
	return show(tracker, record);
}

int64_t tracker_now(const struct tracker *tracker)
{
	return tracker->now_ns;
}

/* Each record is freed after its visit; the statistics are updated here. */
static void drop_first(struct tracker *tracker)
{
	struct record *record = tracker->open.first;

	if (tracker_wants(tracker, record)) {
		tracker->stats.open++;
		tracker->stats.unattributed += record->evidence->process == NULL;
	} else {
		tracker_leave_out(tracker, record, &tracker->stats);
	}
	tracker_fetch_after(record);
	record_list_remove(&tracker->open, record);
	tracker_dispose(tracker, record);
}

const struct conn *tracker_last(struct tracker *tracker, const struct conn *previous)
{
	if (previous == NULL)
		record_table_clear(tracker->table);
	else
		drop_first(tracker);
	while (tracker->open.first != NULL && !tracker_wants(tracker, tracker->open.first))
		drop_first(tracker);
	return tracker_next(tracker, NULL);
}

void tracker_stats(const struct tracker *tracker, struct tracker_stats *stats)
{
	*stats = tracker->stats;
	stats->gaps = process_table_gaps(tracker->processes);
	stats->unfound = tracker_accepts_waiting(tracker);
	for (const struct record *record = tracker->open.first; record != NULL; record = record->next) {
		if (!tracker_wants(tracker, record)) {
			tracker_leave_out(tracker, record, stats);
			continue;
		}
		stats->open++;
		stats->unattributed += record->evidence->process == NULL;
	}
	for (const struct record *record = tracker->closing.first; record != NULL; record = record->next)
		if (!tracker_wants(tracker, record))
			tracker_leave_out(tracker, record, stats);
	for (const struct record *record = tracker->closing.first; record != NULL; record = record->next) {
		int64_t rx, tx;

		/* Only a socket known by the kernel or a call can have final counters. */
		if (!record->owned && record->evidence->cookie == 0)
			continue;
		tcp_payload_settle(&record->evidence->tcp_payload, &rx, &tx);
		stats->unsettled += tracker_wants(tracker, record) && rx < 0;
	}
}
