// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a frame. The first byte chooses the link type, the second how
 * much of the frame was captured; the rest is the frame.
 */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "source/packet/dissect.h"

#ifndef DLT_LINUX_SLL2
#define DLT_LINUX_SLL2 276
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int links[] = {DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW, DLT_NULL, DLT_LOOP,
				    DLT_PPP,    DLT_PPP_ETHER, DLT_NFLOG,      DLT_MPLS, DLT_IPV4, DLT_IPV6};
	struct dissect_record record = {.time_ns = 1};
	struct event event;

	if (size < 2)
		return 0;
	record.data = data + 2;
	record.caplen = (uint32_t)size - 2;
	record.length = record.caplen + data[1] * 16u;
	/* What was not written must not be read: a sanitizer of memory sees it, and so does what follows. */
	memset(&event, 0xa5, sizeof(event));
	if (dissect_frame(links[data[0] % (sizeof(links) / sizeof(links[0]))], &record, &event) != DISSECT_EVENT)
		return 0;
	if (event.type != EVENT_SEGMENT && event.type != EVENT_ICMP)
		abort();
	if (event.flow.proto != IPPROTO_TCP || event.flow.netns != 0 || event.time_ns != 1 ||
	    event.flow.local.zero != 0)
		abort();
	if (event.type == EVENT_SEGMENT && event.segment.has & SEGMENT_HAS_CUT && event.segment.has & SEGMENT_HAS_MSS)
		abort();
	if (event.type == EVENT_ICMP && event.icmp.version != 4 && event.icmp.version != 6)
		abort();
	return 0;
}
