// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include <string.h>

#include "base/clock.h"
#include "track/wire_view.h"

/* Evidence of packets. */

/* No queue delays a packet longer than this against another queue's. */
#define EARLY_NS (100 * CLOCK_NS_PER_MS)

/* The result of a packet in a record. */
enum fate {
	FATE_NONE,
	FATE_COUNTED,
	FATE_COPY,
	FATE_LATE,
};

/* @beside: another one has the flow and keeps it. */
static struct record *record_of_packet(struct tracker *tracker, const struct event *event, const struct flow *flow,
				       bool beside)
{
	struct record *record = tracker_record_new(tracker, true);

	tracker->has_packets = true;
	record->calls_unseen = true;
	record->is_inside = event->segment.has & SEGMENT_HAS_OUTGOING && event->segment.has & SEGMENT_HAS_INCOMING;
	if (beside) {
		record->conn.flow = *flow;
		record_table_add_flow(tracker->table, record);
	} else {
		tracker_join_flow(tracker, record, flow);
	}
	record_seen(record, event->time_ns, SEEN_WIRE);
	/* Without a handshake in the packets this connection is older than the capture. */
	if (tracker->notify.opened != NULL && !(event->segment.flags & SEGMENT_SYN))
		tracker->notify.opened(tracker->notify.context, flow);
	return record;
}

/*
 * The "local" side of an unclaimed connection is this host's, as far as the segment shows (both, on the loopback
 * interface); else the accepting side.
 */
static struct record_ends record_new_flow(struct tracker *tracker, const struct event *event, bool beside)
{
	struct record_ends ends = {NULL, NULL};
	struct flow reverse = flow_reverse(&event->flow);
	const struct event_segment *segment = &event->segment;
	bool sends = (segment->has & SEGMENT_HAS_OUTGOING) != 0;
	bool receives = (segment->has & SEGMENT_HAS_INCOMING) != 0;

	/* In a run with a target one record is enough until a process claims the flow. */
	if (!sends && !receives)
		sends = (segment->flags & (SEGMENT_SYN | SEGMENT_ACK)) == (SEGMENT_SYN | SEGMENT_ACK) ||
			event_segment_refuses(segment);
	tracker->has_beside |= beside;
	if (sends)
		ends.sender = record_of_packet(tracker, event, &event->flow, beside);
	if (!sends || (receives && tracker->config.whole))
		ends.receiver = record_of_packet(tracker, event, &reverse, beside);
	return ends;
}

/* Whether it was open when this segment of another connection came. */
static bool is_alive(const struct tracker *tracker, const struct record *record, const struct event *event)
{
	return !record->reported && !wire_is_finished(record->wire) &&
	       clock_span(wire_last_ns(record->wire), event->time_ns) < tracker->config.timeout_ns;
}

/* Whether the segment may be of another network than the record that was found by its flow. */
static bool has_another_tag(const struct record *record, const struct event *event, enum wire_side side)
{
	return record != NULL && record->wire != NULL && !wire_has_tag(record->wire, event->segment.tag, side);
}

static bool is_lone_syn(const struct record *record)
{
	return record->wire != NULL && wire_is_lone_syn(record->wire);
}

/* The two ends are those of one connection and of a SYN beside it. */
static bool are_of_two(struct record_ends ends)
{
	return ends.sender != NULL && ends.receiver != NULL && ends.sender->wire != NULL &&
	       ends.receiver->wire != NULL && !wire_is_empty(ends.sender->wire) &&
	       !wire_is_empty(ends.receiver->wire) && is_lone_syn(ends.sender) != is_lone_syn(ends.receiver);
}

/* Whether there are more records than @ends with these ends, or both are of different connections. */
static bool are_several(const struct tracker *tracker, const struct event *event, uint32_t hash,
			struct record_ends ends)
{
	bool has[WIRE_SIDES] = {false, false};
	size_t at = SIZE_MAX;
	bool is_reverse;

	while (record_table_next(tracker->table, &event->flow, hash, &at, &is_reverse) != NULL) {
		if (has[is_reverse])
			return true;
		has[is_reverse] = true;
	}
	return are_of_two(ends);
}

/* How well the segment matches @record: numbers count more than the tag. A SYN is rather of an attempt. */
static int rank_of(const struct record *record, const struct event *event, enum wire_side side)
{
	int rank = 1;

	if (record->wire != NULL)
		rank = wire_fits(record->wire, event, side) * 2 + wire_has_tag(record->wire, event->segment.tag, side);
	if (rank == 0 || record->wire == NULL || wire_is_finished(record->wire))
		return rank * 2;
	return rank * 2 + (is_lone_syn(record) == ((event->segment.flags & SEGMENT_SYN) != 0));
}

/*
 * Several networks may have connections with these ends, and a SYN that its receiver did not accept stays beside the
 * connection: choose the records that the segment belongs to.
 * Return: both NULL when it belongs to none, and begins another one.
 */
static struct record_ends choose_records(struct tracker *tracker, const struct event *event, uint32_t hash)
{
	struct record_ends ends = {NULL, NULL};
	int best[WIRE_SIDES] = {0, 0};
	size_t at = SIZE_MAX;
	struct record *record;
	bool is_reverse;

	while ((record = record_table_next(tracker->table, &event->flow, hash, &at, &is_reverse)) != NULL) {
		enum wire_side side = is_reverse ? WIRE_REMOTE : WIRE_LOCAL;
		int rank = rank_of(record, event, side);

		/* The newest of equals. */
		if (rank == 0 || rank < best[side])
			continue;
		best[side] = rank;
		*(is_reverse ? &ends.receiver : &ends.sender) = record;
	}
	if (are_of_two(ends))
		*(best[WIRE_LOCAL] < best[WIRE_REMOTE] ? &ends.sender : &ends.receiver) = NULL;
	return ends;
}

static struct record *with_wire(struct record *record)
{
	if (record != NULL && record->wire == NULL) {
		record->wire = wire_new();
		record->seen |= SEEN_WIRE;
	}
	return record;
}

/*
 * Return: @record if the segment is of its connection, else NULL.
 * @duplicate: set when it is open. @beside: set when it stays until the other one is answered, for the SYN may be
 * forged or old (RFC 5961, 4.2; RFC 9293, 3.10.7.4, TIME-WAIT).
 */
static struct record *segment_record(struct tracker *tracker, const struct event *event, struct record *record,
				     enum wire_side side, bool *duplicate, bool *beside)
{
	if (record->wire == NULL)
		return with_wire(record);
	if (wire_accepts(record->wire, event, side) && !(record->reported && wire_goes_on(record->wire, event, side)))
		return record;
	if (is_alive(tracker, record, event))
		record->duplicate = *duplicate = true;
	if (event->segment.flags & SEGMENT_SYN && !record->reported && wire_was_answered(record->wire))
		*beside = true;
	else
		tracker_supersede(tracker, record);
	return NULL;
}

/* The record of an answered connection, with the ends of the event's, that is none of @ends. */
static struct record *find_former(struct tracker *tracker, const struct event *event, uint32_t hash,
				  struct record_ends ends)
{
	size_t at = SIZE_MAX;
	struct record *former;
	bool is_reverse;

	while ((former = record_table_next(tracker->table, &event->flow, hash, &at, &is_reverse)) != NULL)
		if (former != ends.sender && former != ends.receiver && former->wire != NULL &&
		    wire_was_answered(former->wire) &&
		    wire_has_tag(former->wire, event->segment.tag, is_reverse ? WIRE_REMOTE : WIRE_LOCAL))
			break;
	return former;
}

/* A SYN that stayed beside a connection was accepted: that one is over. */
static void end_former(struct tracker *tracker, const struct event *event, uint32_t hash, struct record_ends ends)
{
	const struct record *record = ends.sender != NULL ? ends.sender : ends.receiver;
	struct record *former;

	if (!wire_was_answered(record->wire))
		return;
	while ((former = find_former(tracker, event, hash, ends)) != NULL)
		tracker_supersede(tracker, former);
}

/* Decide by the packet how long @record is kept; an owned one ends with its socket. */
static void follow_end(struct tracker *tracker, struct record *record)
{
	bool is_over = wire_is_finished(record->wire) && !wire_may_go_on(record->wire);

	if (record->owned || record->evidence->cookie != 0)
		return;
	if (is_over && record->closing)
		tracker_linger_on(tracker, record);
	else if (is_over)
		tracker_begin_closing(tracker, record);
	else if (record->closing)
		tracker_go_on(tracker, record);
}

/* An attempt without a result, whose SYN this host may have dropped before it could be captured. */
static bool may_be_unsent(const struct record *record)
{
	return record->dir == DIR_OUT && !record->evidence->established && record->evidence->call_error != 0;
}

/* @first: the other end's record, which has processed it, or NULL. Return: the fate of its frame, not FATE_NONE. */
static enum fate feed_packet_to(struct tracker *tracker, struct record *record, const struct event *event,
				enum wire_side side, struct record *first)
{
	bool is_counted = false;

	if (event->type == EVENT_ICMP) {
		if (wire_is_empty(record->wire) && side == WIRE_LOCAL && may_be_unsent(record))
			wire_icmp_alone(record->wire, event);
		else
			wire_icmp(record->wire, event, side);
		tracker_observe_icmp(tracker, record, event, side, first);
	} else if (tracker->is_observed) {
		is_counted = tracker_observe_segment(tracker, record, event, side, first);
	} else {
		is_counted = wire_feed(record->wire, event, side);
	}
	if (record->reported)
		return is_counted ? FATE_LATE : FATE_COPY;
	record_seen(record, event->time_ns, SEEN_WIRE);
	follow_end(tracker, record);
	return is_counted ? FATE_COUNTED : FATE_COPY;
}

static void stats(struct tracker *tracker, enum fate sender, enum fate receiver)
{
	if (sender == FATE_COUNTED || receiver == FATE_COUNTED)
		tracker->stats.both_ends += sender == receiver;
	else if (sender == FATE_LATE || receiver == FATE_LATE)
		tracker->stats.left_out[LEFT_OUT_LATE]++;
	else
		tracker->stats.left_out[LEFT_OUT_COPY]++;
}

/* Both ends are on this host: is the receiver's to be reported first? */
static bool receiver_first(const struct tracker *tracker, const struct record_ends *ends, const struct event *event)
{
	const uint16_t both = SEGMENT_SYN | SEGMENT_ACK;

	if (event->type != EVENT_SEGMENT)
		return false;
	/* It is not in their evidence yet. */
	if (event->segment.flags & SEGMENT_SYN && ends->sender->goes_first == ends->receiver->goes_first)
		return (event->segment.flags & both) == SEGMENT_SYN;
	return tracker_goes_first(tracker, ends->receiver, ends->sender);
}

/* Always inline: it runs for every packet. */
static inline __attribute__((always_inline)) void feed_ends(struct tracker *tracker, struct record_ends ends,
							    const struct event *event)
{
	enum fate sender = FATE_NONE, receiver = FATE_NONE;

	if (ends.sender != NULL && ends.receiver != NULL && receiver_first(tracker, &ends, event)) {
		receiver = feed_packet_to(tracker, ends.receiver, event, WIRE_REMOTE, NULL);
		sender = feed_packet_to(tracker, ends.sender, event, WIRE_LOCAL, ends.receiver);
	} else {
		if (ends.sender != NULL)
			sender = feed_packet_to(tracker, ends.sender, event, WIRE_LOCAL, NULL);
		if (ends.receiver != NULL)
			receiver = feed_packet_to(tracker, ends.receiver, event, WIRE_REMOTE, ends.sender);
	}
	if (event->type == EVENT_SEGMENT)
		stats(tracker, sender, receiver);
}

/* In a recording of several queues an answer may precede the segment that it answers. */
static void keep_early(struct tracker *tracker, const struct event *event)
{
	tracker->early[tracker->early_at] = (struct early_icmp){event->flow, event->time_ns, event->icmp};
	tracker->early_at = (tracker->early_at + 1) % TRACKER_EARLY;
}

/* The error, which is not kept any longer. */
static struct event early_event(struct early_icmp *early)
{
	struct event event = event_new(EVENT_ICMP, ORIGIN_WIRE, early->time_ns);

	event.flow = early->flow;
	event.icmp = early->icmp;
	early->icmp.version = 0;
	return event;
}

/* @syn makes one of @ends known, or both. */
static void feed_early(struct tracker *tracker, const struct event *syn, struct record_ends ends)
{
	for (unsigned int i = 0; i < TRACKER_EARLY; i++) {
		struct early_icmp *early = &tracker->early[i];
		struct event event;

		if (early->icmp.version == 0 || memcmp(&early->flow, &syn->flow, sizeof(early->flow)) != 0 ||
		    early->icmp.seq != syn->segment.seq || clock_since(early->time_ns, syn->time_ns) > EARLY_NS)
			continue;
		event = early_event(early);
		feed_ends(tracker, ends, &event);
	}
}

void tracker_packets_recall(struct tracker *tracker, struct record *record)
{
	struct record_ends ends = {record, NULL};

	for (unsigned int i = 0; i < TRACKER_EARLY; i++) {
		struct early_icmp *early = &tracker->early[i];
		struct event event;

		if (early->icmp.version == 0 || !endpoint_equal(&early->flow.local, &record->conn.flow.local) ||
		    !endpoint_equal(&early->flow.remote, &record->conn.flow.remote))
			continue;
		event = early_event(early);
		with_wire(record);
		feed_ends(tracker, ends, &event);
	}
}

/* The calls of a log that wait for this SYN, on either side. */
static void join_calls(struct tracker *tracker, const struct event *syn)
{
	const struct flow flows[] = {syn->flow, flow_reverse(&syn->flow)};

	for (int is_in = 0; is_in < 2; is_in++) {
		struct record *record = tracker_halves_take(tracker, &flows[is_in], is_in, syn->time_ns);

		if (record != NULL)
			tracker_join_flow(tracker, record, &flows[is_in]);
	}
}

/* Make and choose the records that a segment belongs to; @ends: those that its flow leads to. */
static struct record_ends segment_records(struct tracker *tracker, const struct event *event, uint32_t hash,
					  struct record_ends ends, bool several)
{
	bool duplicate = false, beside = several;

	if (several || has_another_tag(ends.sender, event, WIRE_LOCAL) ||
	    has_another_tag(ends.receiver, event, WIRE_REMOTE)) {
		ends = choose_records(tracker, event, hash);
		beside |= ends.sender == NULL && ends.receiver == NULL;
	}
	if (ends.sender != NULL)
		ends.sender = segment_record(tracker, event, ends.sender, WIRE_LOCAL, &duplicate, &beside);
	if (ends.receiver != NULL)
		ends.receiver = segment_record(tracker, event, ends.receiver, WIRE_REMOTE, &duplicate, &beside);
	if (ends.sender == NULL && ends.receiver == NULL)
		ends = record_new_flow(tracker, event, beside);
	if (duplicate) {
		if (ends.sender != NULL)
			ends.sender->duplicate = true;
		if (ends.receiver != NULL)
			ends.receiver->duplicate = true;
	}
	return ends;
}

void tracker_packets_feed(struct tracker *tracker, struct event *event, uint32_t hash)
{
	struct record_ends ends;

	if (event->flow.netns == 0)
		event->flow.netns = tracker->config.netns;
	ends = record_table_find_both(tracker->table, &event->flow, hash);
	if (event->type == EVENT_SEGMENT) {
		bool several = tracker->has_beside && are_several(tracker, event, hash, ends);

		ends = segment_records(tracker, event, hash, ends, several);
		feed_ends(tracker, ends, event);
		if (several)
			end_former(tracker, event, hash, ends);
		if (event->segment.flags & SEGMENT_SYN)
			feed_early(tracker, event, ends);
		if ((event->segment.flags & (SEGMENT_SYN | SEGMENT_ACK)) == SEGMENT_SYN &&
		    tracker_halves_syn(tracker, event))
			join_calls(tracker, event);
	} else if (ends.sender != NULL || ends.receiver != NULL) {
		with_wire(ends.sender);
		with_wire(ends.receiver);
		feed_ends(tracker, ends, event);
	} else {
		keep_early(tracker, event);
	}
	tracker->has_frame = false;
}

static void make_blind(struct record_list *list)
{
	for (struct record *record = list->first; record != NULL; record = record->next)
		if (record->wire != NULL && !wire_is_empty(record->wire) && !wire_is_finished(record->wire))
			record->blind = true;
}

void tracker_packets_end(struct tracker *tracker)
{
	make_blind(&tracker->open);
	make_blind(&tracker->closing);
}
