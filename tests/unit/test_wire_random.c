// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "track/wire.h"

/*
 * Two ends that really send, lose, resend and close, and a capture that misses
 * some of it and swaps neighbours. What the wire then says of the bytes must be
 * the truth or "unknown", and with nothing missed it must be the truth. The
 * numbers are drawn from a fixed seed, so a failure can be repeated.
 */

#define RUNS 3000
#define SEGMENTS_MAX 64
#define TIMEOUT_NS INT64_C(30000000000)

struct end {
	uint32_t isn;
	uint32_t sent;      /* bytes of payload numbered so far */
	uint32_t delivered; /* of them received in order by the other end */
	uint32_t starts[SEGMENTS_MAX], ends[SEGMENTS_MAX];
	bool arrived[SEGMENTS_MAX];
	int segments;
	int resent;
	bool fin;
};

struct world {
	struct wire wire;
	struct end ends[WIRE_SIDES];
	struct event held;
	int64_t now_ns;
	uint64_t random;
	uint64_t captured[WIRE_SIDES];
	uint16_t identification;
	enum wire_side held_side;
	bool holds;
	bool missed;
	unsigned int miss_percent, swap_percent, lose_percent, copy_percent;
	uint32_t copies;
};

static unsigned int draw(struct world *world, unsigned int below)
{
	/* xorshift64* (Vigna 2016) */
	world->random ^= world->random >> 12;
	world->random ^= world->random << 25;
	world->random ^= world->random >> 27;
	return (unsigned int)((world->random * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

static void see(struct world *world, const struct event *event, enum wire_side side)
{
	struct event moved = *event;

	world->now_ns += 1000;
	moved.time_ns = world->now_ns;
	assert_true(wire_accepts(&world->wire, &moved, side));
	assert_true(wire_feed(&world->wire, &moved, side));
	world->captured[side]++;
	/* Some are captured once more: by a mirror port, behind a router, in another VLAN. */
	if (draw(world, 100) >= world->copy_percent)
		return;
	moved.time_ns += 500;
	moved.segment.ttl -= (uint8_t)draw(world, 2);
	moved.segment.tag += (uint16_t)draw(world, 2);
	assert_false(wire_feed(&world->wire, &moved, side));
	world->copies++;
}

static void capture(struct world *world, const struct event *event, enum wire_side side)
{
	if (draw(world, 100) < world->miss_percent) {
		world->missed = true;
		return;
	}
	if (!world->holds && draw(world, 100) < world->swap_percent) {
		world->held = *event;
		world->held_side = side;
		world->holds = true;
		return;
	}
	see(world, event, side);
	if (world->holds) {
		world->holds = false;
		see(world, &world->held, world->held_side);
	}
}

static void transmit(struct world *world, enum wire_side side, uint16_t flags, uint32_t start, uint32_t length)
{
	const struct end *end = &world->ends[side], *other = &world->ends[wire_other(side)];
	struct event event = event_new(EVENT_SEGMENT, ORIGIN_WIRE, 0);

	event.segment.flags = flags;
	event.segment.seq = end->isn + (flags & SEGMENT_SYN ? 0 : 1 + start);
	if (flags & SEGMENT_ACK)
		event.segment.ack = other->isn + 1 + other->delivered + other->fin;
	event.segment.payload = length;
	event.segment.frame = length + 54;
	event.segment.window = 65535;
	event.segment.ip_id = ++world->identification;
	event.segment.ttl = 64;
	if (flags & SEGMENT_SYN) {
		event.segment.has = SEGMENT_HAS_WSCALE;
		event.segment.wscale = 7;
	}
	capture(world, &event, side);
}

static void deliver(struct world *world, enum wire_side side, int which)
{
	struct end *end = &world->ends[side];
	bool more = true;

	if (draw(world, 100) < world->lose_percent)
		return;
	end->arrived[which] = true;
	while (more) {
		more = false;
		for (int i = 0; i < end->segments; i++) {
			if (!end->arrived[i] || end->starts[i] > end->delivered || end->ends[i] <= end->delivered)
				continue;
			end->delivered = end->ends[i];
			more = true;
		}
	}
}

static void send_new(struct world *world, enum wire_side side)
{
	struct end *end = &world->ends[side];
	/* Not single bytes: what repeats one of those looks like a keep-alive. */
	uint32_t length = 2 + draw(world, 1459);

	end->starts[end->segments] = end->sent;
	end->sent += length;
	end->ends[end->segments] = end->sent;
	transmit(world, side, SEGMENT_ACK, end->sent - length, length);
	deliver(world, side, end->segments++);
}

static void send_again(struct world *world, enum wire_side side)
{
	struct end *end = &world->ends[side];
	int which = (int)draw(world, (unsigned int)end->segments);

	end->resent++;
	transmit(world, side, SEGMENT_ACK, end->starts[which], end->ends[which] - end->starts[which]);
	deliver(world, side, which);
}

static void talk(struct world *world)
{
	int steps = 5 + (int)draw(world, 80);

	for (int i = 0; i < steps; i++) {
		enum wire_side side = draw(world, 2) ? WIRE_REMOTE : WIRE_LOCAL;
		struct end *end = &world->ends[side];
		unsigned int what = draw(world, 10);

		if (what < 5 && end->segments < SEGMENTS_MAX)
			send_new(world, side);
		else if (what < 7 && end->segments > 0)
			send_again(world, side);
		else
			transmit(world, side, SEGMENT_ACK, end->sent, 0);
	}
	for (int side = 0; side < WIRE_SIDES; side++)
		for (int tries = 0; world->ends[side].delivered < world->ends[side].sent && tries < 10000; tries++)
			send_again(world, (enum wire_side)side);
}

static void open_and_close(struct world *world)
{
	struct end *local = &world->ends[WIRE_LOCAL], *remote = &world->ends[WIRE_REMOTE];

	/* Often so that the numbers wrap around on the way. */
	local->isn = draw(world, 2) ? UINT32_MAX - draw(world, 20000) : draw(world, 1u << 31);
	remote->isn = draw(world, 2) ? UINT32_MAX - draw(world, 20000) : draw(world, 1u << 31);
	transmit(world, WIRE_LOCAL, SEGMENT_SYN, 0, 0);
	transmit(world, WIRE_REMOTE, SEGMENT_SYN | SEGMENT_ACK, 0, 0);
	transmit(world, WIRE_LOCAL, SEGMENT_ACK, 0, 0);
	talk(world);
	transmit(world, WIRE_LOCAL, SEGMENT_FIN | SEGMENT_ACK, local->sent, 0);
	local->fin = true;
	transmit(world, WIRE_REMOTE, SEGMENT_ACK, remote->sent, 0);
	transmit(world, WIRE_REMOTE, SEGMENT_FIN | SEGMENT_ACK, remote->sent, 0);
	remote->fin = true;
	/* The numbers go on after a FIN by one. */
	transmit(world, WIRE_LOCAL, SEGMENT_ACK, local->sent + 1, 0);
	if (world->holds) {
		world->holds = false;
		see(world, &world->held, world->held_side);
	}
}

static struct conn run(struct world *world, unsigned int miss, unsigned int swap, unsigned int lose)
{
	struct conn conn;
	uint64_t random = world->random;

	memset(world, 0, sizeof(*world));
	world->random = random;
	world->now_ns = INT64_C(1700000000000000000);
	world->miss_percent = miss;
	world->swap_percent = swap;
	world->lose_percent = lose;
	world->copy_percent = 20;
	wire_init(&world->wire);
	open_and_close(world);
	conn_init(&conn);
	wire_settle(&world->wire, world->now_ns, TIMEOUT_NS, &conn);
	wire_clear(&world->wire);
	return conn;
}

static void all_seen_is_exact(void **state)
{
	static struct world world = {.random = 88172645463325252};

	(void)state;
	for (int i = 0; i < RUNS; i++) {
		struct conn conn = run(&world, 0, 0, (unsigned int)i % 4 * 15);

		assert_int_equal(conn.tx_bytes, world.ends[WIRE_LOCAL].sent);
		assert_int_equal(conn.rx_bytes, world.ends[WIRE_REMOTE].sent);
		assert_int_equal(conn.tx_retrans, world.ends[WIRE_LOCAL].resent);
		assert_int_equal(conn.rx_retrans, world.ends[WIRE_REMOTE].resent);
		assert_int_equal(conn.result, RESULT_OK);
		assert_int_equal(conn.close, CLOSE_LFIN);
		assert_int_equal(conn.state, STATE_CLOSED);
		assert_int_equal(conn.ooo, 0);
	}
}

static void missed_is_exact_or_unknown(void **state)
{
	static struct world world = {.random = 88172645463325253};
	int known = 0;

	(void)state;
	for (int i = 0; i < RUNS; i++) {
		unsigned int miss = 1 + (unsigned int)i % 30, swap = (unsigned int)i % 3 * 10;
		struct conn conn = run(&world, miss, swap, (unsigned int)i % 4 * 10);

		if (world.captured[WIRE_LOCAL] + world.captured[WIRE_REMOTE] == 0)
			continue;
		/* Of a connection that was not seen to end it is what was sent so far. */
		assert_true(conn.tx_bytes <= world.ends[WIRE_LOCAL].sent);
		assert_true(conn.rx_bytes <= world.ends[WIRE_REMOTE].sent);
		if (conn.tx_bytes != CONN_UNKNOWN && conn.state == STATE_CLOSED)
			assert_int_equal(conn.tx_bytes, world.ends[WIRE_LOCAL].sent);
		if (conn.rx_bytes != CONN_UNKNOWN && conn.state == STATE_CLOSED)
			assert_int_equal(conn.rx_bytes, world.ends[WIRE_REMOTE].sent);
		known += (conn.tx_bytes != CONN_UNKNOWN) + (conn.rx_bytes != CONN_UNKNOWN);
		/* Frames are what was seen, always. */
		assert_int_equal(conn.tx_pkts, world.captured[WIRE_LOCAL]);
		assert_int_equal(conn.rx_pkts, world.captured[WIRE_REMOTE]);
		assert_int_equal(conn.copies, world.copies);
		assert_true(conn.tx_retrans <= world.ends[WIRE_LOCAL].resent + conn.ooo);
		assert_true(conn.result == RESULT_OK || conn.result == RESULT_UNKNOWN || conn.result == RESULT_PENDING);
	}
	/* Saying nothing at all would be no art. */
	assert_true(known > RUNS);
}

static void swapped_is_exact(void **state)
{
	static struct world world = {.random = 88172645463325254};

	(void)state;
	for (int i = 0; i < RUNS; i++) {
		struct conn conn = run(&world, 0, 20, (unsigned int)i % 4 * 15);

		assert_int_equal(conn.tx_bytes, world.ends[WIRE_LOCAL].sent);
		assert_int_equal(conn.rx_bytes, world.ends[WIRE_REMOTE].sent);
		assert_int_equal(conn.result, RESULT_OK);
		assert_int_equal(conn.dir, DIR_OUT);
	}
}

/* The numbers wrap around, the total does not. */
static void counts_beyond_four_gigabytes(void **state)
{
	static struct world world = {.random = 1};
	struct end *local = &world.ends[WIRE_LOCAL];
	uint64_t total = 0;
	struct conn conn;

	(void)state;
	wire_init(&world.wire);
	transmit(&world, WIRE_LOCAL, SEGMENT_SYN, 0, 0);
	transmit(&world, WIRE_REMOTE, SEGMENT_SYN | SEGMENT_ACK, 0, 0);
	transmit(&world, WIRE_LOCAL, SEGMENT_ACK, 0, 0);
	for (int i = 0; i < 100000; i++) {
		transmit(&world, WIRE_LOCAL, SEGMENT_ACK, local->sent, 60000);
		local->sent += 60000;
		total += 60000;
		if (i % 10 != 0)
			continue;
		local->delivered = local->sent;
		transmit(&world, WIRE_REMOTE, SEGMENT_ACK, 0, 0);
	}
	conn_init(&conn);
	wire_settle(&world.wire, world.now_ns, TIMEOUT_NS, &conn);
	wire_clear(&world.wire);
	assert_true(total > UINT32_MAX);
	assert_true(conn.tx_bytes == (int64_t)total);
	assert_int_equal(conn.rx_bytes, 0);
	assert_int_equal(conn.tx_retrans, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_seen_is_exact),
		cmocka_unit_test(missed_is_exact_or_unknown),
		cmocka_unit_test(swapped_is_exact),
		cmocka_unit_test(counts_beyond_four_gigabytes),
	};

	return UNIT_RUN(tests);
}
