// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a frame. The first byte chooses the link type and, by its
 * highest bits, whether tunnels are looked into and pieces are kept together;
 * the second how much of the frame was captured; the rest is the frame.
 */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "source/packet/dissect.h"
#include "source/packet/fragments.h"

#ifndef DLT_PKTAP
#define DLT_PKTAP 258
#endif
#ifndef DLT_LINUX_SLL2
#define DLT_LINUX_SLL2 276
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct event *event)
{
	if (event->type != EVENT_SEGMENT && event->type != EVENT_ICMP)
		abort();
	if (event->flow.proto != IPPROTO_TCP || event->flow.netns != 0 || event->time_ns != 1 ||
	    event->flow.local.zero != 0)
		abort();
	if (event->type == EVENT_SEGMENT && event->segment.has & SEGMENT_HAS_CUT &&
	    event->segment.has & SEGMENT_HAS_MSS)
		abort();
	if (event->type == EVENT_ICMP && event->icmp.version != 4 && event->icmp.version != 6)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int links[] = {
		DLT_EN10MB,
		DLT_LINUX_SLL,
		DLT_LINUX_SLL2,
		DLT_RAW,
		DLT_NULL,
		DLT_LOOP,
		DLT_PPP,
		DLT_PPP_ETHER,
		DLT_NFLOG,
		DLT_MPLS,
		DLT_IPV4,
		DLT_IPV6,
		DLT_IEEE802_11,
		DLT_IEEE802_11_RADIO,
		DLT_IEEE802_11_RADIO_AVS,
		DLT_PRISM_HEADER,
		DLT_PPI,
		DLT_PKTAP,
		DLT_C_HDLC,
		DLT_FRELAY,
		DLT_IEEE802,
		DLT_FDDI,
		DLT_ATM_RFC1483,
		DLT_PFLOG,
		DLT_ENC,
		DLT_IPOIB,
		DLT_PPP_PPPD,
		DLT_PPP_WITH_DIR,
	};
	static struct fragments *fragments;
	struct dissect_record record = {.time_ns = 1};
	struct dissect_fragment fragment;
	enum dissect_result result;
	struct event event;

	if (size < 2)
		return 0;
	if (fragments == NULL)
		fragments = fragments_new();
	record.data = data + 2;
	record.caplen = (uint32_t)size - 2;
	record.length = record.caplen + data[1] * 16u;
	record.decapsulate = data[0] & 0x80 ? DISSECT_TUNNELS : 0;
	record.fragment = data[0] & 0x40 ? &fragment : NULL;
	/* What was not written must not be read: a sanitizer of memory sees it, and so does what follows. */
	memset(&event, 0xa5, sizeof(event));
	result = dissect_frame(links[(data[0] & 0x3f) % (sizeof(links) / sizeof(links[0]))], &record, &event);
	if (result == DISSECT_EVENT)
		check(&event);
	if (result == DISSECT_FRAGMENT && record.fragment != NULL && fragments_feed(fragments, &fragment))
		while (fragments_take(fragments, &event))
			check(&event);
	return 0;
}
