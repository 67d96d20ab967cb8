// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as an ICMP message, in an IP packet that is well made so that they
 * are reached. The first byte chooses the version and how much is missing.
 */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "source/packet/dissect.h"

#define MESSAGE_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[40 + MESSAGE_MAX] = {0}, *packet;
	struct dissect_fragment fragment;
	struct dissect_record record = {.time_ns = 1, .fragment = &fragment, .decapsulate = DISSECT_TUNNELS};
	struct event event;
	size_t head;
	bool v6;

	if (size < 1 || size > MESSAGE_MAX)
		return 0;
	v6 = data[0] & 1;
	head = v6 ? 40 : 20;
	size--;
	bytes[0] = v6 ? 0x60 : 0x45;
	bytes[v6 ? 6 : 9] = v6 ? 58 : 1;
	/* The length of the payload, or of the whole; the second highest bit leaves it open, as offload does. */
	if (!(data[0] & 0x40)) {
		bytes[v6 ? 4 : 2] = (uint8_t)((size + (v6 ? 0 : 20)) >> 8);
		bytes[v6 ? 5 : 3] = (uint8_t)(size + (v6 ? 0 : 20));
	}
	memcpy(bytes + head, data + 1, size);
	record.length = (uint32_t)(head + size);
	record.caplen = record.length > data[0] >> 1 % 32 ? record.length - (data[0] >> 1) % 32 : 0;
	packet = malloc(record.caplen ? record.caplen : 1);
	if (packet == NULL)
		return 0;
	memcpy(packet, bytes, record.caplen);
	record.data = packet;
	memset(&event, 0xa5, sizeof(event));
	switch (dissect_frame(DLT_RAW, &record, &event)) {
	case DISSECT_EVENT:
		/* Only an error makes an event, and its version is that of the packet. */
		if (event.type != EVENT_ICMP || event.icmp.version != (v6 ? 6 : 4) || event.flow.netns != 0)
			abort();
		if (event.icmp.type != data[1] || event.icmp.code != data[2])
			abort();
		break;
	case DISSECT_FRAGMENT:
		/* What it quotes is no fragment of anything. */
		abort();
	default:
		break;
	}
	free(packet);
	return 0;
}
