// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tcp_states.h"

#include <netinet/tcp.h>

#include "track/wire_bits.h"

static bool is_unopened(uint8_t state)
{
	return state == 0 || state == TCP_CLOSE || state == TCP_LISTEN;
}

static void feed_syn(struct tcp_states *states, enum wire_side side)
{
	uint8_t *mine = &states->of[side], *theirs = &states->of[wire_other(side)];

	if (*mine == TCP_SYN_RECV && *theirs == TCP_SYN_SENT) {
		/* No listener: simultaneous open (RFC 9293, figure 7). */
		*theirs = TCP_SYN_RECV;
	} else if (is_unopened(*mine)) {
		*mine = TCP_SYN_SENT;
		if (is_unopened(*theirs))
			*theirs = TCP_SYN_RECV;
	}
}

static void feed_synack(struct tcp_states *states, const struct wire *wire, enum wire_side side)
{
	uint8_t *mine = &states->of[side], *theirs = &states->of[wire_other(side)];

	if (is_unopened(*mine) || *mine == TCP_SYN_SENT)
		*mine = TCP_SYN_RECV;
	/* Without its SYN the capture begins here, and the opener must have sent one. */
	if (*theirs == 0 || ((*theirs == TCP_SYN_SENT || *theirs == TCP_SYN_RECV) &&
			     wire->halves[wire_other(side)].bits & HALF_SYN_ACKED))
		*theirs = TCP_ESTABLISHED;
}

static void feed_ack(struct tcp_states *states, const struct wire *wire, const struct event_segment *segment,
		     enum wire_side side)
{
	const struct wire_half *half = &wire->halves[wire_other(side)];
	uint8_t *theirs = &states->of[wire_other(side)];

	if ((*theirs == TCP_SYN_RECV || *theirs == TCP_SYN_SENT) && half->bits & HALF_SYN_ACKED)
		*theirs = TCP_ESTABLISHED;
	if (!(half->bits & HALF_FIN) || (int32_t)(segment->ack - half->fin) <= 0)
		return;
	if (*theirs == TCP_FIN_WAIT1)
		*theirs = TCP_FIN_WAIT2;
	else if (*theirs == TCP_CLOSING)
		*theirs = TCP_TIME_WAIT;
	else if (*theirs == TCP_LAST_ACK)
		*theirs = TCP_CLOSE;
}

static void feed_fin(struct tcp_states *states, const struct wire *wire, const struct event_segment *segment,
		     enum wire_side side)
{
	const struct wire_half *other = &wire->halves[wire_other(side)];
	uint8_t *mine = &states->of[side], *theirs = &states->of[wire_other(side)];

	if (*mine == TCP_CLOSE_WAIT) {
		/* An arrived FIN would be acknowledged: without that both closed at once. */
		bool arrived = segment->flags & SEGMENT_ACK && (int32_t)(segment->ack - other->fin) > 0;

		*mine = arrived ? TCP_LAST_ACK : TCP_CLOSING;
	} else if (*mine == TCP_ESTABLISHED || *mine == TCP_SYN_RECV) {
		*mine = TCP_FIN_WAIT1;
	}
	if (*theirs == TCP_ESTABLISHED || *theirs == TCP_SYN_RECV)
		*theirs = TCP_CLOSE_WAIT;
	else if (*theirs == TCP_FIN_WAIT1)
		*theirs = TCP_CLOSING;
	else if (*theirs == TCP_FIN_WAIT2)
		*theirs = TCP_TIME_WAIT;
}

void tcp_states_feed(struct tcp_states *states, const struct wire *wire, const struct event_segment *segment,
		     enum wire_side side)
{
	const struct wire_half *half = &wire->halves[side];

	states->heard[side] = 1;
	if (segment->flags & SEGMENT_RST) {
		if (wire->bits & (WIRE_RST | WIRE_REFUSED | WIRE_ABORTED) && !wire_may_go_on(wire))
			states->of[WIRE_LOCAL] = states->of[WIRE_REMOTE] = TCP_CLOSE;
		return;
	}
	if (segment->flags & SEGMENT_SYN) {
		if (segment->flags & SEGMENT_ACK)
			feed_synack(states, wire, side);
		else
			feed_syn(states, side);
		return;
	}
	/* A capture that begins in the middle. */
	for (int i = 0; i < WIRE_SIDES; i++)
		if (states->of[i] == 0)
			states->of[i] = TCP_ESTABLISHED;
	if (segment->flags & SEGMENT_ACK)
		feed_ack(states, wire, segment, side);
	if (segment->flags & SEGMENT_FIN && half->bits & HALF_FIN && half->fin == segment->seq + segment->payload)
		feed_fin(states, wire, segment, side);
}
