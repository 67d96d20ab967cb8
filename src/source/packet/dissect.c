// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/dissect.h"

#include <pcap/pcap.h>
#include <string.h>

#include "source/packet/dissect_ip.h"

/*
 * From the outside in: a link layer ends in link_*() with an EtherType or an
 * IP packet, which dissect_ip.c takes on. Each step takes its header off the
 * span, so whatever is left is the next layer's, and the length that the layer
 * itself states cuts the padding behind it.
 *
 * Lengths come from the IP header, never from the record: snaplen makes the
 * captured part shorter, Ethernet padding makes it longer.
 */

#ifndef DLT_LINUX_SLL2
#define DLT_LINUX_SLL2 276 /* libpcap 1.10 */
#endif

#define ETHERTYPE_SNAP_MAX 0x05dc
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_PPP 0x880b
#define ETHERTYPE_MPLS 0x8847
#define ETHERTYPE_MPLS_MULTICAST 0x8848
#define ETHERTYPE_PPPOE_SESSION 0x8864
#define ETHERTYPE_QINQ 0x88a8
#define ETHERTYPE_QINQ_OLD 0x9100

#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057
#define PPP_MPLS 0x0281

/* Packet types of the cooked captures, as in packet(7). */
#define SLL_TO_US 0
#define SLL_OUTGOING 4

#define NFLOG_PAYLOAD 9
#define NFLOG_TLV_HEADER 4

/* RFC 3032: labels of 4 bytes down to the bottom of the stack; what follows says itself what it is. */
static enum dissect_verdict mpls_packet(struct dissect_state *frame)
{
	uint32_t label;
	uint8_t first;

	do {
		if (!span_take_be32(&frame->rest, &label))
			return DISSECT_MALFORMED;
	} while (!(label & 0x100));
	if (!dissect_peek(frame, &first))
		return DISSECT_MALFORMED;
	/* A pseudowire begins with a control word of nibble 0 or with Ethernet: not ours. */
	if (first >> 4 != 4 && first >> 4 != 6)
		return DISSECT_OTHER;
	return dissect_ip(frame);
}

/* RFC 1661, RFC 1662: optional address and control, then a protocol number of one or two bytes. */
static enum dissect_verdict ppp_packet(struct dissect_state *frame)
{
	uint16_t protocol;
	uint8_t first;

	if (dissect_peek(frame, &first) && first == 0xff && !span_skip(&frame->rest, 2))
		return DISSECT_MALFORMED;
	if (!dissect_peek(frame, &first))
		return DISSECT_MALFORMED;
	if (first & 1) {
		span_skip(&frame->rest, 1);
		protocol = first;
	} else if (!span_take_be16(&frame->rest, &protocol)) {
		return DISSECT_MALFORMED;
	}
	switch (protocol) {
	case PPP_IPV4:
	case PPP_IPV6:
		return dissect_ip(frame);
	case PPP_MPLS:
		return mpls_packet(frame);
	default:
		return DISSECT_OTHER;
	}
}

/* RFC 2516, 4: version and type, code 0 in the session stage, session id, length. */
static enum dissect_verdict pppoe_packet(struct dissect_state *frame)
{
	uint8_t version_type, code;
	uint16_t length;

	if (!span_take_u8(&frame->rest, &version_type) || !span_take_u8(&frame->rest, &code) ||
	    !span_skip(&frame->rest, 2) || !span_take_be16(&frame->rest, &length))
		return DISSECT_MALFORMED;
	return code == 0 ? ppp_packet(frame) : DISSECT_OTHER;
}

static enum dissect_verdict ethertype_packet(struct dissect_state *frame, uint16_t type)
{
	static const uint8_t snap[6] = {0xaa, 0xaa, 0x03};
	struct span header;

	for (;;) {
		switch (type) {
		case ETHERTYPE_IPV4:
		case ETHERTYPE_IPV6:
			return dissect_ip(frame);
		case ETHERTYPE_VLAN:
		case ETHERTYPE_QINQ:
		case ETHERTYPE_QINQ_OLD:
			if (!span_skip(&frame->rest, 2) || !span_take_be16(&frame->rest, &type))
				return DISSECT_MALFORMED;
			break;
		case ETHERTYPE_MPLS:
		case ETHERTYPE_MPLS_MULTICAST:
			return mpls_packet(frame);
		case ETHERTYPE_PPPOE_SESSION:
			return pppoe_packet(frame);
		case ETHERTYPE_PPP:
			return ppp_packet(frame);
		default:
			/* RFC 1042: a length, then LLC with SNAP, carries an EtherType once more. */
			if (type > ETHERTYPE_SNAP_MAX || !span_take(&frame->rest, sizeof(snap), &header) ||
			    memcmp(header.data, snap, sizeof(snap)) != 0 || !span_take_be16(&frame->rest, &type) ||
			    type <= ETHERTYPE_SNAP_MAX)
				return DISSECT_OTHER;
			break;
		}
	}
}

static enum dissect_verdict link_ethernet(struct dissect_state *frame)
{
	uint16_t type;

	if (!span_skip(&frame->rest, 12) || !span_take_be16(&frame->rest, &type))
		return DISSECT_MALFORMED;
	return ethertype_packet(frame, type);
}

static void sll_direction(struct dissect_state *frame, unsigned int packet_type)
{
	if (packet_type == SLL_OUTGOING)
		frame->has |= SEGMENT_HAS_OUTGOING;
	else if (packet_type == SLL_TO_US)
		frame->has |= SEGMENT_HAS_INCOMING;
}

static enum dissect_verdict link_sll(struct dissect_state *frame)
{
	uint16_t packet_type, protocol;

	if (!span_take_be16(&frame->rest, &packet_type) || !span_skip(&frame->rest, 12) ||
	    !span_take_be16(&frame->rest, &protocol))
		return DISSECT_MALFORMED;
	sll_direction(frame, packet_type);
	return ethertype_packet(frame, protocol);
}

static enum dissect_verdict link_sll2(struct dissect_state *frame)
{
	uint8_t packet_type;
	uint16_t protocol;
	uint32_t index;

	if (!span_take_be16(&frame->rest, &protocol) || !span_skip(&frame->rest, 2) ||
	    !span_take_be32(&frame->rest, &index) || !span_skip(&frame->rest, 2) ||
	    !span_take_u8(&frame->rest, &packet_type) || !span_skip(&frame->rest, 9))
		return DISSECT_MALFORMED;
	sll_direction(frame, packet_type);
	frame->interface = (uint16_t)(DISSECT_INTERFACE_SLL2 | (index & (DISSECT_INTERFACE_SLL2 - 1)));
	return ethertype_packet(frame, protocol);
}

/*
 * NULL has the family in the byte order of the machine that captured, LOOP in
 * network order; AF_INET is 2 everywhere, AF_INET6 is each system's own.
 */
static enum dissect_verdict link_loopback(struct dissect_state *frame)
{
	uint32_t family;

	if (!span_take_be32(&frame->rest, &family))
		return DISSECT_MALFORMED;
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	switch (family) {
	case 2:  /* AF_INET */
	case 10: /* AF_INET6: Linux */
	case 23: /* Windows */
	case 24: /* NetBSD, OpenBSD */
	case 28: /* FreeBSD */
	case 30: /* Darwin */
		return dissect_ip(frame);
	default:
		return DISSECT_OTHER;
	}
}

/* Attributes as the kernel sends them (linux/netfilter/nfnetlink_log.h), in the order of this host. */
static enum dissect_verdict link_nflog(struct dissect_state *frame)
{
	uint16_t length, type;
	struct span value;

	if (!span_skip(&frame->rest, 4))
		return DISSECT_MALFORMED;
	while (span_take_bytes(&frame->rest, &length, sizeof(length)) &&
	       span_take_bytes(&frame->rest, &type, sizeof(type))) {
		if (length < NFLOG_TLV_HEADER)
			return DISSECT_MALFORMED;
		if (type == NFLOG_PAYLOAD)
			return dissect_ip(frame);
		if (!span_take(&frame->rest, length - 4u, &value) ||
		    !span_skip(&frame->rest, (4u - length % 4u) % 4u))
			return DISSECT_MALFORMED;
	}
	return DISSECT_OTHER;
}

typedef enum dissect_verdict (*link_function)(struct dissect_state *frame);

static link_function link_find(int link_type)
{
	switch (link_type) {
	case DLT_EN10MB:
		return link_ethernet;
	case DLT_LINUX_SLL:
		return link_sll;
	case DLT_LINUX_SLL2:
		return link_sll2;
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return dissect_ip;
	case DLT_NULL:
	case DLT_LOOP:
		return link_loopback;
	case DLT_PPP:
	case DLT_PPP_SERIAL:
		return ppp_packet;
	case DLT_PPP_ETHER:
		return pppoe_packet;
	case DLT_NFLOG:
		return link_nflog;
	case DLT_MPLS:
		return mpls_packet;
	default:
		return NULL;
	}
}

bool dissect_knows(int link_type)
{
	return link_find(link_type) != NULL;
}

enum dissect_verdict dissect_frame(int link_type, const struct dissect_record *record, struct event *event)
{
	link_function link = link_find(link_type);
	struct dissect_state frame = {
		.rest = {.data = record->data, .length = record->caplen},
		.record = record,
		.event = event,
		.beyond = record->length > record->caplen ? record->length - record->caplen : 0,
		.interface = record->interface,
	};

	return link != NULL ? link(&frame) : DISSECT_OTHER;
}
