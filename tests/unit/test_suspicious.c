// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/clock.h"
#include "track/record.h"
#include "track/suspicious.h"

static const struct suspicious_limits low = {
	.retrans_ns = 0,
	.slow_ns = 1,
	.gap_ns = 1,
	.long_ns = 1,
	.idle_ns = 1,
	.half_open_ns = 1,
	.reasons = UINT16_MAX,
};

static uint16_t judge(const struct conn *conn, const struct suspicious_limits *limits)
{
	static const struct evidence nothing = {.tcp_payload = TCP_PAYLOAD_INIT};
	struct record record = {.wire = NULL, .evidence = &nothing};

	return suspicious_judge(&record, conn, limits, INT64_C(1700000000) * CLOCK_NS_PER_SEC);
}

static void words_are_parsed_and_written(void **state)
{
	static const char *const wrong[] = {"",        "fail",         "FAILED",      "failed,",
					    ",failed", "failed,,open", "failed open", "\033[m"};
	char text[SUSPICIOUS_TEXT];
	uint16_t reasons = 0;
	struct err err;

	(void)state;
	assert_null(suspicious_text(0, text));
	assert_int_equal(suspicious_parse("dup,failed", &reasons, &err), 0);
	assert_int_equal(suspicious_parse("syn-rtx", &reasons, &err), 0);
	assert_int_equal(reasons, SUSPICIOUS_DUP | SUSPICIOUS_FAILED | SUSPICIOUS_SYN_RTX);
	assert_string_equal(suspicious_text(reasons, text), "failed,syn-rtx,dup");
	for (unsigned int i = 0; i < SUSPICIOUS_NUM; i++) {
		reasons = 0;
		assert_int_equal(suspicious_parse(suspicious_word(i), &reasons, &err), 0);
		assert_int_equal(reasons, 1u << i);
	}
	assert_string_equal(
		suspicious_text((1u << SUSPICIOUS_NUM) - 1, text),
		"failed,reset,syn-rtx,retrans,slow,gap,long,frag,dup,idle,open,kernel,timeout,rwnd,sndbuf,app");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		reasons = 0x123;
		assert_int_equal(suspicious_parse(wrong[i], &reasons, &err), -EINVAL);
		assert_int_equal(reasons, 0x123);
		assert_null(strchr(err.text, '\033'));
	}
}

static void what_nobody_saw_is_never_suspicious(void **state)
{
	const struct suspicious_limits some = {.retrans_ns = 1, .reasons = SUSPICIOUS_SET & ~SUSPICIOUS_LONG};
	struct conn conn;

	(void)state;
	conn_init(&conn);
	assert_int_equal(judge(&conn, &low), SUSPICIOUS_OPEN);
	/* Counters tell how often, not how late; and not when anything passed. */
	conn.start_ns = INT64_C(1600000000) * CLOCK_NS_PER_SEC;
	conn.tx_retrans = 3;
	conn.state = TCP_FIN_WAIT2;
	assert_int_equal(judge(&conn, &low), SUSPICIOUS_OPEN | SUSPICIOUS_RETRANS | SUSPICIOUS_LONG);
	assert_int_equal(judge(&conn, &some), 0);
}

static void without_packets_the_counters_and_calls_have_their_say(void **state)
{
	struct conn conn;

	(void)state;
	conn_init(&conn);
	conn.open = 0;
	conn.result = RESULT_TIMEOUT;
	assert_int_equal(judge(&conn, &low), SUSPICIOUS_FAILED);
	conn.result = RESULT_PENDING;
	assert_int_equal(judge(&conn, &low), 0);
	conn.result = RESULT_REFUSED;
	conn.close = CLOSE_RRST;
	assert_int_equal(judge(&conn, &low), SUSPICIOUS_FAILED);
	conn.result = RESULT_RESET;
	assert_int_equal(judge(&conn, &low), SUSPICIOUS_FAILED | SUSPICIOUS_RESET);
	conn.result = RESULT_OK;
	conn.close = CLOSE_LFIN;
	conn.syn_rtx = 1;
	conn.queue_ns = 2;
	assert_int_equal(judge(&conn, &low), SUSPICIOUS_SYN_RTX | SUSPICIOUS_SLOW);
}

/* What is known of a socket that died without a FIN of its own, after a look at it. */
static void has_died(struct record *record, int32_t segs_in, int32_t probes, int64_t received, int64_t acked)
{
	struct event sample = event_new(EVENT_INFO, ORIGIN_KERNEL, 1), end = event_new(EVENT_INFO, ORIGIN_KERNEL, 2);

	sample.info.rtt_us = sample.info.min_rtt_us = sample.info.last_data_sent_ms = sample.info.listener = -1;
	sample.info.reason = INFO_CONNECT;
	sample.info.state = TCP_ESTABLISHED;
	sample.info.bytes_received = sample.info.bytes_sent = sample.info.bytes_retrans = sample.info.total_retrans = 0;
	sample.info.bytes_acked = 1;
	sample.info.data_segs_in = sample.info.data_segs_out = sample.info.unacked = sample.info.notsent_bytes = 0;
	sample.info.segs_in = 1;
	sample.info.segs_out = 2;
	end.info = sample.info;
	end.info.reason = INFO_DESTROY;
	end.info.state = TCP_CLOSE;
	end.info.bytes_received = received;
	end.info.bytes_sent = 10;
	end.info.data_segs_out = 1;
	end.info.bytes_acked = acked;
	end.info.wqueue = (int32_t)(11 - acked);
	end.info.rqueue = 0;
	end.info.segs_in = segs_in;
	end.info.segs_out = 4;
	end.info.probes = probes;
	tcp_payload_opener(record_bytes(record), DIR_OUT);
	record_info(record, &sample);
	record_info(record, &end);
}

static void without_packets_a_reset_has_its_reasons(void **state)
{
	static const struct {
		int32_t segs_in;
		int32_t probes;
		int64_t received;
		int64_t acked;
		uint16_t reasons;
		uint8_t close;
	} cases[] = {
		/* nothing came: the kernel did it; by whom is open when something did; probes were not answered */
		{1, 0, 0, 1, SUSPICIOUS_RESET | SUSPICIOUS_KERNEL, CLOSE_LRST},
		{2, 0, 0, 11, SUSPICIOUS_RESET, CLOSE_UNKNOWN},
		{2, 3, 0, 11, SUSPICIOUS_RESET | SUSPICIOUS_TIMEOUT, CLOSE_UNKNOWN},
		{1, 3, 0, 1, SUSPICIOUS_RESET | SUSPICIOUS_TIMEOUT, CLOSE_LRST},
		/* after the peer's FIN: with a request that was lost, and without */
		{3, 0, 1, 1, SUSPICIOUS_RESET, CLOSE_UNKNOWN},
		{3, 0, 1, 11, 0, CLOSE_UNKNOWN},
	};
	const struct suspicious_limits set = {
		.retrans_ns = 1, .gap_ns = -1, .long_ns = -1, .idle_ns = -1, .reasons = SUSPICIOUS_SET};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record *record = record_new(NULL);
		struct record_rules rules = {.syn_retries = -1};
		struct conn conn;

		has_died(record, cases[i].segs_in, cases[i].probes, cases[i].received, cases[i].acked);
		record_settle(record, &rules, &conn);
		assert_int_equal(conn.close, cases[i].close);
		assert_int_equal(suspicious_judge(record, &conn, &set, 3), cases[i].reasons);
		record_free(record, NULL);
	}
}

static void a_limit_that_is_off_is_never_reached(void **state)
{
	struct suspicious_limits off = {
		SUSPICIOUS_OFF, SUSPICIOUS_OFF, SUSPICIOUS_OFF, SUSPICIOUS_OFF, SUSPICIOUS_OFF, SUSPICIOUS_OFF, 1,
		UINT16_MAX};
	struct conn conn;

	(void)state;
	conn_init(&conn);
	conn.open = 0;
	conn.start_ns = 1;
	conn.end_ns = conn.hs_ns = conn.gap_ns = INT64_MAX;
	conn.rx_retrans = conn.tx_retrans = 9;
	assert_int_equal(judge(&conn, &off), 0);
	assert_int_equal(judge(&conn, &low),
			 SUSPICIOUS_RETRANS | SUSPICIOUS_SLOW | SUSPICIOUS_GAP | SUSPICIOUS_LONG | SUSPICIOUS_IDLE);
}

static void a_wait_that_the_kernel_measures_is_most_of_the_time(void **state)
{
	static const struct {
		int32_t busy_ms, rwnd_ms, sndbuf_ms, unread, silent_ms;
		uint8_t is_current;
		uint16_t reasons;
	} cases[] = {
		{1000, 501, 0, 0, 0, 1, SUSPICIOUS_RWND},
		{1000, 500, 0, 0, 0, 1, 0},
		{1000, 0, 501, 0, 0, 1, SUSPICIOUS_SNDBUF},
		{1000, 0, 500, 9, 0, 1, 0},
		/* not long enough, of an earlier moment, and unknown */
		{100, 100, 0, 0, 0, 1, 0},
		{101, 101, 0, 0, 0, 1, SUSPICIOUS_RWND},
		{1000, 501, 501, 9, 1001, 0, 0},
		{-1, -1, -1, -1, -1, 1, 0},
		/* The program does not read. */
		{0, 0, 0, 1, 1001, 1, SUSPICIOUS_APP},
		{0, 0, 0, 1, 1000, 1, 0},
		{0, 0, 0, 0, 1001, 1, 0},
	};
	struct suspicious_limits limits = {
		.retrans_ns = -1,
		.slow_ns = CLOCK_NS_PER_SEC,
		.limited_ns = 100 * CLOCK_NS_PER_MS,
		.gap_ns = -1,
		.long_ns = -1,
		.idle_ns = -1,
		.reasons = SUSPICIOUS_SET,
	};
	struct conn conn;

	(void)state;
	conn_init(&conn);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct conn_measures measures = {
			.tcp = {.busy_ms = cases[i].busy_ms,
				.rwnd_ms = cases[i].rwnd_ms,
				.sndbuf_ms = cases[i].sndbuf_ms,
				.silent_ms = cases[i].silent_ms,
				.known = 1},
			.unread = cases[i].unread,
			.is_current = cases[i].is_current,
		};

		conn.measures = &measures;
		assert_int_equal(judge(&conn, &limits), cases[i].reasons);
		limits.limited_ns = SUSPICIOUS_OFF;
		assert_int_equal(judge(&conn, &limits), cases[i].reasons & SUSPICIOUS_APP);
		limits.limited_ns = 100 * CLOCK_NS_PER_MS;
	}
}

/* The receive queue counts a FIN that was not read. */
static void a_fin_is_no_payload(void **state)
{
	static const struct {
		uint8_t reason, tcp_state;
		int64_t received;
		int32_t rqueue, unread;
	} cases[] = {
		{INFO_SAMPLE, TCP_ESTABLISHED, 100, 100, 100}, {INFO_SAMPLE, TCP_ESTABLISHED, 100, 0, 0},
		{INFO_SAMPLE, TCP_CLOSE_WAIT, 101, 101, 100},  {INFO_SAMPLE, TCP_CLOSE_WAIT, 101, 1, 0},
		{INFO_SAMPLE, TCP_CLOSE_WAIT, 101, 0, 0},      {INFO_SAMPLE, TCP_ESTABLISHED, 100, -1, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = event_new(EVENT_INFO, ORIGIN_KERNEL, 1);
		struct record *record = record_new(NULL);
		struct record_rules rules = {.syn_retries = -1};
		struct conn conn;

		event.info = (struct event_info){
			.reason = cases[i].reason,
			.state = cases[i].tcp_state,
			.bytes_received = cases[i].received,
			.rqueue = cases[i].rqueue,
			.notsent_bytes = 7,
			.measures = {.known = 1, .rate = -1},
		};
		record_info(record, &event);
		record_settle(record, &rules, &conn);
		assert_non_null(conn.measures);
		assert_int_equal(conn.measures->unread, cases[i].unread);
		assert_int_equal(conn.measures->notsent, 7);
		assert_true(conn.measures->is_current);
		/* A later reading without them makes these old. */
		event.info.measures.known = 0;
		record_info(record, &event);
		record_settle(record, &rules, &conn);
		assert_false(conn.measures->is_current);
		record_free(record, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_parsed_and_written),
		cmocka_unit_test(what_nobody_saw_is_never_suspicious),
		cmocka_unit_test(without_packets_the_counters_and_calls_have_their_say),
		cmocka_unit_test(without_packets_a_reset_has_its_reasons),
		cmocka_unit_test(a_limit_that_is_off_is_never_reached),
		cmocka_unit_test(a_wait_that_the_kernel_measures_is_most_of_the_time),
		cmocka_unit_test(a_fin_is_no_payload),
	};

	return UNIT_RUN(tests);
}
