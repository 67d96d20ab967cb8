// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/ring.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "model/frame_owner.h"

_Static_assert(RING_SLOT >= offsetof(struct event, segment) + sizeof(struct event_segment), "a segment fits");
_Static_assert(RING_SLOT >= offsetof(struct event, icmp) + sizeof(struct event_icmp), "an ICMP error fits");
_Static_assert(RING_SLOT >= offsetof(struct event, lost) + sizeof(struct event_lost), "a loss fits");
_Static_assert(RING_SLOT >= offsetof(struct event, frame) + sizeof(struct event_frame), "a frame fits");
_Static_assert(RING_SLOT >= offsetof(struct event, message) + sizeof(struct event_message), "a message fits");
_Static_assert(RING_SLOT >= offsetof(struct event, name) + sizeof(struct event_name), "a name fits");
_Static_assert(RING_SLOT >= offsetof(struct event, owner) + sizeof(struct event_owner), "an owner fits");
_Static_assert(RING_SLOT >= offsetof(struct event, process.text) + FRAME_OWNER_COMM, "the name of a process fits");
_Static_assert(RING_SLOT % _Alignof(struct event) == 0, "each slot is aligned");

size_t ring_size(uint64_t count)
{
	/* A reader may read a whole struct event in the last slot. */
	return sizeof(struct ring) + count * RING_SLOT + sizeof(struct event);
}

/* A process that a savefile tells: its PID and short name, nothing that a source of this host would know. */
static bool process_is_sound(struct event *event)
{
	if (event->process.fact != PROCESS_COMM || event->process.length >= FRAME_OWNER_COMM ||
	    event->process.offset != 0 || event->process.pid <= 0)
		return false;
	event->process.uid = (uint32_t)-1;
	memset(event->process.text + event->process.length, 0, EVENT_PROCESS_TEXT - event->process.length);
	return true;
}

static bool owner_is_sound(struct event *event)
{
	if (event->owner.pid <= 0)
		return false;
	event->owner = (struct event_owner){.pid = event->owner.pid, .fd = -1, .uid = (uint32_t)-1};
	return true;
}

/*
 * Values that other code relies on must be checked, because the process may be compromised. A wrong flow_hash is
 * harmless: it only selects where a record is searched, and the record found is compared.
 */
static bool event_is_sound(struct event *event)
{
	event->origin = ORIGIN_WIRE;
	event->flow.proto = IPPROTO_TCP;
	event->flow.netns = 0;
	memset(event->flow.zero, 0, sizeof(event->flow.zero));
	event->flow.local.zero = event->flow.remote.zero = 0;
	/* A frame of a savefile may have no time. */
	if (event->time_ns < CLOCK_UNKNOWN)
		return false;
	switch (event->type) {
	case EVENT_SEGMENT:
	case EVENT_FRAME:
	case EVENT_TIME:
		return true;
	case EVENT_ICMP:
		return event->icmp.version == 4 || event->icmp.version == 6;
	case EVENT_MESSAGE:
		return event->message.kind < MESSAGE_KIND_NUM && event->message.part < MESSAGE_PART_NUM &&
		       event->message.length <= EVENT_MESSAGE_TEXT;
	case EVENT_LOST:
		return event->lost.where < LOST_WHERE_NUM && event->lost.count >= EVENT_UNKNOWN;
	case EVENT_NAME:
		return event->name.length <= EVENT_NAME_TEXT;
	case EVENT_PROCESS:
		return process_is_sound(event);
	case EVENT_OWNER:
		return owner_is_sound(event);
	default:
		return false;
	}
}

int ring_take(struct ring_end *end, struct event *event)
{
	if (end->tail == end->head) {
		uint64_t head = atomic_load_explicit(&end->ring->head, memory_order_acquire);

		if (head - end->tail > end->count)
			return -EPROTO;
		end->head = head;
		if (end->tail == head)
			return 0;
	}
	memcpy(event, end->ring->slots + (end->tail & (end->count - 1)) * RING_SLOT, RING_SLOT);
	end->tail++;
	return event_is_sound(event) ? 1 : -EPROTO;
}
