// SPDX-License-Identifier: GPL-2.0-or-later
/* Records of the BPF programs as events. */
#include "unit.h"

#include <netinet/tcp.h>

#include "source/bpf/kernel.h"
#include "source/bpf/program_events.h"
#include "system/tcp_payload.h"

#define NOW 1700000000000000000

/* 127.0.0.1:40000 to 127.0.0.2:80, with 100 bytes received and 200 sent. */
static struct kernel_record a_record(enum kernel_type type)
{
	struct kernel_record record = {
		.time = 5000000000,
		.cookie = 7,
		.bytes_acked = 200,
		.bytes_received = 101,
		.bytes_sent = 200,
		.pid = 10,
		.tid = 11,
		.fd = 4,
		.netns = 99,
		.rtt = 30,
		.min_rtt = 20,
		.write_seq = 1200,
		.snd_nxt = 1200,
		.snd_una = 1200,
		.rcv_nxt = 500,
		.copied_seq = 500,
		.segs_in = 5,
		.data_segs_in = 1,
		.ends = {.lport = 40000, .rport = 80},
		.type = type,
		.state = TCP_ESTABLISHED,
		.has = KERNEL_HAS_COUNTERS | KERNEL_HAS_PEER | KERNEL_HAS_LISTENER,
	};

	record.ends.local[10] = record.ends.local[11] = record.ends.remote[10] = record.ends.remote[11] = 0xff;
	record.ends.local[12] = record.ends.remote[12] = 127;
	record.ends.local[15] = 1;
	record.ends.remote[15] = 2;
	return record;
}

static void an_accept_is_a_call_and_counters(void **state)
{
	struct kernel_record record = a_record(KERNEL_ACCEPT);
	struct event events[PROGRAM_EVENTS_MAX];

	(void)state;
	record.bytes_acked = record.bytes_sent = 0;
	record.established = record.time - 3500000;
	assert_int_equal(program_events_make(&record, NOW, events), 2);
	assert_int_equal(events[0].type, EVENT_CALL);
	assert_int_equal(events[0].call.kind, CALL_ACCEPT);
	assert_int_equal(events[0].call.pid, 10);
	assert_int_equal(events[0].call.tid, 11);
	assert_int_equal(events[0].call.fd, 4);
	assert_int_equal(events[0].flow.local.port, 40000);
	assert_int_equal(events[0].flow.netns, 99);
	assert_true(flow_is_complete(&events[0].flow));
	assert_int_equal(events[1].info.reason, INFO_ACCEPT);
	assert_int_equal(events[1].info.cookie, 7);
	assert_int_equal(events[1].info.rtt_us, 30);
	assert_int_equal(events[1].info.listener, 1);
	/* the wait in the accept queue */
	assert_int_equal(events[1].info.last_data_sent_ms, 3);
}

/* The counters alone do not say whether the last byte is the FIN; the socket does. */
static void the_fin_makes_the_bytes_exact(void **state)
{
	struct kernel_record record = a_record(KERNEL_DESTROY);
	struct event events[PROGRAM_EVENTS_MAX];

	(void)state;
	for (int has_fin = 0; has_fin < 2; has_fin++) {
		struct tcp_payload tcp_payload;
		int64_t rx, tx;

		record.state = TCP_CLOSE;
		if (has_fin)
			record.has |= KERNEL_HAS_FIN;
		assert_int_equal(program_events_make(&record, NOW, events), 1);
		assert_int_equal(events[0].info.fin, has_fin ? FIN_RECEIVED : FIN_NOT_RECEIVED);
		tcp_payload_init(&tcp_payload);
		tcp_payload_calls_unseen(&tcp_payload);
		tcp_payload_opener(&tcp_payload, DIR_IN);
		tcp_payload_feed(&tcp_payload, &events[0].info);
		tcp_payload_settle(&tcp_payload, &rx, &tx);
		assert_int_equal(rx, has_fin ? 100 : 101);
		assert_int_equal(tx, 200);
	}
}

static void a_rst_has_a_side(void **state)
{
	static const struct {
		enum kernel_reset reset;
		enum conn_close close;
	} sides[] = {{KERNEL_RESET_PEER, CLOSE_RRST}, {KERNEL_RESET_LOCAL, CLOSE_LRST}};

	(void)state;
	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		struct kernel_record record = a_record(KERNEL_DESTROY);
		struct event events[PROGRAM_EVENTS_MAX];
		struct tcp_payload tcp_payload;

		record.state = TCP_CLOSE;
		record.reset = (kernel_u8)sides[i].reset;
		assert_int_equal(program_events_make(&record, NOW, events), 1);
		tcp_payload_init(&tcp_payload);
		tcp_payload_feed(&tcp_payload, &events[0].info);
		assert_int_equal(tcp_payload_close(&tcp_payload), sides[i].close);
	}
}

/* The kernel has reset the counters; zeros would be wrong. */
static void a_disconnected_socket_has_no_counters(void **state)
{
	struct kernel_record record = a_record(KERNEL_DESTROY);
	struct event events[PROGRAM_EVENTS_MAX];

	(void)state;
	record.has |= KERNEL_HAS_DISCONNECTED;
	assert_int_equal(program_events_make(&record, NOW, events), 1);
	assert_int_equal(events[0].info.bytes_received, EVENT_UNKNOWN);
	assert_int_equal(events[0].info.bytes_sent, EVENT_UNKNOWN);
	assert_int_equal(events[0].info.cookie, 7);
}

static void values_beyond_the_limits_are_unknown(void **state)
{
	struct kernel_record record = a_record(KERNEL_STATE);
	struct event events[PROGRAM_EVENTS_MAX];

	(void)state;
	record.min_rtt = UINT32_MAX;
	record.rtt = 0;
	record.segs_in = UINT32_MAX;
	record.bytes_sent = UINT64_MAX;
	/* sequence numbers wrap */
	record.snd_una = UINT32_MAX - 9;
	record.write_seq = record.snd_nxt = 10;
	assert_int_equal(program_events_make(&record, NOW, events), 1);
	assert_int_equal(events[0].info.min_rtt_us, EVENT_UNKNOWN);
	assert_int_equal(events[0].info.rtt_us, EVENT_UNKNOWN);
	assert_int_equal(events[0].info.segs_in, EVENT_UNKNOWN);
	assert_int_equal(events[0].info.bytes_sent, EVENT_UNKNOWN);
	assert_int_equal(events[0].info.wqueue, 20);
}

static void the_end_of_a_process_closes(void **state)
{
	struct kernel_record record = a_record(KERNEL_CLOSE);
	struct event events[PROGRAM_EVENTS_MAX];

	(void)state;
	assert_int_equal(program_events_make(&record, NOW, events), 2);
	assert_int_equal(events[0].call.kind, CALL_CLOSE);
	record.argument = 1 + 9;
	assert_int_equal(program_events_make(&record, NOW, events), 2);
	assert_int_equal(events[0].call.kind, CALL_EXIT);
	assert_int_equal(events[0].call.argument, 9);
	/* by a thread of the kernel, in no call of a process */
	record.pid = 0;
	assert_int_equal(program_events_make(&record, NOW, events), 1);
	assert_int_equal(events[0].info.reason, INFO_CLOSE);
}

static void a_change_of_state_is_no_call(void **state)
{
	static const struct {
		uint8_t from, to, kind, state;
		int32_t error, shown;
		uint16_t has;
	} changes[] = {
		{TCP_SYN_SENT, TCP_ESTABLISHED, CALL_STATE, TCP_ESTABLISHED, 0, EVENT_UNKNOWN, 0},
		{TCP_SYN_SENT, TCP_SYN_SENT, CALL_RETRANSMIT, TCP_SYN_SENT, 0, EVENT_UNKNOWN, 0},
		{TCP_SYN_SENT, TCP_CLOSE, CALL_STATE, TCP_CLOSE, 111, 111, 0},
		{TCP_FIN_WAIT2, TCP_CLOSE, CALL_STATE, TCP_TIME_WAIT, 0, EVENT_UNKNOWN, KERNEL_HAS_FIN},
		{TCP_FIN_WAIT2, TCP_CLOSE, CALL_STATE, TCP_CLOSE, 0, EVENT_UNKNOWN, 0},
		{TCP_FIN_WAIT2, TCP_CLOSE, CALL_STATE, TCP_CLOSE, 104, 104, KERNEL_HAS_FIN},
		{TCP_LAST_ACK, TCP_CLOSE, CALL_STATE, TCP_CLOSE, 0, EVENT_UNKNOWN, KERNEL_HAS_FIN},
	};
	struct event events[PROGRAM_EVENTS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct kernel_record record = a_record(KERNEL_CHANGE);

		record.old_state = changes[i].from;
		record.state = changes[i].to;
		record.error = changes[i].error;
		record.has = changes[i].has;
		assert_int_equal(program_events_make(&record, NOW, events), 1);
		assert_int_equal(events[0].call.kind, changes[i].kind);
		assert_int_equal(events[0].call.argument, changes[i].state);
		assert_int_equal(events[0].call.error, changes[i].shown);
	}
}

static void every_record_is_known(void **state)
{
	struct event events[PROGRAM_EVENTS_MAX];

	(void)state;
	for (int type = 0; type <= KERNEL_TYPE_NUM; type++) {
		struct kernel_record record = a_record((enum kernel_type)type);
		size_t count = program_events_make(&record, NOW, events);

		assert_true(count <= PROGRAM_EVENTS_MAX);
		assert_int_equal(count == 0, type == KERNEL_PROCESS || type == KERNEL_EXIT || type == KERNEL_TYPE_NUM);
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(events[i].origin, ORIGIN_BPF);
			assert_int_equal(events[i].time_ns, NOW);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_accept_is_a_call_and_counters),
		cmocka_unit_test(the_fin_makes_the_bytes_exact),
		cmocka_unit_test(a_rst_has_a_side),
		cmocka_unit_test(a_disconnected_socket_has_no_counters),
		cmocka_unit_test(values_beyond_the_limits_are_unknown),
		cmocka_unit_test(the_end_of_a_process_closes),
		cmocka_unit_test(a_change_of_state_is_no_call),
		cmocka_unit_test(every_record_is_known),
	};

	return UNIT_RUN(tests);
}
