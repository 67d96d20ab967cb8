// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/segment.h"

#include <string.h>

#include "base/clock.h"
#include "model/tcp_options.h"
#include "track/wire_bits.h"

/*
 * A segment is classified beside wire_feed(), from the evidence before and after it, so that only an observer has the
 * cost.
 */

/* Whether the last window that @side advertised was zero. */
static bool is_closed(const struct wire *wire, enum wire_side side)
{
	return wire->halves[side].bits & HALF_WINDOW && wire->halves[side].window == 0;
}

/* @was: the evidence before the segment; @wire: the evidence after it. */
static void judge_payload(struct segment *segment, const struct wire *was, const struct wire *wire,
			  const struct event_segment *event, enum wire_side side)
{
	const struct wire_half *old = &was->halves[side], *half = &wire->halves[side];
	uint32_t seq = event->seq + (event->flags & SEGMENT_SYN ? 1 : 0);
	int64_t start = old->bits & HALF_BASE ? wire_offset(old, seq) : 0;
	bool counted = wire->rare->retrans[side] != was->rare->retrans[side];

	if (!(old->bits & HALF_BASE) || old->base != half->base || start < 0)
		return;
	if (counted) {
		segment->resent = event->payload - wire_half_unseen(was, side, start, start + event->payload);
		segment->judged |= segment->resent == event->payload ? SEGMENT_RESENT : SEGMENT_RESENT_PART;
		if (old->bits & HALF_HOLE_DROPPED)
			segment->judged |= SEGMENT_FORGOTTEN;
		if (segment->judged & SEGMENT_RESENT && old->bits & HALF_ACKED &&
		    wire_offset(old, old->acked) >= start + event->payload + (event->flags & SEGMENT_FIN ? 1 : 0))
			segment->judged |= SEGMENT_SPURIOUS;
	} else if (wire->rare->ooo != was->rare->ooo) {
		segment->judged |= SEGMENT_OUT_OF_ORDER;
	} else if (wire->rare->keepalives != was->rare->keepalives) {
		segment->judged |= is_closed(was, wire_other(side)) ? SEGMENT_WINDOW_PROBE : SEGMENT_KEEPALIVE;
	} else if (wire_is_probe(was, event, side, start)) {
		segment->judged |= SEGMENT_WINDOW_PROBE;
	} else if (event->payload > 0 && half->next == old->next && half->stray != old->stray) {
		segment->judged |= SEGMENT_STRAY;
	}
}

/* Retransmitted SYN and FIN. */
static void judge_control(struct segment *segment, const struct wire_half *old, const struct event_segment *event)
{
	bool synack = event->flags & SEGMENT_ACK;

	if (event->flags & SEGMENT_SYN && old->bits & HALF_SYN && old->base == event->seq &&
	    (synack ? old->synacks : old->syns) > 0)
		segment->judged |= SEGMENT_RESENT;
	if (event->flags & SEGMENT_FIN && event->payload == 0 && old->bits & HALF_FIN &&
	    old->fin == event->seq + event->payload)
		segment->judged |= SEGMENT_RESENT;
}

/* The round trip of the SYN, or the SYN/ACK, of @side, when @event has acknowledged it. */
static int64_t handshake_sample(const struct wire *old, const struct wire *wire, const struct event *event,
				enum wire_side side)
{
	const struct wire_half *half = &wire->halves[side];

	if (!(half->bits & ~old->halves[side].bits & HALF_SYN_ACKED) || half->syns + half->synacks != 1)
		return SEGMENT_UNKNOWN;
	return clock_span(half->syns > 0 ? wire->syn_ns : wire->halves[wire_other(side)].syn_acked_ns, event->time_ns);
}

/* The same samples as for RTT_MS (wire.c). */
static int64_t rtt_sample(const struct wire *old, const struct wire *wire, const struct event *event,
			  enum wire_side side)
{
	if (!wire_has_times(wire))
		return SEGMENT_UNKNOWN;
	if (old->bits & WIRE_PROBE && !(wire->bits & WIRE_PROBE) && side == WIRE_REMOTE &&
	    event->segment.flags & SEGMENT_ACK && (int32_t)(event->segment.ack - old->probe_end) >= 0)
		return clock_span(old->probe_ns, event->time_ns);
	return handshake_sample(old, wire, event, WIRE_LOCAL);
}

static void put_be32(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 24);
	to[1] = (uint8_t)(value >> 16);
	to[2] = (uint8_t)(value >> 8);
	to[3] = (uint8_t)value;
}

/* Without the option bytes: the options of the segment event, in the usual order. */
static void make_options(struct segment *segment, const struct event_segment *event)
{
	uint8_t *to = segment->options;

	if (event->has & SEGMENT_HAS_MSS) {
		const uint8_t option[] = {TCP_OPTION_MSS, 4, (uint8_t)(event->mss >> 8), (uint8_t)event->mss};

		memcpy(to, option, sizeof(option));
		to += sizeof(option);
	}
	if (event->has & SEGMENT_HAS_SACK_OK) {
		*to++ = TCP_OPTION_SACK_OK;
		*to++ = 2;
	}
	if (event->has & SEGMENT_HAS_TIMESTAMP) {
		*to++ = TCP_OPTION_TIMESTAMP;
		*to++ = 10;
		put_be32(to, event->tsval);
		put_be32(to + 4, event->tsecr);
		to += 8;
	}
	if (event->has & SEGMENT_HAS_WSCALE) {
		*to++ = TCP_OPTION_NOP;
		*to++ = TCP_OPTION_WSCALE;
		*to++ = 3;
		*to++ = event->wscale;
	}
}

static void fill_numbers(struct segment *segment, const struct wire *wire, const struct event_segment *event,
			 enum wire_side side)
{
	const struct wire_half *half = &wire->halves[side], *other = &wire->halves[wire_other(side)];
	uint16_t both = half->bits & other->bits;

	if (half->bits & HALF_BASE)
		segment->seq = wire_offset(half, event->seq);
	if (other->bits & HALF_BASE && event->flags & SEGMENT_ACK)
		segment->ack = wire_offset(other, event->ack);
	segment->ack_offset = other->bits & HALF_BASE ? -other->base : 0;
	if (segment->seq < 0)
		segment->seq = SEGMENT_UNKNOWN;
	if (segment->ack < 0)
		segment->ack = SEGMENT_UNKNOWN;
	if (!(event->flags & SEGMENT_SYN) && !(both & HALF_OPTIONS))
		segment->judged |= SEGMENT_UNSCALED;
	else if (!(event->flags & SEGMENT_SYN) && both & HALF_WSCALE)
		segment->window <<= wire->halves[side].wscale;
}

void segment_feed(struct segment *segment, struct wire *wire, struct tcp_states *states, const struct event *event,
		  const struct event_frame *frame, enum wire_side side)
{
	const struct event_segment *from = &event->segment;
	const struct wire_rare old_rare = *wire->rare;
	struct wire old = *wire;
	bool first_fragment = !(from->has & SEGMENT_HAS_LATER_FRAGMENT);

	old.rare = &old_rare;
	*segment = (struct segment){
		.time_ns = event->time_ns,
		.rtt_ns = SEGMENT_UNKNOWN,
		.other_rtt_ns = SEGMENT_UNKNOWN,
		.before_ns = SEGMENT_UNKNOWN,
		.seq = SEGMENT_UNKNOWN,
		.ack = SEGMENT_UNKNOWN,
		.payload = from->payload,
		.frame = from->frame,
		.window = from->window,
		.flags = from->flags,
		.side = (uint8_t)side,
		.before = *states,
		.after = *states,
	};
	if (frame != NULL) {
		segment->judged |= SEGMENT_FRAME;
		segment->filters = frame->filters;
		memcpy(segment->options, frame->options, sizeof(segment->options));
	} else {
		make_options(segment, from);
	}
	if (from->has & SEGMENT_HAS_CUT)
		segment->judged |= SEGMENT_CUT;
	if (from->has & SEGMENT_HAS_FRAGMENT)
		segment->judged |= SEGMENT_FRAGMENT;
	if (!wire_feed(wire, event, side)) {
		segment->judged |= SEGMENT_COPY;
		return;
	}
	tcp_states_feed(states, wire, from, side);
	segment->after = *states;
	fill_numbers(segment, wire, from, side);
	if (!(from->flags & SEGMENT_RST)) {
		judge_payload(segment, &old, wire, from, side);
		judge_control(segment, &old.halves[side], from);
		segment->rtt_ns = rtt_sample(&old, wire, event, side);
		if (wire_has_times(wire))
			segment->other_rtt_ns = handshake_sample(&old, wire, event, WIRE_REMOTE);
	}
	if (wire->rare->zerowin != old_rare.zerowin && first_fragment)
		segment->judged |= SEGMENT_ZERO_WINDOW;
}

static void flip_states(struct tcp_states *states)
{
	const struct tcp_states old = *states;

	for (unsigned int side = 0; side < WIRE_SIDES; side++) {
		states->of[side] = old.of[wire_other((enum wire_side)side)];
		states->heard[side] = old.heard[wire_other((enum wire_side)side)];
	}
}

void segment_flip(struct segment *segment)
{
	int64_t rtt_ns = segment->rtt_ns;

	segment->side = (uint8_t)wire_other((enum wire_side)segment->side);
	segment->rtt_ns = segment->other_rtt_ns;
	segment->other_rtt_ns = rtt_ns;
	flip_states(&segment->before);
	flip_states(&segment->after);
}
