// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "track/wire_bits.h"

/*
 * Two networks (VLANs, virtual networks in tunnels) may use the same addresses and ports at the same time. The tag of a
 * segment alone does not distinguish them: the two directions of a connection may have different tags, and so may
 * copies. Another tag together with numbers outside both windows does. The same numbers distinguish a connection from
 * a SYN with its ends that its receiver does not accept (RFC 5961, 4.2).
 */

/* A window without scale (RFC 9293), and the largest accepted difference of numbers of one connection. */
#define WINDOW_LEAST 65535
#define WINDOW_MOST (1 << 20)

/* How far from the highest number seen of @side numbers are still in the window of the other side. */
static int64_t window_of(const struct wire *wire, enum wire_side side)
{
	const struct wire_half *half = &wire->halves[side], *receiver = &wire->halves[wire_other(side)];
	/* Before both SYNs were seen, the scale is not known. */
	int64_t window = receiver->bits & half->bits & HALF_OPTIONS && receiver->bits & HALF_WINDOW ? receiver->window
												    : WINDOW_LEAST;

	return window < WINDOW_LEAST ? WINDOW_LEAST : window > WINDOW_MOST ? WINDOW_MOST : window;
}

static bool is_near(const struct wire *wire, enum wire_side side, uint32_t number)
{
	const struct wire_half *half = &wire->halves[side];

	return llabs(wire_offset(half, number) - (int64_t)half->next) <= window_of(wire, side);
}

int wire_fits(const struct wire *wire, const struct event *event, enum wire_side side)
{
	const struct event_segment *segment = &event->segment;
	const struct wire_half *half = &wire->halves[side], *other = &wire->halves[wire_other(side)];
	int fits = 0, known = 0;

	if (half->bits & HALF_BASE) {
		known++;
		fits += segment->flags & SEGMENT_SYN && half->bits & HALF_SYN ? segment->seq == half->base
									      : is_near(wire, side, segment->seq);
	}
	if (segment->flags & SEGMENT_ACK && other->bits & HALF_BASE) {
		known++;
		fits += is_near(wire, wire_other(side), segment->ack);
	} else if (segment->flags & SEGMENT_ACK && other->bits & HALF_ACKED) {
		known++;
		fits += llabs((int64_t)(int32_t)(segment->ack - other->acked)) <= WINDOW_LEAST;
	}
	return known > 0 ? fits : 1;
}
