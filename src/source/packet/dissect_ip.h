/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_DISSECT_IP_H
#define CONNTRACE_SOURCE_PACKET_DISSECT_IP_H

#include "base/span.h"
#include "source/packet/dissect.h"

/**
 * struct dissect_state - what is known of a frame while its layers are removed
 * @rest: bytes not read yet
 * @beyond: bytes of the frame that were on the wire and not captured
 * @record: the frame
 * @event: where the result goes
 * @payload: number of bytes after the IP header by its length, without extension headers
 * @protocol: of IP
 * @version: of IP
 * @ip_id: of IPv4, else 0
 * @interface: number of the capture interface
 * @tag: as in struct event_segment
 * @ttl: of IP
 * @has: enum segment_has found outside TCP
 * @tunnels: wrappings removed
 * @is_bounded: the layer below says where the IP packet ends: at the end of @rest and @beyond
 * @quoted: the IP header is one that an ICMP error quotes
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
	uint16_t tag;
	uint16_t has;
	uint8_t ttl;
	uint8_t tunnels;
	bool is_bounded;
	bool quoted;
};

/** dissect_peek() - the next byte, without removing it */
static inline bool dissect_peek(const struct dissect_state *frame, uint8_t *byte)
{
	struct span rest = frame->rest;

	return span_take_u8(&rest, byte);
}

/** dissect_tagged() - a VLAN tag, or a number of a virtual network, is removed; 0 means none (IEEE 802.1Q, 9.6) */
static inline void dissect_tagged(struct dissect_state *frame, uint32_t number)
{
	/* Each of several counts, in their order. */
	if (number != 0)
		frame->tag = (uint16_t)(frame->tag * 40503u + (number ^ number >> 16));
}

/** dissect_wrapped() - a wrapping is removed */
static inline void dissect_wrapped(const struct dissect_state *frame, enum dissect_wrapped wrapping)
{
	if (frame->record->wrappings != NULL)
		*frame->record->wrappings |= (uint16_t)wrapping;
}

/** dissect_ip() - an IP packet, of either version, is at frame->rest */
enum dissect_result dissect_ip(struct dissect_state *frame);

/** dissect_tunnel() - the payload of IP is not TCP: remove it if it is a wrapping to be removed (dissect_tunnel.c) */
enum dissect_result dissect_tunnel(struct dissect_state *frame);

/** dissect_80211() - an IEEE 802.11 frame is at frame->rest (dissect_80211.c) */
enum dissect_result dissect_80211(struct dissect_state *frame);

/** dissect_radiotap() - an IEEE 802.11 frame behind a radiotap header (dissect_80211.c) */
enum dissect_result dissect_radiotap(struct dissect_state *frame);

/** dissect_prism() - an IEEE 802.11 frame behind a Prism or AVS header (dissect_80211.c) */
enum dissect_result dissect_prism(struct dissect_state *frame);

/** dissect_link() - a frame of this link type (DLT_*) is at frame->rest */
enum dissect_result dissect_link(struct dissect_state *frame, int link_type);

/** dissect_ethertype() - the payload announced by this EtherType, or by a length in its place */
enum dissect_result dissect_ethertype(struct dissect_state *frame, uint16_t type);

/** dissect_llc() - a logical link control header is at frame->rest */
static inline enum dissect_result dissect_llc(struct dissect_state *frame)
{
	/* Where it follows an address, its length takes the place of an EtherType. */
	return dissect_ethertype(frame, 0);
}

#endif
