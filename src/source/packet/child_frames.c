// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/child_state.h"

#include <string.h>

#include "base/clock.h"
#include "source/packet/dns.h"
#include "source/packet/hidden.h"

/*
 * A frame becomes an event, or several, on their way to the main process. Those of one interface, or a savefile, are
 * written where the reader will find them; those of several interfaces are staged first, to be put in order.
 */

/* Number of events shown to the reader at once. */
#define PUBLISH_EVERY 64

#define STAGE_SPARE 64

/* How often, in a savefile's own time, frames without an event advance the time. */
#define TIME_EVERY_NS CLOCK_NS_PER_SEC

/* The place of the next event, or NULL when the ring is full and the caller must not wait. */
static struct event *reserve(struct child *child)
{
	struct event *event = ring_reserve(&child->ring);

	return event != NULL || child->live ? event : child_wait_for_room(child);
}

static void commit(struct child *child)
{
	if (ring_commit(&child->ring) >= PUBLISH_EVERY)
		child_publish(child, child->wake_every);
}

void child_frames_lose(struct child *child, enum lost_where where, int64_t count, int64_t time_ns)
{
	struct event *slot = reserve(child), event;

	if (slot == NULL)
		return;
	event = event_new(EVENT_LOST, ORIGIN_WIRE, time_ns);
	event.lost.where = (uint8_t)where;
	event.lost.count = count;
	memcpy(slot, &event, event_size(EVENT_LOST));
	commit(child);
}

/* Reports the events that found the ring full, as soon as there is room. */
void child_frames_lose_unsaid(struct child *child)
{
	uint64_t lost = child->lost_unsaid;

	if (lost == 0 || ring_reserve(&child->ring) == NULL)
		return;
	child->lost_unsaid = 0;
	child_frames_lose(child, LOST_PACKET_QUEUE, (int64_t)lost, child->last_ns);
}

static void lost_one(struct child *child)
{
	child->lost_unsaid++;
	atomic_fetch_add_explicit(&child->shared->queue_drops, 1, memory_order_relaxed);
}

/* @tcp: the frame carries TCP */
static void count_tcp(struct child *child, enum dissect_result result, bool tcp)
{
	child->tcp += tcp;
	if (result == DISSECT_FRAGMENT)
		child->left[PACKET_LEFT_FRAGMENT]++; /* until take_fragment() */
	else if (result == DISSECT_MALFORMED)
		child->left[PACKET_LEFT_MALFORMED] += tcp;
	else if (result == DISSECT_OTHER)
		child->left[PACKET_LEFT_TUNNEL] += tcp;
}

void child_frames_hidden(struct child *child, const struct dissect_record *record)
{
	if (child->results[DISSECT_EVENT] > 0 || child->looked >= PACKET_HIDDEN_LOOKED)
		return;
	child->looked++;
	hidden_check(child->shared->hidden, record);
}

/* The direction of a frame that a savefile tells. */
static uint16_t way_bits(unsigned int way)
{
	return way == FRAME_SENT ? SEGMENT_HAS_OUTGOING : way == FRAME_RECEIVED ? SEGMENT_HAS_INCOMING : 0;
}

/* Keep a frame of a connection for the main process. Live, one without room is lost. */
static void keep_frame(struct child_input *input, const struct dissect_record *record, const struct event *event)
{
	struct child *child = input->child;
	struct frame_head head = {
		.time_ns = record->time_ns,
		.flow = event->flow,
		.flow_hash = flow_hash(&child->config->packet->flow_key, &event->flow),
		.caplen = record->caplen,
		.length = record->length,
		.link_type = record->link_type,
		.interface = (uint16_t)(record->interface + input->number),
	};

	if (record->interface_name != NULL)
		memcpy(head.name, record->interface_name, sizeof(head.name) - 1);
	while (!frame_ring_put(&child->frames, &head, record->data)) {
		if (child->live || frame_ring_is_too_small(&child->frames, record->caplen)) {
			atomic_fetch_add_explicit(&child->shared->frame_drops, 1, memory_order_relaxed);
			return;
		}
		atomic_store(&child->frames.ring->starved, 1);
		/* Only now, or room made in between would be missed. */
		if (frame_ring_put(&child->frames, &head, record->data))
			return;
		child_wait_for_frame_room(child);
	}
}

/* One frame as an event; @event may be NULL for lack of room: the frame is still read, for the counts. */
static enum dissect_result dissect(struct child_input *input, const struct dissect_record *record,
				   struct dissect_fragment *fragment, struct span *payload, struct event *event)
{
	struct child *child = input->child;
	struct dissect_record numbered = *record;
	static struct event nowhere;
	enum dissect_result result;
	bool tcp = false;

	numbered.tcp = &tcp;
	numbered.interface += input->number;
	numbered.fragment = fragment;
	numbered.payload = payload;
	numbered.answer = child->config->packet->names ? &child->answer : NULL;
	child->last_ns = record->time_ns;
	numbered.decapsulate = child->config->packet->decapsulate;
	result = dissect_frame(record->link_type, &numbered, event ? event : &nowhere);
	/* Here, because the main process is the slower one. */
	if (result == DISSECT_EVENT && event != NULL) {
		event->flow_hash = flow_hash(&child->config->packet->flow_key, &event->flow);
		/* The owner of the connection must be queried while it lives. */
		child->is_urgent |= event->type == EVENT_SEGMENT && (event->segment.flags & SEGMENT_SYN) != 0;
	}
	if (result == DISSECT_EVENT && event != NULL && event->type == EVENT_SEGMENT)
		event->segment.has |= way_bits(record->owner.way);
	if (result == DISSECT_EVENT && child->frames.ring != NULL)
		keep_frame(input, record, event ? event : &nowhere);
	if (numbered.answer != NULL && result == DISSECT_EVENT && event != NULL && event->type == EVENT_SEGMENT &&
	    event->flow.local.port == DNS_PORT) {
		child->answer = *payload;
		if (!span_skip(&child->answer, 2))
			child->answer.length = 0;
	}
	count_tcp(child, result, tcp);
	if (result == DISSECT_FRAGMENT && fragments_feed(child->fragments, fragment)) {
		child->results[DISSECT_EVENT]++;
		child->piece = record;
	} else {
		child->results[result]++;
		/* A piece before the one with the ports. */
		if (result == DISSECT_FRAGMENT && child->frames.ring != NULL)
			atomic_fetch_add_explicit(&child->shared->frame_drops, 1, memory_order_relaxed);
	}
	if (result == DISSECT_OTHER)
		child_frames_hidden(child, record);
	return result;
}

/* fragments_take(), with the hash of the flow, as of any other event. */
static bool take_fragment(struct child_input *input, struct event *event)
{
	struct child *child = input->child;

	if (!fragments_take(child->fragments, event))
		return false;
	if (child->piece != NULL && child->frames.ring != NULL)
		keep_frame(input, child->piece, event);
	child->piece = NULL;
	child->left[PACKET_LEFT_FRAGMENT]--;
	event->flow_hash = flow_hash(&child->config->packet->flow_key, &event->flow);
	return true;
}

static void stage(struct child_input *input)
{
	input->count++;
	/* A frame may become two events or, with fragments, more. */
	if (input->count >= CHILD_STAGE_SLOTS - STAGE_SPARE)
		capture_stop(input->capture);
}

static struct event *stage_slot(struct child_input *input)
{
	return &input->staged[(input->first + input->count) % CHILD_STAGE_SLOTS];
}

/* The bytes of an event that are copied: of a long text, what fits in a slot. */
static size_t slot_bytes(const struct event *event)
{
	size_t size = event_size((enum event_type)event->type);

	return size < RING_SLOT ? size : RING_SLOT;
}

/* Live events without room are lost; those of one frame are staged together. */
static void put(struct child_input *input, const struct event *event)
{
	struct child *child = input->child;
	struct event *slot = NULL;

	if (input->staged == NULL)
		slot = reserve(child);
	else if (input->count < CHILD_STAGE_SLOTS)
		slot = stage_slot(input);
	if (slot == NULL) {
		lost_one(child);
		return;
	}
	memcpy(slot, event, slot_bytes(event));
	if (input->staged == NULL)
		commit(child);
	else
		stage(input);
}

/* The destination of messages, and the connection they belong to. */
struct telling {
	struct child_input *input;
	const struct stream_speaker *speaker;
};

static void tell_piece(void *context, const struct event *piece)
{
	const struct telling *telling = context;
	struct event event;

	memcpy(&event, piece, event_size(EVENT_MESSAGE));
	event.time_ns = telling->speaker->time_ns;
	event.flow.local = telling->speaker->local;
	event.flow.remote = telling->speaker->remote;
	put(telling->input, &event);
}

static void tell_message(void *context, const struct stream_speaker *speaker, const struct message *message)
{
	struct telling telling = {context, speaker};

	message_split(message, tell_piece, &telling);
}

/* A message comes after its segment, which may have left the queue by then: hence the copy. */
static bool keep_segment(const struct child *child, struct event *kept, const struct event *event)
{
	const struct event_segment *segment = &event->segment;

	if (child->stream == NULL || event->type != EVENT_SEGMENT ||
	    (segment->payload == 0 && (segment->flags & (SEGMENT_SYN | SEGMENT_FIN | SEGMENT_RST)) == 0))
		return false;
	memcpy(kept, event, event_size(EVENT_SEGMENT));
	return true;
}

static bool has_owner(const struct dissect_record *record)
{
	return record->owner.pid > 0 && record->owner.way != FRAME_WAY_UNKNOWN;
}

/*
 * The process that a savefile tells for a segment: once for each connection, as far as a small table remembers them. It
 * comes after the segment, which says where the connection begins.
 */
static void tell_owner(struct child_input *input, const struct dissect_record *record, const struct flow *flow,
		       bool is_syn)
{
	const struct frame_owner *owner = &record->owner;
	uint32_t hash = flow_hash(&input->child->config->packet->flow_key, flow);
	struct child_named *named = &input->child->named[hash % CHILD_NAMED];
	struct event event = event_new(EVENT_OWNER, ORIGIN_WIRE, record->time_ns);
	struct event process = event_new(EVENT_PROCESS, ORIGIN_WIRE, record->time_ns);

	if (!is_syn && named->hash == hash && named->pid == owner->pid)
		return;
	*named = (struct child_named){hash, owner->pid};
	event.flow = owner->way == FRAME_SENT ? *flow : flow_reverse(flow);
	event.owner.pid = process.process.pid = owner->pid;
	event.owner.fd = -1;
	event.owner.uid = process.process.uid = (uint32_t)-1;
	process.process.fact = PROCESS_COMM;
	process.process.length = (uint8_t)strlen(owner->comm);
	memcpy(process.process.text, owner->comm, sizeof(owner->comm));
	if (owner->comm[0] != '\0')
		put(input, &process);
	put(input, &event);
}

/* A name, in pieces that fit in a slot. */
static void tell_answer(void *context, const struct dns_answer *answer)
{
	struct child_input *input = context;
	struct event event = event_new(EVENT_NAME, ORIGIN_WIRE, input->child->last_ns);
	size_t length = strlen(answer->name);

	event.flow.remote = answer->address;
	event.name.ttl = answer->ttl;
	for (size_t offset = 0; offset < length; offset += EVENT_NAME_TEXT) {
		size_t left = length - offset, size = left < EVENT_NAME_TEXT ? left : EVENT_NAME_TEXT;

		event.name.offset = (uint16_t)offset;
		event.name.length = (uint8_t)size;
		event.name.last = size == left;
		memset(event.name.text, 0, sizeof(event.name.text));
		memcpy(event.name.text, answer->name + offset, size);
		put(input, &event);
	}
}

/* Over TCP the length comes first (RFC 1035, 4.2.2); of a message in several segments the first one is read. */
static void tell_answers(struct child_input *input)
{
	struct span *answer = &input->child->answer;

	if (answer->length > 0)
		dns_answers(*answer, tell_answer, input);
	answer->length = 0;
}

static void tell_time(struct child *child)
{
	struct event event = event_new(EVENT_TIME, ORIGIN_WIRE, child->other_ns);

	child->passed_ns = child->other_ns;
	put(&child->inputs[0], &event);
}

/* The clock of a savefile is its frames: those without an event advance the time too, now and then. */
static void pass_time(struct child *child, int64_t time_ns)
{
	if (child->live || time_ns <= child->other_ns)
		return;
	child->other_ns = time_ns;
	if (time_ns - child->passed_ns >= TIME_EVERY_NS)
		tell_time(child);
}

void child_frames_rejected(void *context, const struct dissect_record *record)
{
	struct child *child = ((struct child_input *)context)->child;
	struct dissect_record counted = *record;
	struct event nowhere;
	bool tcp = false;

	if (child_frames_are_all(child))
		return;
	counted.tcp = &tcp;
	(void)dissect_frame(record->link_type, &counted, &nowhere);
	child->tcp += tcp;
	child->left[PACKET_LEFT_FILTERED] += tcp;
	pass_time(child, record->time_ns);
}

/* No more comes. */
void child_frames_end(struct child *child)
{
	if (child->stream != NULL)
		stream_finish(child->stream, tell_message, &child->inputs[0]);
	if (child->other_ns > child->passed_ns)
		tell_time(child);
}

bool child_frames_are_all(const struct child *child)
{
	return child->config->packet->packets > 0 && child->taken >= child->config->packet->packets;
}

/* Whether the limit is exceeded. The last one ends the run. */
static bool is_one_too_many(struct child *child)
{
	if (child->config->packet->packets == 0)
		return false;
	if (child_frames_are_all(child))
		return true;
	child->taken++;
	child->draining |= child_frames_are_all(child);
	return false;
}

static void frame_direct(void *context, const struct dissect_record *record)
{
	struct child_input *input = context;
	struct child *child = input->child;
	struct event *event, lost;
	struct span payload = {NULL, 0};
	struct dissect_fragment fragment;
	enum dissect_result result;
	struct event kept;

	if (is_one_too_many(child))
		return;
	event = reserve(child);
	result = dissect(input, record, &fragment, &payload, event);
	if (result == DISSECT_EVENT && event != NULL) {
		bool telling_more = keep_segment(child, &kept, event);
		bool is_owned = event->type == EVENT_SEGMENT && has_owner(record);

		if (is_owned)
			memcpy(&kept, event, event_size(EVENT_SEGMENT));
		commit(child);
		if (is_owned)
			tell_owner(input, record, &kept.flow, kept.segment.flags & SEGMENT_SYN);
		if (telling_more)
			stream_feed(child->stream, &kept, payload, tell_message, input);
	} else if (result == DISSECT_EVENT) {
		lost_one(child);
	}
	while (result == DISSECT_FRAGMENT && take_fragment(input, event ? event : &lost)) {
		if (event != NULL)
			commit(child);
		else
			lost_one(child);
		event = reserve(child);
	}
	tell_answers(input);
	if (result != DISSECT_EVENT)
		pass_time(child, record->time_ns);
	if (child->lost_unsaid != 0)
		child_frames_lose_unsaid(child);
}

static void frame_staged(void *context, const struct dissect_record *record)
{
	struct child_input *input = context;
	struct dissect_fragment fragment;
	struct span payload = {NULL, 0};
	enum dissect_result result;
	struct event kept;
	struct event lost;

	if (is_one_too_many(input->child))
		return;
	result = dissect(input, record, &fragment, &payload, stage_slot(input));
	if (result == DISSECT_EVENT) {
		bool telling_more = keep_segment(input->child, &kept, stage_slot(input));

		stage(input);
		if (telling_more)
			stream_feed(input->child->stream, &kept, payload, tell_message, input);
	}
	while (result == DISSECT_FRAGMENT && input->count < CHILD_STAGE_SLOTS &&
	       take_fragment(input, stage_slot(input)))
		stage(input);
	while (result == DISSECT_FRAGMENT && take_fragment(input, &lost))
		lost_one(input->child);
	tell_answers(input);
}

/* A frame and what is in it. */
static void frame_reported(void *context, const struct dissect_record *record)
{
	struct child_input *input = context;
	struct child *child = input->child;
	struct dissect_record optioned = *record;
	struct dissect_fragment fragment;
	struct event event, frame = {.frame.length = 0};
	struct span payload = {NULL, 0};
	enum dissect_result result;
	struct event kept;
	bool is_segment;

	if (is_one_too_many(child))
		return;
	optioned.options = frame.frame.options;
	result = dissect(input, &optioned, &fragment, &payload, &event);
	is_segment = result == DISSECT_EVENT && event.type == EVENT_SEGMENT;
	if (!is_segment)
		memset(frame.frame.options, 0, sizeof(frame.frame.options));
	frames_event(&frame, input->frames, record, is_segment);
	if (is_segment || child->config->packet->other_frames)
		put(input, &frame);
	if (result == DISSECT_EVENT)
		put(input, &event);
	if (is_segment && has_owner(record))
		tell_owner(input, record, &event.flow, event.segment.flags & SEGMENT_SYN);
	if (result == DISSECT_EVENT && keep_segment(child, &kept, &event))
		stream_feed(child->stream, &kept, payload, tell_message, input);
	while (result == DISSECT_FRAGMENT && take_fragment(input, &event))
		put(input, &event);
	tell_answers(input);
	if (result != DISSECT_EVENT)
		pass_time(child, record->time_ns);
	if (child->lost_unsaid != 0 && input->staged == NULL)
		child_frames_lose_unsaid(child);
}

capture_function child_frames_function(const struct child_input *input)
{
	if (input->child->config->packet->frames)
		return frame_reported;
	return input->staged != NULL ? frame_staged : frame_direct;
}

/* Put the staged events up to @horizon_ns into the ring, oldest first. */
void child_frames_merge(struct child *child, int64_t horizon_ns)
{
	for (;;) {
		struct child_input *oldest = NULL;
		int64_t oldest_ns = INT64_MAX;
		struct event *slot;

		for (size_t i = 0; i < child->input_count; i++) {
			struct child_input *input = &child->inputs[i];

			if (input->count > 0 && input->staged[input->first].time_ns < oldest_ns) {
				oldest = input;
				oldest_ns = input->staged[input->first].time_ns;
			}
		}
		if (oldest == NULL || oldest_ns > horizon_ns)
			return;
		slot = reserve(child);
		if (slot != NULL) {
			const struct event *event = &oldest->staged[oldest->first];

			memcpy(slot, event, slot_bytes(event));
			commit(child);
			child_frames_lose_unsaid(child);
		} else {
			lost_one(child);
		}
		child->last_ns = oldest_ns;
		oldest->first = (oldest->first + 1) % CHILD_STAGE_SLOTS;
		oldest->count--;
	}
}
