// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/event_text.h"

static struct endpoint at(const char *ip, uint16_t port)
{
	struct endpoint endpoint;

	assert_int_equal(endpoint_parse(&endpoint, ip), 0);
	endpoint.port = port;
	return endpoint;
}

static void round_trip(const struct event *event)
{
	char text[EVENT_TEXT_SIZE], again[EVENT_TEXT_SIZE];
	struct event back;
	struct err err = {""};
	int length = event_to_text(event, text, sizeof(text));

	assert_true(length > 0);
	assert_int_equal(length, strlen(text));
	assert_null(strpbrk(text, "\n\r\t\x1b"));
	if (event_from_text(text, &back, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	assert_memory_equal(&back, event, sizeof(back));
	assert_int_equal(event_to_text(&back, again, sizeof(again)), length);
	assert_string_equal(again, text);
	/* One byte less than it needs is too little, and nothing is written then. */
	again[0] = '!';
	assert_int_equal(event_to_text(event, again, (size_t)length), -ENOSPC);
	assert_int_equal(again[0], '!');
}

static void expect(const struct event *event, const char *expected)
{
	char text[EVENT_TEXT_SIZE];

	assert_int_equal(event_to_text(event, text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
	round_trip(event);
}

static void lines_are_readable(void **state)
{
	struct event event = event_new(EVENT_CALL, ORIGIN_CALLS, INT64_C(1700000000123456789));

	(void)state;
	event.flow.local = at("192.0.2.1", 80);
	event.flow.remote = at("2001:db8::1", 40001);
	event.call.kind = CALL_CONNECT_END;
	event.call.begin_ns = -1;
	event.call.pid = 7;
	event.call.fd = -1;
	event.call.error = 115;
	event.call.uid = (uint32_t)-1;
	expect(&event, "time=1700000000.123456789 type=call origin=s local=192.0.2.1:80 remote=[2001:db8::1]:40001 "
		       "kind=connect-end begin=- pid=7 fd=-1 error=115 uid=4294967295");
	event = event_new(EVENT_SEGMENT, ORIGIN_WIRE, 5);
	event.segment.flags = SEGMENT_SYN | SEGMENT_ACK | 0x800;
	event.segment.has = SEGMENT_HAS_MSS | SEGMENT_HAS_INCOMING;
	event.segment.mss = 1460;
	expect(&event, "time=0.000000005 type=segment origin=w flags=syn+ack+2048 has=mss+incoming mss=1460");
	event = event_new(EVENT_PROCESS, ORIGIN_CALLS, -1);
	event.process.fact = PROCESS_EXE;
	event.process.length = 9;
	memcpy(event.process.text, "a b\0\\\n\xff=c", 9);
	expect(&event, "time=- type=process origin=s fact=exe text=a\\x20b\\x00\\x5c\\x0a\\xff=c");
	event = event_new(EVENT_LOST, ORIGIN_KERNEL, -2);
	event.lost.count = -1;
	event.lost.where = LOST_NETLINK;
	event.flow.proto = 0;
	expect(&event, "time=-0.000000002 type=lost origin=k proto=0 where=netlink count=-1");
	event = event_new(EVENT_NONE, ORIGIN_BPF, 0);
	expect(&event, "time=0.000000000 type=none origin=b");
	/* The zero address of IPv4 is not that of IPv6. (How ::1.2.3.4 is written depends on the C library.) */
	event.flow.local = at("0.0.0.0", 0);
	expect(&event, "time=0.000000000 type=none origin=b local=0.0.0.0:0");
	event.flow.local = at("::1", 65535);
	expect(&event, "time=0.000000000 type=none origin=b local=[::1]:65535");
}

/* A generator of our own, so that a failure comes again; xorshift64* (Marsaglia; Vigna). */
static uint64_t random_state = 88172645463325252U;

static uint64_t next_random(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}

/* Any value, but often one of the extremes. */
static uint64_t any(void)
{
	switch (next_random() % 6) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return UINT64_C(1) << 63 | UINT64_C(1) << 31 | UINT64_C(1) << 15 | 0x80;
	default:
		return next_random() >> next_random() % 64;
	}
}

static struct endpoint any_endpoint(void)
{
	struct endpoint endpoint = {.port = (uint16_t)any()};

	for (unsigned int i = 0; i < 16; i++)
		endpoint.ip.s6_addr[i] = next_random() % 3 ? 0 : (uint8_t)any();
	if (next_random() % 2) {
		memset(&endpoint.ip, 0, 10);
		endpoint.ip.s6_addr[10] = endpoint.ip.s6_addr[11] = 0xff;
	}
	return endpoint;
}

static void fill_info(struct event_info *info)
{
	info->cookie = any();
	info->bytes_acked = (int64_t)any();
	info->bytes_received = (int64_t)any();
	info->bytes_sent = (int64_t)any();
	info->bytes_retrans = (int64_t)any();
	info->rtt_us = (int32_t)any();
	info->min_rtt_us = (int32_t)any();
	info->last_data_sent_ms = (int32_t)any();
	info->total_retrans = (int32_t)any();
	info->notsent_bytes = (int32_t)any();
	info->unacked = (int32_t)any();
	info->segs_in = (int32_t)any();
	info->segs_out = (int32_t)any();
	info->data_segs_in = (int32_t)any();
	info->data_segs_out = (int32_t)any();
	info->rqueue = (int32_t)any();
	info->wqueue = (int32_t)any();
	info->inode = (uint32_t)any();
	info->uid = (uint32_t)any();
	info->reason = (uint8_t)(next_random() % INFO_REASON_NUM);
	info->state = (uint8_t)any();
	info->timewait = (uint8_t)(next_random() % (TIMEWAIT_ABSENT + 1));
	info->listener = (int8_t)any();
}

static void fill_segment(struct event_segment *segment)
{
	segment->seq = (uint32_t)any();
	segment->ack = (uint32_t)any();
	segment->payload = (uint32_t)any();
	segment->frame = (uint32_t)any();
	segment->tsval = (uint32_t)any();
	segment->tsecr = (uint32_t)any();
	segment->window = (uint16_t)any();
	segment->mss = (uint16_t)any();
	segment->ip_id = (uint16_t)any();
	segment->checksum = (uint16_t)any();
	segment->flags = (uint16_t)any();
	segment->interface = (uint16_t)any();
	segment->wscale = (uint8_t)any();
	segment->has = (uint16_t)any();
}

static void fill_call(struct event_call *call)
{
	call->begin_ns = (int64_t)any();
	call->cookie = any();
	call->pid = (int32_t)any();
	call->tid = (int32_t)any();
	call->fd = (int32_t)any();
	call->error = (int32_t)any();
	call->argument = (int32_t)any();
	call->uid = (uint32_t)any();
	call->kind = (uint8_t)(next_random() % CALL_NUM);
}

static struct event any_event(enum event_type type)
{
	static const char origins[] = {ORIGIN_CALLS, ORIGIN_KERNEL, ORIGIN_WIRE, ORIGIN_AUDIT, ORIGIN_BPF};
	struct event event = event_new(type, origins[next_random() % sizeof(origins)], (int64_t)any());

	event.flow.local = any_endpoint();
	event.flow.remote = any_endpoint();
	event.flow.netns = (uint32_t)any();
	event.flow.proto = (uint8_t)any();
	if (type == EVENT_CALL) {
		fill_call(&event.call);
	} else if (type == EVENT_INFO) {
		fill_info(&event.info);
		event.info.measures.rate = (int64_t)any();
		event.info.measures.mss = (int32_t)any();
		event.info.measures.cwnd = (int32_t)any();
		event.info.measures.rttvar_us = (int32_t)any();
		event.info.measures.busy_ms = (int32_t)any();
		event.info.measures.rwnd_ms = (int32_t)any();
		event.info.measures.sndbuf_ms = (int32_t)any();
		event.info.measures.silent_ms = (int32_t)any();
		event.info.measures.congestion = measures_congestion_number("dctcp");
		event.info.measures.known = 1;
	} else if (type == EVENT_SEGMENT) {
		fill_segment(&event.segment);
	} else if (type == EVENT_ICMP) {
		event.icmp.seq = (uint32_t)any();
		event.icmp.version = (uint8_t)any();
		event.icmp.type = (uint8_t)any();
		event.icmp.code = (uint8_t)any();
	} else if (type == EVENT_OWNER) {
		event.owner.cookie = any();
		event.owner.inode = (uint32_t)any();
		event.owner.pid = (int32_t)any();
		event.owner.fd = (int32_t)any();
		event.owner.uid = (uint32_t)any();
		event.owner.born = (uint8_t)any();
		event.owner.last = (uint8_t)any();
		event.owner.failed = (uint8_t)any();
	} else if (type == EVENT_PROCESS) {
		event.process.pid = (int32_t)any();
		event.process.uid = (uint32_t)any();
		event.process.fact = (uint8_t)(next_random() % PROCESS_FACT_NUM);
		event.process.offset = (uint16_t)any();
		event.process.length = (uint8_t)(next_random() % (EVENT_PROCESS_TEXT + 1));
		for (unsigned int i = 0; i < event.process.length; i++)
			event.process.text[i] = (char)next_random();
	} else if (type == EVENT_LOST) {
		event.lost.count = (int64_t)any();
		event.lost.where = (uint8_t)(next_random() % LOST_WHERE_NUM);
	} else if (type == EVENT_RUN) {
		event.run.whole = (uint8_t)any();
		event.run.has_destroy = (uint8_t)any();
		event.run.has_packets = (uint8_t)any();
		event.run.netns = (uint32_t)any();
	} else if (type == EVENT_FRAME) {
		event.frame.length = (uint32_t)any();
		event.frame.filters = (uint32_t)any();
		for (unsigned int i = 0; i < next_random() % (EVENT_OPTIONS + 1); i++)
			event.frame.options[i] = (uint8_t)next_random();
	}
	return event;
}

static void every_event_comes_back(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		struct event event = any_event(i % EVENT_TYPE_NUM);

		round_trip(&event);
	}
}

static void the_longest_line_has_room(void **state)
{
	struct event event = event_new(EVENT_PROCESS, ORIGIN_AUDIT, INT64_MIN);

	(void)state;
	memset(&event.flow.local.ip, 0xff, 16);
	memset(&event.flow.remote.ip, 0xff, 16);
	event.flow.local.port = event.flow.remote.port = 65535;
	event.flow.netns = UINT32_MAX;
	event.flow.proto = 255;
	event.process.length = EVENT_PROCESS_TEXT;
	event.process.offset = UINT16_MAX;
	event.process.pid = INT32_MIN;
	event.process.fact = PROCESS_EXE;
	memset(event.process.text, 0xff, EVENT_PROCESS_TEXT);
	round_trip(&event);
	event = event_new(EVENT_INFO, ORIGIN_AUDIT, INT64_MIN);
	memset(&event.flow.local.ip, 0xff, 16);
	memset(&event.flow.remote.ip, 0xff, 16);
	/* Not the padding behind the last field. */
	memset(&event.info, 0x80, offsetof(struct event_info, listener) + 1);
	event.info.reason = INFO_EXISTING;
	event.info.timewait = TIMEWAIT_PRESENT;
	round_trip(&event);
}

static void what_could_not_be_read_is_not_written(void **state)
{
	struct event event = event_new(EVENT_TYPE_NUM, ORIGIN_CALLS, 0);
	char text[EVENT_TEXT_SIZE] = "unchanged";

	(void)state;
	assert_int_equal(event_to_text(&event, text, sizeof(text)), -EINVAL);
	event = event_new(EVENT_CALL, 'x', 0);
	assert_int_equal(event_to_text(&event, text, sizeof(text)), -EINVAL);
	event = event_new(EVENT_CALL, ORIGIN_CALLS, 0);
	event.call.kind = CALL_NUM;
	assert_int_equal(event_to_text(&event, text, sizeof(text)), -EINVAL);
	event = event_new(EVENT_PROCESS, ORIGIN_CALLS, 0);
	event.process.length = EVENT_PROCESS_TEXT + 1;
	assert_int_equal(event_to_text(&event, text, sizeof(text)), -EINVAL);
	assert_string_equal(text, "unchanged");
}

static void wrong_lines_are_refused(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{"", "\"\" is no key=value"},
		{"time=1.000000000", "the line ends before time, type and origin were there"},
		{"type=call", "\"type=call\" stands where time, type or origin must be, in this order"},
		{"time=1.000000000 type=call origin=s ", "\"\" is no key=value"},
		{"time=1.000000000  type=call origin=s", "\"\" is no key=value"},
		{"time=1.000000000 type=call origin=s color=red",
		 "\"color=red\" is a key that this version does not know for such an event"},
		{"time=1.000000000 type=call origin=s seq=5",
		 "\"seq=5\" is a key that this version does not know for such an event"},
		{"time=1.000000000 type=call origin=s pid=5 pid=6", "\"pid=6\" is there twice"},
		{"time=1.000000000 type=call origin=s pid=5 time=2.000000000",
		 "\"time=2.000000000\" is a key that this version does not know for such an event"},
		{"time=1.000000000 type=tunnel origin=s", "\"type=tunnel\" is not a value that the key can have"},
		{"time=1.000000000 type=call origin=z", "\"origin=z\" is not a value that the key can have"},
		{"time=1.000000000 type=call origin=", "\"origin=\" is not a value that the key can have"},
		{"time=1.0 type=call origin=s", "\"time=1.0\" is not a value that the key can have"},
		{"time=.000000000 type=call origin=s", "\"time=.000000000\" is not a value that the key can have"},
		{"time=-.000000000 type=call origin=s", "\"time=-.000000000\" is not a value that the key can have"},
		{"time=+1.000000000 type=call origin=s", "\"time=+1.000000000\" is not a value that the key can have"},
		{"time=9223372036.854775808 type=call origin=s",
		 "\"time=9223372036.854775808\" is not a value that the key can have"},
		{"time=1.000000000 type=call origin=s pid=", "\"pid=\" is not a value that the key can have"},
		{"time=1.000000000 type=call origin=s pid=0x5", "\"pid=0x5\" is not a value that the key can have"},
		{"time=1.000000000 type=call origin=s pid=2147483648",
		 "\"pid=2147483648\" is not a value that the key can have"},
		{"time=1.000000000 type=call origin=s uid=-1", "\"uid=-1\" is not a value that the key can have"},
		{"time=1.000000000 type=call origin=s uid=4294967296",
		 "\"uid=4294967296\" is not a value that the key can have"},
		{"time=1.000000000 type=call origin=s cookie=18446744073709551616",
		 "\"cookie=18446744073709551616\" is not a value that the key can have"},
		{"time=1.000000000 type=call origin=s kind=listen", "\"kind=listen\" is not a value that the "
								    "key can have"},
		{"time=1.000000000 type=call origin=s local=192.0.2.1",
		 "\"local=192.0.2.1\" is not a value that the key can have"},
		{"time=1.000000000 type=call origin=s local=192.0.2.1:65536",
		 "\"local=192.0.2.1:65536\" is not a value that the key can have"},
		{"time=1.000000000 type=call origin=s local=192.0.2:5",
		 "\"local=192.0.2:5\" is not a value that the key can have"},
		{"time=1.000000000 type=segment origin=w flags=syn+", "\"flags=syn+\" is not a value that the "
								      "key can have"},
		{"time=1.000000000 type=segment origin=w flags=65536",
		 "\"flags=65536\" is not a value that the key can have"},
		{"time=1.000000000 type=segment origin=w has=65536",
		 "\"has=65536\" is not a value that the key can have"},
		{"time=1.000000000 type=process origin=s text=a\\", "\"text=a\\\" is not a value that the "
								    "key can have"},
		{"time=1.000000000 type=process origin=s text=\\x5",
		 "\"text=\\x5\" is not a value that the key can have"},
		{"time=1.000000000 type=\x1b[2J origin=s", "\"type=\\x1b[2J\" is not a value that the key can have"},
	};
	char longest[3 * EVENT_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = event_new(EVENT_LOST, ORIGIN_BPF, 77), before = event;
		struct err err = {""};

		assert_int_equal(event_from_text(cases[i].line, &event, &err), -EINVAL);
		assert_string_equal(err.text, cases[i].says);
		assert_memory_equal(&event, &before, sizeof(event));
	}
	/* 121 bytes of text are one too many, and a line can be too long altogether. */
	strcpy(longest, "time=1.000000000 type=process origin=s text=");
	memset(longest + strlen(longest), 'a', 122);
	longest[strlen("time=1.000000000 type=process origin=s text=") + 121] = '\0';
	assert_int_equal(event_from_text(longest, &(struct event){0}, NULL), -EINVAL);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(event_from_text(longest, &(struct event){0}, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_readable),        cmocka_unit_test(every_event_comes_back),
		cmocka_unit_test(the_longest_line_has_room), cmocka_unit_test(what_could_not_be_read_is_not_written),
		cmocka_unit_test(wrong_lines_are_refused),
	};

	return UNIT_RUN(tests);
}
