// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any sequence of segments as one connection. 16 bytes are a segment: side and
 * kind, flags, then numbers. Small distances are the interesting ones, so the
 * numbers are taken relative to a base of each side, and far ones stay possible.
 */
#include <stdlib.h>
#include <string.h>

#include "track/wire.h"

#define STEP 16
#define SEGMENTS_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t number(uint32_t base, const uint8_t *bytes)
{
	int32_t distance = (int16_t)(bytes[0] | bytes[1] << 8);

	/* The third byte moves some of them far away. */
	return base + (uint32_t)distance * (bytes[2] > 0xf0 ? 0x10001u : 1u);
}

static void check(const struct wire *wire, uint64_t frames, uint64_t payload, int64_t now_ns)
{
	struct conn conn;

	conn_init(&conn);
	wire_settle(wire, now_ns, INT64_C(30000000000), &conn);
	if (frames == 0)
		return;
	if (conn.rx_pkts < 0 || conn.tx_pkts < 0 || (uint64_t)(conn.rx_pkts + conn.tx_pkts) != frames)
		abort();
	if (conn.hs_ns < CONN_UNKNOWN || conn.hs_net_ns < CONN_UNKNOWN || conn.hs_ack_ns < CONN_UNKNOWN ||
	    conn.gap_ns < CONN_UNKNOWN || conn.rx_bytes < CONN_UNKNOWN || conn.tx_bytes < CONN_UNKNOWN)
		abort();
	if (conn.result >= RESULT_NUM || conn.close >= CLOSE_NUM || conn.dir >= DIR_NUM)
		abort();
	if (conn.hs_ns >= 0 && conn.result != RESULT_OK)
		abort();
	/* Holes that were acknowledged may have held more than was seen, but no window is larger than a gigabyte. */
	if (conn.rx_bytes > (int64_t)payload + (INT64_C(1) << 31) ||
	    conn.tx_bytes > (int64_t)payload + (INT64_C(1) << 31))
		abort();
	if (conn.icmp_version != 0 && conn.result != RESULT_UNREACH)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t bases[WIRE_SIDES] = {0xffffff80, 0x7fffff80};
	uint64_t frames = 0, payload = 0;
	int64_t now_ns = 1000;
	struct wire wire;

	wire_init(&wire);
	for (size_t i = 0; i + STEP <= size && i < STEP * SEGMENTS_MAX; i += STEP) {
		const uint8_t *at = data + i;
		enum wire_side side = at[0] & 1 ? WIRE_REMOTE : WIRE_LOCAL;
		struct event event = event_new(at[0] & 2 && at[0] & 4 ? EVENT_ICMP : EVENT_SEGMENT, ORIGIN_WIRE, 0);

		now_ns += (int64_t)(int8_t)at[2] * (at[3] + 1) * 10000;
		now_ns = now_ns < 0 ? 0 : now_ns;
		event.time_ns = now_ns;
		if (event.type == EVENT_ICMP) {
			event.icmp.version = at[0] & 8 ? 6 : 4;
			event.icmp.type = at[0] & 8 ? 1 : 3;
			event.icmp.code = at[1];
			event.icmp.seq = number(bases[side], at + 4);
			wire_icmp(&wire, &event, side);
			continue;
		}
		event.segment.flags = at[1] & 0x3f;
		event.segment.seq = number(bases[side], at + 4);
		event.segment.ack = number(bases[wire_other(side)], at + 7);
		event.segment.payload = at[10] * (at[11] & 1 ? 256u : 1u);
		event.segment.window = (uint16_t)(at[12] << 8);
		event.segment.wscale = at[13] & 0x1f;
		event.segment.has = at[13] & 0x20 ? SEGMENT_HAS_WSCALE : at[13] & 0x40 ? SEGMENT_HAS_CUT : 0;
		event.segment.interface = at[14] & 3;
		event.segment.ip_id = at[15];
		event.segment.frame = event.segment.payload + 54;
		if (!wire_accepts(&wire, &event, side)) {
			wire_clear(&wire);
			wire_init(&wire);
			frames = payload = 0;
		}
		if (wire_feed(&wire, &event, side)) {
			frames++;
			payload += event.segment.payload;
		}
		check(&wire, frames, payload, now_ns);
	}
	wire_clear(&wire);
	return 0;
}
