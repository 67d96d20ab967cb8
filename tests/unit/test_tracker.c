// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "system/tcp_info.h"
#include "track/suspicious.h"
#include "track/tracker.h"

/* Facts are fed by hand; what the tracker makes of them is compared with what happened. */

#define T0 (INT64_C(1700000000) * CLOCK_NS_PER_SEC)
#define MS CLOCK_NS_PER_MS
#define REPORTED_MAX 64

static struct conn reported[REPORTED_MAX];
static size_t reported_count;

static void on_finished(void *context, const struct conn *conn)
{
	(void)context;
	assert_true(reported_count < REPORTED_MAX);
	reported[reported_count] = *conn;
	/* Processes are borrowed for the call; their numbers are all that is compared. */
	reported[reported_count].process = NULL;
	reported[reported_count].tid = conn->process != NULL ? conn->process->pid : 0;
	reported_count++;
}

static struct tracker *new_tracker(bool whole, size_t limit)
{
	const struct tracker_config config = {
		.limit = limit,
		.timeout_ns = 30 * CLOCK_NS_PER_SEC,
		.linger_ns = 100 * MS,
		.whole = whole,
		.has_destroy = true,
		.syn_retries = 6,
		.suspicious = {.reasons = SUSPICIOUS_FAILED | SUSPICIOUS_RESET},
	};
	const struct tracker_notify notify = {NULL, NULL, on_finished, NULL};

	reported_count = 0;
	return tracker_new(&config, &notify);
}

static struct flow a_flow(const char *local, uint16_t local_port, const char *remote, uint16_t remote_port)
{
	struct flow flow = event_new(EVENT_NONE, ORIGIN_CALLS, 0).flow;

	assert_int_equal(endpoint_parse(&flow.local, local), 0);
	assert_int_equal(endpoint_parse(&flow.remote, remote), 0);
	flow.local.port = local_port;
	flow.remote.port = remote_port;
	return flow;
}

static struct event a_call(enum call_kind kind, int64_t ms, const struct flow *flow, uint64_t cookie, int error)
{
	struct event event = event_new(EVENT_CALL, ORIGIN_CALLS, T0 + ms * MS);

	event.flow = *flow;
	event.call.kind = (uint8_t)kind;
	event.call.pid = 100;
	event.call.tid = 101;
	event.call.fd = 7;
	event.call.cookie = cookie;
	event.call.error = error;
	event.call.uid = 1000;
	event.call.begin_ns = T0 + ms * MS;
	return event;
}

static struct event an_info(enum info_reason reason, int64_t ms, const struct flow *flow, uint64_t cookie, int state)
{
	struct event event = event_new(EVENT_INFO, ORIGIN_KERNEL, T0 + ms * MS);

	event.flow = *flow;
	tcp_info_unknown(&event.info);
	event.info.cookie = cookie;
	event.info.reason = (uint8_t)reason;
	event.info.state = (uint8_t)state;
	event.info.bytes_acked = event.info.bytes_received = event.info.bytes_sent = event.info.bytes_retrans = 0;
	event.info.data_segs_in = event.info.data_segs_out = event.info.segs_in = event.info.unacked = 0;
	event.info.notsent_bytes = event.info.total_retrans = event.info.wqueue = event.info.rqueue = 0;
	return event;
}

static struct event a_segment(int64_t ms, const struct flow *flow, unsigned int flags, uint32_t seq, uint32_t ack,
			      uint32_t payload)
{
	struct event event = event_new(EVENT_SEGMENT, ORIGIN_WIRE, T0 + ms * MS);

	event.flow = *flow;
	event.segment.flags = (uint16_t)flags;
	event.segment.seq = seq;
	event.segment.ack = ack;
	event.segment.payload = payload;
	event.segment.frame = 54 + payload;
	event.segment.window = 1000;
	event.segment.checksum = (uint16_t)(seq ^ ack ^ flags);
	return event;
}

static void feed(struct tracker *tracker, struct event event)
{
	tracker_feed(tracker, &event, 1);
}

/* Final counters of an accepted connection that received @rx and sent @tx; the peer closed first, unread. */
static struct event a_last_word(int64_t ms, const struct flow *flow, uint64_t cookie, int64_t rx, int64_t tx)
{
	struct event event = an_info(INFO_DESTROY, ms, flow, cookie, TCP_CLOSE);

	event.info.bytes_received = rx + 1;
	event.info.bytes_sent = tx;
	event.info.bytes_acked = tx + 1;
	event.info.data_segs_in = 1;
	event.info.segs_in = 4;
	event.info.rqueue = 1;
	event.info.timewait = TIMEWAIT_ABSENT;
	return event;
}

static void accepted_and_died(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40000);
	struct event info = an_info(INFO_ACCEPT, 5, &flow, 77, TCP_ESTABLISHED);

	(void)state;
	info.info.rtt_us = 250;
	info.info.last_data_sent_ms = 36;
	feed(tracker, a_call(CALL_ACCEPT, 5, &flow, 77, 0));
	feed(tracker, info);
	feed(tracker, a_last_word(20, &flow, 77, 10, 200));
	assert_int_equal(reported_count, 0); /* it lingers */
	tracker_tick(tracker, T0 + 200 * MS);
	assert_int_equal(reported_count, 1);
	assert_int_equal(reported[0].dir, DIR_IN);
	assert_int_equal(reported[0].result, RESULT_OK);
	assert_int_equal(reported[0].rx_bytes, 10);
	assert_int_equal(reported[0].tx_bytes, 200);
	assert_int_equal(reported[0].hs_ns, 250 * CLOCK_NS_PER_US);
	assert_int_equal(reported[0].hs_net_ns, CONN_UNKNOWN);
	assert_int_equal(reported[0].queue_ns, 36 * MS);
	assert_int_equal(reported[0].close, CLOSE_UNKNOWN);
	assert_int_equal(reported[0].syn_rtx, -1);
	assert_int_equal(reported[0].tid, 100);
	assert_int_equal(reported[0].seen, SEEN_CALLS | SEEN_KERNEL);
	tracker_free(tracker);
}

static void a_process_that_ended_unseen(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40000);
	struct flow none = event_new(EVENT_NONE, ORIGIN_CALLS, 0).flow;

	(void)state;
	for (int i = 0; i < 3; i++) {
		int64_t ms = 5000 * i;
		uint64_t cookie = 77 + (uint64_t)i;
		struct event last = a_last_word(ms + (i == 0 ? 20 : 2020), &flow, cookie, 0, 0);
		struct event exit = a_call(CALL_EXIT, ms + 2025, &none, 0, 0);

		/* The own FIN first: closed by the program, or by its end. */
		last.info.bytes_received = last.info.rqueue = 0;
		last.info.timewait = TIMEWAIT_PRESENT;
		feed(tracker, a_call(CALL_ACCEPT, ms + 5, &flow, cookie, 0));
		feed(tracker, an_info(INFO_ACCEPT, ms + 5, &flow, cookie, TCP_ESTABLISHED));
		feed(tracker, last);
		exit.call.fd = -1;
		exit.call.pid = i == 1 ? 999 : 100;
		feed(tracker, exit);
		tracker_tick(tracker, T0 + (ms + 2500) * MS);
		assert_int_equal(reported_count, i + 1);
		/* Long before, another's end, and perhaps its own. */
		assert_int_equal(reported[i].close, i == 2 ? CLOSE_UNKNOWN : CLOSE_LFIN);
		flow.remote.port++;
	}
	tracker_free(tracker);
}

static void a_process_that_shared_it_ended(void **state)
{
	static const enum conn_close wanted[] = {CLOSE_EXIT, CLOSE_UNKNOWN};
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40000);

	(void)state;
	for (int i = 0; i < 2; i++) {
		int64_t ms = 5000 * i;
		uint64_t cookie = 77 + (uint64_t)i;
		struct event last = a_last_word(ms + 20, &flow, cookie, 0, 0);
		struct event exit = a_call(CALL_EXIT, ms + 19, &flow, cookie, 0);

		last.info.bytes_received = last.info.rqueue = 0;
		last.info.timewait = TIMEWAIT_PRESENT;
		feed(tracker, a_call(CALL_ACCEPT, ms + 5, &flow, cookie, 0));
		feed(tracker, an_info(INFO_ACCEPT, ms + 5, &flow, cookie, TCP_ESTABLISHED));
		/* The other process may have closed it since. */
		exit.call.disputed = i == 1;
		exit.call.pid = 101;
		feed(tracker, exit);
		feed(tracker, last);
		tracker_tick(tracker, T0 + (ms + 2500) * MS);
		assert_int_equal(reported_count, i + 1);
		assert_int_equal(reported[i].close, wanted[i]);
		assert_int_equal(reported[i].last_process != NULL, i == 0);
		flow.remote.port++;
	}
	tracker_free(tracker);
}

static void a_port_used_again_is_another_connection(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40000);

	(void)state;
	feed(tracker, a_call(CALL_ACCEPT, 1, &flow, 1, 0));
	feed(tracker, an_info(INFO_ACCEPT, 1, &flow, 1, TCP_ESTABLISHED));
	feed(tracker, a_call(CALL_ACCEPT, 2, &flow, 2, 0));
	feed(tracker, an_info(INFO_ACCEPT, 2, &flow, 2, TCP_ESTABLISHED));
	/* The final counters of the first arrive after its port has been taken. */
	feed(tracker, a_last_word(3, &flow, 1, 11, 0));
	feed(tracker, a_last_word(4, &flow, 2, 22, 0));
	tracker_finish(tracker, T0 + 5 * MS);
	assert_int_equal(reported_count, 2);
	assert_int_equal(reported[0].rx_bytes, 11);
	assert_int_equal(reported[1].rx_bytes, 22);
	tracker_free(tracker);
}

static void two_accepts_of_one_socket_are_disputed(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40000);
	struct event second = a_call(CALL_ACCEPT, 2, &flow, 1, 0);
	struct event reported_else = a_call(CALL_ACCEPT, 3, &flow, 0, 0);

	(void)state;
	second.call.tid = 102;
	reported_else.call.disputed = 1;
	reported_else.flow.remote.port = 40001;
	feed(tracker, a_call(CALL_ACCEPT, 1, &flow, 1, 0));
	feed(tracker, an_info(INFO_ACCEPT, 1, &flow, 1, TCP_ESTABLISHED));
	feed(tracker, second);
	feed(tracker, reported_else);
	feed(tracker, a_last_word(4, &flow, 1, 11, 0));
	tracker_finish(tracker, T0 + 5 * MS);
	/* The one with the socket has its numbers. */
	assert_int_equal(reported_count, 1);
	assert_int_equal(reported[0].rx_bytes, 11);
	assert_true(reported[0].seen & SEEN_DISPUTED);
	for (const struct conn *conn = tracker_next(tracker, NULL); conn != NULL; conn = tracker_next(tracker, conn)) {
		assert_true(conn->seen & SEEN_DISPUTED);
		assert_int_equal(conn->cookie, 0);
		assert_int_equal(conn->rx_bytes, CONN_UNKNOWN);
	}
	tracker_free(tracker);
}

/* Of an attempt that did not wait, and whose close(2) is not seen. */
static void cleared_counters_prove_nothing(void **state)
{
	static const struct {
		int64_t counters; /* of segments and bytes */
		int state;
		bool has_lost;
		enum conn_result wanted;
	} cases[] = {
		{EVENT_UNKNOWN, TCP_CLOSE, false, RESULT_UNKNOWN}, /* SO_LINGER */
		{0, TCP_CLOSE, false, RESULT_ABORT},               /* a SYN without an answer */
		{EVENT_UNKNOWN, 0, false, RESULT_ABORT},           /* the SYN waits for the neighbour's address */
		{EVENT_UNKNOWN, 0, true, RESULT_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tracker *tracker = new_tracker(false, 100);
		struct flow flow = a_flow("192.0.2.1", 40000, "192.0.2.9", 80);
		struct event last = an_info(INFO_DESTROY, 3, &flow, 5, cases[i].state);
		struct event lost = event_new(EVENT_LOST, ORIGIN_KERNEL, T0);

		last.info.bytes_received = last.info.bytes_sent = cases[i].counters;
		last.info.segs_in = (int32_t)cases[i].counters;
		last.info.segs_out = cases[i].counters == 0 ? 1 : -1;
		lost.lost.where = LOST_NETLINK;
		lost.lost.count = EVENT_UNKNOWN;
		if (cases[i].has_lost)
			feed(tracker, lost);
		feed(tracker, a_call(CALL_CONNECT_BEGIN, 1, &flow, 0, 0));
		feed(tracker, a_call(CALL_CONNECT_END, 2, &flow, 5, EINPROGRESS));
		feed(tracker, last);
		tracker_finish(tracker, T0 + 30 * MS);
		assert_int_equal(reported_count, 1);
		assert_int_equal(reported[0].result, cases[i].wanted);
		assert_int_equal(reported[0].rx_bytes, cases[i].wanted == RESULT_ABORT ? 0 : CONN_UNKNOWN);
		assert_int_equal(reported[0].tx_bytes, cases[i].wanted == RESULT_ABORT ? 0 : CONN_UNKNOWN);
		tracker_free(tracker);
	}
}

/* Segments without payload are retransmitted SYNs until there is a FIN. */
static void retransmissions_of_the_handshake(void **state)
{
	static const struct {
		int state, bytes_retrans, wanted;
	} cases[] = {{TCP_ESTABLISHED, 0, 2}, {TCP_CLOSE_WAIT, 0, 2}, {TCP_ESTABLISHED, 9, -1}, {TCP_FIN_WAIT1, 0, -1}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tracker *tracker = new_tracker(false, 100);
		struct flow flow = a_flow("192.0.2.1", 40000, "192.0.2.9", 80);
		struct event close = an_info(INFO_CLOSE, 9, &flow, 5, cases[i].state);
		const struct conn *conn;

		close.info.total_retrans = 2;
		close.info.bytes_retrans = cases[i].bytes_retrans;
		close.info.bytes_sent = close.info.bytes_acked = 100;
		feed(tracker, a_call(CALL_CONNECT_BEGIN, 1, &flow, 0, 0));
		feed(tracker, a_call(CALL_CONNECT_END, 2, &flow, 5, EINPROGRESS));
		feed(tracker, a_call(CALL_CLOSE, 9, &flow, 5, 0));
		feed(tracker, close);
		conn = tracker_next(tracker, NULL);
		assert_non_null(conn);
		assert_int_equal(conn->syn_rtx, cases[i].wanted);
		assert_int_equal(conn->tx_retrans, cases[i].wanted < 0 ? -1 : 0);
		tracker_free(tracker);
	}
}

static void a_disconnected_socket_connects_again(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 40000, "192.0.2.9", 80), next = flow;

	(void)state;
	next.remote.port = 81;
	feed(tracker, a_call(CALL_CONNECT_BEGIN, 1, &flow, 0, 0));
	feed(tracker, a_call(CALL_CONNECT_END, 2, &flow, 5, EINPROGRESS));
	feed(tracker, a_call(CALL_CLOSE, 3, &flow, 5, 0));
	feed(tracker, an_info(INFO_CLOSE, 3, &flow, 5, TCP_SYN_SENT));
	feed(tracker, a_call(CALL_DISCONNECT, 3, &flow, 5, 0));
	feed(tracker, a_call(CALL_CONNECT_BEGIN, 4, &next, 0, 0));
	feed(tracker, a_call(CALL_CONNECT_END, 5, &next, 5, 0));
	feed(tracker, an_info(INFO_CONNECT, 5, &next, 5, TCP_ESTABLISHED));
	feed(tracker, a_last_word(6, &next, 5, 11, 0));
	tracker_finish(tracker, T0 + 7 * MS);
	assert_int_equal(reported_count, 2);
	assert_int_equal(reported[0].result, RESULT_ABORT);
	assert_int_equal(reported[0].flow.remote.port, 80);
	assert_int_equal(reported[1].result, RESULT_OK);
	assert_int_equal(reported[1].flow.remote.port, 81);
	tracker_free(tracker);
}

/* An attempt that fails with @error; @listener is what the look at the socket says of its other end, below -1: none. */
static void fails(struct tracker *tracker, uint16_t local_port, int error, int begun, int listener, bool has_begin)
{
	struct flow flow = a_flow("0.0.0.0", local_port, "192.0.2.9", 80);
	uint64_t cookie = listener >= -1 ? 77 : EVENT_COOKIE_MADE_UP | 77;
	struct event end = a_call(CALL_CONNECT_END, 2, &flow, cookie, begun != 0 ? begun : error);
	struct event info = an_info(INFO_CONNECT, 2, &flow, cookie, TCP_CLOSE);

	info.info.listener = (int8_t)listener;
	if (has_begin)
		feed(tracker, a_call(CALL_CONNECT_BEGIN, 1, &flow, 0, 0));
	end.call.begin_ns = has_begin ? T0 + MS : 0;
	feed(tracker, end);
	if (listener >= -1)
		feed(tracker, info);
	if (begun != 0)
		feed(tracker, a_call(CALL_SO_ERROR, 3, &flow, cookie, error));
}

static void what_the_own_kernel_refuses_is_an_error(void **state)
{
	static const struct {
		uint16_t local_port;
		int error;
		int begun;
		int listener;
		enum conn_result result;
	} cases[] = {
		{0, EADDRNOTAVAIL, 0, 0, RESULT_ERROR},
		{0, EPERM, 0, 0, RESULT_ERROR},
		{0, ENETUNREACH, 0, 0, RESULT_ERROR},
		{0, EHOSTUNREACH, 0, -1, RESULT_ERROR},
		{9000, ENETUNREACH, 0, 0, RESULT_ERROR},
		{9000, ENETUNREACH, 0, -1, RESULT_UNREACH},
		{9000, ENOBUFS, 0, -1, RESULT_ERROR},
		{9000, EHOSTUNREACH, 0, -1, RESULT_UNREACH},
		{0, ECONNREFUSED, 0, 0, RESULT_ERROR},
		{9000, ECONNREFUSED, 0, -1, RESULT_REFUSED},
		{9000, ENETUNREACH, EINPROGRESS, -1, RESULT_UNREACH},
		{9000, ECONNABORTED, EINPROGRESS, -1, RESULT_ABORT},
		/* a log of calls */
		{0, EADDRNOTAVAIL, 0, -2, RESULT_ERROR},
		{0, ENETUNREACH, 0, -2, RESULT_ERROR},
		{0, EHOSTUNREACH, 0, -2, RESULT_UNREACH},
		{0, ENETUNREACH, EINPROGRESS, -2, RESULT_UNREACH},
		{0, ECONNREFUSED, 0, -2, RESULT_REFUSED},
	};

	(void)state;
	/* The begin of the call may be before the run, or lost. */
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct tracker *tracker = new_tracker(false, 100);
		bool has_begin = i % 2 == 0;

		fails(tracker, cases[i / 2].local_port, cases[i / 2].error, cases[i / 2].begun, cases[i / 2].listener,
		      has_begin);
		tracker_finish(tracker, T0 + 7 * MS);
		assert_int_equal(reported_count, 1);
		assert_int_equal(reported[0].dir, DIR_OUT);
		assert_int_equal(reported[0].result, cases[i / 2].result);
		assert_int_equal(reported[0].error, cases[i / 2].error);
		assert_int_equal(reported[0].connect_ns >= 0, has_begin);
		tracker_free(tracker);
	}
}

static void a_connect_that_began_before_the_run(void **state)
{
	static const int errors[] = {0, ETIMEDOUT, EINPROGRESS, EALREADY, EISCONN};
	struct flow flow = a_flow("192.0.2.1", 40000, "192.0.2.9", 80);

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct tracker *tracker = new_tracker(false, 100);
		int error = errors[i];
		struct event end = a_call(CALL_CONNECT_END, 2, &flow, 5, error);
		struct event info =
			an_info(INFO_EXISTING, 1, &flow, 5, error == EISCONN ? TCP_ESTABLISHED : TCP_SYN_SENT);

		end.call.begin_ns = T0 + MS;
		info.info.inode = 9;
		if (error != EISCONN)
			feed(tracker, info);
		feed(tracker, end);
		tracker_finish(tracker, T0 + 7 * MS);
		if (error == ETIMEDOUT) {
			assert_int_equal(reported_count, 1);
			assert_int_equal(reported[0].result, RESULT_TIMEOUT);
			assert_int_equal(reported[0].error, ETIMEDOUT);
			assert_int_equal(reported[0].connect_ns, MS);
		} else {
			const struct conn *conn = tracker_next(tracker, NULL);

			assert_int_equal(reported_count, 0);
			assert_int_equal(conn->result, error == 0 || error == EISCONN ? RESULT_OK : RESULT_PENDING);
			assert_null(tracker_next(tracker, conn));
		}
		tracker_free(tracker);
	}
}

/* Packets show the SYN segments, and the kernel the end of the socket. */
static void an_attempt_whose_socket_is_gone(void **state)
{
	static const struct {
		int64_t syn_ms, destroy_ms;
		int32_t segs_in, segs_out; /* -1: cleared by the kernel */
		enum conn_result result;
	} cases[] = {
		{0, 500, 0, 1, RESULT_ABORT},      {0, 1500, 0, 1, RESULT_UNKNOWN},
		{0, 2500, 0, 1, RESULT_UNKNOWN},   {0, 500, -1, -1, RESULT_UNKNOWN},
		{0, 1000, -1, -1, RESULT_TIMEOUT}, {0, 2000, -1, -1, RESULT_TIMEOUT},
		{3000, 3200, 0, 2, RESULT_ABORT},  {3000, 9700, 0, 2, RESULT_TIMEOUT},
		{3000, 5000, 0, 2, RESULT_ABORT},  {3000, 7000, 0, 2, RESULT_UNKNOWN},
		{0, 10, 1, 1, RESULT_REFUSED},
	};
	struct flow flow = a_flow("192.0.2.1", 40000, "192.0.2.9", 80);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tracker *tracker = new_tracker(true, 100);
		struct event last = an_info(INFO_DESTROY, cases[i].destroy_ms, &flow, 5, TCP_CLOSE);
		struct event first = a_segment(0, &flow, SEGMENT_SYN, 100, 0, 0), second = first;

		last.info.segs_in = cases[i].segs_in;
		last.info.segs_out = cases[i].segs_out;
		last.info.total_retrans = cases[i].segs_out - 1;
		if (cases[i].segs_in < 0) {
			tcp_info_unknown(&last.info);
			last.info.reason = INFO_DESTROY;
			last.info.cookie = 5;
		}
		first.segment.has = second.segment.has |= SEGMENT_HAS_OUTGOING;
		second.time_ns = T0 + cases[i].syn_ms * MS;
		feed(tracker, first);
		feed(tracker, an_info(INFO_SAMPLE, 1, &flow, 5, TCP_SYN_SENT));
		if (cases[i].syn_ms > 0)
			feed(tracker, second);
		feed(tracker, last);
		for (const struct conn *conn = NULL; (conn = tracker_next(tracker, conn)) != NULL;)
			assert_false(conn->open);
		tracker_finish(tracker, T0 + 20000 * MS);
		assert_int_equal(reported_count, 1);
		assert_int_equal(reported[0].result, cases[i].result);
		tracker_free(tracker);
	}
}

static void an_attempt_that_sent_nothing_has_no_packets(void **state)
{
	struct flow others = a_flow("192.0.2.1", 40000, "192.0.2.9", 80);

	(void)state;
	for (int listener = -2; listener <= 0; listener++) {
		struct tracker *tracker = new_tracker(false, 100);

		feed(tracker, a_segment(1, &others, SEGMENT_SYN, 100, 0, 0));
		fails(tracker, 0, EADDRNOTAVAIL, 0, listener, true);
		tracker_finish(tracker, T0 + 7 * MS);
		assert_int_equal(reported_count, 1);
		assert_int_equal(reported[0].result, RESULT_ERROR);
		assert_int_equal(reported[0].tx_pkts, CONN_UNKNOWN);
		tracker_free(tracker);
	}
}

/* The kernel disconnects the TCP socket of an accepted MPTCP connection as it does those that die with a listener. */
static void sockets_of_mptcp_that_lost_their_port_were_accepted(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow listener = a_flow("192.0.2.1", 80, "0.0.0.0", 0);
	struct flow lost_port = a_flow("192.0.2.1", 80, "192.0.2.9", 0);
	struct flow waits = a_flow("192.0.2.1", 80, "192.0.2.9", 40002);
	struct tracker_stats stats;

	(void)state;
	listener.proto = FLOW_PROTO_MPTCP;
	feed(tracker, an_info(INFO_EXISTING, 1, &listener, 3, TCP_LISTEN));
	feed(tracker, an_info(INFO_DESTROY, 5, &lost_port, 8, TCP_CLOSE));
	feed(tracker, a_last_word(6, &waits, 6, 10, 0)); /* plain TCP, and not accepted */
	tracker_finish(tracker, T0 + 7 * MS);
	tracker_stats(tracker, &stats);
	assert_int_equal(stats.unaccepted, 1);
	tracker_free(tracker);
}

/* While it waits, the kernel shows the TCP socket below it, with another cookie. */
static void an_accepted_mptcp_connection_that_waited_is_one(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow listener = a_flow("192.0.2.1", 80, "0.0.0.0", 0);
	struct flow flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40002);
	struct event waits = an_info(INFO_WAITING, 2, &flow, 5, TCP_ESTABLISHED);

	(void)state;
	listener.proto = FLOW_PROTO_MPTCP;
	feed(tracker, an_info(INFO_EXISTING, 1, &listener, 3, TCP_LISTEN));
	waits.info.mptcp = MPTCP_PART;
	waits.info.bytes_received = 50;
	feed(tracker, waits);
	flow.proto = FLOW_PROTO_MPTCP;
	feed(tracker, a_call(CALL_ACCEPT, 4, &flow, EVENT_COOKIE_MADE_UP | 9, 0));
	feed(tracker, a_call(CALL_CLOSE, 6, &flow, EVENT_COOKIE_MADE_UP | 9, 0));
	tracker_finish(tracker, T0 + 1000 * MS);
	assert_int_equal(reported_count, 1);
	assert_false(reported[0].seen & SEEN_UNATTRIBUTED);
	assert_int_equal(reported[0].proto, FLOW_PROTO_MPTCP);
	assert_true(reported[0].seen & SEEN_CALLS);
	assert_int_equal(reported[0].rx_bytes, CONN_UNKNOWN);
	tracker_free(tracker);
}

/*
 * What waits has no descriptor: a traced accept(2) comes before any other call on it, so its FINs are in order as if it
 * had not been seen before. The peer closes first, then the program ends.
 */
static void what_waited_and_was_accepted_has_all_its_calls(void **state)
{
	static const struct {
		enum info_reason found;
		uint8_t origin;
		bool disputed, shutdown;
		enum conn_close close;
	} cases[] = {
		{INFO_WAITING, ORIGIN_CALLS, false, false, CLOSE_RFIN},
		{INFO_WAITING, ORIGIN_BPF, false, false, CLOSE_RFIN},
		{INFO_EXISTING, ORIGIN_CALLS, false, false, CLOSE_RFIN},
		{INFO_WAITING, ORIGIN_CALLS, false, true, CLOSE_EXIT},
		{INFO_WAITING, ORIGIN_CALLS, true, false, CLOSE_EXIT},
		{INFO_WAITING, ORIGIN_AUDIT, false, false, CLOSE_EXIT},
		{INFO_WAITING, 0, false, false, CLOSE_EXIT}, /* accept(2) was not seen */
	};
	const size_t count = sizeof(cases) / sizeof(cases[0]);
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40000);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct event found = an_info(cases[i].found, 2, &flow, 5 + i, TCP_ESTABLISHED);
		struct event accept = a_call(CALL_ACCEPT, 4, &flow, 5 + i, 0);
		struct event shutdown = a_call(CALL_SHUTDOWN, 5, &flow, 5 + i, 0);
		struct event last = a_last_word(9, &flow, 5 + i, 10, 20);

		found.info.bytes_received = 10;
		found.info.data_segs_in = 1;
		feed(tracker, found);
		accept.origin = cases[i].origin;
		accept.call.disputed = cases[i].disputed;
		if (cases[i].origin != 0)
			feed(tracker, accept);
		shutdown.call.argument = SHUT_WR;
		if (cases[i].shutdown)
			feed(tracker, shutdown);
		feed(tracker, a_call(CALL_EXIT, 8, &flow, 5 + i, 0));
		last.info.rqueue = 0;
		feed(tracker, last);
		flow.remote.port++;
	}
	tracker_finish(tracker, T0 + 1000 * MS);
	assert_int_equal(reported_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(reported[i].close, cases[i].close);
		assert_int_equal(reported[i].rx_bytes, 10);
	}
	tracker_free(tracker);
}

/* BPF has reported the listener before it had a cookie; the list has one, and that of a listener that shares the port.
 */
static void a_listener_without_cookie_is_found_in_the_list(void **state)
{
	struct flow listener = a_flow("192.0.2.1", 80, "0.0.0.0", 0),
		    flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40002);
	struct tracker_stats stats;

	(void)state;
	for (int others = 0; others < 2; others++) {
		struct tracker *tracker = new_tracker(false, 100);

		feed(tracker, an_info(INFO_EXISTING, 1, &listener, 0, TCP_LISTEN));
		for (int i = 0; i <= others; i++)
			feed(tracker, an_info(INFO_WAITING, 2, &listener, 7 + i, TCP_LISTEN));
		feed(tracker, an_info(INFO_WAITING, 2, &flow, 5, TCP_ESTABLISHED));
		tracker_finish(tracker, T0 + 7 * MS);
		tracker_stats(tracker, &stats);
		assert_int_equal(stats.shared_waiting, others);
		tracker_free(tracker);
	}
}

static void what_programs_do_not_accept_is_counted(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow listener = a_flow("192.0.2.1", 80, "0.0.0.0", 0);
	struct flow waits = a_flow("192.0.2.1", 80, "192.0.2.9", 40000);
	struct flow other = a_flow("192.0.2.1", 81, "192.0.2.9", 40001);
	struct flow lost_port = a_flow("192.0.2.1", 80, "192.0.2.9", 0);
	struct tracker_stats stats;

	(void)state;
	feed(tracker, an_info(INFO_EXISTING, 1, &listener, 3, TCP_LISTEN));
	for (int i = 0; i < 3; i++)
		feed(tracker, a_call(CALL_ACCEPT, 2, &listener, 0, i < 2 ? EMFILE : ECONNABORTED));
	feed(tracker, a_call(CALL_ACCEPT, 2, &waits, 5, 0));
	feed(tracker, a_last_word(3, &waits, 5, 10, 0)); /* was accepted */
	waits.remote.port = 40002;
	feed(tracker, a_last_word(4, &waits, 6, 10, 0));
	waits.remote.port = 40003;
	feed(tracker, a_last_word(4, &waits, 9, 10, 100));                 /* its process has ended before the run */
	feed(tracker, a_last_word(4, &other, 7, 10, 0));                   /* on another port */
	feed(tracker, an_info(INFO_DESTROY, 5, &lost_port, 8, TCP_CLOSE)); /* died with the listener */
	feed(tracker, an_info(INFO_DESTROY, 5, &listener, 3, TCP_CLOSE));
	tracker_finish(tracker, T0 + 7 * MS);
	tracker_stats(tracker, &stats);
	assert_int_equal(reported_count, 1);
	assert_int_equal(stats.unaccepted, 2);
	assert_int_equal(stats.accept_failed, 3);
	assert_int_equal(stats.accept_kinds, 2);
	assert_int_equal(stats.accepts[0].error, EMFILE);
	assert_int_equal(stats.accepts[0].count, 2);
	assert_int_equal(stats.accepts[1].count, 1);
	assert_true(tracker_listens(tracker, &listener));
	assert_false(tracker_listens(tracker, &other));
	tracker_free(tracker);
}

static void an_attempt_whose_syn_is_in_no_packet_is_a_row(void **state)
{
	struct flow flow = a_flow("192.0.2.1", 40000, "192.0.2.9", 80);
	struct flow seen = a_flow("192.0.2.1", 40001, "192.0.2.9", 80);
	struct event own = an_info(INFO_SAMPLE, 2, &flow, 5, TCP_SYN_SENT);

	(void)state;
	for (int whole = 0; whole < 2; whole++) {
		struct tracker *tracker = new_tracker(whole, 100);
		int count = 0;

		feed(tracker, a_segment(1, &seen, SEGMENT_SYN, 100, 0, 0));
		feed(tracker, own);
		feed(tracker, own);
		feed(tracker, an_info(INFO_SAMPLE, 2, &seen, 6, TCP_SYN_SENT));
		for (const struct conn *conn = NULL; (conn = tracker_next(tracker, conn)) != NULL; count++)
			assert_int_equal(conn->result, RESULT_PENDING);
		assert_int_equal(count, whole ? 2 : 0);
		tracker_free(tracker);
	}
}

static void a_connected_socket_attempts_nothing(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40000);

	(void)state;
	feed(tracker, a_call(CALL_ACCEPT, 1, &flow, 5, 0));
	feed(tracker, a_call(CALL_CONNECT_BEGIN, 2, &flow, 0, 0));
	feed(tracker, a_call(CALL_CONNECT_END, 3, &flow, 5, EISCONN));
	feed(tracker, a_last_word(6, &flow, 5, 11, 0));
	tracker_finish(tracker, T0 + 7 * MS);
	assert_int_equal(reported_count, 1);
	assert_int_equal(reported[0].dir, DIR_IN);
	assert_int_equal(reported[0].rx_bytes, 11);
	tracker_free(tracker);
}

static void deaths_on_a_port_where_nobody_sees_accepts(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40000), listener = flow, other = flow;

	(void)state;
	memset(&listener.remote, 0, sizeof(listener.remote));
	other.local.port = 81;
	feed(tracker, a_last_word(1, &flow, 1, 11, 0)); /* before anybody listened */
	feed(tracker, an_info(INFO_SAMPLE, 2, &listener, 9, TCP_LISTEN));
	feed(tracker, a_last_word(3, &flow, 2, 12, 0));
	feed(tracker, a_last_word(4, &other, 3, 13, 0));
	tracker_finish(tracker, T0 + 5 * MS);
	assert_int_equal(reported_count, 1);
	assert_int_equal(reported[0].dir, DIR_IN);
	assert_int_equal(reported[0].result, RESULT_OK);
	assert_true(reported[0].seen & SEEN_UNATTRIBUTED);
	tracker_free(tracker);
}

static void a_connect_that_waited(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 40000, "192.0.2.9", 80), begin = flow;

	(void)state;
	memset(&begin.local, 0, sizeof(begin.local));
	feed(tracker, a_call(CALL_CONNECT_BEGIN, 1, &begin, 0, 0));
	feed(tracker, a_call(CALL_CONNECT_END, 9, &flow, 5, 0));
	feed(tracker, an_info(INFO_CONNECT, 9, &flow, 5, TCP_ESTABLISHED));
	assert_non_null(tracker_next(tracker, NULL));
	assert_int_equal(tracker_next(tracker, NULL)->connect_ns, 8 * MS);
	assert_int_equal(tracker_next(tracker, NULL)->result, RESULT_OK);
	tracker_free(tracker);
}

/* What was resent before we came may have been the SYN, or data; nothing is nothing of both. */
static void resent_before_we_came(void **state)
{
	static const int32_t resent[] = {0, 2, -1};

	(void)state;
	for (size_t i = 0; i < sizeof(resent) / sizeof(resent[0]); i++) {
		struct tracker *tracker = new_tracker(false, 100);
		struct flow flow = a_flow("192.0.2.1", 40000, "192.0.2.9", 80);
		struct event info = an_info(INFO_CONNECT, 9, &flow, 5, TCP_ESTABLISHED);
		const struct conn *conn;

		info.info.bytes_sent = 100;
		info.info.bytes_acked = 101;
		info.info.data_segs_out = 1;
		info.info.total_retrans = info.info.bytes_retrans = resent[i];
		feed(tracker, a_call(CALL_CONNECT_BEGIN, 1, &flow, 0, 0));
		feed(tracker, a_call(CALL_CONNECT_END, 9, &flow, 5, 0));
		feed(tracker, info);
		conn = tracker_next(tracker, NULL);
		assert_non_null(conn);
		assert_int_equal(conn->tx_retrans, resent[i] == 0 ? 0 : -1);
		assert_int_equal(conn->syn_rtx, resent[i] == 0 ? 0 : -1);
		tracker_free(tracker);
	}
}

static void a_connect_that_is_asked_later(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 40000, "192.0.2.9", 80);

	(void)state;
	feed(tracker, a_call(CALL_CONNECT_BEGIN, 1, &flow, 0, 0));
	feed(tracker, a_call(CALL_CONNECT_END, 2, &flow, 5, EINPROGRESS));
	feed(tracker, an_info(INFO_CONNECT, 2, &flow, 5, TCP_SYN_SENT));
	assert_int_equal(tracker_next(tracker, NULL)->result, RESULT_PENDING);
	assert_int_equal(tracker_next(tracker, NULL)->error, -1);
	feed(tracker, a_call(CALL_SO_ERROR, 31, &flow, 5, ECONNREFUSED));
	/* Its socket lives on; the attempt does not. */
	feed(tracker, an_info(INFO_DESTROY, 39, &flow, 5, TCP_CLOSE));
	tracker_finish(tracker, T0 + 40 * MS);
	assert_int_equal(reported_count, 1);
	assert_int_equal(reported[0].end_ns, T0 + 31 * MS);
	assert_int_equal(reported[0].result, RESULT_REFUSED);
	assert_int_equal(reported[0].error, ECONNREFUSED);
	assert_int_equal(reported[0].connect_ns, 30 * MS);
	assert_int_equal(reported[0].rx_bytes, 0);
	tracker_free(tracker);
}

static struct event an_owner(int64_t ms, const struct flow *flow, uint64_t cookie, pid_t pid)
{
	struct event event = event_new(EVENT_OWNER, ORIGIN_KERNEL, T0 + ms * MS);

	event.flow = *flow;
	event.owner.cookie = cookie;
	event.owner.pid = pid;
	event.owner.fd = 3;
	event.owner.uid = (uint32_t)-1;
	event.owner.born = 1;
	return event;
}

/* A breakpoint reports the attempt, a sample the accepting end, and the opening end is destroyed without owner. */
static void an_attempt_with_a_row_is_not_short_of_one(void **state)
{
	const struct flow server = a_flow("127.0.0.1", 80, "127.0.0.1", 40000), client = flow_reverse(&server);

	(void)state;
	for (int order = 0; order < 4; order++) {
		struct tracker *tracker = new_tracker(false, 100);
		const bool has_attempt = order & 1;
		struct event attempt = a_call(CALL_CONNECT_END, 1, &client, EVENT_COOKIE_MADE_UP | 1, 0);
		struct event unowned = an_owner(2, &client, 3, 0);
		struct tracker_stats stats;

		attempt.origin = ORIGIN_PERF;
		attempt.flow.local = (struct endpoint){0};
		if (has_attempt)
			feed(tracker, attempt);
		if (order & 2)
			feed(tracker, an_owner(2, &server, 4, 100));
		feed(tracker, unowned);
		if (!(order & 2))
			feed(tracker, an_owner(2, &server, 4, 100));
		tracker_stats(tracker, &stats);
		assert_int_equal(stats.too_short, 0);
		tracker_free(tracker);
	}
}

/* Final counters of a socket that opened its connection: in time, and whether its handshake finished. */
static void feed_ended(struct tracker *tracker, int64_t ms, const struct flow *flow, uint64_t cookie, bool is_ok)
{
	struct event last = an_info(INFO_DESTROY, ms, flow, cookie, TCP_CLOSE);

	last.info.bytes_received = is_ok ? 5 : 0;
	last.info.bytes_acked = is_ok ? 12 : 0;
	last.info.bytes_sent = is_ok ? 10 : 0;
	last.info.bytes_retrans = 0;
	last.info.data_segs_in = is_ok;
	last.info.segs_in = 1;
	last.info.wqueue = !is_ok;
	last.info.notsent_bytes = 0;
	feed(tracker, an_owner(ms, flow, cookie, 0));
	feed(tracker, last);
}

static void feed_attempt(struct tracker *tracker, int64_t ms, const struct flow *flow, uint64_t number, bool has_peer)
{
	struct event attempt = a_call(CALL_CONNECT_END, ms, flow, EVENT_COOKIE_MADE_UP | number, EINPROGRESS);

	attempt.origin = ORIGIN_PERF;
	attempt.flow.local = (struct endpoint){0};
	if (!has_peer)
		attempt.flow.remote = (struct endpoint){0};
	attempt.call.fd = (int32_t)number;
	feed(tracker, attempt);
}

static void feed_gone(struct tracker *tracker, int64_t ms, uint64_t number, bool is_reported)
{
	const struct flow none = {.netns = 0};
	struct event gone = a_call(CALL_GONE, ms, &none, EVENT_COOKIE_MADE_UP | number, 0);

	gone.origin = ORIGIN_PERF;
	gone.call.fd = -1;
	gone.call.argument = is_reported;
	feed(tracker, gone);
}

/* No sample found them: the sockets that ended after connect(2) prove what became of its attempts. */
static void an_attempt_has_the_outcome_of_all_that_ended(void **state)
{
	static const struct {
		const char
			*sockets; /* ended at 0, 10, 20 ...: o ok, f failed, d disconnected, x another peer's, l lost */
		int attempts;     /* at 5, 6, 7 */
		bool has_peer;
		bool is_reported;
		enum conn_result result;
		bool has_socket; /* the last one */
		bool gets_peer;
	} cases[] = {
		{"-o", 1, true, true, RESULT_OK, true, true},
		{"-o", 1, true, false, RESULT_OK, true, true},
		{"-f", 1, true, true, RESULT_REFUSED, true, true},
		{"o", 1, true, true, RESULT_UNKNOWN, false, true},
		{"-oo", 1, true, true, RESULT_OK, false, true},
		{"foo", 2, true, true, RESULT_OK, false, true},
		{"-of", 2, true, true, RESULT_UNKNOWN, false, true},
		{"-od", 1, true, true, RESULT_UNKNOWN, false, true},
		{"-ox", 1, true, true, RESULT_OK, true, true},
		{"-x", 1, true, true, RESULT_UNKNOWN, false, true},
		{"-o", 1, false, true, RESULT_OK, true, true},
		{"-oo", 2, false, true, RESULT_OK, false, true},
		{"-ox", 1, false, true, RESULT_OK, false, false},
		{"-fx", 1, false, true, RESULT_UNKNOWN, false, false},
		{"-ol", 1, true, true, RESULT_UNKNOWN, false, true},
		{"-l", 1, true, true, RESULT_UNKNOWN, false, true},
	};
	const struct flow client = a_flow("127.0.0.1", 40000, "127.0.0.1", 80);
	const struct flow other = a_flow("127.0.0.1", 40000, "127.0.0.1", 81);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tracker *tracker = new_tracker(false, 100);

		feed_gone(tracker, -10, 0, false);
		for (int k = 0; cases[i].sockets[k] != '\0'; k++) {
			const char what = cases[i].sockets[k];
			struct flow flow = what == 'x' ? other : client;
			struct event lost = event_new(EVENT_LOST, ORIGIN_KERNEL, T0 + 10 * k * MS);

			flow.local.port += k;
			if (what == 'd')
				flow.remote.port = 0;
			lost.lost.where = LOST_NETLINK;
			lost.lost.count = 1;
			if (what == 'l')
				feed(tracker, lost);
			else if (what != '-')
				feed_ended(tracker, 10 * k, &flow, 50 + k, what == 'o' || what == 'x');
			for (int n = 0; k == 0 && n < cases[i].attempts; n++)
				feed_attempt(tracker, 5 + n, &client, 1 + n, cases[i].has_peer);
		}
		for (int n = cases[i].attempts; n-- > 0;)
			feed_gone(tracker, 100, 1 + n, cases[i].is_reported);
		if (cases[i].is_reported)
			tracker_tick(tracker, T0 + 300 * MS);
		else
			tracker_finish(tracker, T0 + 300 * MS);
		assert_int_equal(reported_count, cases[i].attempts);
		for (int n = 0; n < cases[i].attempts; n++) {
			assert_int_equal(reported[n].result, cases[i].result);
			assert_int_equal(reported[n].flow.local.port != 0, cases[i].has_socket);
			assert_int_equal(reported[n].flow.remote.port != 0, cases[i].gets_peer);
			assert_int_equal((reported[n].seen & SEEN_KERNEL) != 0, cases[i].result != RESULT_UNKNOWN);
			if (cases[i].has_socket && cases[i].result == RESULT_OK)
				assert_int_equal(reported[n].tx_bytes, 10);
		}
		tracker_free(tracker);
	}
}

/* A breakpoint reports accept(2) with the peer and the listener's port; the socket comes later. */
static void an_accept_waits_for_its_socket(void **state)
{
	const struct flow server = a_flow("127.0.0.1", 80, "127.0.0.1", 40000);
	struct flow half = server;

	(void)state;
	half.local = (struct endpoint){.port = 80};
	for (int order = 0; order < 8; order++) {
		struct tracker *tracker = new_tracker(false, 100);
		const int calls = order % 4;
		const bool is_early = calls == 3, is_others = order / 4;
		struct event call = a_call(CALL_ACCEPT, is_early ? 9 : 1, &half, 0, 0);
		struct tracker_stats stats;

		call.origin = ORIGIN_PERF;
		call.call.fd = 7;
		for (int i = 0; i < (is_early ? 1 : calls); i++)
			feed(tracker, call);
		/* No sample shows who has it; or its listener was last seen with others. */
		if (!is_others)
			feed(tracker, an_owner(5, &server, 3, 0));
		feed(tracker, a_last_word(5, &server, 3, 10, 20));
		tracker_stats(tracker, &stats);
		tracker_finish(tracker, T0 + 500 * MS);
		/* Two calls with the same ends: which one is unknown. One after the socket's end is of another. */
		assert_int_equal(reported_count, calls == 1);
		assert_int_equal(stats.too_short, calls != 1 && !is_others);
		/* A call that is certainly not the socket's waits for its own. */
		assert_int_equal(stats.unfound, is_early ? 1 : 0);
		if (calls == 1) {
			assert_int_equal(reported[0].dir, DIR_IN);
			assert_int_equal(reported[0].fd, 7);
			assert_int_equal(reported[0].tid, 100);
			assert_true(flow_is_complete(&reported[0].flow));
			assert_int_equal(reported[0].rx_bytes, 10);
		}
		tracker_free(tracker);
	}
}

/* A sample has found it in the queue; that it is still there after the call shows whose it is. */
static void an_accept_after_a_sample_completes_the_row(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	const struct flow server = a_flow("127.0.0.1", 80, "127.0.0.1", 40000);
	struct event call = a_call(CALL_ACCEPT, 3, &server, 0, 0);

	(void)state;
	call.origin = ORIGIN_PERF;
	call.call.fd = 7;
	feed(tracker, an_owner(1, &server, 3, -7));
	feed(tracker, call);
	feed(tracker, a_last_word(5, &server, 3, 10, 20));
	tracker_finish(tracker, T0 + 500 * MS);
	assert_int_equal(reported_count, 1);
	assert_int_equal(reported[0].dir, DIR_IN);
	assert_int_equal(reported[0].tid, 100);
	assert_int_equal(reported[0].fd, 7);
	tracker_free(tracker);
}

/* One end was reset by its own program; which end is reported first does not matter, nor does a row that comes later.
 */
static void a_failed_end_counts_once_and_not_beside_a_row(void **state)
{
	const struct flow server = a_flow("127.0.0.1", 80, "127.0.0.1", 40000), client = flow_reverse(&server);

	(void)state;
	for (int order = 0; order < 4; order++) {
		struct tracker *tracker = new_tracker(false, 100);
		const bool has_row = order & 2;
		struct event ends[2] = {an_owner(2, &client, 3, 0), an_owner(2, &server, 4, 0)};
		struct tracker_stats stats;

		ends[0].owner.failed = 1;
		feed(tracker, ends[order & 1]);
		feed(tracker, has_row ? an_owner(2, order & 1 ? &client : &server, 5, 100) : ends[!(order & 1)]);
		tracker_stats(tracker, &stats);
		assert_int_equal(stats.too_short, !has_row);
		assert_int_equal(stats.failed, !has_row);
		tracker_free(tracker);
	}
}

/* Looked at before the SYN was sent again; when connect(2) fails the kernel wipes the counters. */
static void an_attempt_that_was_wiped_resent_nobody_knows_what(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 40000, "192.0.2.9", 7);
	struct event gone = an_info(INFO_DESTROY, 3000, &flow, 5, TCP_CLOSE);

	(void)state;
	feed(tracker, an_owner(0, &flow, 5, 100));
	feed(tracker, an_info(INFO_SAMPLE, 1, &flow, 5, TCP_SYN_SENT));
	tcp_info_unknown(&gone.info);
	gone.info.cookie = 5;
	gone.info.reason = INFO_DESTROY;
	gone.info.state = TCP_CLOSE;
	feed(tracker, gone);
	tracker_finish(tracker, T0 + 4000 * MS);
	assert_int_equal(reported_count, 1);
	assert_int_equal(reported[0].syn_rtx, -1);
	tracker_free(tracker);
}

/* A look at an open connection that has received @rx and sent @tx. */
static struct event a_sample(int64_t ms, const struct flow *flow, uint64_t cookie, int64_t rx, int64_t tx)
{
	struct event event = an_info(INFO_SAMPLE, ms, flow, cookie, TCP_ESTABLISHED);

	event.info.bytes_received = rx;
	event.info.bytes_sent = tx;
	event.info.bytes_acked = tx + 1;
	return event;
}

/* Of the first connection of a socket that is connected once more. */
static void assert_over_unseen(const struct conn *conn, uint16_t port)
{
	assert_int_equal(conn->flow.remote.port, port);
	assert_int_equal(conn->dir, DIR_OUT);
	assert_int_equal(conn->result, RESULT_OK);
	assert_int_equal(conn->rx_bytes, -1);
	assert_int_equal(conn->tx_bytes, -1);
	assert_int_equal(conn->tx_retrans, -1);
	assert_int_equal(conn->close, CLOSE_UNKNOWN);
	assert_int_equal(conn->state, STATE_UNKNOWN);
	assert_int_equal(conn->tid, 100);
	assert_int_equal(conn->end_ns, T0 + 2 * MS);
}

/* Its calls are not seen: its cookie stays, and its ends may too. */
static void a_socket_is_seen_connected_once_more(void **state)
{
	for (uint16_t port = 80; port <= 81; port++) {
		struct tracker *tracker = new_tracker(false, 100);
		struct flow flow = a_flow("192.0.2.1", 40000, "192.0.2.9", 80), next = flow;
		struct event last_look;

		(void)state;
		next.remote.port = port;
		last_look = a_sample(3, &next, 5, 12, 20); /* the peer's FIN has come */
		last_look.info.state = TCP_CLOSE_WAIT;
		feed(tracker, an_owner(1, &flow, 5, 100));
		feed(tracker, a_sample(2, &flow, 5, 1000, 2000));
		feed(tracker, an_info(INFO_RENEWED, 3, &next, 5, TCP_ESTABLISHED));
		feed(tracker, an_owner(3, &next, 5, 200));
		feed(tracker, last_look);
		feed(tracker, a_last_word(4, &next, 5, 11, 20));
		tracker_finish(tracker, T0 + 500 * MS);
		assert_int_equal(reported_count, 2);
		assert_over_unseen(&reported[0], 80);
		assert_int_equal(reported[1].flow.remote.port, port);
		assert_int_equal(reported[1].dir, DIR_OUT);
		assert_int_equal(reported[1].result, RESULT_OK);
		assert_int_equal(reported[1].rx_bytes, 11);
		assert_int_equal(reported[1].tx_bytes, 20);
		assert_int_equal(reported[1].tid, 200);
		tracker_free(tracker);
	}
}

/* A breakpoint has reported the call that connected it again: one row, with what both know. */
static void a_socket_connected_again_has_the_row_of_its_call(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	const struct flow flow = a_flow("192.0.2.1", 40000, "192.0.2.9", 80);
	const struct flow next = a_flow("192.0.2.1", 40001, "192.0.2.9", 81);
	struct event call = a_call(CALL_CONNECT_END, 3, &next, EVENT_COOKIE_MADE_UP | 1, 0);
	struct event sample = a_sample(4, &next, 5, 12, 20); /* the peer's FIN has come */

	(void)state;
	call.origin = ORIGIN_PERF;
	call.call.fd = 3;
	call.call.pid = 100;
	call.flow.local = (struct endpoint){0};
	sample.info.state = TCP_CLOSE_WAIT;
	feed(tracker, an_owner(1, &flow, 5, 100));
	feed(tracker, a_sample(2, &flow, 5, 1000, 2000));
	feed(tracker, call);
	feed(tracker, an_info(INFO_RENEWED, 4, &next, 5, TCP_ESTABLISHED));
	feed(tracker, an_owner(4, &next, 5, 100));
	feed(tracker, sample);
	feed(tracker, a_last_word(5, &next, 5, 11, 20));
	tracker_finish(tracker, T0 + 500 * MS);
	assert_int_equal(reported_count, 2);
	assert_int_equal(reported[0].flow.remote.port, 80);
	assert_int_equal(reported[1].flow.local.port, 40001);
	assert_int_equal(reported[1].flow.remote.port, 81);
	assert_int_equal(reported[1].dir, DIR_OUT);
	assert_int_equal(reported[1].error, 0);
	assert_int_equal(reported[1].rx_bytes, 11);
	tracker_free(tracker);
}

/* The peer of the attempt was not on the stack, and its descriptor became that of an accepted socket. */
static void an_accepted_socket_is_not_that_of_an_attempt(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	const struct flow listener = a_flow("192.0.2.1", 80, "0.0.0.0", 0),
			  flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40000);
	struct event call = a_call(CALL_CONNECT_END, 3, &listener, EVENT_COOKIE_MADE_UP | 1, ECONNREFUSED);
	struct event owner = an_owner(4, &flow, 5, 100);

	(void)state;
	call.origin = ORIGIN_PERF;
	call.flow.local = call.flow.remote = (struct endpoint){0};
	call.call.pid = 100;
	owner.owner.fd = call.call.fd;
	feed(tracker, an_info(INFO_EXISTING, 1, &listener, 4, TCP_LISTEN));
	feed(tracker, call);
	feed(tracker, owner);
	feed(tracker, a_last_word(5, &flow, 5, 11, 20));
	tracker_finish(tracker, T0 + 500 * MS);
	assert_int_equal(reported_count, 2);
	assert_int_equal(reported[0].dir, DIR_OUT);
	assert_int_equal(reported[0].flow.local.port, 0);
	assert_int_equal(reported[1].dir, DIR_IN);
	assert_int_equal(reported[1].flow.remote.port, 40000);
	assert_int_equal(reported[1].tx_bytes, 20);
	tracker_free(tracker);
}

/* It was too short for a sample: its owner is unknown, and its numbers differ from those of the one before. */
static void a_last_word_with_other_ends_is_of_another(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 40000, "192.0.2.9", 80), next = flow;

	(void)state;
	next.local.port = 40001;
	feed(tracker, an_owner(1, &flow, 5, 100));
	feed(tracker, a_sample(2, &flow, 5, 1000, 2000));
	feed(tracker, a_last_word(4, &next, 5, 11, 20));
	tracker_finish(tracker, T0 + 500 * MS);
	assert_int_equal(reported_count, 1);
	assert_over_unseen(&reported[0], 80);
	tracker_free(tracker);
}

/* Where calls are seen they tell of it, and nothing else does. */
static void a_socket_whose_calls_are_seen_keeps_its_connection(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40000), other = flow;

	(void)state;
	other.remote.port = 40001;
	feed(tracker, a_call(CALL_ACCEPT, 1, &flow, 5, 0));
	feed(tracker, a_last_word(4, &other, 5, 11, 20));
	tracker_finish(tracker, T0 + 500 * MS);
	assert_int_equal(reported_count, 1);
	assert_int_equal(reported[0].rx_bytes, 11);
	tracker_free(tracker);
}

static void another_kind_of_socket_leaves_nothing(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("0.0.0.0", 0, "192.0.2.9", 53);

	(void)state;
	feed(tracker, a_call(CALL_CONNECT_BEGIN, 1, &flow, 0, 0));
	feed(tracker, a_call(CALL_CONNECT_OTHER, 1, &flow, 0, 0));
	assert_null(tracker_next(tracker, NULL));
	tracker_finish(tracker, T0 + 2 * MS);
	assert_int_equal(reported_count, 0);
	tracker_free(tracker);
}

static void handshake(struct tracker *tracker, const struct flow *out, int64_t ms)
{
	struct flow back = flow_reverse(out);

	feed(tracker, a_segment(ms, out, SEGMENT_SYN, 1000, 0, 0));
	feed(tracker, a_segment(ms + 3, &back, SEGMENT_SYN | SEGMENT_ACK, 5000, 1001, 0));
	feed(tracker, a_segment(ms + 4, out, SEGMENT_ACK, 1001, 5001, 0));
}

static void packets_before_accept_are_joined(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow client = a_flow("192.0.2.9", 40000, "192.0.2.1", 80), server = flow_reverse(&client);
	const struct conn *conn;

	(void)state;
	handshake(tracker, &client, 10);
	assert_null(tracker_next(tracker, NULL)); /* no owner yet */
	feed(tracker, a_call(CALL_ACCEPT, 50, &server, 9, 0));
	conn = tracker_next(tracker, NULL);
	assert_non_null(conn);
	assert_int_equal(conn->dir, DIR_IN);
	assert_int_equal(conn->start_ns, T0 + 10 * MS);
	assert_int_equal(conn->hs_ns, 4 * MS);
	assert_int_equal(conn->hs_net_ns, 3 * MS);
	assert_int_equal(conn->hs_ack_ns, 1 * MS);
	assert_int_equal(conn->queue_ns, 36 * MS);
	assert_int_equal(conn->rx_pkts, 2);
	assert_int_equal(conn->tx_pkts, 1);
	assert_null(tracker_next(tracker, conn));
	tracker_free(tracker);
}

static void both_ends_share_the_wire(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow client = a_flow("127.0.0.1", 40000, "127.0.0.1", 80), server = flow_reverse(&client);
	const struct conn *first, *second;

	(void)state;
	feed(tracker, a_call(CALL_CONNECT_BEGIN, 9, &client, 0, 0));
	handshake(tracker, &client, 10);
	feed(tracker, a_call(CALL_CONNECT_END, 14, &client, 3, 0));
	feed(tracker, a_call(CALL_ACCEPT, 20, &server, 4, 0));
	feed(tracker, a_segment(30, &client, SEGMENT_ACK | SEGMENT_PSH, 1001, 5001, 100));
	first = tracker_next(tracker, NULL);
	assert_non_null(first);
	assert_int_equal(first->dir, DIR_OUT);
	assert_int_equal(first->tx_pkts, 3);
	second = tracker_next(tracker, first);
	assert_non_null(second);
	assert_int_equal(second->dir, DIR_IN);
	assert_int_equal(second->rx_pkts, 3);
	assert_int_equal(second->tx_pkts, 1);
	assert_null(tracker_next(tracker, second));
	tracker_free(tracker);
}

/* A packet filter of this host that rejects a SYN drops it before it can be captured. */
static void a_failed_connect_finds_its_packets(void **state)
{
	(void)state;
	for (int has_syn = 0; has_syn < 2; has_syn++) {
		struct tracker *tracker = new_tracker(false, 100);
		struct flow client = a_flow("192.0.2.9", 40000, "192.0.2.1", 80), back = flow_reverse(&client);
		struct flow left = client;

		feed(tracker, a_call(CALL_CONNECT_BEGIN, 1, &client, 0, 0));
		if (has_syn)
			feed(tracker, a_segment(2, &client, SEGMENT_SYN, 1000, 0, 0));
		feed(tracker, a_segment(3, &back, SEGMENT_RST | SEGMENT_ACK, 0, 1001, 0));
		/* The kernel has forgotten the address by then, but not the port. */
		memset(&left.local.ip, 0, sizeof(left.local.ip));
		feed(tracker, a_call(CALL_CONNECT_END, 4, &left, 8, ECONNREFUSED));
		tracker_finish(tracker, T0 + 5 * MS);
		assert_int_equal(reported_count, 1);
		assert_int_equal(reported[0].result, RESULT_REFUSED);
		assert_int_equal(reported[0].close, CLOSE_RRST);
		assert_int_equal(reported[0].why, SUSPICIOUS_FAILED);
		assert_true(endpoint_equal(&reported[0].flow.local, &client.local));
		assert_int_equal(reported[0].tx_pkts, has_syn);
		tracker_free(tracker);
	}
}

static void the_other_end_tells_what_was_sent(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow server = a_flow("127.0.0.1", 80, "127.0.0.1", 40000), client = flow_reverse(&server);
	struct event last = a_last_word(9, &server, 4, 10, 0);
	struct event other = an_info(INFO_DESTROY, 8, &client, 3, TCP_CLOSE);

	(void)state;
	feed(tracker, a_call(CALL_ACCEPT, 1, &server, 4, 0));
	feed(tracker, an_info(INFO_ACCEPT, 1, &server, 4, TCP_ESTABLISHED));
	feed(tracker, a_call(CALL_SHUTDOWN, 2, &server, 4, 0));
	other.info.bytes_sent = 10;
	other.info.bytes_acked = 12; /* SYN and FIN */
	feed(tracker, other);
	last.info.timewait = TIMEWAIT_UNKNOWN;
	feed(tracker, last);
	tracker_finish(tracker, T0 + 10 * MS);
	assert_int_equal(reported_count, 1);
	assert_int_equal(reported[0].rx_bytes, 10);
	tracker_free(tracker);
}

/* After shutdown(2) both FINs are known by the counters, and only TIME_WAIT shows which was first. */
static void time_wait_is_queried_where_it_is_shown(void **state)
{
	struct flow flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40000);
	struct event shutdown = a_call(CALL_SHUTDOWN, 2, &flow, 4, 0);
	struct event sample = an_info(INFO_SHUTDOWN, 2, &flow, 4, TCP_ESTABLISHED);
	struct event last = a_last_word(9, &flow, 4, 10, 200);

	(void)state;
	shutdown.call.argument = SHUT_WR;
	sample.info.bytes_received = 10;
	sample.info.data_segs_in = 1;
	last.info.rqueue = 0;
	last.info.timewait = TIMEWAIT_UNKNOWN;
	for (int closers = 0; closers <= 1; closers++) {
		const struct tracker_config config = {.limit = 100, .has_destroy = true, .closers = closers == 1};
		const struct tracker_notify notify = {NULL, NULL, on_finished, NULL};
		struct tracker *tracker = tracker_new(&config, &notify);
		uint64_t cookie;

		reported_count = 0;
		feed(tracker, a_call(CALL_ACCEPT, 1, &flow, 4, 0));
		feed(tracker, an_info(INFO_ACCEPT, 1, &flow, 4, TCP_ESTABLISHED));
		/* Without a sample before the FIN, it decides about a byte, too. */
		assert_true(tracker_wants_timewait(tracker, &last, &cookie));
		feed(tracker, shutdown);
		feed(tracker, sample);
		assert_int_equal(tracker_wants_timewait(tracker, &last, &cookie), closers == 1);
		feed(tracker, last);
		tracker_finish(tracker, T0 + 10 * MS);
		assert_int_equal(reported_count, 1);
		assert_int_equal(reported[0].rx_bytes, 10);
		assert_int_equal(reported[0].tx_bytes, 200);
		assert_int_equal(reported[0].close, CLOSE_UNKNOWN);
		tracker_free(tracker);
	}
}

/* A byte under way hides who opened a connection that is older than the run; its other end has none under way. */
static void the_other_end_shows_the_opener(void **state)
{
	const struct flow server = a_flow("127.0.0.1", 80, "127.0.0.1", 40000), client = flow_reverse(&server);

	(void)state;
	for (int first = 0; first < 2; first++) {
		struct tracker *tracker = new_tracker(false, 100);
		const struct conn *conn = NULL;

		for (int i = 0; i < 2; i++) {
			const bool is_client = i == first;
			const struct flow *flow = is_client ? &client : &server;
			struct event owner = event_new(EVENT_OWNER, ORIGIN_KERNEL, T0);
			struct event existing = an_info(INFO_EXISTING, 1, flow, is_client ? 3 : 4, TCP_ESTABLISHED);

			owner.flow = *flow;
			owner.owner.cookie = existing.info.cookie;
			owner.owner.pid = 100;
			owner.owner.born = 1;
			existing.info.bytes_sent = is_client ? 300 : 0;
			existing.info.bytes_acked = is_client ? 201 : 0;
			existing.info.unacked = is_client;
			existing.info.bytes_received = is_client ? 0 : 200;
			feed(tracker, owner);
			feed(tracker, existing);
		}
		for (int i = 0; i < 2; i++) {
			conn = tracker_next(tracker, conn);
			assert_non_null(conn);
			assert_int_equal(conn->dir, conn->flow.local.port == 80 ? DIR_IN : DIR_OUT);
		}
		tracker_free(tracker);
	}
}

/* The kernel's counters of a part of an MPTCP connection include retransmits of MPTCP; destroy events do not show
 * MPTCP. */
static void parts_of_mptcp_are_named_and_not_counted(void **state)
{
	static const struct {
		bool is_looked_at;
		enum info_mptcp looked, died;
		uint8_t proto;
	} cases[] = {
		{true, MPTCP_NO, MPTCP_PERHAPS, IPPROTO_TCP},
		{true, MPTCP_PART, MPTCP_NO, FLOW_PROTO_MPTCP},
		{false, MPTCP_NO, MPTCP_PERHAPS, 0},
		{false, MPTCP_NO, MPTCP_NO, IPPROTO_TCP},
	};
	struct flow flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40000);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tracker *tracker = new_tracker(false, 100);
		struct event owner = event_new(EVENT_OWNER, ORIGIN_KERNEL, T0);
		struct event sample = an_info(INFO_SAMPLE, 1, &flow, 77, TCP_ESTABLISHED);
		struct event last = a_last_word(9, &flow, 77, 100, 200);

		owner.flow = flow;
		owner.owner.cookie = 77;
		owner.owner.pid = 100;
		owner.owner.born = 1;
		sample.info.bytes_received = 50;
		sample.info.mptcp = (uint8_t)cases[i].looked;
		last.info.mptcp = (uint8_t)cases[i].died;
		feed(tracker, owner);
		if (cases[i].is_looked_at) {
			feed(tracker, sample);
			assert_int_equal(tracker_next(tracker, NULL)->rx_bytes,
					 cases[i].looked == MPTCP_NO ? 50 : CONN_UNKNOWN);
		}
		feed(tracker, last);
		tracker_tick(tracker, T0 + 1000 * MS);
		assert_int_equal(reported_count, 1);
		assert_int_equal(reported[0].proto, cases[i].proto);
		if (cases[i].proto != IPPROTO_TCP)
			assert_int_equal(reported[0].rx_bytes, CONN_UNKNOWN);
		tracker_free(tracker);
	}
}

static void an_end_nobody_reported_is_unknown(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow flow = a_flow("192.0.2.1", 80, "192.0.2.9", 40000);
	struct event lost = event_new(EVENT_INFO, ORIGIN_KERNEL, T0 + 9 * MS);

	(void)state;
	feed(tracker, a_call(CALL_ACCEPT, 1, &flow, 4, 0));
	feed(tracker, an_info(INFO_ACCEPT, 1, &flow, 4, TCP_ESTABLISHED));
	tcp_info_unknown(&lost.info);
	lost.info.reason = INFO_DESTROY;
	lost.info.cookie = 4;
	lost.flow = flow;
	feed(tracker, lost);
	tracker_finish(tracker, T0 + 10 * MS);
	assert_int_equal(reported_count, 1);
	assert_int_equal(reported[0].rx_bytes, CONN_UNKNOWN);
	assert_int_equal(reported[0].tx_bytes, CONN_UNKNOWN);
	assert_int_equal(reported[0].state, STATE_UNKNOWN);
	/* When it was missed it may long have been gone. */
	assert_int_equal(reported[0].end_ns, T0 + 1 * MS);
	tracker_free(tracker);
}

/* What was only counted is unknown then, what had happened has happened, and who had ended is as exact as ever. */
static void packets_that_nobody_reads_are_not_missed_in_silence(void **state)
{
	struct tracker *tracker = new_tracker(true, 100);
	struct flow over = a_flow("192.0.2.9", 40000, "192.0.2.1", 80);
	struct flow held = a_flow("192.0.2.9", 40001, "192.0.2.1", 80);
	struct flow asked = a_flow("192.0.2.9", 40002, "192.0.2.1", 80);
	struct event lost = event_new(EVENT_LOST, ORIGIN_WIRE, T0 + 20 * MS);
	const struct conn *conn;
	int open = 0;

	(void)state;
	handshake(tracker, &over, 1);
	feed(tracker, a_segment(5, &over, SEGMENT_ACK | SEGMENT_RST, 1001, 5001, 0));
	handshake(tracker, &held, 6);
	feed(tracker, a_segment(9, &held, SEGMENT_ACK, 1001, 5001, 10));
	feed(tracker, a_segment(10, &asked, SEGMENT_SYN, 1000, 0, 0));
	lost.lost.where = LOST_PACKET_PROCESS;
	lost.lost.count = EVENT_UNKNOWN;
	feed(tracker, lost);
	for (conn = tracker_next(tracker, NULL); conn != NULL; conn = tracker_next(tracker, conn)) {
		if (conn->flow.local.port == 40000 || conn->flow.remote.port == 40000) {
			assert_true(conn->rx_pkts > 0);
			continue;
		}
		open++;
		assert_int_equal(conn->rx_pkts, CONN_UNKNOWN);
		assert_int_equal(conn->tx_wire, CONN_UNKNOWN);
		assert_int_equal(conn->rx_bytes, CONN_UNKNOWN);
		assert_int_equal(conn->tx_bytes, CONN_UNKNOWN);
		assert_int_equal(conn->rx_retrans, CONN_UNKNOWN);
		assert_int_equal(conn->gap_ns, CONN_UNKNOWN);
		assert_int_equal(conn->state, STATE_UNKNOWN);
		/* The answer to the attempt was not captured; the end of the handshake was. */
		if (conn->hs_ns >= 0)
			assert_int_equal(conn->result, RESULT_OK);
		else
			assert_int_equal(conn->result, RESULT_UNKNOWN);
	}
	assert_int_equal(open, 2);
	tracker_free(tracker);
}

static void the_table_has_a_limit(void **state)
{
	struct tracker *tracker = new_tracker(true, 10);
	struct tracker_stats stats;

	(void)state;
	for (uint16_t port = 1; port <= 30; port++) {
		struct flow flow = a_flow("192.0.2.9", (uint16_t)(40000 + port), "192.0.2.1", 80);

		feed(tracker, a_segment(port, &flow, SEGMENT_SYN, 1000, 0, 0));
	}
	tracker_stats(tracker, &stats);
	assert_int_equal(stats.open, 10);
	assert_int_equal(stats.lost[LOST_TABLE], 20);
	assert_int_equal(reported_count, 20);
	tracker_free(tracker);
}

static void a_run_with_a_target_hides_the_others(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow client = a_flow("192.0.2.9", 40000, "192.0.2.1", 80);
	struct event run = event_new(EVENT_RUN, ORIGIN_KERNEL, CLOCK_UNKNOWN);

	(void)state;
	handshake(tracker, &client, 1);
	assert_null(tracker_next(tracker, NULL));
	/* A recording says what kind of run it was. */
	run.run.whole = 1;
	feed(tracker, run);
	assert_non_null(tracker_next(tracker, NULL));
	tracker_free(tracker);
}

static void frames_of_before_the_watch_are_not_of_other_processes(void **state)
{
	struct tracker *tracker = new_tracker(false, 100);
	struct flow before = a_flow("192.0.2.9", 40000, "192.0.2.1", 80);
	struct flow after = a_flow("192.0.2.9", 40001, "192.0.2.1", 80);
	struct event run = event_new(EVENT_RUN, ORIGIN_KERNEL, T0 + 50 * MS);
	struct tracker_stats stats;

	(void)state;
	handshake(tracker, &before, 10);
	handshake(tracker, &after, 100);
	feed(tracker, run);
	tracker_stats(tracker, &stats);
	assert_int_equal(stats.left_out[LEFT_OUT_EARLY], 3);
	assert_int_equal(stats.left_out[LEFT_OUT_UNCLAIMED], 3);
	(void)tracker_last(tracker, NULL);
	tracker_stats(tracker, &stats);
	assert_int_equal(stats.left_out[LEFT_OUT_EARLY], 3);
	assert_int_equal(stats.left_out[LEFT_OUT_UNCLAIMED], 3);
	tracker_free(tracker);
}

/* A file may hold very many that have ended: the oldest of them goes before its time. */
static void the_oldest_of_many_lingers_no_longer(void **state)
{
	const struct tracker_config config = {.limit = 1000,
					      .timeout_ns = 30 * CLOCK_NS_PER_SEC,
					      .linger_ns = 60 * CLOCK_NS_PER_SEC,
					      .linger_limit = 3,
					      .whole = true,
					      .syn_retries = 6};
	const struct tracker_notify notify = {NULL, NULL, on_finished, NULL};
	struct tracker *tracker = tracker_new(&config, &notify);

	(void)state;
	reported_count = 0;
	for (uint16_t port = 1; port <= 5; port++) {
		struct flow flow = a_flow("192.0.2.1", port, "192.0.2.2", 80), back = flow_reverse(&flow);

		feed(tracker, a_segment(port, &flow, SEGMENT_SYN, 1000, 0, 0));
		feed(tracker, a_segment(port, &back, SEGMENT_RST | SEGMENT_ACK, 0, 1001, 0));
		tracker_tick(tracker, 0);
	}
	assert_int_equal(reported_count, 2);
	assert_int_equal(reported[0].flow.remote.port, 1);
	assert_int_equal(reported[1].flow.remote.port, 2);
	tracker_finish(tracker, 0);
	assert_int_equal(reported_count, 5);
	tracker_free(tracker);
}

static void count_finished(void *context, const struct conn *conn)
{
	(void)conn;
	++*(uint16_t *)context;
}

/* In a file with thousands of ends a second it lingers for two seconds: the time of late packets in a live run. */
static void of_thousands_each_lingers_two_seconds(void **state)
{
	const uint16_t few = 8192, more = 3;
	uint16_t finished = 0;
	const struct tracker_config config = {.limit = 100000,
					      .timeout_ns = 30 * CLOCK_NS_PER_SEC,
					      .linger_ns = 60 * CLOCK_NS_PER_SEC,
					      .linger_limit = 65536,
					      .whole = true,
					      .syn_retries = 6};
	const struct tracker_notify notify = {.context = &finished, .finished = count_finished};
	struct tracker *tracker = tracker_new(&config, &notify);

	(void)state;
	for (uint16_t port = 1; port <= few + more; port++) {
		struct flow flow = a_flow("192.0.2.1", port, "192.0.2.2", 80), back = flow_reverse(&flow);

		feed(tracker, a_segment(0, &flow, SEGMENT_SYN, 1000, 0, 0));
		feed(tracker, a_segment(0, &back, SEGMENT_RST | SEGMENT_ACK, 0, 1001, 0));
	}
	tracker_tick(tracker, T0 + 1999 * MS);
	assert_int_equal(finished, 0);
	tracker_tick(tracker, T0 + 2000 * MS);
	assert_int_equal(finished, more);
	tracker_tick(tracker, T0 + 59999 * MS);
	assert_int_equal(finished, more);
	tracker_tick(tracker, T0 + 60000 * MS);
	assert_int_equal(finished, few + more);
	tracker_free(tracker);
}

/* What has been looked at for the last time is gone, and counted all the same. */
static void the_last_walk_takes_them_away(void **state)
{
	struct tracker *tracker = new_tracker(true, 1000);
	struct tracker_stats stats;
	uint16_t port = 0;

	(void)state;
	for (uint16_t i = 1; i <= 5; i++) {
		struct flow flow = a_flow("192.0.2.1", i, "192.0.2.2", 80);

		feed(tracker, a_segment(i, &flow, SEGMENT_SYN, 1000, 0, 0));
	}
	tracker_finish(tracker, 0);
	for (const struct conn *conn = NULL; (conn = tracker_last(tracker, conn)) != NULL;)
		assert_int_equal(conn->flow.remote.port, ++port);
	assert_int_equal(port, 5);
	assert_null(tracker_next(tracker, NULL));
	tracker_stats(tracker, &stats);
	assert_int_equal(stats.open, 5);
	assert_int_equal(stats.unattributed, 5);
	tracker_free(tracker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_of_many_lingers_no_longer),
		cmocka_unit_test(of_thousands_each_lingers_two_seconds),
		cmocka_unit_test(the_last_walk_takes_them_away),
		cmocka_unit_test(accepted_and_died),
		cmocka_unit_test(an_attempt_that_was_wiped_resent_nobody_knows_what),
		cmocka_unit_test(a_process_that_ended_unseen),
		cmocka_unit_test(a_process_that_shared_it_ended),
		cmocka_unit_test(a_port_used_again_is_another_connection),
		cmocka_unit_test(two_accepts_of_one_socket_are_disputed),
		cmocka_unit_test(a_disconnected_socket_connects_again),
		cmocka_unit_test(cleared_counters_prove_nothing),
		cmocka_unit_test(retransmissions_of_the_handshake),
		cmocka_unit_test(a_socket_is_seen_connected_once_more),
		cmocka_unit_test(a_socket_connected_again_has_the_row_of_its_call),
		cmocka_unit_test(a_last_word_with_other_ends_is_of_another),
		cmocka_unit_test(a_socket_whose_calls_are_seen_keeps_its_connection),
		cmocka_unit_test(deaths_on_a_port_where_nobody_sees_accepts),
		cmocka_unit_test(a_connect_that_waited),
		cmocka_unit_test(resent_before_we_came),
		cmocka_unit_test(a_connect_that_is_asked_later),
		cmocka_unit_test(another_kind_of_socket_leaves_nothing),
		cmocka_unit_test(packets_before_accept_are_joined),
		cmocka_unit_test(both_ends_share_the_wire),
		cmocka_unit_test(a_failed_connect_finds_its_packets),
		cmocka_unit_test(the_other_end_tells_what_was_sent),
		cmocka_unit_test(parts_of_mptcp_are_named_and_not_counted),
		cmocka_unit_test(what_the_own_kernel_refuses_is_an_error),
		cmocka_unit_test(a_connect_that_began_before_the_run),
		cmocka_unit_test(an_attempt_whose_socket_is_gone),
		cmocka_unit_test(an_attempt_that_sent_nothing_has_no_packets),
		cmocka_unit_test(a_listener_without_cookie_is_found_in_the_list),
		cmocka_unit_test(an_accepted_mptcp_connection_that_waited_is_one),
		cmocka_unit_test(what_waited_and_was_accepted_has_all_its_calls),
		cmocka_unit_test(sockets_of_mptcp_that_lost_their_port_were_accepted),
		cmocka_unit_test(what_programs_do_not_accept_is_counted),
		cmocka_unit_test(an_attempt_whose_syn_is_in_no_packet_is_a_row),
		cmocka_unit_test(a_connected_socket_attempts_nothing),
		cmocka_unit_test(an_end_nobody_reported_is_unknown),
		cmocka_unit_test(packets_that_nobody_reads_are_not_missed_in_silence),
		cmocka_unit_test(time_wait_is_queried_where_it_is_shown),
		cmocka_unit_test(the_other_end_shows_the_opener),
		cmocka_unit_test(an_attempt_with_a_row_is_not_short_of_one),
		cmocka_unit_test(an_accepted_socket_is_not_that_of_an_attempt),
		cmocka_unit_test(an_attempt_has_the_outcome_of_all_that_ended),
		cmocka_unit_test(an_accept_waits_for_its_socket),
		cmocka_unit_test(an_accept_after_a_sample_completes_the_row),
		cmocka_unit_test(a_failed_end_counts_once_and_not_beside_a_row),
		cmocka_unit_test(the_table_has_a_limit),
		cmocka_unit_test(a_run_with_a_target_hides_the_others),
		cmocka_unit_test(frames_of_before_the_watch_are_not_of_other_processes),
	};

	return UNIT_RUN(tests);
}
