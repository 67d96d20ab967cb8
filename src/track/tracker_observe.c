// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include "base/clock.h"

/*
 * Events within connections, for an observer. Each record has a time line. In a run with a target the packets of a
 * connection come before its owner is known, so a few of them wait in its time line until a call claims it.
 */

/* More entries than pass between a handshake and the call that claims it. */
#define UNCLAIMED_MOST 64

void tracker_observe(struct tracker *tracker, const struct tracker_observer *observer)
{
	tracker->observer = *observer;
	tracker->is_observed = true;
	tracker->frame_ns = CLOCK_UNKNOWN;
	tracker->rules = (struct timeline_rules){
		.full = observer->full,
		.context = observer->around,
		.limit = observer->bytes > 0 ? observer->bytes : TIMELINE_BYTES,
	};
}

static struct timeline *timeline_of(struct tracker *tracker, struct record *record)
{
	if (record->evidence->timeline == NULL)
		record_evidence(record)->timeline = timeline_new(&tracker->rules);
	return record->evidence->timeline;
}

/* @first: the other end's record, for which it was reported before, or NULL */
static void tell(struct tracker *tracker, struct record *record, struct record *first,
		 const struct timeline_entry *entry)
{
	struct conn conn, other;

	if (tracker->observer.entry == NULL)
		return;
	if (tracker->observer.unsettled) {
		tracker->observer.entry(tracker->observer.context, NULL, NULL, entry);
		return;
	}
	tracker_settle(tracker, record, &conn);
	if (first != NULL)
		tracker_settle(tracker, first, &other);
	tracker->observer.entry(tracker->observer.context, &conn, first != NULL ? &other : NULL, entry);
}

/* Shall it go into the time line? */
static bool keeps(const struct tracker *tracker, struct record *record)
{
	if (record->reported)
		return false;
	if (tracker->observer.keep)
		return true;
	return (!tracker_wants(tracker, record) || tracker_may_be_shared(tracker, record) ||
		tracker_put_off(tracker, record)) &&
	       record->evidence->timeline->count < UNCLAIMED_MOST;
}

/* Drop the reported entries of @record. */
static void clear(struct tracker *tracker, struct record *record)
{
	if (record->evidence->timeline != NULL && !tracker->observer.keep && !record->is_put_off &&
	    !tracker_may_be_shared(tracker, record))
		timeline_clear(record->evidence->timeline);
}

/* The other end's data was sent by who has accepted it, and that is no target. */
static bool is_foreign_answer(const struct tracker *tracker, const struct record *record,
			      const struct timeline_entry *entry)
{
	struct flow reverse = flow_reverse(&record->conn.flow);

	return entry->kind == TIMELINE_SEGMENT && entry->segment.side == WIRE_REMOTE && entry->segment.payload > 0 &&
	       !tracker_learns_late(tracker, &reverse);
}

/* Tell of @entry, or let it wait with what stands before it in the time line; @is_kept: it is the last one there. */
static void tell_last(struct tracker *tracker, struct record *record, struct record *first,
		      const struct timeline_entry *entry, bool is_kept)
{
	if (is_kept && tracker_put_off(tracker, record)) {
		if (record->evidence->timeline->count >= UNCLAIMED_MOST || is_foreign_answer(tracker, record, entry))
			tracker_report_put_off(tracker, record);
		return;
	}
	if (first == NULL && !tracker->config.whole && entry->kind == TIMELINE_SEGMENT)
		record->goes_first = true;
	tell(tracker, record, first, entry);
}

bool tracker_observe_segment(struct tracker *tracker, struct record *record, const struct event *event,
			     enum wire_side side, struct record *first)
{
	bool reported = first != NULL && tracker_wants(tracker, first);
	struct timeline *timeline = timeline_of(tracker, record);
	struct timeline_entry entry = {.time_ns = event->time_ns, .kind = TIMELINE_SEGMENT};
	uint32_t count = timeline->count;

	segment_feed(&entry.segment, record->wire, &timeline->states, event,
		     tracker->has_frame && tracker->frame_ns == event->time_ns ? &tracker->frame : NULL, side);
	if (reported)
		entry.segment.judged |= SEGMENT_REPORTED;
	if (keeps(tracker, record))
		timeline_segment(timeline, &entry.segment);
	if (tracker_wants(tracker, record))
		tell_last(tracker, record, reported ? first : NULL, &entry, timeline->count == count + 1);
	return !(entry.segment.judged & SEGMENT_COPY);
}

void tracker_observe_icmp(struct tracker *tracker, struct record *record, const struct event *event,
			  enum wire_side side, struct record *first)
{
	struct timeline_entry entry = {
		.time_ns = event->time_ns,
		.kind = TIMELINE_ICMP,
		.icmp = {.icmp = event->icmp, .side = (uint8_t)side},
	};
	uint32_t count;

	if (!tracker->is_observed)
		return;
	count = timeline_of(tracker, record)->count;
	if (keeps(tracker, record))
		timeline_icmp(record->evidence->timeline, event, side);
	if (tracker_wants(tracker, record))
		tell_last(tracker, record, first != NULL && tracker_wants(tracker, first) ? first : NULL, &entry,
			  record->evidence->timeline->count == count + 1);
}

void tracker_observe_message(struct tracker *tracker, struct record *record, const struct message *message,
			     int64_t time_ns, enum wire_side side, struct record *first)
{
	struct timeline_entry entry = {.time_ns = time_ns, .kind = TIMELINE_MESSAGE};
	uint32_t count;

	if (!tracker->is_observed)
		return;
	entry.message = timeline_message_of(message, side);
	count = timeline_of(tracker, record)->count;
	if (keeps(tracker, record))
		timeline_message(record->evidence->timeline, &entry.message, time_ns);
	if (tracker_wants(tracker, record))
		tell_last(tracker, record, first, &entry, record->evidence->timeline->count == count + 1);
}

void tracker_observe_call(struct tracker *tracker, struct record *record, const struct event *event)
{
	struct timeline_entry entry = {.time_ns = event->time_ns, .kind = TIMELINE_CALL, .call = event->call};

	/* Of a connect(2) with AF_UNSPEC the return is shown. */
	if (!tracker->is_observed || (event->call.kind == CALL_CLOSE && event->call.argument == 1))
		return;
	if (tracker->observer.keep && !record->reported)
		timeline_call(timeline_of(tracker, record), event);
	tell(tracker, record, NULL, &entry);
}

void tracker_observe_counters(struct tracker *tracker, struct record *record, int64_t time_ns)
{
	struct conn conn;

	if (!tracker->is_observed || tracker->observer.counters == NULL || !tracker_wants(tracker, record))
		return;
	tracker_settle(tracker, record, &conn);
	tracker->observer.counters(tracker->observer.context, &conn, time_ns);
}

void tracker_observe_frame(struct tracker *tracker, const struct event *event)
{
	if (!tracker->is_observed)
		return;
	if (event->frame.length == 0) {
		tracker->has_frame = true;
		tracker->frame_ns = event->time_ns;
		tracker->frame = event->frame;
	} else if (tracker->observer.frame != NULL) {
		tracker->observer.frame(tracker->observer.context, event);
	}
}

/* @first: the other end's record, reported before, or NULL */
static void tell_all(struct tracker *tracker, struct record *record, struct record *first,
		     const struct timeline *timeline)
{
	for (uint32_t i = 0; i < timeline->count; i++) {
		struct timeline_entry entry = timeline->entries[i];

		if (entry.kind == TIMELINE_CALL || entry.kind == TIMELINE_FOLD)
			continue;
		if (entry.kind == TIMELINE_SEGMENT && first != NULL)
			entry.segment.judged |= SEGMENT_REPORTED;
		else if (entry.kind == TIMELINE_SEGMENT)
			entry.segment.judged &= (uint16_t)~SEGMENT_REPORTED;
		tell(tracker, record, first, &entry);
	}
}

/* Report the entries that waited in @timeline for @record, before or after the other end, if that is of interest. */
static void tell_waiting(struct tracker *tracker, struct record *record, const struct timeline *timeline)
{
	struct flow reverse = flow_reverse(&record->conn.flow);
	struct record *other = record_table_find_flow(tracker->table, &reverse);

	if (other == record || (other != NULL && !tracker_wants(tracker, other)))
		other = NULL;
	tell_all(tracker, record, other != NULL && other->goes_first ? other : NULL, timeline);
	if (other == NULL || !other->is_put_off)
		return;
	other->is_put_off = false;
	if (other->evidence->timeline != NULL)
		tell_all(tracker, other, record, other->evidence->timeline);
}

void tracker_observe_claimed(struct tracker *tracker, struct record *record)
{
	struct timeline *timeline = record->evidence->timeline;

	if (timeline == NULL || tracker->config.whole || tracker_put_off(tracker, record))
		return;
	tell_waiting(tracker, record, timeline);
	clear(tracker, record);
}

void tracker_observe_joined(struct tracker *tracker, struct record *to, struct record *from, bool flip)
{
	struct timeline *timeline = from->evidence->timeline;

	if (timeline == NULL)
		return;
	record_evidence(from)->timeline = NULL;
	if (flip)
		timeline_flip(timeline);
	/* What the packets said of the ends goes to an owner who has asked for them before they came. */
	if (to->owned && !tracker->config.whole && !tracker_put_off(tracker, to))
		tell_waiting(tracker, to, timeline);
	timeline_join(timeline_of(tracker, to), timeline);
	if (to->owned)
		clear(tracker, to);
}

void tracker_observe_copied(struct tracker *tracker, struct record *to, struct record *from)
{
	struct timeline *timeline;

	if (from->evidence->timeline == NULL)
		return;
	timeline = timeline_copy(from->evidence->timeline);
	if (to->owned && !tracker->config.whole)
		tell_waiting(tracker, to, timeline);
	timeline_join(timeline_of(tracker, to), timeline);
	if (from->owned && !from->is_put_off && !tracker->observer.keep)
		timeline_clear(from->evidence->timeline);
	if (to->owned)
		clear(tracker, to);
}

void tracker_observe_reported(struct tracker *tracker, struct record *record)
{
	(void)tracker;
	if (record->evidence->timeline != NULL)
		timeline_clear(record->evidence->timeline);
}

void tracker_report_put_off(struct tracker *tracker, struct record *record)
{
	if (!record->is_put_off)
		return;
	record->is_put_off = false;
	record->goes_first = true;
	tracker_observe_claimed(tracker, record);
	tracker_messages_claimed(tracker, record);
}
