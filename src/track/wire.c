// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/wire.h"

#include <string.h>

#include "base/clock.h"
#include "track/wire_bits.h"

/*
 * This is evidence, not a state machine: each segment sets bits and raises numbers, and in any order the same segments
 * leave (nearly) the same record. A capture may begin in the middle, lose segments, hold them twice or out of order,
 * and some may be forged. So a number is accepted only where it fits the numbers seen before or those that the other
 * side acknowledges. Any other segment is counted as a frame and otherwise ignored.
 *
 * The handshake is finished when both SYNs have been acknowledged. This rule covers the ordinary one (the SYN by the
 * SYN/ACK, the SYN/ACK by the ACK), the simultaneous one (RFC 9293, figure 7) and its variants, and Fast Open (RFC
 * 7413).
 */

/* The largest shift of a window (RFC 7323, 2.3). */
#define WSCALE_MAX 14

/* Beyond this distance a number belongs to another connection. */
#define FAR (1 << 30)

/* More than an hour, beyond which the counter of microseconds seems to run backwards. */
#define LATE_MAX_US 0xf0000000u

static void feed_time(struct wire *wire, int64_t time_ns)
{
	if (wire->first_ns < 0) {
		wire->first_ns = wire->last_ns = time_ns;
		return;
	}
	if (time_ns < wire->first_ns)
		wire->first_ns = time_ns;
	if (clock_since(wire->last_ns, time_ns) > wire->gap_ns)
		wire->gap_ns = clock_since(wire->last_ns, time_ns);
	else if (wire->gap_ns < 0)
		wire->gap_ns = 0;
	if (time_ns > wire->last_ns)
		wire->last_ns = time_ns;
}

/* RFC 6298, 2; a round trip over four seconds does not fit and is left out. */
static void rtt_sample(struct wire *wire, int64_t from_ns, int64_t to_ns)
{
	int64_t sample = clock_span(from_ns, to_ns);

	if (sample < 0 || sample >= WIRE_RTT_UNKNOWN)
		return;
	if (sample < wire->minrtt_ns)
		wire->minrtt_ns = (uint32_t)sample;
	if (wire->srtt_ns == WIRE_RTT_UNKNOWN)
		wire->srtt_ns = (uint32_t)sample;
	else
		wire->srtt_ns = (uint32_t)(wire->srtt_ns - wire->srtt_ns / 8 + sample / 8);
}

static void established_check(struct wire *wire)
{
	const struct wire_half *opener = &wire->halves[wire_opener(wire)];
	const struct wire_half *acceptor = &wire->halves[wire_other(wire_opener(wire))];

	if (wire->bits & WIRE_ESTABLISHED || !(wire->bits & WIRE_OPENER_KNOWN) || !(acceptor->bits & HALF_SYN_ACKED))
		return;
	/* A capture may begin with the SYN/ACK. */
	if (!(opener->bits & HALF_SYN_ACKED) && (opener->bits & HALF_SYN || acceptor->synacks == 0))
		return;
	/* The opener tried again with the same number after the reset. */
	wire->bits = (uint16_t)((wire->bits & ~(WIRE_REFUSED | WIRE_ABORTED | WIRE_RST_BITS)) | WIRE_ESTABLISHED);
}

static void syn_acked(struct wire *wire, enum wire_side side, int64_t time_ns)
{
	struct wire_half *half = &wire->halves[side];

	half->bits |= HALF_SYN_ACKED;
	half->syn_acked_ns = time_ns;
	/* Karn: it is unknown which of two SYNs was answered. */
	if (side == WIRE_LOCAL && half->syns + half->synacks == 1)
		rtt_sample(wire, half->syns ? wire->syn_ns : wire->halves[WIRE_REMOTE].syn_acked_ns, time_ns);
	established_check(wire);
}

/*
 * @event acknowledges the SYN of @side and was recorded behind a later one that does. It counts unless it is sooner
 * than what it answers. The opener's SYN is answered by a SYN.
 */
static void syn_acked_sooner(struct wire *wire, const struct event *event, enum wire_side side)
{
	bool is_opener = side == wire_opener(wire);
	int64_t asked_ns = is_opener ? wire->syn_ns : wire->halves[wire_other(side)].syn_acked_ns;

	if (!(wire->bits & WIRE_OPENER_KNOWN) || (is_opener && !(event->segment.flags & SEGMENT_SYN)))
		return;
	if (event->time_ns >= asked_ns)
		wire->halves[side].syn_acked_ns = event->time_ns;
}

static void feed_opener(struct wire *wire, const struct event *event, enum wire_side side, bool synack)
{
	enum wire_side opener = synack ? wire_other(side) : side;

	if (!(wire->bits & WIRE_OPENER_KNOWN))
		wire->bits |= WIRE_OPENER_KNOWN | (opener == WIRE_REMOTE ? WIRE_OPENER_REMOTE : 0);
	if (!synack && side == wire_opener(wire) && (wire->syn_ns < 0 || event->time_ns < wire->syn_ns))
		wire->syn_ns = event->time_ns;
}

static void feed_syn_options(struct wire *wire, const struct event_segment *segment, enum wire_side side)
{
	struct wire_half *half = &wire->halves[side];

	half->bits &= (uint16_t) ~(HALF_OPTIONS | HALF_WSCALE);
	if (segment->has & SEGMENT_HAS_CUT)
		return;
	half->bits |= HALF_OPTIONS;
	wire->mptcp |= (segment->has & SEGMENT_HAS_MPTCP) != 0;
	wire->plain |= (segment->has & SEGMENT_HAS_MPTCP) == 0;
	if (segment->has & SEGMENT_HAS_MSS && (wire->mss == 0 || segment->mss < wire->mss))
		wire->mss = segment->mss;
	if (segment->has & SEGMENT_HAS_WSCALE) {
		half->bits |= HALF_WSCALE;
		half->wscale = segment->wscale > WSCALE_MAX ? WSCALE_MAX : segment->wscale;
	}
}

/* Set where @side begins, by its SYN. */
static void feed_syn_base(struct wire *wire, enum wire_side side, uint32_t isn)
{
	struct wire_half *half = &wire->halves[side];
	int64_t acked;

	if (half->bits & HALF_BASE && !(half->bits & HALF_SYN) && half->base - isn <= WIRE_LOWER_MAX &&
	    half->base != isn) {
		/* The capture has it after later segments. */
		wire_half_lower(wire, side, isn, isn + 1);
	} else {
		wire_half_base(wire, side, isn);
		half->syns = half->synacks = 0;
	}
	half->bits |= HALF_SYN;
	if (half->next == 0)
		half->next = 1;
	if (!(half->bits & HALF_ACKED))
		return;
	acked = wire_offset(half, half->acked);
	if (acked < 1 || acked > WIRE_LOWER_MAX)
		half->bits &= (uint16_t) ~(HALF_ACKED | HALF_SYN_ACKED_EARLY);
}

/* Its host did not treat an ICMP error as the end. */
static void feed_syn_again(struct wire *wire, struct wire_half *half)
{
	if (!(wire->bits & WIRE_UNREACHABLE))
		return;
	wire->bits &= (uint16_t)~WIRE_UNREACHABLE_BITS;
	half->syn_acked_ns = CLOCK_UNKNOWN;
}

/* Return: false when the SYN is none of this connection's. */
static bool feed_syn(struct wire *wire, const struct event *event, enum wire_side side)
{
	const struct event_segment *segment = &event->segment;
	struct wire_half *half = &wire->halves[side];
	const struct wire_half *other = &wire->halves[wire_other(side)];
	bool synack = segment->flags & SEGMENT_ACK;

	if (synack && other->bits & HALF_SYN) {
		int64_t acked = wire_offset(other, segment->ack);

		if (acked < 1 || acked > (int64_t)other->next)
			return false;
	}
	if (!(half->bits & HALF_SYN) || segment->seq != half->base) {
		if (half->bits & HALF_SYN_ACKED)
			return false;
		if (half->synacks > 0) {
			/* SYN cookies (RFC 4987, 3.6): each answer has a number of its own, and the ACK chooses. */
			half->stray = segment->seq;
			half->bits |= HALF_STRAY;
			half->synacks += half->synacks < UINT8_MAX;
			return false;
		}
		feed_syn_base(wire, side, segment->seq);
	}
	feed_syn_options(wire, segment, side);
	feed_opener(wire, event, side, synack);
	if (synack && half->synacks < UINT8_MAX)
		half->synacks++;
	else if (!synack && half->syns < UINT8_MAX)
		half->syns++;
	if (!synack && half->syns > 1 && side == wire_opener(wire) && !(half->bits & HALF_SYN_ACKED))
		feed_syn_again(wire, half);
	if (half->bits & HALF_SYN_ACKED_EARLY && wire_offset(half, half->acked) <= (int64_t)half->next) {
		half->bits &= (uint16_t)~HALF_SYN_ACKED_EARLY;
		syn_acked(wire, side, half->syn_acked_ns);
		/* All segments of the other side may precede the SYN, in a file that is not in order. */
		half->acked = half->stray;
	}
	return true;
}

static uint32_t window_scaled(const struct wire *wire, enum wire_side side, const struct event_segment *segment)
{
	const struct wire_half *half = &wire->halves[side], *other = &wire->halves[wire_other(side)];

	if (segment->flags & SEGMENT_SYN)
		return segment->window;
	if (!(half->bits & other->bits & HALF_OPTIONS))
		return (uint32_t)segment->window << WSCALE_MAX;
	return (uint32_t)segment->window << (half->bits & other->bits & HALF_WSCALE ? half->wscale : 0);
}

/*
 * A number outside the window is forged, or the capture has a gap. It is a gap when another segment goes on from there.
 * Return: true when the numbers of @side have been moved there.
 */
static bool feed_stray(struct wire *wire, enum wire_side side, uint32_t seq, uint32_t end)
{
	struct wire_half *half = &wire->halves[side];
	int32_t distance = (int32_t)(seq - half->stray);
	int64_t jump = wire_offset(half, seq) - (int64_t)half->next;
	bool again = half->bits & HALF_STRAY && distance >= -(int32_t)WIRE_WINDOW_UNSCALED &&
		     distance <= (int32_t)WIRE_WINDOW_UNSCALED;

	half->stray = end;
	half->bits |= HALF_STRAY;
	if (!again)
		return false;
	if (jump < 0 || jump > WIRE_JUMP_MAX) {
		/* Only its current number matters from now on. */
		wire_half_base(wire, side, seq);
		half->bits = (uint16_t)((half->bits & ~HALF_ACKED) | HALF_JUMPED);
	}
	half->bits &= (uint16_t)~HALF_STRAY;
	return true;
}

static void count(uint16_t *counter)
{
	if (*counter < UINT16_MAX)
		(*counter)++;
}

/*
 * RFC 9293, 3.8.4: a number that was sent before, with the byte that belongs to it or without any. Keep-alives are only
 * sent when nothing waits for an acknowledgement; else the byte is retransmitted because it may be lost.
 * @start: offset of the segment, before it is processed
 */
static bool is_keepalive(const struct wire_half *half, const struct event_segment *segment, int64_t start)
{
	int64_t next = (int64_t)half->next;

	if (segment->payload > 1 || start != next - 1 || segment->flags & (SEGMENT_SYN | SEGMENT_FIN) ||
	    half->bits & HALF_FIN || (next <= 1 && !(half->bits & HALF_SYN_ACKED)))
		return false;
	return segment->payload == 0 || !(half->bits & HALF_ACKED) || wire_offset(half, half->acked) >= next;
}

bool wire_is_probe(const struct wire *wire, const struct event_segment *segment, enum wire_side side, int64_t start)
{
	const struct wire_half *receiver = &wire->halves[wire_other(side)];

	return segment->payload == 1 && start == (int64_t)wire->halves[side].next && receiver->bits & HALF_WINDOW &&
	       receiver->window == 0 && !(segment->flags & (SEGMENT_SYN | SEGMENT_FIN));
}

/* Whether it may fill a forgotten hole. Acknowledged bytes had come before; @end: offset behind the segment */
static bool fills_forgotten(const struct wire_half *half, int64_t end)
{
	return half->bits & HALF_HOLE_DROPPED && (!(half->bits & HALF_ACKED) || wire_offset(half, half->acked) < end);
}

/* The delay of a retransmission of @side, or part of one, is at least the time since its last new data. */
static void feed_late(struct wire *wire, enum wire_side side, uint32_t now_us)
{
	uint32_t late_us = now_us - wire->halves[side].fresh_us;

	if (late_us > LATE_MAX_US)
		late_us = 0; /* recorded out of order */
	if (wire->rare->late_us == UINT32_MAX || late_us > wire->rare->late_us)
		wire_rare(wire)->late_us = late_us;
}

/* A first answer, after what the opener sent last: by fresh_us, whose bits last for an hour. */
static void feed_first(struct wire *wire, enum wire_side side, uint32_t now_us)
{
	enum wire_side opener = wire_opener(wire);
	uint32_t wait_us = now_us - wire->halves[opener].fresh_us;

	if (!(wire->bits & WIRE_OPENER_KNOWN) || side == opener)
		return;
	/* Later ones are in the wrong order. */
	wire->first_us = wire->halves[opener].bits & HALF_DATA && wait_us <= LATE_MAX_US ? wait_us : WIRE_FIRST_UNKNOWN;
}

/* New bytes of @side: the first answer lasts until the opener sends more. */
static void feed_answer(struct wire *wire, enum wire_side side, uint32_t now_us)
{
	uint32_t since_us = now_us - wire->halves[side].fresh_us;

	if (wire->first_us == WIRE_FIRST_NONE)
		feed_first(wire, side, now_us);
	else if (side == wire_opener(wire))
		wire->answer_is_over = 1;
	else if (!wire->answer_is_over && since_us <= LATE_MAX_US)
		wire->xfer_us += since_us;
}

/* Payload of @side, in offsets. */
static enum wire_range feed_payload(struct wire *wire, const struct event *event, enum wire_side side, int64_t start,
				    int64_t end, bool keepalive)
{
	const struct event_segment *segment = &event->segment;
	struct wire_half *half = &wire->halves[side];
	/* Only the first fragment of a segment is counted. */
	bool later = segment->has & SEGMENT_HAS_LATER_FRAGMENT;
	bool was_fresh = half->bits & HALF_DATA, is_new = end > (int64_t)half->next;
	uint32_t now_us = (uint32_t)(event->time_ns / CLOCK_NS_PER_US);
	int64_t seen = end < (int64_t)half->next ? end : (int64_t)half->next;
	enum wire_range range;

	half->bits |= HALF_DATA;
	if (!was_fresh)
		wire->halves[side].fresh_us = now_us;
	if (wire_is_probe(wire, segment, side, start)) {
		half->bits |= HALF_PROBED;
		return RANGE_AGAIN;
	}
	range = wire_half_range(wire, side, start, end);
	if (end == (int64_t)half->next)
		half->bits &= (uint16_t)~HALF_BEYOND;
	if (range == RANGE_FILLS && !later)
		count(&wire_rare(wire)->ooo);
	if (range == RANGE_AGAIN && !keepalive && !later) {
		uint32_t segments = wire_segments(wire, segment, seen - start);

		wire_rare(wire)->retrans[side] += segments;
		wire_rare(wire)->retrans[side] |= segments == 0 ? WIRE_RETRANS_UNSURE : 0;
	}
	if (range == RANGE_AGAIN && !keepalive && !later && fills_forgotten(half, end))
		wire_rare(wire)->retrans[side] |= WIRE_RETRANS_UNSURE;
	else if (range == RANGE_AGAIN && !keepalive && !later)
		feed_late(wire, side, now_us);
	is_new = is_new || range == RANGE_FILLS;
	if (is_new && !keepalive)
		feed_answer(wire, side, now_us);
	if (is_new)
		wire->halves[side].fresh_us = now_us;
	return range;
}

/* An empty segment: the bytes before it were sent and not captured. */
static void feed_beyond(struct wire *wire, enum wire_side side, int64_t start)
{
	wire->halves[side].bits |= HALF_BEYOND;
	wire_half_range(wire, side, start, start);
}

/*
 * No byte comes after a FIN: a FIN whose number was acknowledged and passed was forged. A repeated one is a
 * retransmission (the kernel counts it so, too); with payload it is counted already.
 */
static void feed_fin(struct wire *wire, const struct event *event, enum wire_side side, uint32_t fin)
{
	struct wire_half *half = &wire->halves[side];
	uint32_t now_us = (uint32_t)(event->time_ns / CLOCK_NS_PER_US);

	if (!(half->bits & HALF_FIN)) {
		half->bits |= HALF_FIN;
		half->fin = fin;
		wire->halves[side].fresh_us = now_us;
		if (side == WIRE_REMOTE && !(wire->halves[WIRE_LOCAL].bits & HALF_FIN))
			wire->bits |= WIRE_FIN_REMOTE_FIRST;
	} else if (half->fin == fin && event->segment.payload == 0) {
		wire_rare(wire)->retrans[side]++;
		feed_late(wire, side, now_us);
	} else if (half->bits & HALF_ACKED && (int32_t)(half->acked - half->fin) > 1) {
		half->fin = fin;
	}
}

/* Whether the first byte of @side's segment is in the window that the other side advertised last. */
static bool is_in_window(const struct wire *wire, enum wire_side side, int64_t start)
{
	const struct wire_half *half = &wire->halves[side], *receiver = &wire->halves[wire_other(side)];
	int64_t expected = half->bits & HALF_ACKED ? wire_offset(half, half->acked) : 1;

	if (!(receiver->bits & HALF_WINDOW))
		return start <= (int64_t)half->next;
	return start <= expected || start < expected + receiver->window;
}

/*
 * The payload and FIN of a segment that is no RST.
 * @in_window: set when the receiver accepts it, though bytes may be missing before it (RFC 9293, 3.10.7.4)
 * Return: false when its numbers are not credible.
 */
static bool feed_numbers(struct wire *wire, const struct event *event, enum wire_side side, bool *in_window)
{
	const struct event_segment *segment = &event->segment;
	struct wire_half *half = &wire->halves[side];
	uint32_t seq = segment->seq + (segment->flags & SEGMENT_SYN ? 1 : 0);
	uint32_t fin = segment->flags & SEGMENT_FIN ? 1 : 0;
	enum wire_range range = RANGE_NEW;
	bool is_stray = false, keepalive;
	int64_t start, end;

	if (!(half->bits & HALF_BASE))
		wire_half_base(wire, side, seq);
	start = wire_offset(half, seq);
	end = start + segment->payload;
	if (end + fin > (int64_t)half->next + wire_window(wire, side) || start < (int64_t)half->next - FAR) {
		if (!feed_stray(wire, side, seq, seq + segment->payload + fin))
			return false;
		is_stray = true;
		start = wire_offset(half, seq);
		end = start + segment->payload;
	} else {
		half->bits &= (uint16_t)~HALF_STRAY;
	}
	if (start < 0) {
		/* No byte comes before a SYN, but some may before the beginning of a capture. */
		if (half->bits & (HALF_SYN | HALF_JUMPED) || start < -WIRE_LOWER_MAX)
			return false;
		wire_half_lower(wire, side, seq, end < 0 ? seq + segment->payload : half->base);
		*in_window = true;
		return true;
	}
	/* Needed only while the other side's SYN waits for an acknowledgement. */
	*in_window =
		wire->halves[wire_other(side)].bits & HALF_SYN_ACKED || (!is_stray && is_in_window(wire, side, start));
	keepalive = is_keepalive(half, segment, start);
	if (keepalive)
		count(&wire_rare(wire)->keepalives);
	if (segment->payload > 0)
		range = feed_payload(wire, event, side, start, end, keepalive);
	else if (start > (int64_t)half->next && (half->bits & (HALF_SYN | HALF_SYN_ACKED)) != HALF_SYN)
		feed_beyond(wire, side, start);
	if (fin) {
		feed_fin(wire, event, side, seq + segment->payload);
		wire_half_range(wire, side, end, end + 1);
	}
	if (side != WIRE_LOCAL || segment->payload == 0)
		return true;
	if (range != RANGE_NEW) {
		wire->bits &= (uint16_t)~WIRE_PROBE;
	} else if (!(wire->bits & WIRE_PROBE)) {
		wire->bits |= WIRE_PROBE;
		wire->probe_ns = event->time_ns;
		wire->probe_end = seq + segment->payload;
	}
	return true;
}

/* The acknowledgement in a segment that is no RST. @in_window: by its own numbers it counts */
static void feed_ack(struct wire *wire, const struct event *event, enum wire_side side, bool in_window)
{
	const struct event_segment *segment = &event->segment;
	enum wire_side other = wire_other(side);
	struct wire_half *half = &wire->halves[other];
	int64_t ack;

	/* A sender of an ACK that has received nothing yet leaves the number at 0. */
	if (!(segment->flags & SEGMENT_SYN) && (segment->ack != 0 || half->bits & HALF_BASE))
		wire->halves[side].bits |= HALF_ACK_SENT;
	if (!(half->bits & HALF_BASE)) {
		/* No segment that it acknowledges was seen yet: kept, in case the SYN comes late. */
		if (!(half->bits & HALF_ACKED)) {
			half->bits |= HALF_ACKED | HALF_SYN_ACKED_EARLY;
			half->acked = half->stray = segment->ack;
			half->syn_acked_ns = event->time_ns;
		} else if ((int32_t)(segment->ack - half->stray) > 0) {
			half->stray = segment->ack;
		}
		return;
	}
	if (half->synacks > 1 && !(half->bits & HALF_SYN_ACKED) && half->bits & HALF_STRAY &&
	    segment->ack == half->stray + 1) {
		wire_half_base(wire, other, half->stray);
		half->bits |= HALF_SYN;
		half->next = 1;
	}
	ack = wire_offset(half, segment->ack);
	if (half->bits & HALF_PROBED && ack == (int64_t)half->next + 1) {
		/* The receiver has accepted the byte. */
		half->bits &= (uint16_t)~HALF_PROBED;
		wire_half_range(wire, other, ack - 1, ack);
	}
	if (half->bits & HALF_SYN && !(half->bits & HALF_SYN_ACKED)) {
		/* It finishes half a handshake only if it acknowledges sent bytes (RFC 9293, 3.10.7.3-4). */
		if (ack < 1 || ack > (int64_t)half->next || !in_window) {
			/* It may have chosen a number that was forgotten. */
			if (half->synacks > 2 && half->bits & HALF_STRAY)
				half->bits |= HALF_JUMPED;
			return;
		}
		half->bits |= HALF_ACKED;
		half->acked = segment->ack;
		syn_acked(wire, other, event->time_ns);
	} else if (!(half->bits & HALF_ACKED)) {
		if (ack < -FAR || ack > (int64_t)half->next + FAR)
			return;
		half->bits |= HALF_ACKED;
		half->acked = segment->ack;
	} else if ((int32_t)(segment->ack - half->acked) > 0 && ack <= (int64_t)half->next + FAR) {
		half->acked = segment->ack;
	}
	if (event->time_ns < half->syn_acked_ns && half->bits & HALF_SYN_ACKED && ack >= 1)
		syn_acked_sooner(wire, event, other);
	/* All missing bytes have arrived. */
	if (half->bits & HALF_HOLE_DROPPED && wire_offset(half, half->acked) >= (int64_t)half->next)
		half->bits &= (uint16_t)~HALF_HOLE_DROPPED;
	if (side == WIRE_REMOTE && wire->bits & WIRE_PROBE && (int32_t)(segment->ack - wire->probe_end) >= 0) {
		wire->bits &= (uint16_t)~WIRE_PROBE;
		rtt_sample(wire, wire->probe_ns, event->time_ns);
	}
}

static bool feed(struct wire *wire, const struct event *event, enum wire_side side)
{
	const struct event_segment *segment = &event->segment;
	struct wire_half *half = &wire->halves[side];
	uint32_t acked = wire->halves[wire_other(side)].acked;
	uint64_t next = half->next;
	bool in_window = false;

	if (wire_is_copy(wire, event, side)) {
		wire_rare(wire)->copies += wire->rare->copies < UINT32_MAX;
		return false;
	}
	feed_time(wire, event->time_ns);
	half->frame_bytes += segment->frame;
	half->tag = half->frames == 0 ? segment->tag : half->tag;
	if (half->frames < UINT32_MAX)
		half->frames++;
	if (segment->has & SEGMENT_HAS_FRAGMENT)
		wire->bits |= WIRE_FRAGMENTS;
	if (!(segment->has & SEGMENT_HAS_LOOPBACK))
		wire->travels = 1;
	if (segment->flags & SEGMENT_FIN && half->fins < UINT8_MAX)
		half->fins++;
	if (segment->flags & SEGMENT_RST && half->rsts < UINT8_MAX)
		half->rsts++;
	if (segment->flags & SEGMENT_RST) {
		wire_rst_feed(wire, event, side);
		return true;
	}
	if (segment->window == 0 && !(segment->flags & (SEGMENT_SYN | SEGMENT_FIN)) &&
	    !(segment->has & SEGMENT_HAS_LATER_FRAGMENT))
		count(&wire_rare(wire)->zerowin);
	if (segment->flags & SEGMENT_SYN && !feed_syn(wire, event, side))
		return true;
	if (!feed_numbers(wire, event, side, &in_window))
		return true;
	half->window = window_scaled(wire, side, segment);
	half->bits |= HALF_WINDOW;
	if (segment->flags & SEGMENT_ACK)
		feed_ack(wire, event, side, in_window);
	if (wire->bits & WIRE_RST)
		wire_rst_after(wire, side, acked, next);
	return true;
}

/* Some savefiles contain no times. */
static struct event with_time(struct wire *wire, const struct event *event)
{
	struct event timed;

	memcpy(&timed, event, event_size((enum event_type)event->type));
	timed.time_ns = wire->last_ns >= 0 ? wire->last_ns : 0;
	wire->bits |= WIRE_TIMELESS;
	return timed;
}

bool wire_feed(struct wire *wire, const struct event *event, enum wire_side side)
{
	struct event timed;

	if (event->time_ns >= 0)
		return feed(wire, event, side);
	timed = with_time(wire, event);
	return feed(wire, &timed, side);
}
