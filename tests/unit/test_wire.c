// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../helpers/capscript.h"
#include "model/columns.h"
#include "source/packet/dissect.h"
#include "track/wire.h"
#include "track/wire_view.h"

/* A connection is a script of frames; its first end is the local side. What comes out is compared as one line. */

#define MS INT64_C(1000000)
#define TIMEOUT_NS (30000 * MS)
#define BEGIN_NS (INT64_C(1700000000) * 1000 * MS)

#define FLOW "flow a 192.0.2.1 40000 192.0.2.2 80\n"
/* Numbers are near the end, so everything wraps around on its way. */
#define SYN "+0.001 a > S seq 0xfffffff0 mss 1460 wscale 7\n"
#define SYNACK "+0.002 a < SA seq 0xffffff00 ack 0xfffffff1 mss 1460 wscale 7\n"
#define ACK "+0.003 a > A seq 0xfffffff1 ack 0xffffff01\n"
#define OPEN FLOW SYN SYNACK ACK

struct feeder {
	struct wire wire;
	struct flow local;
	int64_t now_ns;
	int generations;
	int copies;
	bool known;
};

static void feed(void *context, int link, int64_t time_ns, const uint8_t *data, uint32_t caplen, uint32_t length)
{
	struct feeder *feeder = context;
	struct dissect_record record = {.data = data, .caplen = caplen, .length = length, .time_ns = time_ns};
	enum wire_side side;
	struct event event;

	feeder->now_ns = time_ns;
	assert_int_equal(dissect_frame(link, &record, &event), DISSECT_EVENT);
	side = event.flow.local.port == 40000 ? WIRE_LOCAL : WIRE_REMOTE;
	if (event.type == EVENT_ICMP) {
		wire_icmp(&feeder->wire, &event, side);
		return;
	}
	if (!wire_accepts(&feeder->wire, &event, side)) {
		feeder->generations++;
		wire_clear(&feeder->wire);
		wire_init(&feeder->wire);
	}
	if (!wire_feed(&feeder->wire, &event, side))
		feeder->copies++;
}

static void run_at(struct feeder *feeder, struct conn *conn, const char *script, int64_t later_ns)
{
	const char *wrong;

	wire_clear(&feeder->wire);
	memset(feeder, 0, sizeof(*feeder));
	wire_init(&feeder->wire);
	wrong = capscript_run(script, feed, feeder);
	if (wrong != NULL)
		fail_msg("script: %s", wrong);
	conn_init(conn);
	wire_settle(&feeder->wire, feeder->now_ns + later_ns, TIMEOUT_NS, conn);
}

static struct conn run(const char *script)
{
	struct feeder feeder = {.known = false};
	struct conn conn;

	run_at(&feeder, &conn, script, 0);
	wire_clear(&feeder.wire);
	return conn;
}

static const char *text_or_dash(const char *text)
{
	return text ? text : "-";
}

/* Result, direction, close, state; bytes out/in; frames out/in; resent SYN/SYN-ACK; resent out/in; ooo. */
static const char *reported(const struct conn *conn)
{
	static char line[256];

	snprintf(line, sizeof(line),
		 "%s %s %s %s bytes %" PRId64 "/%" PRId64 " frames %" PRId64 "/%" PRId64
		 " syn %d/%d again %d/%d ooo %d",
		 conn_result_text(conn->result), text_or_dash(conn_dir_text(conn->dir)),
		 text_or_dash(conn_close_text(conn->close)), text_or_dash(conn_state_text(conn->state)), conn->tx_bytes,
		 conn->rx_bytes, conn->tx_pkts, conn->rx_pkts, conn->syn_rtx, conn->synack_rtx, conn->tx_retrans,
		 conn->rx_retrans, conn->ooo);
	return line;
}

struct expectation {
	const char *name;
	const char *script;
	const char *reported;
};

static void expect(const struct expectation *expectations, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct conn conn = run(expectations[i].script);
		const char *got = reported(&conn);

		if (strcmp(got, expectations[i].reported) != 0)
			fail_msg("%s:\n  got      %s\n  expected %s", expectations[i].name, got,
				 expectations[i].reported);
	}
}

#define EXPECT(table) expect(table, sizeof(table) / sizeof((table)[0]))

static void handshakes(void **state)
{
	static const struct expectation table[] = {
		{"ordinary", OPEN, "ok out - ESTABLISHED bytes 0/0 frames 2/1 syn 0/0 again 0/0 ooo 0"},
		{"ECN", FLOW "+0 a > SEW seq 1\n+0 a < SAE seq 5 ack 2\n+0 a > A seq 2 ack 6\n",
		 "ok out - ESTABLISHED bytes 0/0 frames 2/1 syn 0/0 again 0/0 ooo 0"},
		{"from outside", FLOW "+0 a < S seq 1\n+0 a > SA seq 5 ack 2\n+0 a < A seq 2 ack 6\n",
		 "ok in - ESTABLISHED bytes 0/0 frames 1/2 syn 0/0 again 0/0 ooo 0"},
		{"SYN four times, never answered", FLOW SYN SYN SYN SYN,
		 "pending out - SYN_SENT bytes 0/0 frames 4/0 syn 3/0 again 0/0 ooo 0"},
		{"SYN/ACK three times is not established", FLOW SYN SYNACK SYNACK SYNACK,
		 "pending out - SYN_SENT bytes 0/0 frames 1/3 syn 0/2 again 0/0 ooo 0"},
		{"SYN/ACK again, then done", FLOW SYN SYNACK SYNACK ACK,
		 "ok out - ESTABLISHED bytes 0/0 frames 2/2 syn 0/1 again 0/0 ooo 0"},
		/* RFC 9293, 3.10.7.4: what the acceptor has room for counts, though something is missing before it. */
		{"finished behind a hole", FLOW SYN SYNACK "+0 a > A seq 0x00000fff ack 0xffffff01 len 10\n",
		 "ok out - ESTABLISHED bytes -1/0 frames 2/1 syn 0/0 again 0/0 ooo 0"},
		{"not finished beyond the window",
		 FLOW SYN "+0 a < SA seq 0xffffff00 ack 0xfffffff1 win 1000\n"
			  "+0 a > A seq 0x00000fff ack 0xffffff01 len 10\n",
		 "unknown out - ESTABLISHED bytes -1/0 frames 2/1 syn 0/0 again 0/0 ooo 0"},
		{"refused", FLOW SYN "+0 a < RA seq 0 ack 0xfffffff1\n",
		 "refused out rrst closed bytes 0/0 frames 1/1 syn 0/0 again 0/0 ooo 0"},
		{"refused from outside", FLOW "+0 a < S seq 1\n+0 a > RA seq 0 ack 2\n",
		 "refused in lrst closed bytes 0/0 frames 1/1 syn 0/0 again 0/0 ooo 0"},
		{"RST for something else", FLOW SYN "+0 a < RA seq 0 ack 12345\n",
		 "pending out - SYN_SENT bytes 0/0 frames 1/1 syn 0/0 again 0/0 ooo 0"},
		{"reset by the opener after the SYN/ACK", FLOW SYN SYNACK "+0 a > R seq 0xfffffff1\n",
		 "reset out lrst reset bytes 0/0 frames 2/1 syn 0/0 again 0/0 ooo 0"},
		{"reset by the acceptor after its SYN/ACK", FLOW SYN SYNACK "+0 a < R seq 0xffffff01\n",
		 "reset out rrst reset bytes 0/0 frames 1/2 syn 0/0 again 0/0 ooo 0"},
		{"refused, tried again with the same number",
		 FLOW SYN "+0 a < RA seq 0 ack 0xfffffff1\n" SYN SYNACK ACK,
		 "ok out - ESTABLISHED bytes 0/0 frames 3/2 syn 1/0 again 0/0 ooo 0"},
		{"both open at once",
		 FLOW "+0 a > S seq 1\n+0 a < S seq 5\n+0 a > SA seq 1 ack 6\n+0 a < SA seq 5 ack 2\n",
		 "ok out - ESTABLISHED bytes 0/0 frames 2/2 syn 0/0 again 0/0 ooo 0"},
		{"wrong answer", FLOW SYN "+0 a < SA seq 5 ack 77\n+0 a > R seq 77\n" SYNACK ACK,
		 "ok out - ESTABLISHED bytes 0/0 frames 3/2 syn 0/0 again 0/0 ooo 0"},
		{"ACK for what was never sent", FLOW SYN SYNACK "+0 a > A seq 0xfffffff1 ack 0xffffff99\n",
		 "unknown out - ESTABLISHED bytes 0/0 frames 2/1 syn 0/0 again 0/0 ooo 0"},
		{"SYN cookies: another number in each answer, the first is taken",
		 FLOW SYN SYNACK SYN "+0 a < SA seq 0x5000 ack 0xfffffff1\n" ACK
				     "+0 a < PA seq 0xffffff01 ack 0xfffffff1 len 9\n",
		 "ok out - ESTABLISHED bytes 0/9 frames 3/3 syn 1/1 again 0/0 ooo 0"},
		{"SYN cookies: the second is taken",
		 FLOW SYN SYNACK SYN "+0 a < SA seq 0x5000 ack 0xfffffff1\n+0 a > A seq 0xfffffff1 ack 0x5001\n"
				     "+0 a < PA seq 0x5001 ack 0xfffffff1 len 9\n",
		 "ok out - ESTABLISHED bytes 0/9 frames 3/3 syn 1/1 again 0/0 ooo 0"},
		/* Of three only two are remembered; who was taken is not known, so the handshake is not either. */
		{"SYN cookies: another of three is taken",
		 FLOW SYN SYNACK SYN "+0 a < SA seq 0x5000 ack 0xfffffff1\n" SYN
				     "+0 a < SA seq 0x9000 ack 0xfffffff1\n+0 a > A seq 0xfffffff1 ack 0x5001\n"
				     "+0 a < PA seq 0x5001 ack 0xfffffff1 len 9\n",
		 "unknown out - ESTABLISHED bytes 0/-1 frames 4/4 syn 2/2 again 0/0 ooo 0"},
		{"SYN cookies: neither is taken", FLOW SYN SYNACK SYN "+0 a < SA seq 0x5000 ack 0xfffffff1\n",
		 "pending out - SYN_SENT bytes 0/0 frames 2/2 syn 1/1 again 0/0 ooo 0"},
		{"Fast Open", FLOW "+0 a > S seq 1 len 100\n+0 a < SA seq 5 ack 102\n+0 a > A seq 102 ack 6\n",
		 "ok out - ESTABLISHED bytes 100/0 frames 2/1 syn 0/0 again 0/0 ooo 0"},
		{"Fast Open not taken",
		 FLOW "+0 a > S seq 1 len 100\n+0 a < SA seq 5 ack 2\n+0 a > A seq 2 ack 6 len 100\n"
		      "+0 a < A seq 6 ack 102\n",
		 "ok out - ESTABLISHED bytes 100/0 frames 2/2 syn 0/0 again 1/0 ooo 0"},
		{"SYN/ACK recorded before the SYN", FLOW SYNACK SYN ACK,
		 "ok out - ESTABLISHED bytes 0/0 frames 2/1 syn 0/0 again 0/0 ooo 0"},
		{"ACK recorded before the SYN/ACK", FLOW SYN ACK SYNACK,
		 "ok out - ESTABLISHED bytes 0/0 frames 2/1 syn 0/0 again 0/0 ooo 0"},
		{"option length 0 in the SYN",
		 FLOW "+0 a > S seq 1 hex 02000000\n+0 a < SA seq 5 ack 2\n+0 a > A seq 2 ack 6\n",
		 "ok out - ESTABLISHED bytes 0/0 frames 2/1 syn 0/0 again 0/0 ooo 0"},
	};

	(void)state;
	EXPECT(table);
}

static void handshake_times(void **state)
{
	struct feeder feeder = {.known = false};
	struct conn conn = run(OPEN);

	(void)state;
	assert_int_equal(conn.hs_net_ns, 2 * MS);
	assert_int_equal(conn.hs_ack_ns, 3 * MS);
	assert_int_equal(conn.hs_ns, 5 * MS);
	assert_int_equal(conn.minrtt_ns, 2 * MS);
	assert_int_equal(conn.start_ns, BEGIN_NS + 1 * MS);
	assert_int_equal(conn.end_ns, BEGIN_NS + 6 * MS);
	assert_int_equal(conn.error, 0);
	/* From the first SYN and the first SYN/ACK; Karn allows no round trip then. */
	run_at(&feeder, &conn, FLOW SYN SYN SYNACK SYNACK ACK, 0);
	assert_int_equal(conn.hs_ns, 8 * MS);
	assert_int_equal(conn.hs_net_ns, 3 * MS);
	assert_int_equal(conn.hs_ack_ns, 5 * MS);
	assert_int_equal(conn.minrtt_ns, CONN_UNKNOWN);
	assert_int_equal(wire_syn_ns(&feeder.wire), BEGIN_NS + 1 * MS);
	assert_int_equal(wire_answer_ns(&feeder.wire), BEGIN_NS + 4 * MS);
	assert_int_equal(wire_established_ns(&feeder.wire), BEGIN_NS + 9 * MS);
	assert_int_equal(wire_last_ns(&feeder.wire), BEGIN_NS + 9 * MS);
	/* As seen by who accepts. */
	conn = run(FLOW "+0 a < S seq 1\n+0.001 a > SA seq 5 ack 2\n+0.007 a < A seq 2 ack 6\n");
	assert_int_equal(conn.hs_ns, 8 * MS);
	assert_int_equal(conn.minrtt_ns, 7 * MS);
	/* What was recorded in the wrong order has no span, never a negative one. */
	conn = run(FLOW SYNACK SYN ACK);
	assert_int_equal(conn.hs_net_ns, CONN_UNKNOWN);
	assert_int_equal(conn.hs_ns, 3 * MS);
	conn = run(FLOW SYN);
	assert_int_equal(conn.hs_ns, CONN_UNKNOWN);
	assert_int_equal(conn.gap_ns, CONN_UNKNOWN);
	assert_int_equal(conn.error, -1);
	wire_clear(&feeder.wire);
}

/* RFC 8684, 3.1 and 3.2: options MP_CAPABLE and MP_JOIN; without them in the answer, or when resent, it is TCP. */
static void mptcp_is_what_both_sides_ask_for(void **state)
{
#define ASKS "+0.001 a > S seq 1000 hex 1e040100\n"
#define JOINS "+0.001 a > S seq 1000 hex 1e0c1001000000000000abcd\n"
#define AGREES "+0.002 a < SA seq 2000 ack 1001 hex 1e0c01000000000000000001\n"
#define DECLINES "+0.002 a < SA seq 2000 ack 1001 mss 1460\n"
	static const struct {
		const char *script;
		uint8_t proto;
	} cases[] = {
		{FLOW ASKS AGREES ACK, FLOW_PROTO_MPTCP},
		{FLOW JOINS AGREES ACK, FLOW_PROTO_MPTCP},
		{FLOW AGREES ACK, FLOW_PROTO_MPTCP},
		{FLOW ASKS, FLOW_PROTO_MPTCP},
		{FLOW ASKS DECLINES ACK, IPPROTO_TCP},
		{FLOW ASKS "+1 a > S seq 1000 mss 1460\n" DECLINES, IPPROTO_TCP},
		{OPEN, IPPROTO_TCP},
		{FLOW "+0.001 a > S seq 1000 hex 1e280000\n", IPPROTO_TCP}, /* longer than the header */
	};
	struct feeder feeder = {.known = false};
	struct conn conn;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		run_at(&feeder, &conn, cases[i].script, 1);
		assert_int_equal(conn.proto, cases[i].proto);
	}
	wire_clear(&feeder.wire);
}

static void timeouts_go_by_packet_time(void **state)
{
	struct feeder feeder = {.known = false};
	struct conn conn;

	(void)state;
	run_at(&feeder, &conn, FLOW SYN, TIMEOUT_NS - 1);
	assert_int_equal(conn.result, RESULT_PENDING);
	assert_true(conn.open);
	run_at(&feeder, &conn, FLOW SYN, TIMEOUT_NS);
	assert_int_equal(conn.result, RESULT_TIMEOUT);
	assert_false(conn.open);
	/* A resend that comes later than the timeout is still the same attempt. */
	run_at(&feeder, &conn, FLOW SYN "+40 a > S seq 0xfffffff0\n", TIMEOUT_NS);
	assert_int_equal(conn.result, RESULT_TIMEOUT);
	assert_int_equal(conn.syn_rtx, 1);
	assert_int_equal(feeder.generations, 0);
	/* Half open. */
	run_at(&feeder, &conn, FLOW SYN SYNACK, TIMEOUT_NS);
	assert_int_equal(conn.result, RESULT_TIMEOUT);
	run_at(&feeder, &conn, OPEN, 1000 * TIMEOUT_NS);
	assert_int_equal(conn.result, RESULT_OK);
	assert_true(conn.open);
	wire_clear(&feeder.wire);
}

static void unreachables(void **state)
{
	static const struct {
		const char *script;
		enum conn_result result;
		int code, error;
	} table[] = {
		{FLOW SYN "+0 a > icmp 3/0 seq 0xfffffff0\n", RESULT_UNREACH, 0, 101 /* ENETUNREACH */},
		{FLOW SYN "+0 a > icmp 3/1 seq 0xfffffff0\n", RESULT_UNREACH, 1, 113 /* EHOSTUNREACH */},
		{FLOW SYN "+0 a > icmp 3/3 seq 0xfffffff0\n", RESULT_UNREACH, 3, 111 /* ECONNREFUSED */},
		{FLOW SYN "+0 a > icmp 3/13 seq 0xfffffff0\n", RESULT_UNREACH, 13, 113},
		{"flow a 2001:db8::1 40000 2001:db8::2 80\n" SYN "+0 a > icmp 1/1 seq 0xfffffff0\n", RESULT_UNREACH, 1,
		 13 /* EACCES */},
		{"flow a 2001:db8::1 40000 2001:db8::2 80\n" SYN "+0 a > icmp 1/4 seq 0xfffffff0\n", RESULT_UNREACH, 4,
		 111},
		{FLOW SYN "+0 a > icmp 11/0 seq 0xfffffff0\n", RESULT_UNREACH, 0, 113},
		{FLOW SYN "+0 a > icmp 12/2 seq 0xfffffff0\n", RESULT_UNREACH, 2, 71 /* EPROTO */},
		{"flow a 2001:db8::1 40000 2001:db8::2 80\n" SYN "+0 a > icmp 3/1 seq 0xfffffff0\n", RESULT_UNREACH, 1,
		 113},
		{"flow a 2001:db8::1 40000 2001:db8::2 80\n" SYN "+0 a > icmp 4/0 seq 0xfffffff0\n", RESULT_UNREACH, 0,
		 71},
		/* Not an end: fragmentation needed, reassembly, no such code, another number, an answer after all. */
		{FLOW SYN "+0 a > icmp 3/4 seq 0xfffffff0\n", RESULT_PENDING, 0, -1},
		{FLOW SYN "+0 a > icmp 11/1 seq 0xfffffff0\n", RESULT_PENDING, 0, -1},
		{FLOW SYN "+0 a > icmp 3/16 seq 0xfffffff0\n", RESULT_PENDING, 0, -1},
		{FLOW SYN "+0 a > icmp 3/3 seq 12345\n", RESULT_PENDING, 0, -1},
		{FLOW SYN "+0 a > icmp 3/1 seq 0xfffffff0\n" SYN SYNACK ACK, RESULT_OK, 0, 0},
		{OPEN "+0 a > icmp 3/1 seq 0xfffffff1\n", RESULT_OK, 0, 0},
		{FLOW SYN SYNACK "+0 a < icmp 3/1 seq 0xffffff00\n", RESULT_PENDING, 0, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct conn conn = run(table[i].script);

		if (conn.result != table[i].result || conn.icmp_code != table[i].code || conn.error != table[i].error)
			fail_msg("row %zu: %s code %d errno %d", i, conn_result_text(conn.result), conn.icmp_code,
				 conn.error);
		assert_int_equal(conn.icmp_version != 0, table[i].result == RESULT_UNREACH);
	}
}

static void bytes_each_once(void **state)
{
	static const struct expectation table[] = {
		{"across the wrap",
		 OPEN "+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 1000\n+0 a < PA seq 0xffffff01 ack 0x3d9 len 500\n"
		      "+0 a > A seq 0x3d9 ack 0xf5\n",
		 "ok out - ESTABLISHED bytes 1000/500 frames 4/2 syn 0/0 again 0/0 ooo 0"},
		{"sent twice",
		 OPEN "+0 a > A seq 0xfffffff1 ack 0xffffff01 len 100\n"
		      "+1 a > A seq 0xfffffff1 ack 0xffffff01 len 100\n",
		 "ok out - ESTABLISHED bytes 100/0 frames 4/1 syn 0/0 again 1/0 ooo 0"},
		{"sent again with more",
		 OPEN "+0 a > A seq 0xfffffff1 ack 0xffffff01 len 100\n"
		      "+1 a > A seq 0xfffffff1 ack 0xffffff01 len 150\n",
		 "ok out - ESTABLISHED bytes 150/0 frames 4/1 syn 0/0 again 1/0 ooo 0"},
		{"in another order",
		 OPEN "+0 a < A seq 0xffffff65 ack 0xfffffff1 len 100\n"
		      "+0 a < A seq 0xffffff01 ack 0xfffffff1 len 100\n",
		 "ok out - ESTABLISHED bytes 0/200 frames 2/3 syn 0/0 again 0/0 ooo 1"},
		{"keep-alive is nothing new",
		 OPEN "+0 a > A seq 0xfffffff1 ack 0xffffff01 len 10\n"
		      "+0 a < A seq 0xffffff01 ack 0xfffffffb\n"
		      "+9 a > A seq 0xfffffffa ack 0xffffff01 len 1\n",
		 "ok out - ESTABLISHED bytes 10/0 frames 4/2 syn 0/0 again 0/0 ooo 0"},
		{"a byte not acknowledged yet is sent again",
		 OPEN "+0 a > A seq 0xfffffff1 ack 0xffffff01 len 10\n"
		      "+9 a > A seq 0xfffffffa ack 0xffffff01 len 1\n",
		 "ok out - ESTABLISHED bytes 10/0 frames 4/1 syn 0/0 again 1/0 ooo 0"},
		{"an empty segment tells what was sent before it, with or without FIN",
		 OPEN "+0 a > A seq 0xfffffffb ack 0xffffff01\n"
		      "+0 a < A seq 0xffffff01 ack 0xfffffffb\n",
		 "ok out - ESTABLISHED bytes -1/0 frames 3/2 syn 0/0 again 0/0 ooo 0"},
		{"until more follows",
		 OPEN "+0 a > A seq 0xfffffffb ack 0xffffff01\n"
		      "+0 a > A seq 0xfffffffb ack 0xffffff01 len 2\n"
		      "+0 a < A seq 0xffffff01 ack 0xfffffffd\n",
		 "ok out - ESTABLISHED bytes 12/0 frames 4/2 syn 0/0 again 0/0 ooo 0"},
		{"a hole that was not acknowledged", OPEN "+0 a < A seq 0xffffff65 ack 0xfffffff1 len 100\n",
		 "ok out - ESTABLISHED bytes 0/-1 frames 2/2 syn 0/0 again 0/0 ooo 0"},
		{"a hole the receiver acknowledged: the capture lost it, the numbers know",
		 OPEN "+0 a < A seq 0xffffff65 ack 0xfffffff1 len 100\n+0 a > A seq 0xfffffff1 ack 0xffffffc9\n",
		 "ok out - ESTABLISHED bytes 0/200 frames 3/2 syn 0/0 again 0/0 ooo 0"},
		{"acknowledged beyond what was seen", OPEN "+0 a > A seq 0xfffffff1 ack 0x1000\n",
		 "ok out - ESTABLISHED bytes 0/-1 frames 3/1 syn 0/0 again 0/0 ooo 0"},
		{"one forged number far away",
		 OPEN "+0 a < A seq 0x7fffff65 ack 0xfffffff1 len 100\n+0 a < A seq 0xffffff01 ack 0xfffffff1 len 5\n",
		 "ok out - ESTABLISHED bytes 0/5 frames 2/3 syn 0/0 again 0/0 ooo 0"},
		{"a capture that lost megabytes",
		 OPEN "+0 a < A seq 0x04000000 ack 0xfffffff1 len 100\n"
		      "+0 a < A seq 0x04000064 ack 0xfffffff1 len 100\n",
		 "ok out - ESTABLISHED bytes 0/-1 frames 2/3 syn 0/0 again 0/0 ooo 0"},
		{"forged RST far away", OPEN "+0 a < R seq 0x70000000\n",
		 "ok out - ESTABLISHED bytes 0/0 frames 2/2 syn 0/0 again 0/0 ooo 0"},
		{"begins in the middle",
		 FLOW "+0 a > PA seq 100 ack 200 len 10\n+0 a < PA seq 200 ack 110 len 20\n+0 a > A seq 110 ack 220\n",
		 "ok - - ESTABLISHED bytes -1/-1 frames 2/1 syn -1/-1 again 0/0 ooo 0"},
		{"begins in the middle, one way", FLOW "+0 a > PA seq 100 ack 200 len 10\n",
		 "unknown - - - bytes -1/-1 frames 1/0 syn -1/-1 again 0/0 ooo 0"},
		{"one side captured",
		 FLOW SYN ACK "+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 10\n"
			      "+0 a > A seq 0xfffffffb ack 0xffffff55\n",
		 "unknown out - ESTABLISHED bytes 10/-1 frames 4/0 syn 0/-1 again 0/0 ooo 0"},
	};

	(void)state;
	EXPECT(table);
}

static void closes(void **state)
{
	static const struct expectation table[] = {
		{"by the local side",
		 OPEN "+0 a > FA seq 0xfffffff1 ack 0xffffff01\n+0 a < A seq 0xffffff01 ack 0xfffffff2\n"
		      "+0 a < FA seq 0xffffff01 ack 0xfffffff2\n+0 a > A seq 0xfffffff2 ack 0xffffff02\n",
		 "ok out lfin closed bytes 0/0 frames 4/3 syn 0/0 again 0/0 ooo 0"},
		{"by the remote side",
		 OPEN "+0 a < FA seq 0xffffff01 ack 0xfffffff1\n+0 a > FA seq 0xfffffff1 ack 0xffffff02\n"
		      "+0 a < A seq 0xffffff02 ack 0xfffffff2\n",
		 "ok out rfin closed bytes 0/0 frames 3/3 syn 0/0 again 0/0 ooo 0"},
		{"FIN_WAIT1", OPEN "+0 a > FA seq 0xfffffff1 ack 0xffffff01 len 3\n",
		 "ok out lfin FIN_WAIT1 bytes 3/0 frames 3/1 syn 0/0 again 0/0 ooo 0"},
		{"FIN_WAIT2", OPEN "+0 a > FA seq 0xfffffff1 ack 0xffffff01\n+0 a < A seq 0xffffff01 ack 0xfffffff2\n",
		 "ok out lfin FIN_WAIT2 bytes 0/0 frames 3/2 syn 0/0 again 0/0 ooo 0"},
		{"CLOSE_WAIT", OPEN "+0 a < FA seq 0xffffff01 ack 0xfffffff1\n",
		 "ok out rfin CLOSE_WAIT bytes 0/0 frames 2/2 syn 0/0 again 0/0 ooo 0"},
		{"LAST_ACK", OPEN "+0 a < FA seq 0xffffff01 ack 0xfffffff1\n+0 a > FA seq 0xfffffff1 ack 0xffffff02\n",
		 "ok out rfin LAST_ACK bytes 0/0 frames 3/2 syn 0/0 again 0/0 ooo 0"},
		{"CLOSING", OPEN "+0 a > FA seq 0xfffffff1 ack 0xffffff01\n+0 a < FA seq 0xffffff01 ack 0xfffffff1\n",
		 "ok out lfin CLOSING bytes 0/0 frames 3/2 syn 0/0 again 0/0 ooo 0"},
		{"reset by the remote side", OPEN "+0 a < RA seq 0xffffff01 ack 0xfffffff1\n",
		 "ok out rrst reset bytes 0/0 frames 2/2 syn 0/0 again 0/0 ooo 0"},
		{"reset after the FIN", OPEN "+0 a > FA seq 0xfffffff1 ack 0xffffff01\n+0 a < R seq 0xffffff01\n",
		 "ok out rrst reset bytes 0/0 frames 3/2 syn 0/0 again 0/0 ooo 0"},
		/* RFC 5961, 3.2: in the window and not what is expected next. */
		{"a RST in the window that was ignored",
		 OPEN "+0 a < R seq 0xffffff42\n+0 a > A seq 0xfffffff1 ack 0xffffff01\n"
		      "+0 a < A seq 0xffffff01 ack 0xfffffff1 len 0x100\n",
		 "ok out - ESTABLISHED bytes 0/256 frames 3/3 syn 0/0 again 0/0 ooo 0"},
		{"one whose sender goes on to acknowledge",
		 OPEN "+0 a < R seq 0xffffff42\n+0 a > A seq 0xfffffff1 ack 0xffffff01 len 10\n"
		      "+0 a < A seq 0xffffff01 ack 0xfffffffb\n",
		 "ok out - ESTABLISHED bytes 10/0 frames 3/3 syn 0/0 again 0/0 ooo 0"},
		{"nothing follows: it was the end",
		 OPEN "+0 a < R seq 0xffffff42\n+0 a > A seq 0xfffffff1 ack 0xffffff01\n",
		 "ok out rrst reset bytes 0/0 frames 3/2 syn 0/0 again 0/0 ooo 0"},
		{"what was sent before the RST comes behind it",
		 OPEN "+0 a < R seq 0xffffff42\n+0 a < A seq 0xffffff01 ack 0xfffffff1 len 0x41\n",
		 "ok out rrst reset bytes 0/65 frames 2/3 syn 0/0 again 0/0 ooo 0"},
		{"asked about, and then confirmed",
		 OPEN "+0 a < R seq 0xffffff42\n+0 a > A seq 0xfffffff1 ack 0xffffff01\n+0 a < R seq 0xffffff01\n"
		      "+0 a < A seq 0xffffff01 ack 0xfffffff1 len 9\n",
		 "ok out rrst reset bytes 0/9 frames 3/4 syn 0/0 again 0/0 ooo 0"},
		{"at what was acknowledged, while more was under way",
		 OPEN "+0 a < A seq 0xffffff01 ack 0xfffffff1 len 9\n+0 a > A seq 0xfffffff1 ack 0xffffff0a\n"
		      "+0 a < A seq 0xffffff0a ack 0xfffffff1 len 9\n+0 a < R seq 0xffffff0a\n"
		      "+0 a < A seq 0xffffff13 ack 0xfffffff1 len 9\n",
		 "ok out rrst reset bytes 0/27 frames 3/5 syn 0/0 again 0/0 ooo 0"},
		{"a RST after the end changes nothing",
		 OPEN "+0 a > FA seq 0xfffffff1 ack 0xffffff01\n+0 a < FA seq 0xffffff01 ack 0xfffffff2\n"
		      "+0 a > A seq 0xfffffff2 ack 0xffffff02\n+0 a > R seq 0xfffffff2\n",
		 "ok out lfin closed bytes 0/0 frames 5/2 syn 0/0 again 0/0 ooo 0"},
	};
	struct conn conn;

	(void)state;
	EXPECT(table);
	conn = run(table[0].script);
	assert_false(conn.open);
	conn = run(table[3].script);
	assert_true(conn.open);
}

static void generations(void **state)
{
	struct feeder feeder = {.known = false};
	struct conn conn;

	(void)state;
	run_at(&feeder, &conn, OPEN "+0 a < R seq 0xffffff01\n+1 a > S seq 7\n", 0);
	assert_int_equal(feeder.generations, 1);
	assert_int_equal(conn.result, RESULT_PENDING);
	/* On an old one that lives, too: another number is another attempt. */
	run_at(&feeder, &conn, OPEN "+1 a > S seq 7\n", 0);
	assert_int_equal(feeder.generations, 1);
	run_at(&feeder, &conn, FLOW SYN "+1 a > S seq 7\n", 0);
	assert_int_equal(feeder.generations, 1);
	/* The other side calls back on the same ports. */
	run_at(&feeder, &conn, FLOW SYN "+0 a < RA seq 0 ack 0xfffffff1\n+1 a < S seq 7\n", 0);
	assert_int_equal(feeder.generations, 1);
	assert_int_equal(conn.dir, DIR_IN);
	/* A repetition and late segments of what has ended are no new ones. */
	run_at(&feeder, &conn, OPEN "+0 a < R seq 0xffffff01\n+0 a > A seq 0xfffffff1 ack 0xffffff01\n" SYN, 0);
	assert_int_equal(feeder.generations, 0);
	/* The SYN of the next one was not captured. */
	run_at(&feeder, &conn, OPEN "+0 a < R seq 0xffffff01\n+9 a > PA seq 0x40000000 ack 1 len 5\n", 0);
	assert_int_equal(feeder.generations, 1);
	/* A SYN recorded last belongs to what it opened. */
	run_at(&feeder, &conn, FLOW SYNACK ACK "+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 3\n" SYN, 0);
	assert_int_equal(feeder.generations, 0);
	assert_int_equal(conn.dir, DIR_OUT);
	assert_int_equal(conn.tx_bytes, 3);
	wire_clear(&feeder.wire);
}

static void copies_count_once(void **state)
{
	struct feeder feeder = {.known = false};
	struct conn conn;

	(void)state;
	/* As on `any`: each frame on two interfaces of the host, close together. */
	run_at(&feeder, &conn,
	       FLOW "link sll2\n+0 a > S seq 1 ipid 5 if 2\n+0.00001 a > S seq 1 ipid 5 if 3\n"
		    "+0 a < SA seq 5 ack 2 if 3\n+0.00001 a < SA seq 5 ack 2 if 2\n"
		    "+0 a > A seq 2 ack 6 ipid 6 if 2\n+0 a > PA seq 2 ack 6 ipid 7 len 9 if 2\n"
		    "+0 a > A seq 2 ack 6 ipid 6 if 3\n+0 a > PA seq 2 ack 6 ipid 7 len 9 if 3\n",
	       0);
	assert_string_equal(reported(&conn), "ok out - ESTABLISHED bytes 9/0 frames 3/1 syn 0/0 again 0/0 ooo 0");
	assert_int_equal(feeder.copies, 4);
	/* One interface, in and out again, as a router sees it. */
	run_at(&feeder, &conn, FLOW "link sll\n+0 a > S seq 1 ipid 5 in\n+0.00001 a > S seq 1 ipid 5 out\n", 0);
	assert_int_equal(conn.tx_pkts, 1);
	/* Sent twice is sent twice, however soon; and so is the same again later. */
	run_at(&feeder, &conn, FLOW "+0 a > S seq 1 ipid 5\n+0.00001 a > S seq 1 ipid 6\n", 0);
	assert_int_equal(conn.tx_pkts, 2);
	assert_int_equal(conn.syn_rtx, 1);
	assert_int_equal(conn.copies, 0);
	run_at(&feeder, &conn, FLOW "link sll2\n+0 a > S seq 1 ipid 5 if 2\n+1 a > S seq 1 ipid 5 if 3\n", 0);
	assert_int_equal(conn.tx_pkts, 2);
	wire_clear(&feeder.wire);
}

/* The same interface shows a frame more than once: a mirror port, a router, two VLANs. */
static void copies_on_one_interface(void **state)
{
	static const struct {
		const char *script;
		int frames, copies, retrans;
	} cases[] = {
		/* The same identification is the same packet, whatever came in between. */
		{"+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 9 ipid 7\n+0.0001 a < A seq 0xffffff01 ack 0xfffffffa\n"
		 "+0.003 a > PA seq 0xfffffff1 ack 0xffffff01 len 9 ipid 7\n",
		 1, 1, 0},
		/* A resent one has another, however soon it comes, and in whatever place. */
		{"+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 9 ipid 7\n"
		 "+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 9 ipid 8\n",
		 2, 0, 1},
		{"+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 9 ipid 7\n"
		 "+0.001 a > PA seq 0xfffffff1 ack 0xffffff01 len 9 ipid 8 ttl 63\n",
		 2, 0, 1},
		/* Some senders resend the very same packet; not that soon. */
		{"+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 9 ipid 7\n"
		 "+0.1 a > PA seq 0xfffffffa ack 0xffffff01 len 9 ipid 8\n"
		 "+0.1 a > PA seq 0xfffffff1 ack 0xffffff01 len 9 ipid 7\n",
		 3, 0, 1},
		/* One that all segments have says nothing. */
		{"+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 9 ipid 1\n"
		 "+0.1 a > PA seq 0xfffffffa ack 0xffffff01 len 9 ipid 1\n"
		 "+0.2 a > PA seq 0xfffffffa ack 0xffffff01 len 9 ipid 1\n",
		 3, 0, 1},
		/* Without one, time tells; */
		{"+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 9\n"
		 "+0.00001 a > PA seq 0xfffffff1 ack 0xffffff01 len 9\n",
		 1, 1, 0},
		{"+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 9\n"
		 "+0.001 a > PA seq 0xfffffff1 ack 0xffffff01 len 9\n",
		 2, 0, 1},
		/* but not when the other side has given cause to resend; */
		{"+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 9\n+0 a > PA seq 0xfffffffa ack 0xffffff01 len 9\n"
		 "+0.0001 a < A seq 0xffffff01 ack 0xfffffff1\n"
		 "+0.0001 a > PA seq 0xfffffff1 ack 0xffffff01 len 9\n",
		 3, 0, 1},
		/* a router has counted it down, so it was seen twice. */
		{"+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 9\n+0.0001 a < A seq 0xffffff01 ack 0xfffffffa\n"
		 "+0.002 a > PA seq 0xfffffff1 ack 0xffffff01 len 9 ttl 63\n",
		 1, 1, 0},
		/* Bare acknowledgements may be repeated at once, */
		{"+0 a > A seq 0xfffffff1 ack 0xffffff01\n+0.00001 a > A seq 0xfffffff1 ack 0xffffff01\n", 2, 0, 0},
		/* unless the connection is known to have copies; then each has one. */
		{"+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 9\n+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 9\n"
		 "+0.1 a > A seq 0xfffffffa ack 0xffffff01\n+0 a > A seq 0xfffffffa ack 0xffffff01\n"
		 "+0 a > A seq 0xfffffffa ack 0xffffff01\n+0 a > A seq 0xfffffffa ack 0xffffff01\n",
		 3, 3, 0},
		/* Two VLANs. */
		{"vlan 10\n+0.1 a > PA seq 0xfffffff1 ack 0xffffff01 len 9\nvlan 20\n"
		 "+0.002 a > PA seq 0xfffffff1 ack 0xffffff01 len 9\n",
		 1, 1, 0},
		/* A router changes a SYN's options. */
		{"+1 a > S seq 0xfffffff0 mss 1460 ipid 9\n"
		 "+0.001 a > S seq 0xfffffff0 mss 1400 ipid 9 ttl 63\n",
		 1, 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char script[1024];
		struct conn conn;

		/* Three frames before: two of the first end. */
		snprintf(script, sizeof(script), "%s%s", OPEN, cases[i].script);
		conn = run(script);
		if (conn.tx_pkts - 2 != cases[i].frames || conn.copies != cases[i].copies ||
		    conn.tx_retrans != cases[i].retrans)
			fail_msg("case %zu: %d frames, %d copies, %d resent", i, (int)conn.tx_pkts - 2,
				 (int)conn.copies, (int)conn.tx_retrans);
	}
}

static void times_and_windows(void **state)
{
	struct conn conn = run(OPEN "+0.010 a > PA seq 0xfffffff1 ack 0xffffff01 len 10\n"
				    "+0.020 a < A seq 0xffffff01 ack 0xfffffffb win 0\n"
				    "+0.500 a < A seq 0xffffff01 ack 0xfffffffb win 0\n"
				    "+0.100 a > PA seq 0xfffffffb ack 0xffffff01 len 10\n"
				    "+0.200 a > PA seq 0xfffffffb ack 0xffffff01 len 10\n"
				    "+0.001 a < A seq 0xffffff01 ack 0x5\n");

	(void)state;
	assert_int_equal(conn.zerowin, 2);
	assert_int_equal(conn.gap_ns, 500 * MS);
	assert_int_equal(conn.minrtt_ns, 2 * MS);
	/* 2 ms, then 20 ms with an eighth of weight; what was resent is not measured. */
	assert_int_equal(conn.rtt_ns, 2 * MS - 2 * MS / 8 + 20 * MS / 8);
	assert_int_equal(conn.tx_retrans, 1);
	assert_int_equal(conn.tx_wire, 62 + 54 + 64 * 3);
	assert_int_equal(conn.rx_wire, 62 + 54 * 3);
}

/* Two holes are remembered: of three the first is forgotten, and what fills it looks like what was seen. */
#define THREE_HOLES                                                                                          \
	OPEN "+0.01 a > A seq 0xfffffffb ack 0xffffff01 len 10\n+0.01 a > A seq 0xf ack 0xffffff01 len 10\n" \
	     "+0.01 a > A seq 0x23 ack 0xffffff01 len 10\n"

static void what_fills_a_forgotten_hole_may_be_resent(void **state)
{
	struct conn conn = run(THREE_HOLES "+0.01 a > A seq 0xfffffff1 ack 0xffffff01 len 10\n");

	(void)state;
	assert_int_equal(conn.tx_retrans, -1);
	assert_int_equal(conn.rx_retrans, 0);
	assert_int_equal(columns_retrans(&conn), -1);
	/* What had been acknowledged was sent again, and so is what is sent again when nothing is missing any more. */
	conn = run(THREE_HOLES "+0.01 a < A seq 0xffffff01 ack 0x5\n"
			       "+0.01 a > A seq 0xfffffff1 ack 0xffffff01 len 10\n");
	assert_int_equal(conn.tx_retrans, 1);
	conn = run(THREE_HOLES "+0.01 a < A seq 0xffffff01 ack 0x2d\n"
			       "+0.01 a > A seq 0x2d ack 0xffffff01 len 10\n"
			       "+0.01 a > A seq 0x2d ack 0xffffff01 len 10\n");
	assert_int_equal(conn.tx_retrans, 1);
	assert_int_equal(conn.tx_bytes, 0x37 + 0xf);
}

/* The same frames from the other end: what was sent was received, and nothing else changes. */
static void control_segments_are_counted(void **state)
{
	struct conn conn = run(OPEN "+0 a > A seq 0xfffffff1 ack 0xffffff01 len 10\n"
				    "+0 a < A seq 0xffffff01 ack 0xfffffffb\n"
				    /* Probes of both kinds, and answers, which are none. */
				    "+9 a > A seq 0xfffffffa ack 0xffffff01 len 1\n"
				    "+0 a < A seq 0xffffff01 ack 0xfffffffb\n"
				    "+9 a > A seq 0xfffffffa ack 0xffffff01\n"
				    "+0 a < A seq 0xffffff01 ack 0xfffffffb\n"
				    "+0 a > FA seq 0xfffffffb ack 0xffffff01\n"
				    "+1 a > FA seq 0xfffffffb ack 0xffffff01\n"
				    /* It acknowledges what it has heard, with a number before its FIN. */
				    "+0 a > A seq 0xfffffffb ack 0xffffff01\n"
				    "+0 a < R seq 0xffffff01\n+0 a < R seq 0xffffff01\n+0 a < R seq 0xffffff01\n");

	(void)state;
	assert_int_equal(conn.keepalive, 2);
	/* The FIN. */
	assert_int_equal(conn.tx_retrans, 1);
	assert_int_equal(conn.tx_fin, 2);
	assert_int_equal(conn.rx_fin, 0);
	assert_int_equal(conn.tx_rst, 0);
	assert_int_equal(conn.rx_rst, 3);
	conn = run(FLOW SYN);
	assert_int_equal(conn.keepalive, 0);
	assert_int_equal(conn.rx_rst, 0);
}

/* A packet filter of this host answers in the name of the remote side, on the loopback interface. */
static void a_reset_of_this_host_is_its_own(void **state)
{
	enum {
		in = SEGMENT_HAS_INCOMING,
		looped = SEGMENT_HAS_INCOMING | SEGMENT_HAS_LOOPBACK,
		within = looped | SEGMENT_HAS_OUTGOING,
	};
	static const struct {
		bool is_open;
		uint16_t has_before;
		uint16_t has_rst;
		bool is_ours;
	} cases[] = {
		{true, in, looped, true},      /* this host's packet filter */
		{true, in, in, false},         /* the peer, or what is between */
		{true, within, within, false}, /* both ends are here */
		{true, looped, looped, false}, /* likewise, with an address that no interface has */
		{false, 0, looped, true},      /* the SYN was rejected */
		{false, 0, in, false},         {false, 0, within, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = event_new(EVENT_SEGMENT, ORIGIN_WIRE, BEGIN_NS);
		struct wire wire;
		struct conn conn;

		wire_init(&wire);
		conn_init(&conn);
		event.segment = (struct event_segment){
			.seq = 1000, .ack = 500, .flags = SEGMENT_ACK, .payload = 10, .has = cases[i].has_before};
		if (cases[i].is_open)
			wire_feed(&wire, &event, WIRE_REMOTE);
		event.segment = (struct event_segment){.seq = 1010, .flags = SEGMENT_RST, .has = cases[i].has_rst};
		wire_feed(&wire, &event, WIRE_REMOTE);
		wire_settle(&wire, BEGIN_NS, TIMEOUT_NS, &conn);
		wire_clear(&wire);
		assert_int_equal(conn.state, STATE_RESET);
		assert_int_equal(conn.close, cases[i].is_ours ? CLOSE_LRST : CLOSE_RRST);
		assert_int_equal(wire_was_reset_here(&wire), cases[i].is_ours);
	}
}

static void flipped_is_the_other_end(void **state)
{
	static const char *const scripts[] = {
		OPEN "+0 a > PA seq 0xfffffff1 ack 0xffffff01 len 100\n+0 a < FA seq 0xffffff01 ack 0x55 len 7\n",
		FLOW SYN "+0 a < RA seq 0 ack 0xfffffff1\n",
		FLOW SYN SYNACK "+0 a > R seq 0xfffffff1\n",
		OPEN "+0 a < R seq 0xffffff01\n",
		OPEN "+0 a > FA seq 0xfffffff1 ack 0xffffff01\n",
		FLOW SYN,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct feeder feeder = {.known = false};
		struct conn ours, theirs;
		char line[256];

		run_at(&feeder, &ours, scripts[i], 0);
		wire_flip(&feeder.wire);
		conn_init(&theirs);
		wire_settle(&feeder.wire, feeder.now_ns, TIMEOUT_NS, &theirs);
		assert_int_equal(theirs.dir, DIR_IN);
		assert_int_equal(theirs.result, ours.result);
		assert_int_equal(theirs.rx_bytes, ours.tx_bytes);
		assert_int_equal(theirs.tx_bytes, ours.rx_bytes);
		assert_int_equal(theirs.rx_pkts, ours.tx_pkts);
		assert_int_equal(theirs.rx_wire, ours.tx_wire);
		assert_int_equal(theirs.hs_ns, ours.hs_ns);
		assert_int_equal(theirs.syn_rtx, ours.syn_rtx);
		if (ours.close == CLOSE_LFIN)
			assert_int_equal(theirs.close, CLOSE_RFIN);
		else if (ours.close == CLOSE_RFIN)
			assert_int_equal(theirs.close, CLOSE_LFIN);
		else if (ours.close == CLOSE_LRST)
			assert_int_equal(theirs.close, CLOSE_RRST);
		else if (ours.close == CLOSE_RRST)
			assert_int_equal(theirs.close, CLOSE_LRST);
		else
			assert_int_equal(theirs.close, CLOSE_UNKNOWN);
		/* Twice is as before. */
		wire_flip(&feeder.wire);
		conn_init(&theirs);
		wire_settle(&feeder.wire, feeder.now_ns, TIMEOUT_NS, &theirs);
		snprintf(line, sizeof(line), "%s", reported(&ours));
		assert_string_equal(reported(&theirs), line);
		wire_clear(&feeder.wire);
	}
}

static void evidence_stays_small(void **state)
{
	(void)state;
	/* A million connections are to fit in less than 400 MiB. */
	assert_true(sizeof(struct wire) <= 248);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshakes),
		cmocka_unit_test(handshake_times),
		cmocka_unit_test(mptcp_is_what_both_sides_ask_for),
		cmocka_unit_test(timeouts_go_by_packet_time),
		cmocka_unit_test(unreachables),
		cmocka_unit_test(bytes_each_once),
		cmocka_unit_test(closes),
		cmocka_unit_test(generations),
		cmocka_unit_test(copies_count_once),
		cmocka_unit_test(copies_on_one_interface),
		cmocka_unit_test(times_and_windows),
		cmocka_unit_test(what_fills_a_forgotten_hole_may_be_resent),
		cmocka_unit_test(control_segments_are_counted),
		cmocka_unit_test(a_reset_of_this_host_is_its_own),
		cmocka_unit_test(flipped_is_the_other_end),
		cmocka_unit_test(evidence_stays_small),
	};

	return UNIT_RUN(tests);
}
