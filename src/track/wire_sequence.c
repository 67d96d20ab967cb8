// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/wire_bits.h"

#include <string.h>

/*
 * The sequence space of one direction. A sender numbers its bytes without leaving any out, so what it sent is the
 * distance from its initial sequence number to the highest number seen, if that number can be believed. Bytes skipped
 * are remembered as holes: until the other side has acknowledged them (or they came later), the number above them is
 * unconfirmed, and the total is unknown.
 */

static bool hole_is_empty(const struct wire_hole *hole)
{
	return hole->start == hole->end;
}

static bool has_holes(const struct wire *wire, enum wire_side side)
{
	return !hole_is_empty(&wire->rare->holes[side][0]);
}

static void holes_clear(struct wire *wire, enum wire_side side)
{
	if (has_holes(wire, side))
		memset(wire_rare(wire)->holes[side], 0, sizeof(wire->rare->holes[side]));
}

void wire_half_base(struct wire *wire, enum wire_side side, uint32_t seq)
{
	struct wire_half *half = &wire->halves[side];

	half->base = seq;
	half->next = 0;
	holes_clear(wire, side);
	half->bits &= (uint16_t) ~(HALF_FIN | HALF_STRAY | HALF_JUMPED | HALF_HOLE_DROPPED | HALF_PROBED | HALF_BEYOND);
	half->bits |= HALF_BASE;
}

/* Keep the list dense and in order; the lowest goes when there is no room, for acknowledgements reach it first. */
static void hole_add(struct wire *wire, enum wire_side side, uint32_t start, uint32_t end)
{
	struct wire_hole *holes, all[WIRE_HOLES + 1];
	struct wire_hole added = {.start = start, .end = end};
	size_t count = 0;
	bool done = false;

	if (start == end)
		return;
	holes = wire_rare(wire)->holes[side];
	for (size_t i = 0; i < WIRE_HOLES && !hole_is_empty(&holes[i]); i++) {
		if (!done && (int32_t)(start - holes[i].start) < 0) {
			all[count++] = added;
			done = true;
		}
		all[count++] = holes[i];
	}
	if (!done)
		all[count++] = added;
	if (count > WIRE_HOLES) {
		wire->halves[side].bits |= HALF_HOLE_DROPPED;
		memcpy(holes, all + 1, WIRE_HOLES * sizeof(all[0]));
	} else {
		memcpy(holes, all, count * sizeof(all[0]));
	}
}

void wire_half_lower(struct wire *wire, enum wire_side side, uint32_t seq, uint32_t end)
{
	struct wire_half *half = &wire->halves[side];
	uint32_t old = half->base;

	half->next += (uint32_t)(old - seq);
	half->base = seq;
	hole_add(wire, side, end, old);
}

/* Take [start, end) out of the holes. Return: how many bytes of it lay in them. */
static uint64_t holes_fill(struct wire *wire, enum wire_side side, int64_t start, int64_t end)
{
	const struct wire_half *half = &wire->halves[side];
	struct wire_hole old[WIRE_HOLES];
	uint64_t filled = 0;

	if (!has_holes(wire, side))
		return 0;
	memcpy(old, wire->rare->holes[side], sizeof(old));
	holes_clear(wire, side);
	for (size_t i = 0; i < WIRE_HOLES && !hole_is_empty(&old[i]); i++) {
		int64_t hole_start = wire_offset(half, old[i].start);
		int64_t hole_end = hole_start + (uint32_t)(old[i].end - old[i].start);
		int64_t from = start > hole_start ? start : hole_start;
		int64_t to = end < hole_end ? end : hole_end;

		if (from >= to) {
			hole_add(wire, side, old[i].start, old[i].end);
			continue;
		}
		filled += (uint64_t)(to - from);
		hole_add(wire, side, old[i].start, half->base + (uint32_t)from);
		hole_add(wire, side, half->base + (uint32_t)to, old[i].end);
	}
	return filled;
}

enum wire_range wire_half_range(struct wire *wire, enum wire_side side, int64_t start, int64_t end)
{
	struct wire_half *half = &wire->halves[side];
	int64_t next = (int64_t)half->next;
	int64_t below = (end < next ? end : next) - start;
	uint64_t filled;

	if (start >= next) {
		if (start > next)
			hole_add(wire, side, half->base + (uint32_t)next, half->base + (uint32_t)start);
		half->next = (uint64_t)end;
		return RANGE_NEW;
	}
	filled = holes_fill(wire, side, start, end);
	if (end > next)
		half->next = (uint64_t)end;
	return filled == (uint64_t)below ? RANGE_FILLS : RANGE_AGAIN;
}

uint32_t wire_half_unseen(const struct wire *wire, enum wire_side side, int64_t start, int64_t end)
{
	const struct wire_half *half = &wire->halves[side];
	const struct wire_hole *holes = wire->rare->holes[side];
	int64_t next = (int64_t)half->next, count = end - (start > next ? start : next);

	if (count < 0)
		count = 0;
	for (size_t i = 0; i < WIRE_HOLES && !hole_is_empty(&holes[i]); i++) {
		int64_t from = wire_offset(half, holes[i].start);
		int64_t to = from + (uint32_t)(holes[i].end - holes[i].start);

		from = start > from ? start : from;
		to = end < to ? end : to;
		count += to > from ? to - from : 0;
	}
	return (uint32_t)count;
}

int64_t wire_half_bytes(const struct wire *wire, enum wire_side side)
{
	const struct wire_half *half = &wire->halves[side];
	const struct wire_half *other = &wire->halves[wire_other(side)];
	const struct wire_hole *holes = wire->rare->holes[side];
	int64_t acked, next = (int64_t)half->next, fin;

	if (!(half->bits & HALF_SYN)) {
		/* It was never established: no bytes were sent, unless the other side acknowledges some. */
		if (other->bits & HALF_SYN && !(other->bits & (HALF_ACK_SENT | HALF_SYN_ACKED)) &&
		    !(half->bits & HALF_DATA) && other->synacks == 0)
			return 0;
		return CONN_UNKNOWN;
	}
	acked = half->bits & HALF_ACKED ? wire_offset(half, half->acked) : 0;
	if (half->bits & HALF_FIN && !(half->bits & HALF_JUMPED)) {
		/* No byte comes after a FIN, so its number is the total, once it is confirmed. */
		fin = wire_offset(half, half->fin);
		if (fin >= 1 && acked == fin + 1)
			return fin - 1;
	}
	if (half->bits & HALF_JUMPED || acked > next)
		return CONN_UNKNOWN;
	if (half->bits & HALF_HOLE_DROPPED && acked < next)
		return CONN_UNKNOWN;
	for (size_t i = 0; i < WIRE_HOLES && !hole_is_empty(&holes[i]); i++)
		if (wire_offset(half, holes[i].end) > acked)
			return CONN_UNKNOWN;
	if (half->bits & HALF_FIN)
		return wire_offset(half, half->fin) + 1 == next && next >= 2 ? next - 2 : CONN_UNKNOWN;
	return half->bits & HALF_BEYOND ? CONN_UNKNOWN : next - 1;
}

int64_t wire_half_least(const struct wire *wire, enum wire_side side, int64_t exact)
{
	const struct wire_half *half = &wire->halves[side];
	const struct wire_hole *holes = wire->rare->holes[side];
	int64_t acked, next = (int64_t)half->next, seen_from = 0;

	if (exact >= 0)
		return exact;
	if (!(half->bits & HALF_ACKED) || half->bits & HALF_JUMPED)
		return CONN_UNKNOWN;
	acked = wire_offset(half, half->acked);
	/* An acknowledgement beyond all captured segments may be of another connection. */
	if (acked > next)
		acked = next;
	/* The first segment of a capture without SYN may be an old one of an earlier use of the ports. */
	for (size_t i = 0; i < WIRE_HOLES && !hole_is_empty(&holes[i]) && !(half->bits & HALF_SYN); i++)
		seen_from = wire_offset(half, holes[i].end);
	/* Without the SYN, or the number of a keep-alive probe, and without a FIN that may be among it. */
	acked -= seen_from + 2;
	return acked > 0 ? acked : CONN_UNKNOWN;
}

/* The option of each segment that has time stamps takes room from its payload (RFC 6691). */
#define TIMESTAMP_ROOM 12

/* A larger payload does not fit into an ordinary frame: one large segment, or several that were joined. */
#define PAYLOAD_PLAIN 1460

uint32_t wire_segments(const struct wire *wire, const struct event_segment *segment, int64_t bytes)
{
	int64_t size = wire->mss - (segment->has & SEGMENT_HAS_TIMESTAMP ? TIMESTAMP_ROOM : 0);

	if (wire->mss == 0 && bytes > PAYLOAD_PLAIN)
		return 0;
	return wire->mss > TIMESTAMP_ROOM && bytes > size ? (uint32_t)((bytes + size - 1) / size) : 1;
}
