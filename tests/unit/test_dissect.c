// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../helpers/capscript.h"
#include "source/packet/dissect.h"

/* What the frames of a script turned out to be: all verdicts, and the last event. */
struct found {
	int results[DISSECT_RESULT_NUM];
	struct event event;
	enum dissect_result result;
};

/* Dissect a copy that ends where the allocation ends, so that a sanitizer sees a read too far. */
static enum dissect_result dissect(int link, const uint8_t *data, uint32_t caplen, uint32_t length, struct event *event)
{
	uint8_t *copy = malloc(caplen ? caplen : 1);
	struct dissect_record record = {
		.data = copy,
		.caplen = caplen,
		.length = length,
		.time_ns = 42,
		.interface = 3,
	};
	enum dissect_result result;

	assert_non_null(copy);
	memcpy(copy, data, caplen);
	memset(event, 0xa5, sizeof(*event));
	result = dissect_frame(link, &record, event);
	free(copy);
	return result;
}

static void collect(void *context, int link, int64_t time_ns, const uint8_t *data, uint32_t caplen, uint32_t length)
{
	struct found *found = context;

	(void)time_ns;
	found->result = dissect(link, data, caplen, length, &found->event);
	found->results[found->result]++;
}

static struct found run(const char *text)
{
	struct found found;

	memset(&found, 0, sizeof(found));
	assert_null(capscript_run(text, collect, &found));
	return found;
}

#define PORTS .source_port = 1000, .destination_port = 80
#define V4 "flow a 192.0.2.1 1000 192.0.2.2 80\n"
#define V6 "flow a 2001:db8::1 1000 2001:db8::2 80\n"

static void assert_segment(const struct found *found, uint32_t payload)
{
	const struct event *event = &found->event;
	char text[ENDPOINT_TEXT];

	assert_int_equal(found->result, DISSECT_EVENT);
	assert_int_equal(event->type, EVENT_SEGMENT);
	assert_int_equal(event->origin, ORIGIN_WIRE);
	assert_int_equal(event->time_ns, 42);
	assert_int_equal(event->flow.proto, IPPROTO_TCP);
	assert_int_equal(event->flow.netns, 0);
	assert_int_equal(event->flow.local.port, 1000);
	assert_int_equal(event->flow.remote.port, 80);
	endpoint_ip_text(&event->flow.local, text);
	assert_string_equal(text, endpoint_is_v4(&event->flow.local) ? "192.0.2.1" : "2001:db8::1");
	endpoint_ip_text(&event->flow.remote, text);
	assert_string_equal(text, endpoint_is_v4(&event->flow.local) ? "192.0.2.2" : "2001:db8::2");
	assert_int_equal(event->segment.seq, 7);
	assert_int_equal(event->segment.payload, payload);
}

static void every_link_type_carries_both_families(void **state)
{
	static const char *const links[] = {"ethernet", "sll", "sll2", "null", "loop", "raw", "ppp"};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		struct found found;

		snprintf(text, sizeof(text), V4 "link %s\n+0 a > PA seq 7 len 11\n", links[i]);
		found = run(text);
		assert_segment(&found, 11);
		snprintf(text, sizeof(text), V6 "link %s\n+0 a > PA seq 7 len 11\n", links[i]);
		found = run(text);
		assert_segment(&found, 11);
	}
}

static void loopback_family_in_either_byte_order(void **state)
{
	/* AF_INET6 of Linux, Windows, OpenBSD, FreeBSD, Darwin. */
	static const uint8_t families[] = {10, 23, 24, 28, 30};
	uint8_t bytes[512];
	struct capscript_frame frame = {.link = DLT_RAW, .v6 = true, .seq = 7, .wscale = -1, PORTS};
	struct event event;
	uint32_t length;

	(void)state;
	length = capscript_build(&frame, bytes + 4);
	for (size_t i = 0; i < sizeof(families); i++) {
		memset(bytes, 0, 4);
		bytes[0] = families[i];
		assert_int_equal(dissect(DLT_NULL, bytes, length + 4, length + 4, &event), DISSECT_EVENT);
		bytes[0] = 0;
		bytes[3] = families[i];
		assert_int_equal(dissect(DLT_NULL, bytes, length + 4, length + 4, &event), DISSECT_EVENT);
		assert_int_equal(dissect(DLT_LOOP, bytes, length + 4, length + 4, &event), DISSECT_EVENT);
	}
	bytes[3] = 99;
	assert_int_equal(dissect(DLT_NULL, bytes, length + 4, length + 4, &event), DISSECT_OTHER);
}

static void vlan_tags_come_off(void **state)
{
	struct found found = run(V4 "vlan 5\n+0 a > PA seq 7 len 3\n");

	(void)state;
	assert_segment(&found, 3);
	found = run(V6 "vlan 100 7\n+0 a > PA seq 7 len 3\n");
	assert_segment(&found, 3);
	found = run(V4 "vlan 1 2 3 4\n+0 a > PA seq 7 len 3\n");
	assert_segment(&found, 3);
}

static void cooked_captures_say_which_way(void **state)
{
	struct found found = run(V4 "link sll\n+0 a > A seq 7 out\n");

	(void)state;
	assert_int_equal(found.event.segment.has, SEGMENT_HAS_OUTGOING);
	assert_int_equal(found.event.segment.interface, 3);
	found = run(V4 "link sll2\n+0 a > A seq 7 in if 9\n");
	assert_int_equal(found.event.segment.has, SEGMENT_HAS_INCOMING);
	assert_int_equal(found.event.segment.interface, DISSECT_INTERFACE_SLL2 | 9);
}

static void payload_is_by_the_ip_header(void **state)
{
	uint8_t bytes[2048] = {0};
	struct capscript_frame frame = {.link = DLT_EN10MB, .seq = 7, .flags = 0x10, .wscale = -1, PORTS};
	struct event event;
	uint32_t length = capscript_build(&frame, bytes);
	struct found found;

	(void)state;
	/* Ethernet pads to 60 bytes. */
	assert_int_equal(length, 54);
	assert_int_equal(dissect(DLT_EN10MB, bytes, 60, 60, &event), DISSECT_EVENT);
	assert_int_equal(event.segment.payload, 0);
	assert_int_equal(event.segment.frame, 60);
	/* So it does with what left its length to the card; payload that is just as long is none of it. */
	bytes[16] = bytes[17] = 0;
	assert_int_equal(dissect(DLT_EN10MB, bytes, 60, 60, &event), DISSECT_EVENT);
	assert_int_equal(event.segment.payload, 0);
	bytes[57] = 'x';
	assert_int_equal(dissect(DLT_EN10MB, bytes, 60, 60, &event), DISSECT_EVENT);
	assert_int_equal(event.segment.payload, 6);
	bytes[57] = 0;
	assert_int_equal(dissect(DLT_EN10MB, bytes, 57, 57, &event), DISSECT_EVENT);
	assert_int_equal(event.segment.payload, 3);
	/* A short snaplen takes nothing away. */
	found = run(V4 "snaplen 54\n+0 a > PA seq 7 len 1000\n");
	assert_segment(&found, 1000);
	assert_int_equal(found.event.segment.frame, 1054);
	/* Total length 0: segmentation offload; the frame says it. */
	found = run(V4 "snaplen 80\n+0 a > PA seq 7 len 30000 tso\n");
	assert_segment(&found, 30000);
	found = run(V6 "snaplen 80\n+0 a > PA seq 7 len 30000 tso\n");
	assert_segment(&found, 30000);
	found = run(V6 "+0 a > PA seq 7 len 33 hop\n");
	assert_segment(&found, 33);
}

/* RFC 2675: payload length 0, and an option that says it; what stands behind is none of it. */
static void jumbograms_say_their_length(void **state)
{
	struct capscript_frame frame = {.link = DLT_RAW,
					.v6 = true,
					.hop_by_hop = true,
					.seq = 7,
					.payload = 100,
					.wscale = -1,
					.source = {0x20, 1, 0x0d, 0xb8, [15] = 1},
					.destination = {0x20, 1, 0x0d, 0xb8, [15] = 2},
					PORTS};
	uint8_t bytes[512] = {0};
	struct found found;
	uint32_t length;

	(void)state;
	length = capscript_build(&frame, bytes);
	bytes[4] = bytes[5] = 0;
	memcpy(bytes + 42, "\xc2\x04\0\0\0\x80", 6);
	assert_int_equal(bytes[40 + 1], 0);
	found.result = dissect(DLT_RAW, bytes, length + 20, length + 20, &found.event);
	assert_segment(&found, 100);
	/* One that says more than there is lies. */
	bytes[44] = 0xff;
	found.result = dissect(DLT_RAW, bytes, length, length, &found.event);
	assert_segment(&found, 100);
	/* Padding, and no such option. */
	memcpy(bytes + 42, "\x01\x02\0\0\0\0", 6);
	found.result = dissect(DLT_RAW, bytes, length, length, &found.event);
	assert_segment(&found, 100);
}

/* RFC 4302, in IPv4: 24 bytes between the headers. */
static void authenticated_segments(void **state)
{
	struct capscript_frame frame = {.link = DLT_RAW,
					.seq = 7,
					.payload = 100,
					.wscale = -1,
					.source = {192, 0, 2, 1},
					.destination = {192, 0, 2, 2},
					PORTS};
	uint8_t bytes[512];
	struct found found;
	uint32_t length;

	(void)state;
	length = capscript_build(&frame, bytes);
	memmove(bytes + 44, bytes + 20, length - 20);
	memset(bytes + 20, 0, 24);
	bytes[3] = (uint8_t)(length + 24);
	bytes[9] = 51;
	bytes[20] = 6;
	bytes[21] = 4;
	found.result = dissect(DLT_RAW, bytes, length + 24, length + 24, &found.event);
	assert_segment(&found, 100);
}

static void options_are_read(void **state)
{
	struct found found = run(V4 "+0 a > S seq 7 mss 1460 sackok ts 5 6 wscale 9 win 64240\n");
	const struct event_segment *segment = &found.event.segment;

	(void)state;
	assert_segment(&found, 0);
	assert_int_equal(segment->has,
			 SEGMENT_HAS_MSS | SEGMENT_HAS_SACK_OK | SEGMENT_HAS_TIMESTAMP | SEGMENT_HAS_WSCALE);
	assert_int_equal(segment->mss, 1460);
	assert_int_equal(segment->wscale, 9);
	assert_int_equal(segment->tsval, 5);
	assert_int_equal(segment->tsecr, 6);
	assert_int_equal(segment->window, 64240);
	assert_int_equal(segment->flags, SEGMENT_SYN);
	/* Neither the order nor unknown options matter. */
	found = run(V4 "+0 a > S seq 7 hex 0101fd0412340101 mss 9\n");
	assert_int_equal(found.event.segment.mss, 9);
	assert_int_equal(found.event.segment.has, SEGMENT_HAS_MSS);
	found = run(V4 "+0 a > S seq 7 hex 1e040100\n");
	assert_int_equal(found.event.segment.has, SEGMENT_HAS_MPTCP);
}

static void wrong_options_leave_the_segment(void **state)
{
	/* Length 0 and 1 would never end; 40 runs out of the header; 3 is no MSS. */
	static const char *const wrong[] = {"02000000", "02010000", "02280000", "02030000", "0803ffff", "0101010b"};
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct found found;

		snprintf(text, sizeof(text), V4 "+0 a > S seq 7 mss 1460 hex %s len 4\n", wrong[i]);
		found = run(text);
		assert_segment(&found, 4);
		assert_int_equal(found.event.segment.has, SEGMENT_HAS_CUT);
		assert_int_equal(found.event.segment.mss, 0);
	}
}

static void ecn_flags_are_kept(void **state)
{
	struct found found = run(V4 "+0 a > SEW seq 7\n");

	(void)state;
	assert_int_equal(found.event.segment.flags, SEGMENT_SYN | SEGMENT_ECE | SEGMENT_CWR);
}

static void icmp_errors_name_the_segment(void **state)
{
	struct capscript_frame frame = {
		.link = DLT_RAW, .icmp = true, .icmp_type = 3, .icmp_code = 1, .wscale = -1, PORTS};
	struct found found = run(V4 "+0 a > icmp 3/13 seq 7\n");
	uint8_t bytes[512];
	uint32_t length;

	(void)state;
	assert_int_equal(found.result, DISSECT_EVENT);
	assert_int_equal(found.event.type, EVENT_ICMP);
	assert_int_equal(found.event.icmp.version, 4);
	assert_int_equal(found.event.icmp.type, 3);
	assert_int_equal(found.event.icmp.code, 13);
	assert_int_equal(found.event.icmp.seq, 7);
	assert_int_equal(found.event.flow.local.port, 1000);
	assert_int_equal(found.event.flow.remote.port, 80);
	found = run(V6 "+0 a > icmp 1/4 seq 7\n");
	assert_int_equal(found.event.type, EVENT_ICMP);
	assert_int_equal(found.event.icmp.version, 6);
	assert_int_equal(found.event.icmp.code, 4);
	/* It goes to who sent what it quotes; another one's is forged. */
	length = capscript_build(&frame, bytes);
	assert_int_equal(dissect(DLT_RAW, bytes, length, length, &found.event), DISSECT_EVENT);
	bytes[19]++;
	assert_int_equal(dissect(DLT_RAW, bytes, length, length, &found.event), DISSECT_OTHER);
	/* Echo is no error. */
	found = run(V4 "+0 a > icmp 8/0 seq 7\n");
	assert_int_equal(found.result, DISSECT_OTHER);
	found = run(V6 "+0 a > icmp 128/0 seq 7\n");
	assert_int_equal(found.result, DISSECT_OTHER);
}

static void fragments_are_reported_apart(void **state)
{
	struct found found = run(V4 "+0 a > PA seq 7 len 8 frag\n");
	uint8_t bytes[512];
	struct capscript_frame frame = {.link = DLT_RAW, .seq = 7, .wscale = -1, PORTS};
	struct event event;
	uint32_t length;

	(void)state;
	assert_segment(&found, 8);
	assert_true(found.event.segment.has & SEGMENT_HAS_FRAGMENT);
	length = capscript_build(&frame, bytes);
	bytes[7] = 3; /* fragment offset */
	assert_int_equal(dissect(DLT_RAW, bytes, length, length, &event), DISSECT_FRAGMENT);
	bytes[9] = IPPROTO_UDP;
	assert_int_equal(dissect(DLT_RAW, bytes, length, length, &event), DISSECT_OTHER);
}

static void ipv6_extension_headers_come_off(void **state)
{
	/* Routing, destination options, authentication, atomic fragment, mobility; each names the next. */
	static const uint8_t chain[] = {60, 0, 0, 0, 0, 0, 0,   0, 51, 0, 1, 4, 0, 0, 0, 0, 44, 1, 0, 0, 0, 0,
					0,  0, 0, 0, 0, 1, 135, 0, 0,  0, 0, 0, 0, 1, 6, 0, 0,  0, 0, 0, 0, 0};
	uint8_t bytes[512], with[512];
	struct capscript_frame frame = {.link = DLT_RAW, .v6 = true, .seq = 7, .payload = 5, .wscale = -1, PORTS};
	uint32_t length = capscript_build(&frame, bytes);
	struct event event;

	(void)state;
	memcpy(with, bytes, 40);
	with[6] = 43;
	with[5] = (uint8_t)(length - 40 + sizeof(chain));
	memcpy(with + 40, chain, sizeof(chain));
	memcpy(with + 40 + sizeof(chain), bytes + 40, length - 40);
	length += sizeof(chain);
	assert_int_equal(dissect(DLT_RAW, with, length, length, &event), DISSECT_EVENT);
	assert_int_equal(event.segment.payload, 5);
	assert_int_equal(event.segment.seq, 7);
	assert_int_equal(event.segment.has, 0);
	/* The first of several fragments; then a later one. */
	with[40 + 31] = 1;
	assert_int_equal(dissect(DLT_RAW, with, length, length, &event), DISSECT_EVENT);
	assert_int_equal(event.segment.has, SEGMENT_HAS_FRAGMENT);
	with[40 + 31] = 9;
	assert_int_equal(dissect(DLT_RAW, with, length, length, &event), DISSECT_OTHER);
}

/* Where a packet goes in the end, not where it goes next. */
static void routing_headers_tell_the_destination(void **state)
{
	static const struct {
		uint8_t type, left, last;
	} table[] = {{0, 1, 2}, {2, 1, 7}, {2, 0, 2}, {4, 2, 7}, {4, 0, 2}, {3, 1, 2}, {4, 255, 7}};
	struct capscript_frame frame = {.link = DLT_RAW, .v6 = true, .seq = 7, .payload = 5, .wscale = -1, PORTS};
	uint8_t bytes[512], with[512];
	uint32_t length;
	struct event event;

	(void)state;
	frame.destination[15] = 2;
	length = capscript_build(&frame, bytes);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const uint8_t header[40] = {6, 4, table[i].type, table[i].left, [8 + 15] = 7, [24 + 15] = 8};

		memcpy(with, bytes, 40);
		with[6] = 43;
		with[5] = (uint8_t)(length - 40 + sizeof(header));
		memcpy(with + 40, header, sizeof(header));
		memcpy(with + 40 + sizeof(header), bytes + 40, length - 40);
		assert_int_equal(dissect(DLT_RAW, with, length + 40, length + 40, &event), DISSECT_EVENT);
		assert_int_equal(event.flow.remote.ip.s6_addr[15], table[i].last);
		assert_int_equal(event.segment.payload, 5);
		for (uint32_t cut = 40; cut < 100; cut++)
			assert_int_equal(dissect(DLT_RAW, with, cut, length + 40, &event), DISSECT_MALFORMED);
	}
}

static void other_layers_come_off(void **state)
{
	static const uint8_t mpls[] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x88, 0x47, 0, 1, 0x20, 64, 0, 1, 0x31, 64};
	static const uint8_t pppoe[] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x88, 0x64, 0x11, 0, 0, 1, 0, 50, 0, 0x21};
	static const uint8_t snap[] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 48, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0};
	static const uint8_t nflog[] = {2, 0, 0, 0, 9, 0, 5, 0, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 9, 0};
	static const struct {
		int link;
		const uint8_t *head;
		uint32_t length;
	} heads[] = {
		{DLT_EN10MB, mpls, sizeof(mpls)},         {DLT_EN10MB, pppoe, sizeof(pppoe)},
		{DLT_EN10MB, snap, sizeof(snap)},         {DLT_PPP_ETHER, pppoe + 14, sizeof(pppoe) - 14},
		{DLT_MPLS, mpls + 14, sizeof(mpls) - 14}, {DLT_NFLOG, nflog, sizeof(nflog)},
	};
	struct capscript_frame frame = {.link = DLT_RAW, .seq = 7, .payload = 5, .wscale = -1, PORTS};
	struct event event;

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		uint8_t bytes[512];
		uint32_t length;

		memcpy(bytes, heads[i].head, heads[i].length);
		if (heads[i].link == DLT_NFLOG) {
			/* Lengths are in the order of this host. */
			const uint16_t lengths[2] = {9, 5}, last[2] = {49, 9};

			memcpy(bytes + 4, lengths, 4);
			memcpy(bytes + 16, last, 4);
		}
		length = heads[i].length + capscript_build(&frame, bytes + heads[i].length);
		assert_int_equal(dissect(heads[i].link, bytes, length, length, &event), DISSECT_EVENT);
		assert_int_equal(event.segment.seq, 7);
		assert_int_equal(event.segment.payload, 5);
	}
}

static void cut_anywhere_is_safe(void **state)
{
	static const char *const texts[] = {V4 "+0 a > S seq 7 mss 1460 sackok ts 5 6 wscale 9\n",
					    V6 "link sll2\n+0 a > S seq 7 mss 1460 hop\n",
					    V4 "vlan 1 2\n+0 a > icmp 3/3 seq 7\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (int cut = 0; cut < 120; cut++) {
			char text[256];
			struct found found;

			snprintf(text, sizeof(text), "snaplen %d\n%s", cut, texts[i]);
			found = run(text);
			/* Cut or whole, never another connection's. */
			assert_true(found.result == DISSECT_MALFORMED || found.result == DISSECT_EVENT);
			if (found.result == DISSECT_EVENT)
				assert_int_equal(found.event.flow.local.port, 1000);
		}
	}
}

static void impossible_headers_are_malformed(void **state)
{
	uint8_t bytes[512];
	struct capscript_frame frame = {.link = DLT_RAW, .seq = 7, .wscale = -1, PORTS};
	uint32_t length = capscript_build(&frame, bytes);
	struct event event;

	(void)state;
	bytes[0] = 0x44; /* header shorter than it can be */
	assert_int_equal(dissect(DLT_RAW, bytes, length, length, &event), DISSECT_MALFORMED);
	bytes[0] = 0x55; /* IP version 5 */
	assert_int_equal(dissect(DLT_RAW, bytes, length, length, &event), DISSECT_MALFORMED);
	bytes[0] = 0x45;
	bytes[3] = 19; /* total length within the header */
	assert_int_equal(dissect(DLT_RAW, bytes, length, length, &event), DISSECT_MALFORMED);
	bytes[3] = 40;
	bytes[32] = 0x40; /* TCP header of 16 bytes */
	assert_int_equal(dissect(DLT_RAW, bytes, length, length, &event), DISSECT_MALFORMED);
	bytes[32] = 0xf0; /* and of more than there is */
	assert_int_equal(dissect(DLT_RAW, bytes, length, length, &event), DISSECT_MALFORMED);
	bytes[32] = 0x50;
	assert_int_equal(dissect(DLT_RAW, bytes, length, length, &event), DISSECT_EVENT);
	bytes[22] = bytes[23] = 0; /* port 0 */
	assert_int_equal(dissect(DLT_RAW, bytes, length, length, &event), DISSECT_MALFORMED);
	assert_false(dissect_knows(DLT_USER0));
	assert_int_equal(dissect(DLT_USER0, bytes, length, length, &event), DISSECT_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_link_type_carries_both_families),
		cmocka_unit_test(loopback_family_in_either_byte_order),
		cmocka_unit_test(vlan_tags_come_off),
		cmocka_unit_test(cooked_captures_say_which_way),
		cmocka_unit_test(payload_is_by_the_ip_header),
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(wrong_options_leave_the_segment),
		cmocka_unit_test(ecn_flags_are_kept),
		cmocka_unit_test(jumbograms_say_their_length),
		cmocka_unit_test(authenticated_segments),
		cmocka_unit_test(icmp_errors_name_the_segment),
		cmocka_unit_test(fragments_are_reported_apart),
		cmocka_unit_test(ipv6_extension_headers_come_off),
		cmocka_unit_test(routing_headers_tell_the_destination),
		cmocka_unit_test(other_layers_come_off),
		cmocka_unit_test(cut_anywhere_is_safe),
		cmocka_unit_test(impossible_headers_are_malformed),
	};

	return UNIT_RUN(tests);
}
