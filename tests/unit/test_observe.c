// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../helpers/capscript.h"
#include "base/clock.h"
#include "source/packet/dissect.h"
#include "track/tracker.h"

/* An observer gets the events of connections of interest: a letter each, and the process. */

#define T0 (INT64_C(1700000000) * CLOCK_NS_PER_SEC)

static char reported[4096];

static void on_entry(void *context, const struct conn *conn, const struct conn *first,
		     const struct timeline_entry *entry)
{
	size_t used = strlen(reported);
	char letter = "scif"[entry->kind];

	(void)context;
	(void)first;
	if (entry->kind == TIMELINE_SEGMENT && entry->segment.judged & SEGMENT_REPORTED)
		letter = 't';
	snprintf(reported + used, sizeof(reported) - used, "%c%d ", letter,
		 conn->process != NULL ? conn->process->pid : 0);
}

static void on_frame(void *context, const struct event *event)
{
	size_t used = strlen(reported);

	(void)context;
	snprintf(reported + used, sizeof(reported) - used, "f%u ", event->frame.length);
}

static void on_finished(void *context, const struct conn *conn)
{
	size_t used = strlen(reported);

	(void)context;
	snprintf(reported + used, sizeof(reported) - used, "end:%d",
		 conn->timeline != NULL ? (int)conn->timeline->count : 0);
}

static struct tracker *new_tracker(bool whole, bool keep)
{
	const struct tracker_config config = {
		.limit = 100, .timeout_ns = 30 * CLOCK_NS_PER_SEC, .linger_ns = 1, .whole = whole, .syn_retries = 6};
	const struct tracker_notify notify = {NULL, NULL, on_finished};
	const struct tracker_observer observer = {.keep = keep, .frame = on_frame, .entry = on_entry};
	struct tracker *tracker = tracker_new(&config, &notify);

	reported[0] = '\0';
	tracker_observe(tracker, &observer);
	return tracker;
}

static void feed_frame(void *context, int link, int64_t time_ns, const uint8_t *data, uint32_t caplen, uint32_t length)
{
	struct dissect_record record = {.data = data, .caplen = caplen, .length = length, .time_ns = time_ns};
	struct event event;

	assert_int_equal(dissect_frame(link, &record, &event), DISSECT_EVENT);
	tracker_feed(context, &event, 1);
}

static void packets(struct tracker *tracker, const char *script)
{
	assert_null(capscript_run(script, feed_frame, tracker));
}

#define FLOW "flow a 192.0.2.1 40000 192.0.2.2 80\nflow b 192.0.2.1 40001 192.0.2.2 81\ntime 1700000000.5\n"

static void call(struct tracker *tracker, enum call_kind kind, int pid, int error, bool reverse)
{
	struct event event = event_new(EVENT_CALL, ORIGIN_CALLS, T0 + CLOCK_NS_PER_SEC / 2 + 1);

	assert_int_equal(endpoint_parse(&event.flow.local, "192.0.2.1"), 0);
	assert_int_equal(endpoint_parse(&event.flow.remote, "192.0.2.2"), 0);
	event.flow.local.port = kind == CALL_CONNECT_BEGIN ? 0 : 40000;
	event.flow.remote.port = 80;
	if (reverse)
		event.flow = flow_reverse(&event.flow);
	event.call.kind = (uint8_t)kind;
	event.call.pid = event.call.tid = pid;
	event.call.error = error;
	/* The socket of a connect(2) is reported in advance only after an interrupted one. */
	event.call.cookie = kind == CALL_CONNECT_BEGIN && error != EINTR ? 0 : (uint64_t)pid;
	event.call.uid = (uint32_t)-1;
	tracker_feed(tracker, &event, 1);
}

static void what_waits_is_reported_when_it_is_claimed(void **state)
{
	struct tracker *tracker = new_tracker(false, false);

	(void)state;
	call(tracker, CALL_CONNECT_BEGIN, 7, 0, false);
	packets(tracker, FLOW "+0 a > S seq 100\n+0 b > S seq 100\n+0 a < SA seq 200 ack 101\n");
	assert_string_equal(reported, "c7 ");
	call(tracker, CALL_CONNECT_END, 7, EINPROGRESS, false);
	assert_string_equal(reported, "c7 s7 s7 c7 ");
	/* The other end is traced too: reported events are not repeated; new ones are reported, of the same end first.
	 */
	call(tracker, CALL_ACCEPT, 8, 0, true);
	assert_string_equal(reported, "c7 s7 s7 c7 c8 ");
	packets(tracker, FLOW "+0.1 a > A seq 101 ack 201\n+0 b > S seq 100\n");
	assert_string_equal(reported, "c7 s7 s7 c7 c8 s7 t8 ");
	tracker_free(tracker);
}

static void listens(struct tracker *tracker, const char *port)
{
	struct event event = event_new(EVENT_INFO, ORIGIN_KERNEL, T0);

	assert_int_equal(endpoint_parse(&event.flow.local, "192.0.2.2"), 0);
	event.flow.local.port = (in_port_t)atoi(port);
	event.info.state = TCP_LISTEN;
	event.info.reason = INFO_EXISTING;
	tracker_feed(tracker, &event, 1);
}

#define HANDSHAKE FLOW "+0 a > S seq 100\n+0 a < SA seq 200 ack 101\n+0 a > A seq 101 ack 201\n"

static void the_accepting_end_goes_first(void **state)
{
	(void)state;
	for (int keep = 0; keep < 2; keep++) {
		struct tracker *tracker = new_tracker(false, keep);

		listens(tracker, "80");
		call(tracker, CALL_CONNECT_BEGIN, 7, 0, false);
		packets(tracker, HANDSHAKE);
		call(tracker, CALL_CONNECT_END, 7, 0, false);
		packets(tracker, FLOW "+0.1 a > PA seq 101 ack 201 len 5\n");
		assert_string_equal(reported, "c7 c7 ");
		/* Each is reported to the opener, too: it counts if the other one is not wanted. */
		call(tracker, CALL_ACCEPT, 8, 0, true);
		assert_string_equal(reported, "c7 c7 s8 s8 s8 s8 t7 t7 t7 t7 c8 ");
		packets(tracker, FLOW "+0.2 a < A seq 201 ack 106\n");
		assert_string_equal(reported + 33, "s8 t7 ");
		tracker_free(tracker);
	}
}

static void accepted_by_another_process(void **state)
{
	struct tracker *tracker = new_tracker(false, true);

	(void)state;
	listens(tracker, "80");
	call(tracker, CALL_CONNECT_BEGIN, 7, 0, false);
	packets(tracker, HANDSHAKE);
	call(tracker, CALL_CONNECT_END, 7, 0, false);
	assert_string_equal(reported, "c7 c7 ");
	packets(tracker, FLOW "+0.1 a < PA seq 201 ack 101 len 5\n");
	assert_string_equal(reported, "c7 c7 s7 s7 s7 s7 ");
	/* What was reported for one stays with it. */
	call(tracker, CALL_ACCEPT, 8, 0, true);
	packets(tracker, FLOW "+0.2 a > A seq 101 ack 206\n");
	assert_string_equal(reported, "c7 c7 s7 s7 s7 s7 t8 t8 t8 t8 c8 s7 t8 ");
	tracker_free(tracker);
}

static void nothing_waits_for_ever(void **state)
{
	struct tracker *tracker = new_tracker(false, true);

	(void)state;
	listens(tracker, "80");
	call(tracker, CALL_CONNECT_BEGIN, 7, 0, false);
	packets(tracker, HANDSHAKE);
	call(tracker, CALL_CONNECT_END, 7, 0, false);
	assert_string_equal(reported, "c7 c7 ");
	tracker_finish(tracker, T0 + CLOCK_NS_PER_SEC);
	assert_string_equal(reported, "c7 c7 s7 s7 s7 ");
	tracker_free(tracker);
}

static void accepted_by_somebody_later(void **state)
{
	struct tracker *tracker = new_tracker(false, true);

	(void)state;
	packets(tracker, FLOW "+0 a > S seq 100\n+0 a < SA seq 200 ack 101\n+0 a > A seq 101 ack 201\n");
	assert_string_equal(reported, "");
	call(tracker, CALL_ACCEPT, 8, 0, true);
	assert_string_equal(reported, "s8 s8 s8 c8 ");
	/* Its time line has all of it when it is over. */
	packets(tracker, FLOW "+0.1 a > R seq 101\n");
	call(tracker, CALL_EXIT, 8, 0, true);
	assert_string_equal(reported, "s8 s8 s8 c8 s8 c8 ");
	tracker_free(tracker);
}

static void of_the_whole_host_everything_is_reported(void **state)
{
	struct tracker *tracker = new_tracker(true, true);
	struct event frame = event_new(EVENT_FRAME, ORIGIN_WIRE, T0);

	(void)state;
	packets(tracker, FLOW "+0 a > S seq 100\n+0 a < RA seq 0 ack 101\n");
	frame.frame.length = 60;
	tracker_feed(tracker, &frame, 1);
	tracker_tick(tracker, T0 + 10 * CLOCK_NS_PER_SEC);
	assert_string_equal(reported, "s0 s0 f60 end:2");
	tracker_free(tracker);
}

static void an_interrupted_connect_goes_on(void **state)
{
	struct tracker *tracker = new_tracker(false, true);

	(void)state;
	call(tracker, CALL_CONNECT_BEGIN, 7, 0, false);
	call(tracker, CALL_CONNECT_END, 7, EINTR, false);
	call(tracker, CALL_CONNECT_BEGIN, 7, EINTR, false);
	call(tracker, CALL_CONNECT_END, 7, ECONNREFUSED, false);
	tracker_tick(tracker, T0 + 10 * CLOCK_NS_PER_SEC);
	/* One connection, with all four on its time line. */
	assert_string_equal(reported, "c7 c7 c7 c7 end:4");
	tracker_free(tracker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_is_reported_when_it_is_claimed),
		cmocka_unit_test(the_accepting_end_goes_first),
		cmocka_unit_test(accepted_by_another_process),
		cmocka_unit_test(nothing_waits_for_ever),
		cmocka_unit_test(accepted_by_somebody_later),
		cmocka_unit_test(of_the_whole_host_everything_is_reported),
		cmocka_unit_test(an_interrupted_connect_goes_on),
	};

	return UNIT_RUN(tests);
}
