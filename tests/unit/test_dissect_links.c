// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "../helpers/capscript.h"
#include "source/packet/dissect.h"
#include "source/packet/fragments.h"

/* What stands before IP: rarer link layers, tunnels; and IP in pieces. */

#ifndef DLT_PKTAP
#define DLT_PKTAP 258
#endif

#define PORTS .source_port = 1000, .destination_port = 80
#define ADDRESS "\2\2\2\2\2\2\4\4\4\4\4\4"
#define SNAP "\xaa\xaa\3\0\0\0\x08\0"
/* Frame control (data), duration, three addresses, sequence. */
#define WIFI(control, flags)                        \
	control flags "\0\0" ADDRESS "\6\6\6\6\6\6" \
		      "\0\0"

struct head {
	const char *name;
	int link;
	uint8_t decapsulate;
	enum dissect_result result;
	const char *bytes;
	size_t length;
};

#define HEAD(name, link, bytes)                                        \
	{                                                              \
		name, link, 0, DISSECT_EVENT, bytes, sizeof(bytes) - 1 \
	}
#define NOT(name, link, result, bytes)                          \
	{                                                       \
		name, link, 0, result, bytes, sizeof(bytes) - 1 \
	}
#define TUNNEL(name, which, bytes)                                            \
	{                                                                     \
		name, DLT_RAW, which, DISSECT_EVENT, bytes, sizeof(bytes) - 1 \
	}

/* IPv4 of protocol @p, with a total length that offload left open. */
#define IP(p) "\x45\0\0\0\0\1\0\0\x40" p "\0\0\x0a\0\0\1\x0a\0\0\2"
#define UDP(port) "\x12\x34" port "\0\0\0\0"

static const struct head heads[] = {
	HEAD("Cisco HDLC", DLT_C_HDLC, "\x0f\0\x08\0"),
	HEAD("Cisco HDLC on a serial line", DLT_PPP_SERIAL, "\x8f\0\x08\0"),
	HEAD("HDLC with direction", DLT_C_HDLC_WITH_DIR, "\1\x0f\0\x08\0"),
	HEAD("PPP with direction", DLT_PPP_WITH_DIR, "\1\xff\3\0\x21"),
	HEAD("PPP of pppd", DLT_PPP_PPPD, "\1\3\0\x21"),
	HEAD("PPP, protocol of one byte", DLT_PPP, "\xff\3\x21"),
	HEAD("PPP, bare", DLT_PPP, "\0\x21"),
	HEAD("Frame Relay", DLT_FRELAY, "\x18\x41\3\xcc"),
	HEAD("Frame Relay, padded", DLT_FRELAY, "\x18\x41\3\0\xcc"),
	HEAD("Frame Relay, SNAP", DLT_FRELAY, "\x18\x41\3\0\x80\0\0\0\x08\0"),
	HEAD("Frame Relay, Cisco", DLT_FRELAY, "\x18\x41\x08\0"),
	HEAD("Frame Relay, address of four bytes", DLT_FRELAY, "\x18\x40\x40\x41\3\xcc"),
	HEAD("Frame Relay with direction", DLT_FRELAY_WITH_DIR, "\1\x18\x41\3\xcc"),
	HEAD("Token Ring", DLT_IEEE802, "\x10\x40" ADDRESS SNAP),
	HEAD("Token Ring, routed", DLT_IEEE802, "\x10\x40\2\2\2\2\2\2\x84\4\4\4\4\4\4\0\0\0" SNAP),
	HEAD("FDDI", DLT_FDDI, "\x50" ADDRESS SNAP),
	HEAD("ATM", DLT_ATM_RFC1483, SNAP),
	HEAD("Fibre Channel", DLT_IP_OVER_FC,
	     "12345678"
	     "12345678" SNAP),
	HEAD("FireWire", DLT_APPLE_IP_OVER_IEEE1394,
	     "12345678"
	     "12345678"
	     "\x08\0"),
	HEAD("InfiniBand", DLT_IPOIB,
	     "1234567890123456789012345678901234567890"
	     "\x08\0\0\0"),
	HEAD("OpenBSD IPsec", DLT_ENC,
	     "\2\0\0\0"
	     "12345678"),
	HEAD("OpenBSD firewall log", DLT_PFLOG,
	     "\x0d\2\0\0"
	     "123456789012"),
	HEAD("Wi-Fi", DLT_IEEE802_11, WIFI("\x08", "\1") SNAP),
	HEAD("Wi-Fi, quality of service", DLT_IEEE802_11, WIFI("\x88", "\1") "\0\0" SNAP),
	HEAD("Wi-Fi, high throughput", DLT_IEEE802_11,
	     WIFI("\x88", "\x81") "\0\0"
				  "\0\0\0\0" SNAP),
	HEAD("Wi-Fi between bridges", DLT_IEEE802_11, WIFI("\x08", "\3") "\7\7\7\7\7\7" SNAP),
	NOT("Wi-Fi, encrypted", DLT_IEEE802_11, DISSECT_OTHER, WIFI("\x08", "\x41") SNAP),
	NOT("Wi-Fi, no data", DLT_IEEE802_11, DISSECT_OTHER, WIFI("\x48", "\1") SNAP),
	NOT("Wi-Fi, management", DLT_IEEE802_11, DISSECT_OTHER, WIFI("\x80", "\0") SNAP),
	NOT("Wi-Fi, aggregate", DLT_IEEE802_11, DISSECT_OTHER, WIFI("\x88", "\1") "\x80\0" SNAP),
	NOT("Wi-Fi, piece of a frame", DLT_IEEE802_11, DISSECT_OTHER, WIFI("\x08", "\5") SNAP),
	HEAD("radiotap", DLT_IEEE802_11_RADIO, "\0\0\x08\0\0\0\0\0" WIFI("\x08", "\1") SNAP),
	HEAD("radiotap, time and flags", DLT_IEEE802_11_RADIO,
	     "\0\0\x12\0\3\0\0\0"
	     "12345678"
	     "\x10\0" WIFI("\x08", "\1") SNAP),
	HEAD("radiotap, padded header", DLT_IEEE802_11_RADIO,
	     "\0\0\x0a\0\2\0\0\0"
	     "\x20\0" WIFI("\x88", "\1") "\0\0"
					 "\0\0" SNAP),
	HEAD("radiotap, two words of fields", DLT_IEEE802_11_RADIO,
	     "\0\0\x0d\0\2\0\0\x80\0\0\0\0"
	     "\0" WIFI("\x08", "\1") SNAP),
	NOT("radiotap, damaged", DLT_IEEE802_11_RADIO, DISSECT_OTHER,
	    "\0\0\x0a\0\2\0\0\0"
	    "\x40\0" WIFI("\x08", "\1") SNAP),
	NOT("radiotap, shorter than it can be", DLT_IEEE802_11_RADIO, DISSECT_MALFORMED, "\0\0\7\0\0\0\0\0" SNAP),
	HEAD("AVS", DLT_IEEE802_11_RADIO_AVS,
	     "\x80\x21\x10\1\0\0\0\x0c"
	     "1234" WIFI("\x08", "\1") SNAP),
	HEAD("AVS by the other name", DLT_PRISM_HEADER,
	     "\x80\x21\x10\1\0\0\0\x0c"
	     "1234" WIFI("\x08", "\1") SNAP),
	HEAD("per-packet information", DLT_PPI,
	     "\0\0\x0a\0\x69\0\0\0"
	     "12" WIFI("\x08", "\1") SNAP),
	NOT("per-packet information of itself", DLT_PPI, DISSECT_OTHER, "\0\0\x08\0\xc0\0\0\0" SNAP),
	HEAD("macOS any", DLT_PKTAP,
	     "\x10\0\0\0\1\0\0\0\x0c\0\0\0"
	     "1234"),
	NOT("macOS any of itself", DLT_PKTAP, DISSECT_OTHER, "\x0c\0\0\0\1\0\0\0\2\1\0\0"),
	HEAD("802.1ad over 802.1Q over SLL", DLT_LINUX_SLL,
	     "\0\0\0\1\0\6"
	     "12345678"
	     "\x88\xa8\0\1\x81\0\0\2\x08\0"),
	TUNNEL("4in4", DISSECT_IPIP, IP("\4")),
	TUNNEL("GRE", DISSECT_GRE, IP("\x2f") "\0\0\x08\0"),
	TUNNEL("GRE, all options", DISSECT_GRE,
	       IP("\x2f") "\xb0\0\x08\0"
			  "123456789012"),
	TUNNEL("GRE, bridged", DISSECT_GRE, IP("\x2f") "\0\0\x65\x58" ADDRESS "\x81\0\0\1\x08\0"),
	TUNNEL("PPTP", DISSECT_GRE,
	       IP("\x2f") "\x30\x81\x88\x0b"
			  "12345678"
			  "1234"
			  "\xff\3\0\x21"),
	TUNNEL("VXLAN", DISSECT_VXLAN, IP("\x11") UDP("\x12\xb5") "\x08\0\0\0\0\0\1\0" ADDRESS "\x08\0"),
	TUNNEL("VXLAN on Linux's port", DISSECT_VXLAN,
	       IP("\x11") UDP("\x21\x18") "\x08\0\0\0\0\0\1\0" ADDRESS "\x08\0"),
	TUNNEL("Geneve", DISSECT_GENEVE,
	       IP("\x11") UDP("\x17\xc1") "\1\0\x65\x58\0\0\1\0"
					  "1234" ADDRESS "\x08\0"),
	TUNNEL("Geneve, no Ethernet", DISSECT_GENEVE, IP("\x11") UDP("\x17\xc1") "\0\0\x08\0\0\0\1\0"),
	TUNNEL("VXLAN in GRE in IP", DISSECT_TUNNELS,
	       IP("\4") IP("\x2f") "\0\0\x08\0" IP("\x11") UDP("\x12\xb5") "\x08\0\0\0\0\0\1\0" ADDRESS "\x08\0"),
};

static enum dissect_result run_head(const struct head *head, uint8_t decapsulate, size_t cut, struct event *event)
{
	const struct capscript_frame frame = {.link = DLT_RAW, .seq = 7, .payload = 5, .wscale = -1, PORTS};
	struct dissect_record record = {.time_ns = 1, .decapsulate = decapsulate};
	uint8_t bytes[512], *copy;
	enum dissect_result result;

	memcpy(bytes, head->bytes, head->length);
	record.length = (uint32_t)head->length + capscript_build(&frame, bytes + head->length);
	record.caplen = record.length > cut ? record.length - (uint32_t)cut : 0;
	/* Of exactly this size, so that a sanitizer sees a byte too far. */
	copy = malloc(record.caplen ? record.caplen : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, record.caplen);
	record.data = copy;
	memset(event, 0xa5, sizeof(*event));
	result = dissect_frame(head->link, &record, event);
	free(copy);
	return result;
}

static void every_head_comes_off(void **state)
{
	struct event event;

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		const struct head *head = &heads[i];
		enum dissect_result result = run_head(head, head->decapsulate, 0, &event);

		assert_true(dissect_knows(head->link));
		if (result != head->result ||
		    (result == DISSECT_EVENT && (event.segment.seq != 7 || event.segment.payload != 5)))
			fail_msg("%s: result %d", head->name, result);
		/* Cut anywhere it is cut, and never another connection's. */
		for (size_t cut = 1; cut < head->length + 40; cut++)
			if (run_head(head, head->decapsulate, cut, &event) == DISSECT_EVENT)
				assert_int_equal(event.segment.seq, 7);
	}
}

static void prism_header_is_skipped(void **state)
{
	static char bytes[144 + 64] = "\x44\0\0\0\x90\0\0\0";
	static const char wifi[] = WIFI("\x08", "\1") SNAP;
	const struct head head = {"Prism", DLT_PRISM_HEADER, 0, DISSECT_EVENT, bytes, 144 + sizeof(wifi) - 1};
	struct event event;

	(void)state;
	memcpy(bytes + 144, wifi, sizeof(wifi) - 1);
	assert_int_equal(run_head(&head, 0, 0, &event), DISSECT_EVENT);
	assert_int_equal(event.segment.seq, 7);
}

static void tunnels_come_off_on_request_only(void **state)
{
	struct event event;

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (heads[i].decapsulate != 0)
			assert_int_equal(run_head(&heads[i], DISSECT_TUNNELS & ~heads[i].decapsulate, 0, &event),
					 DISSECT_OTHER);
}

/* Each IP version in each, by its protocol number. */
static void ip_in_ip_of_both_versions(void **state)
{
	struct capscript_frame inner = {.link = DLT_RAW, .seq = 7, .payload = 5, .wscale = -1, PORTS};
	struct event event;

	(void)state;
	for (int i = 0; i < 4; i++) {
		uint8_t bytes[512] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 0};
		uint32_t outer = i & 1 ? 40 : 20;
		struct dissect_record record = {.data = bytes, .decapsulate = DISSECT_IPIP};

		inner.v6 = i & 2;
		if (i & 1)
			bytes[0] = 0x60;
		bytes[i & 1 ? 6 : 9] = inner.v6 ? 41 : 4;
		record.length = record.caplen = outer + capscript_build(&inner, bytes + outer);
		assert_int_equal(dissect_frame(DLT_RAW, &record, &event), DISSECT_EVENT);
		assert_int_equal(event.segment.payload, 5);
		assert_int_equal(endpoint_is_v4(&event.flow.local), !inner.v6);
		record.decapsulate = 0;
		assert_int_equal(dissect_frame(DLT_RAW, &record, &event), DISSECT_OTHER);
	}
}

static void nesting_has_an_end(void **state)
{
	uint8_t bytes[20 * 100] = {0};
	struct dissect_record record = {
		.data = bytes, .caplen = sizeof(bytes), .length = sizeof(bytes), .decapsulate = DISSECT_TUNNELS};
	struct event event;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		memcpy(bytes + 20 * i, IP("\4"), 20);
	assert_int_equal(dissect_frame(DLT_RAW, &record, &event), DISSECT_OTHER);
}

/* ---- fragments ---------------------------------------------------------------- */

#define PIECES 4

/* The sum of the reported fragments of a datagram. */
struct reported {
	int events;
	uint32_t payload, frames, later;
	uint32_t end; /* highest sequence number and what follows */
	uint16_t flags;
};

/* A segment of @payload bytes in pieces of @size; @order says which is sent when, -1 ends it. */
static struct reported run_pieces(struct fragments *fragments, bool v6, uint16_t id, uint32_t payload, uint32_t size,
				  const int *order)
{
	const struct capscript_frame frame = {.link = DLT_RAW,
					      .v6 = v6,
					      .seq = 100,
					      .payload = payload,
					      .flags = 0x11,
					      .source_port = 1000,
					      .destination_port = 80,
					      .wscale = -1,
					      .ack = 1};
	uint8_t whole[65536];
	uint32_t head = v6 ? 40 : 20, length = capscript_build(&frame, whole) - head;
	struct reported reported = {0};

	for (; *order >= 0; order++) {
		uint32_t offset = (uint32_t)*order * size, part = length - offset < size ? length - offset : size;
		struct dissect_fragment fragment;
		uint8_t bytes[4096];
		struct dissect_record record = {.data = bytes, .time_ns = 1, .fragment = &fragment};
		struct event event;

		assert_true(offset < length);
		memcpy(bytes, whole, head);
		if (v6) {
			const uint8_t header[8] = {bytes[6],
						   0,
						   (uint8_t)(offset >> 8),
						   (uint8_t)(offset | (offset + part < length)),
						   0,
						   0,
						   0,
						   (uint8_t)id};

			bytes[6] = 44;
			bytes[4] = (uint8_t)((part + 8) >> 8);
			bytes[5] = (uint8_t)(part + 8);
			memcpy(bytes + head, header, 8);
		} else {
			bytes[2] = (uint8_t)((part + head) >> 8);
			bytes[3] = (uint8_t)(part + head);
			bytes[5] = (uint8_t)id;
			bytes[6] = (uint8_t)(offset / 8 >> 8 | (offset + part < length ? 0x20 : 0));
			bytes[7] = (uint8_t)(offset / 8);
		}
		memcpy(bytes + head + (v6 ? 8 : 0), whole + head + offset, part);
		record.caplen = record.length = head + (v6 ? 8 : 0) + part;
		/* Whatever stood there, another time something else. */
		memset(&event, 0xa5 ^ id ^ *order, sizeof(event));
		assert_int_equal(dissect_frame(DLT_RAW, &record, &event), DISSECT_FRAGMENT);
		if (!fragments_feed(fragments, &fragment))
			continue;
		while (fragments_take(fragments, &event)) {
			uint32_t end = event.segment.seq + event.segment.payload;

			reported.events++;
			reported.payload += event.segment.payload;
			reported.frames += event.segment.frame;
			reported.later += (event.segment.has & SEGMENT_HAS_LATER_FRAGMENT) != 0;
			reported.flags |= event.segment.flags;
			if (end > reported.end)
				reported.end = end;
			if (event.segment.flags & SEGMENT_FIN)
				assert_int_equal(end, 100 + payload);
			assert_int_equal(event.flow.local.port, 1000);
			assert_int_equal(event.flow.remote.port, 80);
			assert_true(event.segment.has & SEGMENT_HAS_FRAGMENT);
			assert_int_equal(event.segment.ack, 1);
		}
	}
	return reported;
}

static void fragments_are_reported_of_their_connection(void **state)
{
	/* In order; reversed; the first in the middle. */
	static const int orders[][PIECES + 1] = {{0, 1, 2, 3, -1}, {3, 2, 1, 0, -1}, {2, 0, 3, 1, -1}};
	struct fragments *fragments = fragments_new();

	(void)state;
	for (int v6 = 0; v6 < 2; v6++)
		for (uint16_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
			struct reported reported = run_pieces(fragments, v6, i, 300, 80, orders[i]);

			assert_int_equal(reported.events, PIECES);
			assert_int_equal(reported.later, PIECES - 1);
			assert_int_equal(reported.payload, 300);
			assert_int_equal(reported.end, 400);
			assert_int_equal(reported.frames, PIECES * (v6 ? 48 : 20) + 320);
			assert_int_equal(reported.flags, SEGMENT_ACK | SEGMENT_FIN);
		}
	fragments_free(fragments);
}

/* As some stacks send them. */
static const int *backwards(int last)
{
	static int order[256];
	int count = 0;

	while (last >= 0)
		order[count++] = last--;
	order[count] = -1;
	return order;
}

static void tiny_fragments_wait_for_the_header(void **state)
{
	static const int in_order[] = {0, 1, 2, 3, -1}, begun[] = {0, 1, -1};
	struct fragments *fragments = fragments_new();
	struct reported reported = run_pieces(fragments, false, 1, 4, 8, begun);

	(void)state;
	assert_int_equal(reported.events, 0);
	reported = run_pieces(fragments, false, 3, 1000, 24, backwards(1020 / 24));
	assert_int_equal(reported.events, 1020 / 24 + 1);
	assert_int_equal(reported.payload, 1000);
	/* As large as they come, by way of the smallest MTU that hosts need to know (RFC 791), and then smaller. */
	reported = run_pieces(fragments, false, 4, 65000, 552, backwards(65020 / 552));
	assert_int_equal(reported.events, 65020 / 552 + 1);
	assert_int_equal(reported.payload, 65000);
	reported = run_pieces(fragments, false, 5, 65000, 296, backwards(65020 / 296));
	assert_int_equal(reported.events, 128 + 1);
	reported = run_pieces(fragments, false, 2, 12, 8, in_order);
	assert_int_equal(reported.events, PIECES);
	assert_int_equal(reported.payload, 12);
	assert_int_equal(reported.end, 112);
	fragments_free(fragments);
}

static void fragments_of_others_do_not_meet(void **state)
{
	static const int first[] = {0, -1}, rest[] = {1, 2, 3, -1};
	struct fragments *fragments = fragments_new();

	(void)state;
	assert_int_equal(run_pieces(fragments, false, 1, 300, 80, first).events, 1);
	assert_int_equal(run_pieces(fragments, false, 2, 300, 80, rest).events, 0);
	assert_int_equal(run_pieces(fragments, true, 1, 300, 80, rest).events, 0);
	assert_int_equal(run_pieces(fragments, false, 1, 300, 80, rest).events, 3);
	fragments_free(fragments);
}

/* More datagrams than there is room for: those that came last are still known. */
static void fragments_stay_few(void **state)
{
	static const int first[] = {0, -1}, rest[] = {1, -1};
	struct fragments *fragments = fragments_new();
	struct dissect_fragment fragment = {.version = 4, .length = 8, .more = true, .frame = 28};

	(void)state;
	fragment.data.data = (const uint8_t *)"12345678";
	fragment.data.length = 8;
	for (uint32_t i = 0; i < 100000; i++) {
		fragment.id = i;
		assert_false(fragments_feed(fragments, &fragment));
	}
	assert_int_equal(run_pieces(fragments, false, 1, 300, 80, first).events, 1);
	assert_int_equal(run_pieces(fragments, false, 1, 300, 80, rest).events, 1);
	fragments_free(fragments);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_head_comes_off),
		cmocka_unit_test(prism_header_is_skipped),
		cmocka_unit_test(tunnels_come_off_on_request_only),
		cmocka_unit_test(ip_in_ip_of_both_versions),
		cmocka_unit_test(nesting_has_an_end),
		cmocka_unit_test(fragments_are_reported_of_their_connection),
		cmocka_unit_test(tiny_fragments_wait_for_the_header),
		cmocka_unit_test(fragments_of_others_do_not_meet),
		cmocka_unit_test(fragments_stay_few),
	};

	return UNIT_RUN(tests);
}
