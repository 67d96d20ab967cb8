// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/clock.h"
#include "track/wire_bits.h"

/* When a RST ends a connection, and when what follows shows that it did not. */

/*
 * A packet filter that rejects what this host sends answers in the name of the remote side. That answer does not leave
 * the host: it is captured on the loopback interface, though the connection does not go over it. All segments of a
 * connection within this host are captured there.
 */
static bool is_made_here(const struct wire *wire, const struct event_segment *segment, enum wire_side side)
{
	const uint16_t ends = SEGMENT_HAS_OUTGOING | SEGMENT_HAS_INCOMING;

	if (side != WIRE_REMOTE || !(segment->has & SEGMENT_HAS_LOOPBACK))
		return false;
	if (wire->halves[WIRE_LOCAL].frames + wire->halves[WIRE_REMOTE].frames > wire->halves[WIRE_REMOTE].rsts)
		return wire->travels;
	/* The segment that it answers was dropped before it could be captured. */
	return (segment->has & ends) == SEGMENT_HAS_INCOMING;
}

/* The sender of a RST of @side. */
static uint16_t remote_bit(struct wire *wire, const struct event_segment *segment, enum wire_side side)
{
	wire->rst_here = is_made_here(wire, segment, side);
	return side == WIRE_REMOTE && !wire->rst_here ? WIRE_RST_REMOTE : 0;
}

/* Process a RST within the handshake if it is acceptable (RFC 9293, 3.10.7.3-4, step "check the RST bit"). */
static void feed_rst_handshake(struct wire *wire, const struct event *event, enum wire_side side)
{
	const struct event_segment *segment = &event->segment;
	enum wire_side opener = wire_opener(wire);
	struct wire_half *half = &wire->halves[side], *other = &wire->halves[wire_other(side)];
	int64_t start, ack;

	if (half->bits & HALF_SYN) {
		start = wire_offset(half, segment->seq);
		if (start < 0 || start > (int64_t)half->next)
			return;
		wire->bits |= WIRE_ABORTED | remote_bit(wire, segment, side);
	} else if (side != opener && other->bits & HALF_SYN) {
		/* Without an ACK the opener ignores it; its sender refused nevertheless. */
		ack = segment->flags & SEGMENT_ACK ? wire_offset(other, segment->ack) : 1;
		if (ack < 1 || ack > (int64_t)other->next)
			return;
		wire->bits |= WIRE_REFUSED | remote_bit(wire, segment, side);
		if (other->syn_acked_ns < 0)
			other->syn_acked_ns = event->time_ns;
	}
}

/* It answers a SYN that was not captured, or will be found behind it. */
static void feed_rst_alone(struct wire *wire, const struct event_segment *segment, enum wire_side side)
{
	struct wire_half *other = &wire->halves[wire_other(side)];

	wire->bits |= WIRE_OPENER_KNOWN | (side == WIRE_LOCAL ? WIRE_OPENER_REMOTE : 0) | WIRE_REFUSED |
		      remote_bit(wire, segment, side);
	other->acked = segment->ack;
	other->bits |= HALF_ACKED;
}

/*
 * RFC 5961, 3.2: a RST is accepted if it has the number that is expected next; one that is only in the window causes a
 * challenge ACK. The expected number depends on the segments that arrived, so in a capture it may be the other side's
 * acknowledgement or the sender's next number; and segments may be missing. So any RST in the window is the end if no
 * segment follows that its sender would not have sent after it.
 */
void wire_rst_feed(struct wire *wire, const struct event *event, enum wire_side side)
{
	const struct event_segment *segment = &event->segment;
	struct wire_half *half = &wire->halves[side];
	const struct wire_half *opener = &wire->halves[wire_opener(wire)];
	uint16_t unsure = 0;

	if (wire_is_finished(wire) && !wire_may_go_on(wire))
		return;
	if (half->frames + wire->halves[wire_other(side)].frames == 1 && event_segment_refuses(segment)) {
		feed_rst_alone(wire, segment, side);
		return;
	}
	if (!(wire->bits & WIRE_ESTABLISHED) && wire->bits & WIRE_OPENER_KNOWN && !(opener->bits & HALF_ACK_SENT)) {
		feed_rst_handshake(wire, event, side);
		return;
	}
	if (half->bits & HALF_BASE) {
		int64_t distance = wire_offset(half, segment->seq) - (int64_t)half->next;
		int64_t window = wire_window(wire, side);

		if (distance > window || distance < -window)
			return;
		if (distance != 0 && !(half->bits & HALF_ACKED && segment->seq == half->acked)) {
			unsure = WIRE_RST_UNSURE;
			half->stray = segment->seq;
			half->bits &= (uint16_t)~HALF_STRAY;
		}
	}
	wire->bits = (uint16_t)((wire->bits & ~WIRE_RST_BITS) | WIRE_RST | unsure | remote_bit(wire, segment, side));
}

/*
 * Its sender goes on after a RST that was unsure. After one that was accepted: it was forged, or ignored, if its sender
 * sends more and acknowledges new bytes. @acked and @next are what they were before this segment.
 */
void wire_rst_after(struct wire *wire, enum wire_side side, uint32_t acked, uint64_t next)
{
	const struct wire_half *half = &wire->halves[side];
	enum wire_side sender = wire->bits & WIRE_RST_REMOTE ? WIRE_REMOTE : WIRE_LOCAL;
	bool sends = half->next > next, acks = wire->halves[wire_other(side)].acked != acked;
	bool goes_on = sends && acks;

	/* Segments that it had sent before may come later. */
	if (wire_may_go_on(wire))
		goes_on = acks || (sends && (int64_t)half->next > wire_offset(half, half->stray));
	if (side == sender && goes_on)
		wire->bits &= (uint16_t)~WIRE_RST_BITS;
}
