// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "base/clock.h"
#include "track/wire_bits.h"

/*
 * A frame may be captured more than once on its way: on two interfaces of a host that forwards it, before and behind a
 * router, in two VLANs, coming into and going out of a switch that mirrors both. Where a frame was seen is a place:
 * interface, direction, tag and TTL.
 *
 * The same numbers in another place show a copy. From then on, a segment in another place than the first that has
 * nothing new is a copy, however many came in between. In the same place it may have been sent twice: a retransmission
 * has a new IP identification (RFC 6864, 4.1), unless its sender gives the same one to different segments. Without an
 * identification (IPv6, and segments that Linux sends without a socket) only time distinguishes them: no sender repeats
 * a segment within half a millisecond without an answer of the other side.
 */

/* Copies of a packet on two interfaces of a host are microseconds apart; a retransmission comes later than this. */
#define COPY_WITHIN_NS (5 * CLOCK_NS_PER_MS)

/* Or longer, where a queue is shaped; then fields that change per packet distinguish them from retransmissions. */
#define SAME_WITHIN_NS (500 * CLOCK_NS_PER_MS)

/* In the same place: some senders retransmit a packet with its old identification, but not before tcp_rto_min. */
#define PACKET_WITHIN_NS (100 * CLOCK_NS_PER_MS)

/* In the same place and without an identification; shorter than the unit of tcp_rto_min and delayed ACKs. */
#define TWIN_WITHIN_NS (CLOCK_NS_PER_MS / 2)

#define PLACE_REMOTE 0x8000

/* Units of wire.print_times; they wrap around after four seconds, and no print becomes as old. */
#define UNIT_SHIFT 16

/* Hash of the fields that a copy has in common with its original. */
static uint32_t segment_print(const struct event_segment *segment)
{
	/* A router that adapts a SYN's options (MSS clamping) changes its check sum. */
	uint16_t checksum = segment->flags & SEGMENT_SYN && segment->ip_id != 0 ? 0 : segment->checksum;
	uint64_t numbers = (uint64_t)segment->seq << 32 | segment->ack;
	uint64_t marks = (uint64_t)segment->tsval << 32 | (uint64_t)segment->ip_id << 16 | checksum;
	uint64_t rest = (uint64_t)segment->payload << 32 | (uint64_t)segment->window << 16 | segment->flags;
	/* Three products at once, not one after the other: this runs for every packet. */
	uint64_t hash = numbers * UINT64_C(0xbf58476d1ce4e5b9) + marks * UINT64_C(0x94d049bb133111eb) +
			rest * UINT64_C(0x9e3779b97f4a7c15);

	hash ^= hash >> 32;
	hash *= UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(hash >> 32);
}

static uint16_t place_of(const struct event_segment *segment, enum wire_side side)
{
	uint32_t place =
		((uint32_t)segment->interface << 16 | segment->tag) * UINT32_C(0x9e3779b1) ^
		(uint32_t)(segment->ttl << 1 | (segment->has & SEGMENT_HAS_OUTGOING ? 1 : 0)) * UINT32_C(0x85ebca6b);

	return (uint16_t)((place >> 17 & ~UINT32_C(1)) | 1 | (side == WIRE_REMOTE ? PLACE_REMOTE : 0));
}

/* Whether it contains new information. */
static bool brings_news(const struct wire *wire, const struct event_segment *segment, enum wire_side side)
{
	const struct wire_half *half = &wire->halves[side], *other = &wire->halves[wire_other(side)];
	int64_t start, end;

	if (segment->flags & SEGMENT_RST)
		return half->rsts == 0;
	if (!(half->bits & HALF_BASE) || (segment->flags & SEGMENT_SYN && segment->seq != half->base))
		return true;
	start = wire_offset(half, segment->seq) + (segment->flags & SEGMENT_SYN ? 1 : 0);
	end = start + segment->payload + (segment->flags & SEGMENT_FIN ? 1 : 0);
	if (start < 0 || wire_half_unseen(wire, side, start, end) > 0)
		return true;
	return segment->flags & SEGMENT_ACK &&
	       (!(other->bits & HALF_ACKED) || (int32_t)(segment->ack - other->acked) > 0);
}

/* Whether its identification distinguishes it from a retransmission. */
static bool has_identification(const struct wire *wire, const struct event_segment *segment, enum wire_side side)
{
	return segment->ip_id != 0 && !(wire->ids_repeat >> side & 1);
}

/* How long before @time_ns print @at was seen, or after it in a file that is not in order. */
static int64_t print_age(const struct wire *wire, int at, int64_t time_ns)
{
	int16_t age = (int16_t)((uint16_t)(time_ns >> UNIT_SHIFT) - wire->print_times[at]);

	return (int64_t)(age < 0 ? -age : age) << UNIT_SHIFT;
}

/*
 * Whether a segment in the same place as print @at, which is @age old, is a copy, not sent twice. Acknowledgements and
 * resets without an identification are repeated at once by some senders, so they need a connection that is known to
 * have copies, and each may have but one.
 */
static bool is_twin(struct wire *wire, const struct event_segment *segment, enum wire_side side, int at, int64_t age)
{
	bool is_unique = segment->payload > 0 || segment->flags & (SEGMENT_SYN | SEGMENT_FIN);

	if (has_identification(wire, segment, side))
		return age <= PACKET_WITHIN_NS;
	if (age > TWIN_WITHIN_NS || wire->bits & WIRE_TIMELESS || segment->has & SEGMENT_HAS_FRAGMENT)
		return false;
	/* Whether the other side has sent anything since: a segment that is not captured may cause a repetition. */
	for (int i = (at + 1) % WIRE_PRINTS; i != wire->print_at; i = (i + 1) % WIRE_PRINTS)
		if (wire->halves[wire_other(side)].frames == 0 ||
		    (wire->places[i] != 0 && (wire->places[i] ^ wire->places[at]) & PLACE_REMOTE))
			return false;
	if (is_unique)
		return true;
	if (wire->rare->copies == 0)
		return false;
	wire->places[at] = 0;
	return true;
}

/* Nearly always false: comparing all of them is faster than stopping at one. */
static bool has_print(const struct wire *wire, uint32_t print)
{
	const uint32_t *prints = wire->prints;

	_Static_assert(WIRE_PRINTS == 5, "each of them is compared");
	return (prints[0] == print) | (prints[1] == print) | (prints[2] == print) | (prints[3] == print) |
	       (prints[4] == print);
}

/* Whether there is a segment with the same numbers, of which this one can be a copy. */
static bool is_copy_of_one(struct wire *wire, const struct event *event, enum wire_side side, uint32_t print,
			   uint16_t place)
{
	const struct event_segment *segment = &event->segment;
	int64_t within = has_identification(wire, segment, side) || segment->has & SEGMENT_HAS_TIMESTAMP
				 ? SAME_WITHIN_NS
				 : COPY_WITHIN_NS;

	for (int i = 0; i < WIRE_PRINTS; i++) {
		int64_t age;

		if (wire->prints[i] != print || wire->places[i] == 0 || (wire->places[i] ^ place) & PLACE_REMOTE)
			continue;
		age = print_age(wire, i, event->time_ns);
		if (wire->places[i] == place && is_twin(wire, segment, side, i, age))
			return true;
		if (wire->places[i] != place && age <= within) {
			wire_rare(wire)->origin[side] = wire->places[i];
			return true;
		}
	}
	return false;
}

bool wire_is_copy(struct wire *wire, const struct event *event, enum wire_side side)
{
	const struct event_segment *segment = &event->segment;
	uint32_t print = segment_print(segment);
	uint16_t place = place_of(segment, side);
	int64_t distance = clock_since(wire->last_ns, event->time_ns);
	unsigned int at = wire->print_at;

	if (wire->rare->origin[side] != 0 && wire->rare->origin[side] != place && !brings_news(wire, segment, side))
		return true;
	if (distance > SAME_WITHIN_NS || distance < -SAME_WITHIN_NS)
		memset(wire->places, 0, sizeof(wire->places));
	if (has_print(wire, print) && is_copy_of_one(wire, event, side, print, place))
		return true;
	if (segment->ip_id == wire->halves[side].ip_id && segment->ip_id != 0 && !(segment->has & SEGMENT_HAS_FRAGMENT))
		wire->ids_repeat = (uint8_t)(wire->ids_repeat | 1u << side) & 3;
	wire->halves[side].ip_id = segment->ip_id;
	wire->prints[at] = print;
	wire->places[at] = place;
	wire->print_times[at] = (uint16_t)(event->time_ns >> UNIT_SHIFT);
	wire->print_at = (uint8_t)(at + 1 < WIRE_PRINTS ? at + 1 : 0);
	return false;
}

static void swap(uint16_t pair[WIRE_SIDES])
{
	uint16_t local = pair[WIRE_LOCAL];

	pair[WIRE_LOCAL] = pair[WIRE_REMOTE];
	pair[WIRE_REMOTE] = local;
}

void wire_copy_flip(struct wire *wire)
{
	wire->ids_repeat = (uint8_t)(wire->ids_repeat << 1 | wire->ids_repeat >> 1) & 3;
	for (int i = 0; i < WIRE_PRINTS; i++)
		if (wire->places[i] != 0)
			wire->places[i] ^= PLACE_REMOTE;
	if ((wire->rare->origin[WIRE_LOCAL] | wire->rare->origin[WIRE_REMOTE]) == 0)
		return;
	swap(wire_rare(wire)->origin);
	for (int side = 0; side < WIRE_SIDES; side++)
		if (wire->rare->origin[side] != 0)
			wire_rare(wire)->origin[side] ^= PLACE_REMOTE;
}
