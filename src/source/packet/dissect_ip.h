/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_DISSECT_IP_H
#define CONNTRACE_SOURCE_PACKET_DISSECT_IP_H

#include "base/span.h"
#include "source/packet/dissect.h"

/**
 * struct dissect_state - what is known of a frame while its layers come off
 * @rest: bytes not looked at yet
 * @beyond: bytes of the frame that were on the wire and not captured
 * @record: the frame
 * @event: where the answer goes
 * @payload: bytes the IP header says follow it, extension headers taken off
 * @protocol: of IP
 * @version: of IP
 * @ip_id: of IPv4, else 0
 * @interface: number of the capture interface
 * @has: enum segment_has found outside TCP
 */
struct dissect_state {
	struct span rest;
	const struct dissect_record *record;
	struct event *event;
	uint32_t beyond;
	uint32_t payload;
	uint8_t protocol;
	uint8_t version;
	uint16_t ip_id;
	uint16_t interface;
	uint8_t has;
};

/** dissect_peek() - the next byte, without taking it off */
static inline bool dissect_peek(const struct dissect_state *frame, uint8_t *byte)
{
	struct span rest = frame->rest;

	return span_take_u8(&rest, byte);
}

/** dissect_ip() - an IP packet, of either version, stands in frame->rest */
enum dissect_verdict dissect_ip(struct dissect_state *frame);

#endif
