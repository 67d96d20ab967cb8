/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_DISSECT_H
#define CONNTRACE_SOURCE_PACKET_DISSECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/event.h"

/** enum dissect_verdict - what a frame turned out to be */
enum dissect_verdict {
	/** a TCP segment, or an ICMP error quoting one: the event is filled */
	DISSECT_EVENT,
	/** something else, as far as one can tell */
	DISSECT_OTHER,
	/** a later fragment of an IP datagram that carries TCP: its header is in the first one */
	DISSECT_FRAGMENT,
	/** cut before the end of the fixed TCP header, or lengths and versions that cannot be */
	DISSECT_MALFORMED,
	DISSECT_VERDICT_NUM
};

/**
 * struct dissect_record - a frame as the capture recorded it
 * @data: the bytes captured
 * @caplen: how many of them
 * @length: how long the frame was on the wire
 * @time_ns: when, nanoseconds since the epoch
 * @interface: number of the capture interface within the run
 */
struct dissect_record {
	const uint8_t *data;
	uint32_t caplen;
	uint32_t length;
	int64_t time_ns;
	uint16_t interface;
};

/** dissect_knows() - can frames of this link type (DLT_* of pcap-linktype(7)) be read? */
bool dissect_knows(int link_type);

/**
 * dissect_frame() - one frame to one event
 * @link_type: DLT_* as libpcap says it
 * @record: the frame
 * @event: filled on DISSECT_EVENT, as far as event_size() of its type goes; else undefined
 *
 * Pure: no state, no I/O, and any bytes are welcome. On LINUX_SLL2, where each
 * frame names its own interface, segment.interface is DISSECT_INTERFACE_SLL2
 * plus the low bits of that index, so that copies on two of them can be told.
 */
enum dissect_verdict dissect_frame(int link_type, const struct dissect_record *record, struct event *event);

/** Added to interface indices that came from the frame itself, so that they never meet those of the run. */
#define DISSECT_INTERFACE_SLL2 0x8000

#endif
