// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/packet/dissect.h"
#include "cli/capture_filter.h"

/* What reaches the kernel's filter lets through every packet that may be of a wanted connection. */

struct frame {
	uint8_t bytes[128];
	uint32_t length;
};

static void put(struct frame *frame, const void *bytes, size_t length)
{
	memcpy(frame->bytes + frame->length, bytes, length);
	frame->length += (uint32_t)length;
}

static void put16(struct frame *frame, unsigned int number)
{
	uint8_t bytes[2] = {(uint8_t)(number >> 8), (uint8_t)number};

	put(frame, bytes, sizeof(bytes));
}

/* Ethernet with @tags tags, then what is of @type. */
static struct frame begin(int tags, unsigned int type)
{
	struct frame frame = {.length = 12};

	for (int i = 0; i < tags; i++) {
		put16(&frame, i == 0 && tags > 1 ? 0x88a8 : 0x8100);
		put16(&frame, 7);
	}
	put16(&frame, type);
	return frame;
}

static struct frame ip4(int tags, const char *from, const char *to, uint8_t protocol, unsigned int fragment)
{
	struct frame frame = begin(tags, 0x0800);
	uint8_t head[20] = {0x45, 0, 0, 60, 0, 1, (uint8_t)(fragment >> 8), (uint8_t)fragment, 64, protocol};

	inet_pton(AF_INET, from, head + 12);
	inet_pton(AF_INET, to, head + 16);
	put(&frame, head, sizeof(head));
	return frame;
}

static struct frame ip6(int tags, const char *from, const char *to, uint8_t next)
{
	struct frame frame = begin(tags, 0x86dd);
	uint8_t head[40] = {0x60, 0, 0, 0, 0, 40, next, 64};

	inet_pton(AF_INET6, from, head + 8);
	inet_pton(AF_INET6, to, head + 24);
	put(&frame, head, sizeof(head));
	return frame;
}

static struct frame ports(struct frame frame, unsigned int from, unsigned int to)
{
	static const uint8_t rest[36] = {0};

	put16(&frame, from);
	put16(&frame, to);
	put(&frame, rest, sizeof(rest));
	return frame;
}

static struct frame tcp4(int tags, const char *from, unsigned int sport, const char *to, unsigned int dport)
{
	return ports(ip4(tags, from, to, 6, 0), sport, dport);
}

static struct conn_filter filter_of(const char *lport, const char *rport, const char *peer)
{
	struct conn_filter filter = {0};

	assert_int_equal(lport != NULL ? conn_filter_parse_ports(&filter.lport, lport, NULL) : 0, 0);
	assert_int_equal(rport != NULL ? conn_filter_parse_ports(&filter.rport, rport, NULL) : 0, 0);
	assert_int_equal(peer != NULL ? conn_filter_parse_nets(&filter.peer, peer, NULL) : 0, 0);
	return filter;
}

static struct bpf_program compiled(const struct conn_filter *filter, unsigned int decapsulate, int link_type,
				   bool tagged)
{
	pcap_t *pcap = pcap_open_dead(link_type, 65535);
	char *text = capture_filter_text(filter, decapsulate, false, tagged);
	struct bpf_program program;

	assert_non_null(text);
	if (pcap_compile(pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN) != 0)
		fail_msg("%s: %s", text, pcap_geterr(pcap));
	pcap_close(pcap);
	free(text);
	return program;
}

static bool passes(const struct bpf_program *program, const struct frame *frame)
{
	struct pcap_pkthdr header = {.caplen = frame->length, .len = frame->length};

	return pcap_offline_filter(program, &header, frame->bytes) != 0;
}

static void expect(struct conn_filter filter, unsigned int decapsulate, struct frame frame, bool wanted)
{
	struct bpf_program program = compiled(&filter, decapsulate, DLT_EN10MB, true);

	if (passes(&program, &frame) != wanted) {
		char *text = capture_filter_text(&filter, decapsulate, false, true);

		fail_msg("should %s: %s", wanted ? "pass" : "not pass", text);
	}
	pcap_freecode(&program);
	conn_filter_free(&filter);
}

static void either_end_may_be_the_local_one(void **state)
{
	(void)state;
	for (int tags = 0; tags < 3; tags++) {
		expect(filter_of("80", NULL, NULL), 0, tcp4(tags, "192.0.2.1", 4000, "192.0.2.2", 80), true);
		expect(filter_of("80", NULL, NULL), 0, tcp4(tags, "192.0.2.2", 80, "192.0.2.1", 4000), true);
		expect(filter_of("80", NULL, NULL), 0, tcp4(tags, "192.0.2.1", 4000, "192.0.2.2", 81), false);
		expect(filter_of(NULL, "443", NULL), 0, ports(ip6(tags, "2001:db8::1", "2001:db8::2", 6), 443, 9),
		       true);
		expect(filter_of(NULL, "443", NULL), 0, ports(ip6(tags, "2001:db8::1", "2001:db8::2", 6), 444, 9),
		       false);
		expect(filter_of(NULL, NULL, "192.0.2.0/30"), 0, tcp4(tags, "192.0.2.9", 1, "192.0.2.2", 2), true);
		expect(filter_of(NULL, NULL, "192.0.2.0/30"), 0, tcp4(tags, "192.0.2.9", 1, "192.0.2.8", 2), false);
		/* The other end of an excluded port may be the local one. */
		expect(filter_of("!22", NULL, NULL), 0, tcp4(tags, "192.0.2.1", 22, "192.0.2.2", 4000), true);
		expect(filter_of("!22", NULL, NULL), 0, tcp4(tags, "192.0.2.1", 22, "192.0.2.2", 22), false);
		expect(filter_of("!22", "!22", NULL), 0, tcp4(tags, "192.0.2.1", 22, "192.0.2.2", 4000), false);
	}
}

static void what_may_be_about_it_passes(void **state)
{
	struct conn_filter v4 = {.v4 = true}, v6 = {.v6 = true};

	(void)state;
	for (int tags = 0; tags < 3; tags++) {
		struct frame error4 = ip4(tags, "192.0.2.8", "192.0.2.9", 1, 0), error6 = ip6(tags, "::1", "::2", 58);
		const uint8_t unreachable[8] = {3, 3}, unreachable6[8] = {1, 4}, echo[8] = {8}, echo6[8] = {128};
		struct frame echo4_frame = error4, echo6_frame = error6;

		put(&error4, unreachable, 8);
		put(&error6, unreachable6, 8);
		put(&echo4_frame, echo, 8);
		put(&echo6_frame, echo6, 8);
		expect(filter_of("80", NULL, NULL), 0, error4, true);
		expect(filter_of("80", NULL, NULL), 0, error6, true);
		expect(filter_of("80", NULL, NULL), 0, echo4_frame, false);
		expect(filter_of("80", NULL, NULL), 0, echo6_frame, false);
		/* Later fragments have no ports; before TCP in IPv6 there may be other headers. */
		expect(filter_of("80", NULL, NULL), 0, ports(ip4(tags, "192.0.2.1", "192.0.2.2", 6, 0x2001), 1, 2),
		       true);
		expect(filter_of("80", NULL, NULL), 0, ports(ip4(tags, "192.0.2.1", "192.0.2.2", 6, 0x0005), 1, 2),
		       true);
		expect(filter_of("80", NULL, NULL), 0, ports(ip6(tags, "::1", "::2", 44), 1, 2), true);
		expect(filter_of("80", NULL, NULL), 0, ports(ip6(tags, "::1", "::2", 0), 1, 2), true);
		expect(filter_of("80", NULL, NULL), 0, begin(tags, 0x8847), true);
		expect(filter_of("80", NULL, NULL), 0, begin(tags, 0x8864), true);
		expect(filter_of("80", NULL, NULL), 0, ports(ip4(tags, "192.0.2.1", "192.0.2.2", 17, 0), 80, 80),
		       false);
		expect(v4, 0, tcp4(tags, "192.0.2.1", 1, "192.0.2.2", 2), true);
		expect(v4, 0, ports(ip6(tags, "::1", "::2", 6), 1, 2), false);
		expect(v6, 0, tcp4(tags, "192.0.2.1", 1, "192.0.2.2", 2), false);
		expect(v6, 0, ports(ip6(tags, "::1", "::2", 6), 1, 2), true);
		/* IPv6 in IPv4 is not IPv4 when that has been taken off. */
		expect(v6, DISSECT_IPIP, ports(ip4(tags, "192.0.2.1", "192.0.2.2", 41, 0), 1, 2), true);
		expect(v4, DISSECT_GRE, ports(ip6(tags, "::1", "::2", 47), 1, 2), true);
		expect(filter_of("80", NULL, NULL), DISSECT_VXLAN,
		       ports(ip4(tags, "192.0.2.1", "192.0.2.2", 17, 0), 1, 2), true);
		expect(filter_of("80", NULL, NULL), DISSECT_GENEVE, ports(ip6(tags, "::1", "::2", 17), 1, 2), true);
	}
}

/* Any filter, any segment: it passes just when it may be of a connection that the filter wants. */
static void it_is_as_exact_as_can_be(void **state)
{
	static const char *const port_lists[] = {NULL, "80", "1-90,!5", "!80", "!1-100,!443", "443,80"};
	static const char *const net_lists[] = {
		NULL, "192.0.2.1", "!192.0.2.2", "0.0.0.0/0", "::/0", "2001:db8::/32,192.0.2.2", "!2001:db8::1"};
	static const uint16_t some_ports[] = {5, 80, 443, 4000};
	static const char *const addresses[] = {"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"};

	(void)state;
	srand(1);
	for (int i = 0; i < 300; i++) {
		struct conn_filter filter =
			filter_of(port_lists[rand() % 6], port_lists[rand() % 6], net_lists[rand() % 7]);
		struct bpf_program program;

		filter.v4 = rand() % 4 == 0;
		filter.v6 = rand() % 4 == 0;
		if (conn_filter_is_empty(&filter) ||
		    (filter.v4 && filter.v6 && filter.lport.count + filter.rport.count + filter.peer.count == 0)) {
			assert_null(capture_filter_text(&filter, 0, false, true));
			conn_filter_free(&filter);
			continue;
		}
		program = compiled(&filter, 0, DLT_EN10MB, true);
		for (int j = 0; j < 100; j++) {
			int family = rand() % 2 * 2, from = family + rand() % 2, to = family + rand() % 2,
			    tags = rand() % 3;
			uint16_t sport = some_ports[rand() % 4], dport = some_ports[rand() % 4];
			struct frame frame =
				family == 0 ? tcp4(tags, addresses[from], sport, addresses[to], dport)
					    : ports(ip6(tags, addresses[from], addresses[to], 6), sport, dport);
			struct conn sent = {.flow.proto = 6}, received = {.flow.proto = 6};

			assert_int_equal(endpoint_parse(&sent.flow.local, addresses[from]), 0);
			assert_int_equal(endpoint_parse(&sent.flow.remote, addresses[to]), 0);
			sent.flow.local.port = sport;
			sent.flow.remote.port = dport;
			received.flow.local = sent.flow.remote;
			received.flow.remote = sent.flow.local;
			assert_int_equal(passes(&program, &frame),
					 conn_filter_match(&filter, &sent) || conn_filter_match(&filter, &received));
		}
		pcap_freecode(&program);
		conn_filter_free(&filter);
	}
}

static void other_links_have_one_without_tags(void **state)
{
	static const int links[] = {DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW, DLT_NULL};

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		struct conn_filter filter = filter_of("80,443", "!22", "192.0.2.0/24,2001:db8::/32");
		struct bpf_program program = compiled(&filter, DISSECT_VXLAN, links[i], false);

		assert_true(program.bf_len > 0);
		pcap_freecode(&program);
		conn_filter_free(&filter);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(either_end_may_be_the_local_one),
		cmocka_unit_test(what_may_be_about_it_passes),
		cmocka_unit_test(it_is_as_exact_as_can_be),
		cmocka_unit_test(other_links_have_one_without_tags),
	};

	return UNIT_RUN(tests);
}
