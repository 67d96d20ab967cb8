// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "base/clock.h"
#include "track/wire_bits.h"

/*
 * A host that forwards packets sees each on two interfaces or more. The same
 * numbers on another one show that; from then on, what comes on another than
 * the first and says nothing new is a copy, however many came in between.
 */

/* Copies of a packet on two interfaces of a host lie microseconds apart; a resent segment comes later than this. */
#define COPY_WITHIN_NS (5 * CLOCK_NS_PER_MS)

/* Or longer, where a queue is shaped; then what changes from packet to packet tells them from resent ones. */
#define SAME_WITHIN_NS (500 * CLOCK_NS_PER_MS)

/* What a copy has in common with its original, above what tells where it was captured. */
static uint32_t segment_print(const struct event_segment *segment)
{
	uint64_t numbers = (uint64_t)segment->seq << 32 | segment->ack;
	uint64_t marks = (uint64_t)segment->tsval << 32 | (uint64_t)segment->ip_id << 16 | segment->checksum;
	uint64_t rest = (uint64_t)segment->payload << 32 | (uint64_t)segment->window << 16 | segment->flags;
	/* Three products at once, not one after the other: this runs for every packet. */
	uint64_t hash = numbers * UINT64_C(0xbf58476d1ce4e5b9) + marks * UINT64_C(0x94d049bb133111eb) +
			rest * UINT64_C(0x9e3779b97f4a7c15);

	hash ^= hash >> 32;
	hash *= UINT64_C(0xbf58476d1ce4e5b9);
	/* Numbers that came from the frame have the highest bit: it must not be lost. */
	return (uint32_t)(hash >> 40) << 8 | (segment->has & SEGMENT_HAS_OUTGOING ? 0x80 : 0) |
	       ((segment->interface ^ segment->interface >> 9) & 0x7f);
}

/* Does it tell anything that was not told before? */
static bool brings_news(const struct wire *wire, const struct event_segment *segment, enum wire_side side)
{
	const struct wire_half *half = &wire->halves[side], *other = &wire->halves[wire_other(side)];
	int64_t start, end;

	if (segment->flags & SEGMENT_RST)
		return wire->rsts[side] == 0;
	if (!(half->bits & HALF_BASE) || (segment->flags & SEGMENT_SYN && segment->seq != half->base))
		return true;
	start = wire_offset(half, segment->seq) + (segment->flags & SEGMENT_SYN ? 1 : 0);
	end = start + segment->payload + (segment->flags & SEGMENT_FIN ? 1 : 0);
	if (start < 0 || wire_half_unseen(half, start, end) > 0)
		return true;
	return segment->flags & SEGMENT_ACK &&
	       (!(other->bits & HALF_ACKED) || (int32_t)(segment->ack - other->acked) > 0);
}

bool wire_is_copy(struct wire *wire, const struct event *event, enum wire_side side)
{
	const struct event_segment *segment = &event->segment;
	uint32_t print = segment_print(segment);
	uint16_t origin = WIRE_ORIGIN | (uint8_t)print;
	int64_t distance = event->time_ns - wire->last_ns;
	int64_t within = segment->ip_id != 0 || segment->has & SEGMENT_HAS_TIMESTAMP ? SAME_WITHIN_NS : COPY_WITHIN_NS;

	if (wire->origin[side] != 0 && wire->origin[side] != origin && !brings_news(wire, segment, side))
		return true;
	if (distance > within || distance < -within)
		memset(wire->prints, 0, sizeof(wire->prints));
	for (int i = 0; i < WIRE_PRINTS; i++) {
		/* On the same interface it was really sent twice. */
		if (wire->prints[i] != 0 && (wire->prints[i] ^ print) >> 8 == 0 && wire->prints[i] != print) {
			wire->origin[side] = WIRE_ORIGIN | (uint8_t)wire->prints[i];
			return true;
		}
	}
	wire->prints[wire->print_at] = print;
	wire->print_at = (uint8_t)((wire->print_at + 1) % WIRE_PRINTS);
	return false;
}
