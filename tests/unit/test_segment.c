// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../helpers/capscript.h"
#include "base/clock.h"
#include "model/conn.h"
#include "source/packet/dissect.h"
#include "track/timeline.h"
#include "track/wire_view.h"

/* A connection is a script of frames; each segment comes out as one line of what it was judged to be. */

#define FLOW "flow a 192.0.2.1 40000 192.0.2.2 80\n"
#define SYN "+0.001 a > S seq 0xfffffff0 mss 1460 wscale 7\n"
#define SYNACK "+0.002 a < SA seq 0xffffff00 ack 0xfffffff1 mss 1460 wscale 7\n"
#define ACK "+0.003 a > A seq 0xfffffff1 ack 0xffffff01\n"
#define OPEN FLOW SYN SYNACK ACK
/* What OPEN comes out as. */
#define OPENED                                     \
	"> 0/- SYN_SENT SYN_RCVD\n"                \
	"< 0/1 ESTABLISHED SYN_RCVD rtt=2000000\n" \
	"> 1/1 ESTABLISHED ESTABLISHED\n"

struct feeder {
	struct wire wire;
	struct timeline *timeline;
	char reported[16384];
};

static const struct {
	uint16_t bit;
	const char *word;
} words[] = {
	{SEGMENT_COPY, "copy"},          {SEGMENT_RESENT, "resent"},       {SEGMENT_RESENT_PART, "part"},
	{SEGMENT_OUT_OF_ORDER, "fills"}, {SEGMENT_KEEPALIVE, "keepalive"}, {SEGMENT_ZERO_WINDOW, "zerowin"},
	{SEGMENT_STRAY, "stray"},        {SEGMENT_FRAGMENT, "fragment"},   {SEGMENT_CUT, "cut"},
	{SEGMENT_SENT_AGAIN, "again"},   {SEGMENT_REPORTED, "reported"},   {SEGMENT_SPURIOUS, "spurious"},
	{SEGMENT_WINDOW_PROBE, "probe"},
};

static const char *number(int64_t value, char text[24])
{
	snprintf(text, 24, "%" PRId64, value);
	return value == SEGMENT_UNKNOWN ? "-" : text;
}

static const char *state_text(uint8_t state)
{
	const char *text = conn_state_text(state);

	return text != NULL ? text : "-";
}

static void tell_segment(char *reported, size_t size, const struct segment *segment)
{
	size_t used = strlen(reported);
	char seq[24], ack[24];

	/* Long scripts are not compared line by line. */
	if (used + 256 > size)
		return;
	used += (size_t)snprintf(reported + used, size - used, "%c %s/%s %s %s",
				 segment->side == WIRE_LOCAL ? '>' : '<', number(segment->seq, seq),
				 number(segment->ack, ack), state_text(segment->after.of[WIRE_LOCAL]),
				 state_text(segment->after.of[WIRE_REMOTE]));
	if (segment->payload > 0)
		used += (size_t)snprintf(reported + used, size - used, " len=%u", segment->payload);
	if (segment->resent > 0)
		used += (size_t)snprintf(reported + used, size - used, " of it again=%u", segment->resent);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (segment->judged & words[i].bit)
			used += (size_t)snprintf(reported + used, size - used, " %s", words[i].word);
	if (segment->before_ns != SEGMENT_UNKNOWN)
		used += (size_t)snprintf(reported + used, size - used, " after=%" PRId64 "ms",
					 (segment->time_ns - segment->before_ns) / CLOCK_NS_PER_MS);
	if (segment->rtt_ns != SEGMENT_UNKNOWN)
		used += (size_t)snprintf(reported + used, size - used, " rtt=%" PRId64, segment->rtt_ns);
	snprintf(reported + used, size - used, "\n");
}

static void feed(void *context, int link, int64_t time_ns, const uint8_t *data, uint32_t caplen, uint32_t length)
{
	struct feeder *feeder = context;
	struct dissect_record record = {.data = data, .caplen = caplen, .length = length, .time_ns = time_ns};
	struct segment segment;
	enum wire_side side;
	struct event event;

	assert_int_equal(dissect_frame(link, &record, &event), DISSECT_EVENT);
	side = event.flow.local.port == 40000 ? WIRE_LOCAL : WIRE_REMOTE;
	if (event.type == EVENT_ICMP) {
		timeline_icmp(feeder->timeline, &event, side);
		return;
	}
	segment_feed(&segment, &feeder->wire, &feeder->timeline->states, &event, NULL, side);
	timeline_segment(feeder->timeline, &segment);
	tell_segment(feeder->reported, sizeof(feeder->reported), &segment);
}

static void run(struct feeder *feeder, struct timeline_rules *rules, const char *script)
{
	const char *wrong;

	wire_init(&feeder->wire);
	feeder->timeline = timeline_new(rules);
	feeder->reported[0] = '\0';
	wrong = capscript_run(script, feed, feeder);
	if (wrong != NULL)
		fail_msg("script: %s", wrong);
}

static void feeder_free(struct feeder *feeder)
{
	wire_clear(&feeder->wire);
	timeline_free(feeder->timeline);
}

static struct timeline_rules some_rules(void)
{
	return (struct timeline_rules){.limit = TIMELINE_BYTES};
}

static void expect(const char *script, const char *expected)
{
	struct timeline_rules rules = some_rules();
	struct feeder feeder;

	run(&feeder, &rules, script);
	assert_string_equal(feeder.reported, expected);
	feeder_free(&feeder);
	assert_int_equal(rules.bytes, 0);
}

static void the_ordinary_life(void **state)
{
	(void)state;
	expect(OPEN "+0.1 a > AP seq 0xfffffff1 ack 0xffffff01 len 100\n"
		    "+0.02 a < A seq 0xffffff01 ack 0x55\n"
		    "+0.01 a < AF seq 0xffffff01 ack 0x55\n"
		    "+0.01 a > AF seq 0x55 ack 0xffffff02\n"
		    "+0.01 a < A seq 0xffffff02 ack 0x56\n",
	       OPENED "> 1/1 ESTABLISHED ESTABLISHED len=100\n"
		      "< 1/101 ESTABLISHED ESTABLISHED rtt=20000000\n"
		      "< 1/101 CLOSE_WAIT FIN_WAIT1\n"
		      "> 101/2 LAST_ACK TIME_WAIT\n"
		      "< 2/102 closed TIME_WAIT\n");
}

static void what_came_again(void **state)
{
	(void)state;
	expect(FLOW SYN "+1 a > S seq 0xfffffff0 mss 1460 wscale 7\n" SYNACK ACK
			"+0.1 a > A seq 0xfffffff1 ack 0xffffff01 len 100\n"
			"+0.2 a > A seq 0xfffffff1 ack 0xffffff01 len 100\n"
			"+0.2 a > A seq 0x23 ack 0xffffff01 len 100\n"
			"+0.1 a > A seq 0x100 ack 0xffffff01 len 10\n"
			"+0.1 a > A seq 0x87 ack 0xffffff01 len 10\n"
			"+0.1 a < A seq 0xffffff01 ack 0x10a\n"
			"+0.1 a > A seq 0x109 ack 0xffffff01 len 1\n"
			"+0.1 a < A seq 0xffffff01 ack 0x55 win 0\n",
	       "> 0/- SYN_SENT SYN_RCVD\n"
	       "> 0/- SYN_SENT SYN_RCVD resent after=1000ms\n"
	       "< 0/1 ESTABLISHED SYN_RCVD\n"
	       "> 1/1 ESTABLISHED ESTABLISHED\n"
	       "> 1/1 ESTABLISHED ESTABLISHED len=100\n"
	       "> 1/1 ESTABLISHED ESTABLISHED len=100 of it again=100 resent after=200ms\n"
	       "> 51/1 ESTABLISHED ESTABLISHED len=100 of it again=50 part after=200ms\n"
	       "> 272/1 ESTABLISHED ESTABLISHED len=10\n"
	       "> 151/1 ESTABLISHED ESTABLISHED len=10 fills\n"
	       "< 1/282 ESTABLISHED ESTABLISHED\n"
	       "> 281/1 ESTABLISHED ESTABLISHED len=1 keepalive\n"
	       "< 1/101 ESTABLISHED ESTABLISHED zerowin\n");
}

/* Resent for nothing: the acknowledgement was on its way. */
static void spurious(void **state)
{
	(void)state;
	expect(OPEN "+0.1 a > A seq 0xfffffff1 ack 0xffffff01 len 100\n+0.1 a < A seq 0xffffff01 ack 0x55\n"
		    "+0.1 a > A seq 0xfffffff1 ack 0xffffff01 len 100\n",
	       OPENED "> 1/1 ESTABLISHED ESTABLISHED len=100\n"
		      "< 1/101 ESTABLISHED ESTABLISHED rtt=100000000\n"
		      "> 1/1 ESTABLISHED ESTABLISHED len=100 of it again=100 resent spurious after=200ms\n");
}

/* Linux probes a closed window with the byte before the next one, others with the next one. */
static void probes_of_a_closed_window(void **state)
{
	(void)state;
	expect(OPEN "+0.1 a > A seq 0xfffffff1 ack 0xffffff01 len 100\n+0.1 a < A seq 0xffffff01 ack 0x55 win 0\n"
		    "+0.1 a > A seq 0x54 ack 0xffffff01\n+0.1 a < A seq 0xffffff01 ack 0x55 win 0\n"
		    "+0.1 a > A seq 0x55 ack 0xffffff01 len 1\n+0.1 a < A seq 0xffffff01 ack 0x55 win 99\n"
		    "+0.1 a > A seq 0x54 ack 0xffffff01\n",
	       OPENED "> 1/1 ESTABLISHED ESTABLISHED len=100\n"
		      "< 1/101 ESTABLISHED ESTABLISHED zerowin rtt=100000000\n"
		      "> 100/1 ESTABLISHED ESTABLISHED probe\n"
		      "< 1/101 ESTABLISHED ESTABLISHED zerowin\n"
		      "> 101/1 ESTABLISHED ESTABLISHED len=1 probe\n"
		      "< 1/101 ESTABLISHED ESTABLISHED\n"
		      "> 100/1 ESTABLISHED ESTABLISHED keepalive\n");
}

static void ends_of_all_kinds(void **state)
{
	(void)state;
	/* Refused; reset; closed by both at once; opened by both at once. */
	expect(FLOW SYN "+0.001 a < RA seq 0 ack 0xfffffff1\n", "> 0/- SYN_SENT SYN_RCVD\n< -/1 closed closed\n");
	expect(OPEN "+1 a < R seq 0xffffff01\n", OPENED "< 1/- closed closed\n");
	expect(OPEN "+1 a > AF seq 0xfffffff1 ack 0xffffff01\n+0.00001 a < AF seq 0xffffff01 ack 0xfffffff1\n"
		    "+0.001 a > A seq 0xfffffff2 ack 0xffffff02\n+0.0001 a < A seq 0xffffff02 ack 0xfffffff2\n",
	       OPENED "> 1/1 FIN_WAIT1 CLOSE_WAIT\n"
		      "< 1/1 CLOSING CLOSING\n"
		      "> 2/2 CLOSING TIME_WAIT\n"
		      "< 2/2 TIME_WAIT TIME_WAIT\n");
	expect(FLOW "+0 a > S seq 100\n+0.001 a < S seq 300\n+0 a > SA seq 100 ack 301\n"
		    "+0 a < SA seq 300 ack 101\n",
	       "> 0/- SYN_SENT SYN_RCVD\n"
	       "< 0/- SYN_RCVD SYN_RCVD\n"
	       "> 0/1 SYN_RCVD ESTABLISHED\n"
	       "< 0/1 ESTABLISHED ESTABLISHED\n");
}

static void an_end_is_heard_when_it_sends(void **state)
{
	struct timeline_rules rules = some_rules();
	struct feeder feeder;
	const struct timeline_entry *entries;

	(void)state;
	run(&feeder, &rules, OPEN);
	entries = feeder.timeline->entries;
	assert_true(entries[0].segment.after.heard[WIRE_LOCAL] && !entries[0].segment.after.heard[WIRE_REMOTE]);
	assert_true(entries[1].segment.after.heard[WIRE_REMOTE]);
	timeline_flip(feeder.timeline);
	assert_true(entries[0].segment.after.heard[WIRE_REMOTE] && !entries[0].segment.after.heard[WIRE_LOCAL]);
	feeder_free(&feeder);
}

static void a_capture_from_the_middle(void **state)
{
	(void)state;
	expect(FLOW "+0 a > A seq 1000 ack 5000 len 10\n+0.001 a < A seq 5000 ack 1010\n",
	       "> 0/- ESTABLISHED ESTABLISHED len=10\n< 0/10 ESTABLISHED ESTABLISHED rtt=1000000\n");
}

static void seen_from_the_other_end(void **state)
{
	struct timeline_rules rules = some_rules();
	struct timeline *copy;
	struct feeder feeder;
	char reported[1024] = "";

	(void)state;
	run(&feeder, &rules, OPEN);
	copy = timeline_copy(feeder.timeline);
	for (uint32_t i = 0; i < copy->count; i++)
		tell_segment(reported, sizeof(reported), &copy->entries[i].segment);
	assert_string_equal(reported, "< 0/- SYN_RCVD SYN_SENT reported\n"
				      "> 0/1 SYN_RCVD ESTABLISHED reported\n"
				      "< 1/1 ESTABLISHED ESTABLISHED reported rtt=3000000\n");
	timeline_free(copy);
	feeder_free(&feeder);
}

/* The kinds of entries as letters, folds with their numbers. */
static const char *drawn(const struct timeline *timeline)
{
	static char text[4096];
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < timeline->count; i++) {
		const struct timeline_entry *entry = &timeline->entries[i];

		if (entry->kind == TIMELINE_FOLD)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "(%d,%d:%d%s)",
						 (int)entry->fold.segments[0], (int)entry->fold.segments[1],
						 (int)(entry->fold.bytes[0] + entry->fold.bytes[1]),
						 entry->fold.forced ? "!" : "");
		else
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%c", "scif"[entry->kind]);
	}
	return text;
}

/* @count plain segments of ten bytes from sequence number 1 on, each acknowledged. */
static void add_plain(char *script, size_t size, unsigned int count)
{
	size_t used = strlen(script);

	for (unsigned int i = 0; i < count; i++)
		used += (size_t)snprintf(script + used, size - used,
					 "+0.001 a > A seq %u ack 0xffffff01 len 10\n"
					 "+0.001 a < A seq 0xffffff01 ack %u\n",
					 0xfffffff1 + i * 10, 0xfffffff1 + i * 10 + 10);
}

static void plain_data_is_folded(void **state)
{
	static char script[1 << 20];
	struct timeline_rules rules = some_rules();
	struct timeline *folded;
	struct feeder feeder;

	(void)state;
	strcpy(script, OPEN);
	add_plain(script, sizeof(script), 1000);
	/* The last but one is sent again. */
	snprintf(script + strlen(script), sizeof(script) - strlen(script), "+0.2 a > A seq %u ack 0xffffff01 len 10\n",
		 0xfffffff1u + 9980);
	run(&feeder, &rules, script);
	assert_true(rules.bytes < 64 * 1024);
	folded = timeline_folded(feeder.timeline);
	assert_string_equal(drawn(folded), "sss(998,998:9980)s(1,2:10)s");
	assert_true(folded->entries[4].segment.judged & SEGMENT_SENT_AGAIN);
	timeline_free(folded);
	feeder_free(&feeder);
	rules.context = 2;
	run(&feeder, &rules, script);
	folded = timeline_folded(feeder.timeline);
	assert_string_equal(drawn(folded), "sssss(996,996:9960)sssssss");
	timeline_free(folded);
	feeder_free(&feeder);
	rules.full = true;
	run(&feeder, &rules, script);
	folded = timeline_folded(feeder.timeline);
	assert_int_equal(folded->count, 2004);
	timeline_free(folded);
	feeder_free(&feeder);
	assert_int_equal(rules.bytes, 0);
}

static void memory_is_bounded(void **state)
{
	static char script[1 << 20];
	struct timeline_rules rules = some_rules();
	struct timeline *folded;
	struct feeder feeder;
	uint64_t segments = 0;

	(void)state;
	strcpy(script, OPEN);
	/* Each one stands out. */
	for (int i = 0; i < 3000; i++)
		snprintf(script + strlen(script), 100, "+0.01 a > A seq 0xfffffff0 ack 0xffffff01 len 1\n");
	run(&feeder, &rules, script);
	assert_true(rules.bytes <= 512 * sizeof(struct timeline_entry) + sizeof(struct timeline));
	folded = timeline_folded(feeder.timeline);
	for (uint32_t i = 0; i < folded->count; i++)
		segments += folded->entries[i].kind == TIMELINE_FOLD ? folded->entries[i].fold.segments[0] : 1;
	assert_int_equal(segments, 3003);
	timeline_free(folded);
	feeder_free(&feeder);
	/* No room at all: everything is counted in one fold, which the line of a connection's other end takes over. */
	assert_true(timeline_is_empty(NULL));
	rules.limit = 100;
	run(&feeder, &rules, script);
	assert_int_equal(feeder.timeline->count, 0);
	assert_false(timeline_is_empty(feeder.timeline));
	assert_int_equal(timeline_unkept(feeder.timeline), 3003);
	folded = timeline_folded(feeder.timeline);
	assert_string_equal(drawn(folded), "(3002,1:3000!)");
	assert_int_equal(folded->entries[0].time_ns, feeder.timeline->unkept_ns);
	timeline_free(folded);
	folded = timeline_copy(feeder.timeline);
	timeline_join(feeder.timeline, folded);
	assert_int_equal(timeline_unkept(feeder.timeline), 6006);
	timeline_clear(feeder.timeline);
	assert_true(timeline_is_empty(feeder.timeline));
	feeder_free(&feeder);
	/* Room for the smallest. */
	rules.limit = 8 * sizeof(struct timeline_entry) + sizeof(struct timeline);
	run(&feeder, &rules, script);
	assert_string_equal(drawn(feeder.timeline) + strlen(drawn(feeder.timeline)) - 2, "ss");
	feeder_free(&feeder);
	assert_int_equal(rules.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ordinary_life),         cmocka_unit_test(what_came_again),
		cmocka_unit_test(ends_of_all_kinds),         cmocka_unit_test(a_capture_from_the_middle),
		cmocka_unit_test(seen_from_the_other_end),   cmocka_unit_test(plain_data_is_folded),
		cmocka_unit_test(memory_is_bounded),         cmocka_unit_test(spurious),
		cmocka_unit_test(probes_of_a_closed_window), cmocka_unit_test(an_end_is_heard_when_it_sends),
	};

	return UNIT_RUN(tests);
}
