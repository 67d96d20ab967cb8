// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as the options of a TCP header that is well made otherwise. */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "source/packet/dissect.h"

#define HEAD 40
#define OPTIONS_MAX 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[HEAD + OPTIONS_MAX] = {0x45}, *packet;
	size_t length = (size + 3) & ~(size_t)3;
	struct dissect_record record = {.time_ns = 1};
	const struct event_segment *segment;
	struct event event;

	if (size > OPTIONS_MAX)
		return 0;
	bytes[3] = (uint8_t)(HEAD + length + 5);
	bytes[9] = 6;
	bytes[21] = bytes[23] = 80;
	bytes[32] = (uint8_t)((5 + length / 4) << 4);
	bytes[33] = SEGMENT_SYN;
	memcpy(bytes + HEAD, data, size);
	/* The payload is not captured, and of odd sizes the last option neither. */
	record.caplen = (uint32_t)(HEAD + (size % 2 ? size : length));
	record.length = (uint32_t)(HEAD + length + 5);
	packet = malloc(record.caplen);
	if (packet == NULL)
		return 0;
	memcpy(packet, bytes, record.caplen);
	record.data = packet;
	memset(&event, 0xa5, sizeof(event));
	/* Whatever the options are, the segment stays one. */
	if (dissect_frame(DLT_RAW, &record, &event) != DISSECT_EVENT || event.segment.payload != 5)
		abort();
	segment = &event.segment;
	if (segment->has & SEGMENT_HAS_CUT && segment->has != SEGMENT_HAS_CUT)
		abort();
	if (!(segment->has & SEGMENT_HAS_MSS) && segment->mss != 0)
		abort();
	if (!(segment->has & SEGMENT_HAS_WSCALE) && segment->wscale != 0)
		abort();
	if (!(segment->has & SEGMENT_HAS_TIMESTAMP) && (segment->tsval != 0 || segment->tsecr != 0))
		abort();
	free(packet);
	return 0;
}
