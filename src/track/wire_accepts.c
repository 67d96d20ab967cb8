// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/clock.h"
#include "track/wire_bits.h"

/* Which segments are of a connection, and which begin another one on the same addresses and ports. */

/* A SYN that the network held back comes sooner than this after the end; later the same number is a new attempt. */
#define SYN_LATE_NS CLOCK_NS_PER_SEC

/* A SYN of a side that was not seen to send one yet. */
static bool accepts_first_syn(const struct wire *wire, const struct event_segment *segment, enum wire_side side)
{
	const struct wire_half *half = &wire->halves[side], *other = &wire->halves[wire_other(side)];
	int64_t ack = other->bits & HALF_SYN && segment->flags & SEGMENT_ACK ? wire_offset(other, segment->ack) : 0;

	if (wire->bits & WIRE_REFUSED && half->bits & HALF_ACKED && segment->seq + 1 == half->acked)
		return true;
	/* Recorded late; or the answer to the local SYN, even if a refusal came before. */
	if (half->bits & HALF_BASE && half->base - segment->seq <= WIRE_LOWER_MAX && half->base != segment->seq)
		return true;
	if (ack >= 1 && ack <= (int64_t)other->next)
		return true;
	if (wire_is_finished(wire) || wire->bits & WIRE_ESTABLISHED)
		return false;
	/* A wrong answer to this attempt still belongs to it. */
	if (segment->flags & SEGMENT_ACK)
		return !(half->bits & (other->bits & HALF_SYN ? HALF_DATA : HALF_BASE));
	if (other->bits & HALF_SYN && other->syns > 0)
		return true; /* simultaneous open */
	if (half->bits & HALF_ACKED)
		return segment->seq != half->acked && half->acked - segment->seq <= WIRE_LOWER_MAX;
	return !(half->bits & HALF_BASE);
}

bool wire_accepts(const struct wire *wire, const struct event *event, enum wire_side side)
{
	const struct event_segment *segment = &event->segment;
	const struct wire_half *half = &wire->halves[side], *other = &wire->halves[wire_other(side)];
	int64_t ack;

	if (wire_is_empty(wire))
		return true;
	if (!(segment->flags & SEGMENT_SYN)) {
		int64_t distance = wire_offset(half, segment->seq) - (int64_t)half->next;

		/* Late segments of a closed connection have its numbers. */
		return segment->flags & SEGMENT_RST || !(half->bits & HALF_BASE) || !wire_is_finished(wire) ||
		       (distance > -WIRE_JUMP_MAX && distance < WIRE_JUMP_MAX);
	}
	if (!(half->bits & HALF_SYN))
		return accepts_first_syn(wire, segment, side);
	if (segment->seq == half->base) {
		/* After the end its SYN is not retransmitted; but some hosts reuse its number. */
		return segment->flags & SEGMENT_ACK || !(half->bits & HALF_SYN_ACKED) || !wire_is_finished(wire) ||
		       clock_since(wire->last_ns, event->time_ns) < SYN_LATE_NS;
	}
	if (!(segment->flags & SEGMENT_ACK) || wire_is_finished(wire) || half->bits & HALF_SYN_ACKED)
		return false;
	ack = wire_offset(other, segment->ack);
	return other->bits & HALF_SYN && ack >= 1 && ack <= (int64_t)other->next;
}

bool wire_goes_on(const struct wire *wire, const struct event *event, enum wire_side side)
{
	const struct event_segment *segment = &event->segment;
	const struct wire_half *half = &wire->halves[side], *other = &wire->halves[wire_other(side)];
	enum wire_side reset_by = wire->bits & WIRE_RST_REMOTE ? WIRE_REMOTE : WIRE_LOCAL;
	uint32_t length = segment->payload + (segment->flags & SEGMENT_SYN ? 1 : 0);
	bool acks = segment->flags & SEGMENT_ACK &&
		    (!(other->bits & HALF_ACKED) || (int32_t)(segment->ack - other->acked) > 0);
	bool is_new = !(half->bits & HALF_BASE) || wire_offset(half, segment->seq) + length > (int64_t)half->next;

	if (segment->flags & SEGMENT_RST)
		return false;
	if (wire->bits & WIRE_RST)
		return is_new && segment->payload > 0 && side == reset_by && (acks || !(other->bits & HALF_BASE));
	if (wire_is_finished(wire))
		return false;
	return is_new || acks;
}
