// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/dissect.h"

#include <pcap/pcap.h>
#include <string.h>

#include "source/packet/dissect_ip.h"

/*
 * From the outside in: a link layer ends with an EtherType or an IP packet, which dissect_ip.c takes. Each step removes
 * its header from the span, so the rest is the next layer's. The length that the layer itself states cuts the padding
 * behind it.
 *
 * Lengths come from the IP header, never from the record: snaplen makes the captured part shorter, Ethernet padding
 * makes it longer.
 */

#ifndef DLT_LINUX_SLL2
#define DLT_LINUX_SLL2 276 /* libpcap 1.10 */
#endif

#ifndef DLT_PKTAP
#define DLT_PKTAP 258 /* libpcap 1.7 */
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

/* A device type of the cooked captures, as in net/if_arp.h, which some systems that build this lack. */
#define ARPHRD_LOOPBACK 772

#define ETHER_ADDRESS 6

/* ISO/IEC TR 9577, as RFC 2427 uses them. */
#define NLPID_SNAP 0x80
#define NLPID_IPV6 0x8e
#define NLPID_IPV4 0xcc

#define NFLOG_PAYLOAD 9
#define NFLOG_TLV_HEADER 4

/* RFC 3032: labels of 4 bytes down to the bottom of the stack; the payload identifies itself. */
static enum dissect_result mpls_packet(struct dissect_state *frame)
{
	uint32_t label;
	uint8_t first;

	dissect_wrapped(frame, DISSECT_WRAPPED_MPLS);
	do {
		if (!span_take_be32(&frame->rest, &label))
			return DISSECT_MALFORMED;
	} while (!(label & 0x100));
	if (!dissect_peek(frame, &first))
		return DISSECT_MALFORMED;
	/* A pseudowire begins with a control word of nibble 0 or with Ethernet: it is not read. */
	if (first >> 4 != 4 && first >> 4 != 6)
		return DISSECT_OTHER;
	return dissect_ip(frame);
}

/* RFC 1661, RFC 1662: optional address and control, then a protocol number of one or two bytes. */
static enum dissect_result link_ppp(struct dissect_state *frame)
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
static enum dissect_result pppoe_packet(struct dissect_state *frame)
{
	uint8_t version_type, code;
	uint16_t length;

	dissect_wrapped(frame, DISSECT_WRAPPED_PPPOE);
	if (!span_take_u8(&frame->rest, &version_type) || !span_take_u8(&frame->rest, &code) ||
	    !span_skip(&frame->rest, 2) || !span_take_be16(&frame->rest, &length))
		return DISSECT_MALFORMED;
	/* What is behind it pads the frame, though the length of IP may count it. */
	if (frame->rest.length + frame->beyond > length) {
		frame->beyond = frame->rest.length < length ? length - (uint32_t)frame->rest.length : 0;
		span_limit(&frame->rest, length);
		frame->is_bounded = true;
	}
	return code == 0 ? link_ppp(frame) : DISSECT_OTHER;
}

enum dissect_result dissect_ethertype(struct dissect_state *frame, uint16_t type)
{
	static const uint8_t snap[6] = {0xaa, 0xaa, 0x03};
	struct span header;
	unsigned int tags = 0;
	uint16_t tag;

	for (;;) {
		switch (type) {
		case ETHERTYPE_IPV4:
		case ETHERTYPE_IPV6:
			return dissect_ip(frame);
		case ETHERTYPE_VLAN:
		case ETHERTYPE_QINQ:
		case ETHERTYPE_QINQ_OLD:
			if (!span_take_be16(&frame->rest, &tag) || !span_take_be16(&frame->rest, &type))
				return DISSECT_MALFORMED;
			dissect_wrapped(frame, tags++ > 0 ? DISSECT_WRAPPED_QINQ : DISSECT_WRAPPED_VLAN);
			/* Priority is not part of the network's number. */
			dissect_tagged(frame, tag & 0x0fff);
			break;
		case ETHERTYPE_MPLS:
		case ETHERTYPE_MPLS_MULTICAST:
			return mpls_packet(frame);
		case ETHERTYPE_PPPOE_SESSION:
			return pppoe_packet(frame);
		case ETHERTYPE_PPP:
			return link_ppp(frame);
		default:
			/* RFC 1042: a length, then LLC with SNAP, contains another EtherType. */
			if (type > ETHERTYPE_SNAP_MAX || !span_take(&frame->rest, sizeof(snap), &header) ||
			    memcmp(header.data, snap, sizeof(snap)) != 0 || !span_take_be16(&frame->rest, &type) ||
			    type <= ETHERTYPE_SNAP_MAX)
				return DISSECT_OTHER;
			break;
		}
	}
}

static enum dissect_result link_ethernet(struct dissect_state *frame)
{
	static const uint8_t none[2 * ETHER_ADDRESS];
	struct span addresses;
	uint16_t type;

	if (!span_take(&frame->rest, sizeof(none), &addresses) || !span_take_be16(&frame->rest, &type))
		return DISSECT_MALFORMED;
	/* Only the loopback device of Linux has no address. */
	if (memcmp(addresses.data, none, sizeof(none)) == 0)
		frame->has |= SEGMENT_HAS_LOOPBACK;
	return dissect_ethertype(frame, type);
}

static void sll_direction(struct dissect_state *frame, unsigned int packet_type, unsigned int device)
{
	if (device == ARPHRD_LOOPBACK)
		frame->has |= SEGMENT_HAS_LOOPBACK;
	if (packet_type == SLL_OUTGOING)
		frame->has |= SEGMENT_HAS_OUTGOING;
	else if (packet_type == SLL_TO_US)
		frame->has |= SEGMENT_HAS_INCOMING;
}

static enum dissect_result link_sll(struct dissect_state *frame)
{
	uint16_t packet_type, device, protocol;

	if (!span_take_be16(&frame->rest, &packet_type) || !span_take_be16(&frame->rest, &device) ||
	    !span_skip(&frame->rest, 10) || !span_take_be16(&frame->rest, &protocol))
		return DISSECT_MALFORMED;
	sll_direction(frame, packet_type, device);
	return dissect_ethertype(frame, protocol);
}

static enum dissect_result link_sll2(struct dissect_state *frame)
{
	uint8_t packet_type;
	uint16_t protocol, device;
	uint32_t index;

	if (!span_take_be16(&frame->rest, &protocol) || !span_skip(&frame->rest, 2) ||
	    !span_take_be32(&frame->rest, &index) || !span_take_be16(&frame->rest, &device) ||
	    !span_take_u8(&frame->rest, &packet_type) || !span_skip(&frame->rest, 9))
		return DISSECT_MALFORMED;
	sll_direction(frame, packet_type, device);
	frame->interface = (uint16_t)(DISSECT_INTERFACE_SLL2 | (index & (DISSECT_INTERFACE_SLL2 - 1)));
	return dissect_ethertype(frame, protocol);
}

/*
 * NULL has the family in the byte order of the machine that captured, LOOP in
 * network order; AF_INET is 2 everywhere, AF_INET6 is each system's own.
 */
static enum dissect_result link_loopback(struct dissect_state *frame)
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
static enum dissect_result link_nflog(struct dissect_state *frame)
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
		if (!span_take(&frame->rest, length - 4u, &value) || !span_skip(&frame->rest, (4u - length % 4u) % 4u))
			return DISSECT_MALFORMED;
	}
	return DISSECT_OTHER;
}

/* Cisco's HDLC: address, control 0, EtherType. */
static enum dissect_result link_hdlc(struct dissect_state *frame)
{
	uint16_t type;

	if (!span_skip(&frame->rest, 2) || !span_take_be16(&frame->rest, &type))
		return DISSECT_MALFORMED;
	/* Below the lowest EtherType it would be taken for a length. */
	return type > ETHERTYPE_SNAP_MAX ? dissect_ethertype(frame, type) : DISSECT_OTHER;
}

/* RFC 1662, 4.3: a serial line carries PPP, or Cisco's HDLC, whose addresses are 0x0f and 0x8f. */
static enum dissect_result link_serial(struct dissect_state *frame)
{
	uint8_t address;

	if (!dissect_peek(frame, &address))
		return DISSECT_MALFORMED;
	return (address & 0x7f) == 0x0f ? link_hdlc(frame) : link_ppp(frame);
}

/* pppd's own: a direction in place of the address. */
static enum dissect_result link_pppd(struct dissect_state *frame)
{
	return span_skip(&frame->rest, 2) ? link_ppp(frame) : DISSECT_MALFORMED;
}

/* RFC 2427: an address that ends at the byte with bit 0, control, then what follows; or an EtherType, as Cisco does. */
static enum dissect_result link_frame_relay(struct dissect_state *frame)
{
	static const uint8_t ethernet_types[3];
	struct span organisation;
	uint8_t byte, next;
	uint16_t type;

	do {
		if (!span_take_u8(&frame->rest, &byte))
			return DISSECT_MALFORMED;
	} while (!(byte & 1));
	if (!dissect_peek(frame, &byte))
		return DISSECT_MALFORMED;
	if (byte != 0x03)
		return span_take_be16(&frame->rest, &type) && type > ETHERTYPE_SNAP_MAX ? dissect_ethertype(frame, type)
											: DISSECT_OTHER;
	span_skip(&frame->rest, 1);
	do {
		if (!span_take_u8(&frame->rest, &next))
			return DISSECT_MALFORMED;
	} while (next == 0); /* padding */
	if (next == NLPID_IPV4 || next == NLPID_IPV6)
		return dissect_ip(frame);
	if (next != NLPID_SNAP || !span_take(&frame->rest, 3, &organisation) ||
	    memcmp(organisation.data, ethernet_types, 3) != 0 || !span_take_be16(&frame->rest, &type))
		return DISSECT_OTHER;
	return type > ETHERTYPE_SNAP_MAX ? dissect_ethertype(frame, type) : DISSECT_OTHER;
}

/* IEEE 802.5: the first bit of the source means that a route follows it. */
static enum dissect_result link_token_ring(struct dissect_state *frame)
{
	uint8_t source, route;

	if (!span_skip(&frame->rest, 8) || !span_take_u8(&frame->rest, &source) || !span_skip(&frame->rest, 5))
		return DISSECT_MALFORMED;
	if (source & 0x80 && (!dissect_peek(frame, &route) || !span_skip(&frame->rest, route & 0x1f)))
		return DISSECT_MALFORMED;
	return dissect_llc(frame);
}

/* OpenBSD's firewall log: a header that contains its own length, in words of four bytes. */
static enum dissect_result link_pflog(struct dissect_state *frame)
{
	uint8_t length;

	if (!dissect_peek(frame, &length) || !span_skip(&frame->rest, (length + 3u) & ~3u))
		return DISSECT_MALFORMED;
	return dissect_ip(frame);
}

/* Per-packet information: version, flags, length and the link type of what follows, little-endian. */
static enum dissect_result link_ppi(struct dissect_state *frame)
{
	uint16_t length;
	uint32_t link_type;

	if (!span_skip(&frame->rest, 2) || !span_take_be16(&frame->rest, &length) ||
	    !span_take_be32(&frame->rest, &link_type))
		return DISSECT_MALFORMED;
	length = __builtin_bswap16(length);
	link_type = __builtin_bswap32(link_type);
	if (length < 8 || !span_skip(&frame->rest, length - 8u))
		return DISSECT_MALFORMED;
	return link_type == DLT_IEEE802_11 || link_type == DLT_EN10MB ? dissect_link(frame, (int)link_type)
								      : DISSECT_OTHER;
}

/* macOS's interface "any": length, record type (1 is a packet), link type; in the order of those machines. */
static enum dissect_result link_pktap(struct dissect_state *frame)
{
	uint32_t length, record, link_type;

	if (!span_take_be32(&frame->rest, &length) || !span_take_be32(&frame->rest, &record) ||
	    !span_take_be32(&frame->rest, &link_type))
		return DISSECT_MALFORMED;
	length = __builtin_bswap32(length);
	link_type = __builtin_bswap32(link_type);
	if (length < 12 || !span_skip(&frame->rest, length - 12))
		return DISSECT_MALFORMED;
	if (__builtin_bswap32(record) != 1 || link_type == DLT_PKTAP || link_type > INT16_MAX)
		return DISSECT_OTHER;
	return dissect_link(frame, (int)link_type);
}

typedef enum dissect_result (*link_function)(struct dissect_state *frame);

/* Link types with an EtherType behind an address of fixed length, and the number of bytes to skip after it. */
static const struct {
	int link_type;
	uint8_t skip, then;
} with_type[] = {
	{DLT_APPLE_IP_OVER_IEEE1394, 16, 0}, /* two addresses of 8 bytes */
	{DLT_IPOIB, 40, 2},                  /* global route header; RFC 4391, 6 */
};

/* Link types with an LLC header or an IP packet behind a header of fixed length. */
static const struct {
	int link_type;
	uint8_t skip;
	link_function next;
} with_next[] = {
	{DLT_RAW, 0, dissect_ip},
	{DLT_IPV4, 0, dissect_ip},
	{DLT_IPV6, 0, dissect_ip},
	{DLT_EN10MB, 0, link_ethernet},
	{DLT_LINUX_SLL, 0, link_sll},
	{DLT_LINUX_SLL2, 0, link_sll2},
	{DLT_NULL, 0, link_loopback},
	{DLT_LOOP, 0, link_loopback},
	{DLT_ENC, 12, dissect_ip}, /* OpenBSD's IPsec: family, SPI, flags */
	{DLT_PPP, 0, link_serial},
	{DLT_PPP_SERIAL, 0, link_serial},
	{DLT_PPP_WITH_DIR, 1, link_serial},
	{DLT_PPP_PPPD, 0, link_pppd},
	{DLT_PPP_ETHER, 0, pppoe_packet},
	{DLT_C_HDLC, 0, link_hdlc},
	{DLT_C_HDLC_WITH_DIR, 1, link_hdlc},
	{DLT_FRELAY, 0, link_frame_relay},
	{DLT_FRELAY_WITH_DIR, 1, link_frame_relay},
	{DLT_MPLS, 0, mpls_packet},
	{DLT_NFLOG, 0, link_nflog},
	{DLT_PFLOG, 0, link_pflog},
	{DLT_IEEE802_11, 0, dissect_80211},
	{DLT_IEEE802_11_RADIO, 0, dissect_radiotap},
	{DLT_IEEE802_11_RADIO_AVS, 0, dissect_prism},
	{DLT_PRISM_HEADER, 0, dissect_prism},
	{DLT_PPI, 0, link_ppi},
	{DLT_PKTAP, 0, link_pktap},
	{DLT_IEEE802, 0, link_token_ring},
	{DLT_FDDI, 13, dissect_llc}, /* frame control and two addresses */
	{DLT_ATM_RFC1483, 0, dissect_llc},
	{DLT_IP_OVER_FC, 16, dissect_llc}, /* two addresses of 8 bytes */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool dissect_knows(int link_type)
{
	for (size_t i = 0; i < COUNT(with_next); i++)
		if (with_next[i].link_type == link_type)
			return true;
	for (size_t i = 0; i < COUNT(with_type); i++)
		if (with_type[i].link_type == link_type)
			return true;
	return false;
}

enum dissect_result dissect_link(struct dissect_state *frame, int link_type)
{
	uint16_t type;

	/* By far the most frequent. */
	if (link_type == DLT_EN10MB)
		return link_ethernet(frame);
	for (size_t i = 0; i < COUNT(with_next); i++)
		if (with_next[i].link_type == link_type)
			return span_skip(&frame->rest, with_next[i].skip) ? with_next[i].next(frame)
									  : DISSECT_MALFORMED;
	for (size_t i = 0; i < COUNT(with_type); i++)
		if (with_type[i].link_type == link_type)
			return span_skip(&frame->rest, with_type[i].skip) && span_take_be16(&frame->rest, &type) &&
					       span_skip(&frame->rest, with_type[i].then)
				       ? dissect_ethertype(frame, type)
				       : DISSECT_MALFORMED;
	return DISSECT_OTHER;
}

enum dissect_result dissect_frame(int link_type, const struct dissect_record *record, struct event *event)
{
	struct dissect_state frame = {
		.rest = {.data = record->data, .length = record->caplen},
		.record = record,
		.event = event,
		.beyond = record->length > record->caplen ? record->length - record->caplen : 0,
		.interface = record->interface,
	};

	return dissect_link(&frame, link_type);
}
