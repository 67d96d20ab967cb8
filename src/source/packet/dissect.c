// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/dissect.h"

#include <netinet/in.h>
#include <pcap/pcap.h>
#include <string.h>

#include "base/span.h"

/*
 * From the outside in: a link layer ends in link_*() with an EtherType or an
 * IP packet, IP ends in tcp_segment() or icmp_error(). Each step takes its
 * header off the span, so whatever is left is the next layer's, and the length
 * that the layer itself states cuts the padding behind it.
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

#define TCP_HEADER_MIN 20
#define TCP_OPTION_END 0
#define TCP_OPTION_NOP 1
#define TCP_OPTION_MSS 2
#define TCP_OPTION_WSCALE 3
#define TCP_OPTION_SACK_OK 4
#define TCP_OPTION_TIMESTAMP 8

#define IP_MORE_FRAGMENTS 0x2000
#define IP_FRAGMENT_OFFSET 0x1fff
#define IPV6_MORE_FRAGMENTS 0x0001
#define IPV6_FRAGMENT_OFFSET 0xfff8
#define IPV6_HEADER_AUTHENTICATION 51
#define IPV6_HEADER_MOBILITY 135

#define ICMP4_UNREACHABLE 3
#define ICMP4_SOURCE_QUENCH 4
#define ICMP4_TIME_EXCEEDED 11
#define ICMP4_PARAMETER_PROBLEM 12
#define ICMP6_UNREACHABLE 1
#define ICMP6_PARAMETER_PROBLEM 4

#define NFLOG_PAYLOAD 9
#define NFLOG_TLV_HEADER 4

/*
 * What is known of the frame while its layers come off.
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
struct frame {
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

/* How many bytes of the frame come after what was taken off, captured or not. */
static uint32_t wire_rest(const struct frame *frame)
{
	return (uint32_t)frame->rest.length + frame->beyond;
}

static bool take_address_v4(struct span *span, struct endpoint *endpoint)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(endpoint->ip.s6_addr, mapped, sizeof(mapped));
	return span_take_bytes(span, endpoint->ip.s6_addr + sizeof(mapped), 4);
}

static bool take_address_v6(struct span *span, struct endpoint *endpoint)
{
	return span_take_bytes(span, &endpoint->ip, sizeof(endpoint->ip));
}

/* Only what event_size() says is cleared: this runs for every packet. */
static void event_begin(struct frame *frame, enum event_type type)
{
	struct event *event = frame->event;
	struct flow flow = event->flow;

	memset(event, 0, event_size(type));
	event->time_ns = frame->record->time_ns;
	event->type = (uint8_t)type;
	event->origin = ORIGIN_WIRE;
	event->flow = flow;
	event->flow.netns = 0;
	event->flow.proto = IPPROTO_TCP;
	memset(event->flow.zero, 0, sizeof(event->flow.zero));
	event->flow.local.zero = event->flow.remote.zero = 0;
}

static bool tcp_option(struct event_segment *segment, uint8_t kind, struct span *value)
{
	switch (kind) {
	case TCP_OPTION_MSS:
		if (value->length != 2 || !span_take_be16(value, &segment->mss))
			return false;
		segment->has |= SEGMENT_HAS_MSS;
		return true;
	case TCP_OPTION_WSCALE:
		if (value->length != 1 || !span_take_u8(value, &segment->wscale))
			return false;
		segment->has |= SEGMENT_HAS_WSCALE;
		return true;
	case TCP_OPTION_SACK_OK:
		segment->has |= SEGMENT_HAS_SACK_OK;
		return value->length == 0;
	case TCP_OPTION_TIMESTAMP:
		if (value->length != 8 || !span_take_be32(value, &segment->tsval) ||
		    !span_take_be32(value, &segment->tsecr))
			return false;
		segment->has |= SEGMENT_HAS_TIMESTAMP;
		return true;
	default:
		return true;
	}
}

/* Return: false when the list is cut or does not add up; nothing of it counts then. */
static bool tcp_options(struct event_segment *segment, struct span options)
{
	uint8_t kind, length;
	struct span value;

	while (span_take_u8(&options, &kind) && kind != TCP_OPTION_END) {
		if (kind == TCP_OPTION_NOP)
			continue;
		/* The length counts the two bytes before the value, so 0 and 1 cannot be. */
		if (!span_take_u8(&options, &length) || length < 2 || !span_take(&options, length - 2u, &value))
			return false;
		if (!tcp_option(segment, kind, &value))
			return false;
	}
	return true;
}

static enum dissect_verdict tcp_segment(struct frame *frame)
{
	struct event_segment *segment = &frame->event->segment;
	uint16_t source, destination, offset_flags;
	struct span header = frame->rest;
	uint32_t length, options;

	if (frame->rest.length < TCP_HEADER_MIN || frame->payload < TCP_HEADER_MIN)
		return DISSECT_MALFORMED;
	event_begin(frame, EVENT_SEGMENT);
	span_take_be16(&header, &source);
	span_take_be16(&header, &destination);
	span_take_be32(&header, &segment->seq);
	span_take_be32(&header, &segment->ack);
	span_take_be16(&header, &offset_flags);
	span_take_be16(&header, &segment->window);
	span_take_be16(&header, &segment->checksum);
	span_skip(&header, 2);
	length = (offset_flags >> 12) * 4u;
	if (length < TCP_HEADER_MIN)
		return DISSECT_MALFORMED;
	segment->has = frame->has;
	if (length > frame->payload) {
		/* In a fragment the rest of the header may come later; elsewhere it cannot be. */
		if (!(frame->has & SEGMENT_HAS_FRAGMENT))
			return DISSECT_MALFORMED;
		length = frame->payload;
		segment->has |= SEGMENT_HAS_CUT;
	}
	frame->event->flow.local.port = source;
	frame->event->flow.remote.port = destination;
	segment->flags = offset_flags & 0x1ff;
	segment->payload = frame->payload - length;
	segment->frame = frame->record->length;
	segment->ip_id = frame->ip_id;
	segment->interface = frame->interface;
	options = length - TCP_HEADER_MIN;
	if (options == 0)
		return DISSECT_EVENT;
	if (header.length < options) {
		segment->has |= SEGMENT_HAS_CUT;
		return DISSECT_EVENT;
	}
	span_limit(&header, options);
	if (!(segment->has & SEGMENT_HAS_CUT) && !tcp_options(segment, header)) {
		segment->has = frame->has | SEGMENT_HAS_CUT;
		segment->mss = segment->wscale = 0;
		segment->tsval = segment->tsecr = 0;
	}
	return DISSECT_EVENT;
}

/* Walk to the first header that is none of IPv6's own (RFC 8200, 4); frame->protocol becomes its number. */
static enum dissect_verdict ipv6_extensions(struct frame *frame)
{
	for (;;) {
		uint8_t next, length;
		uint16_t offset;
		uint32_t size;

		switch (frame->protocol) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPV6_HEADER_MOBILITY:
		case IPV6_HEADER_AUTHENTICATION:
			if (!span_take_u8(&frame->rest, &next) || !span_take_u8(&frame->rest, &length))
				return DISSECT_MALFORMED;
			/* RFC 4302, 2.2: the authentication header alone counts in 4 bytes, minus 2. */
			size = frame->protocol == IPV6_HEADER_AUTHENTICATION ? (length + 2u) * 4 : (length + 1u) * 8;
			if (frame->payload < size || size < 2 || !span_skip(&frame->rest, size - 2))
				return DISSECT_MALFORMED;
			break;
		case IPPROTO_FRAGMENT:
			size = 8;
			if (frame->payload < size || !span_take_u8(&frame->rest, &next) ||
			    !span_skip(&frame->rest, 1) || !span_take_be16(&frame->rest, &offset) ||
			    !span_skip(&frame->rest, 4))
				return DISSECT_MALFORMED;
			if (offset & IPV6_FRAGMENT_OFFSET)
				return next == IPPROTO_TCP ? DISSECT_FRAGMENT : DISSECT_OTHER;
			/* Atomic fragments (RFC 6946) are whole. */
			if (offset & IPV6_MORE_FRAGMENTS)
				frame->has |= SEGMENT_HAS_FRAGMENT;
			break;
		default:
			return DISSECT_EVENT;
		}
		frame->payload -= size;
		frame->protocol = next;
	}
}

/* Take an IP header off; DISSECT_EVENT when frame->protocol stands in frame->rest. */
static enum dissect_verdict ipv4_header(struct frame *frame)
{
	uint8_t version_length, protocol;
	uint16_t total, fragment, id;
	uint32_t header;
	struct span *rest = &frame->rest;

	frame->version = 4;
	if (!span_take_u8(rest, &version_length) || !span_skip(rest, 1) || !span_take_be16(rest, &total) ||
	    !span_take_be16(rest, &id) || !span_take_be16(rest, &fragment) || !span_skip(rest, 1) ||
	    !span_take_u8(rest, &protocol) || !span_skip(rest, 2) ||
	    !take_address_v4(rest, &frame->event->flow.local) || !take_address_v4(rest, &frame->event->flow.remote))
		return DISSECT_MALFORMED;
	header = (version_length & 0x0f) * 4u;
	if (version_length >> 4 != 4 || header < 20 || (total != 0 && total < header) || !span_skip(rest, header - 20))
		return DISSECT_MALFORMED;
	frame->protocol = protocol;
	frame->ip_id = id;
	/* Segmentation offload of packets over 64 KiB, or a card that fills the length in, leave 0. */
	frame->payload = total != 0 ? total - header : wire_rest(frame);
	if (total != 0)
		span_limit(rest, frame->payload);
	if (fragment & IP_FRAGMENT_OFFSET)
		return protocol == IPPROTO_TCP ? DISSECT_FRAGMENT : DISSECT_OTHER;
	if (fragment & IP_MORE_FRAGMENTS)
		frame->has |= SEGMENT_HAS_FRAGMENT;
	return DISSECT_EVENT;
}

static enum dissect_verdict ipv6_header(struct frame *frame)
{
	struct span *rest = &frame->rest;
	uint16_t payload;
	uint8_t version;

	frame->version = 6;
	frame->ip_id = 0;
	if (!span_take_u8(rest, &version) || !span_skip(rest, 3) || !span_take_be16(rest, &payload) ||
	    !span_take_u8(rest, &frame->protocol) || !span_skip(rest, 1) ||
	    !take_address_v6(rest, &frame->event->flow.local) || !take_address_v6(rest, &frame->event->flow.remote))
		return DISSECT_MALFORMED;
	if (version >> 4 != 6)
		return DISSECT_MALFORMED;
	/* 0 is a jumbogram (RFC 2675) or offload: the frame's own length is the best there is. */
	frame->payload = payload != 0 ? payload : wire_rest(frame);
	if (payload != 0)
		span_limit(rest, payload);
	return ipv6_extensions(frame);
}

static enum dissect_verdict ip_header(struct frame *frame)
{
	if (frame->rest.length == 0)
		return DISSECT_MALFORMED;
	switch (frame->rest.data[0] >> 4) {
	case 4:
		return ipv4_header(frame);
	case 6:
		return ipv6_header(frame);
	default:
		return DISSECT_MALFORMED;
	}
}

static bool icmp_is_error(uint8_t version, uint8_t type)
{
	if (version == 4)
		return type == ICMP4_UNREACHABLE || type == ICMP4_SOURCE_QUENCH || type == ICMP4_TIME_EXCEEDED ||
		       type == ICMP4_PARAMETER_PROBLEM;
	return type >= ICMP6_UNREACHABLE && type <= ICMP6_PARAMETER_PROBLEM;
}

/* RFC 792, RFC 4443: 8 bytes, then the datagram it is about, at least as far as ports and sequence number. */
static enum dissect_verdict icmp_error(struct frame *frame)
{
	struct event_icmp *icmp = &frame->event->icmp;
	uint8_t type, code, version = frame->version;
	enum dissect_verdict verdict;
	uint16_t source, destination;
	uint32_t seq;

	if (!span_take_u8(&frame->rest, &type) || !span_take_u8(&frame->rest, &code) || !span_skip(&frame->rest, 6))
		return DISSECT_MALFORMED;
	if (!icmp_is_error(version, type))
		return DISSECT_OTHER;
	verdict = ip_header(frame);
	if (verdict != DISSECT_EVENT)
		return verdict;
	if (frame->protocol != IPPROTO_TCP || frame->version != version)
		return DISSECT_OTHER;
	if (!span_take_be16(&frame->rest, &source) || !span_take_be16(&frame->rest, &destination) ||
	    !span_take_be32(&frame->rest, &seq))
		return DISSECT_MALFORMED;
	event_begin(frame, EVENT_ICMP);
	frame->event->flow.local.port = source;
	frame->event->flow.remote.port = destination;
	icmp->seq = seq;
	icmp->version = version;
	icmp->type = type;
	icmp->code = code;
	return DISSECT_EVENT;
}

static enum dissect_verdict ip_packet(struct frame *frame)
{
	enum dissect_verdict verdict = ip_header(frame);

	if (verdict != DISSECT_EVENT)
		return verdict;
	if (frame->protocol == IPPROTO_TCP)
		return tcp_segment(frame);
	if (frame->protocol == (frame->version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) &&
	    !(frame->has & SEGMENT_HAS_FRAGMENT))
		return icmp_error(frame);
	return DISSECT_OTHER;
}

/* RFC 3032: labels of 4 bytes down to the bottom of the stack; what follows says itself what it is. */
static enum dissect_verdict mpls_packet(struct frame *frame)
{
	uint32_t label;

	do {
		if (!span_take_be32(&frame->rest, &label))
			return DISSECT_MALFORMED;
	} while (!(label & 0x100));
	if (frame->rest.length == 0)
		return DISSECT_MALFORMED;
	/* A pseudowire begins with a control word of nibble 0 or with Ethernet: not ours. */
	if (frame->rest.data[0] >> 4 != 4 && frame->rest.data[0] >> 4 != 6)
		return DISSECT_OTHER;
	return ip_packet(frame);
}

/* RFC 1661, RFC 1662: optional address and control, then a protocol number of one or two bytes. */
static enum dissect_verdict ppp_packet(struct frame *frame)
{
	uint16_t protocol;
	uint8_t first;

	if (frame->rest.length >= 2 && frame->rest.data[0] == 0xff && frame->rest.data[1] == 0x03)
		span_skip(&frame->rest, 2);
	if (frame->rest.length == 0)
		return DISSECT_MALFORMED;
	if (frame->rest.data[0] & 1) {
		span_take_u8(&frame->rest, &first);
		protocol = first;
	} else if (!span_take_be16(&frame->rest, &protocol)) {
		return DISSECT_MALFORMED;
	}
	switch (protocol) {
	case PPP_IPV4:
	case PPP_IPV6:
		return ip_packet(frame);
	case PPP_MPLS:
		return mpls_packet(frame);
	default:
		return DISSECT_OTHER;
	}
}

/* RFC 2516, 4: version and type, code 0 in the session stage, session id, length. */
static enum dissect_verdict pppoe_packet(struct frame *frame)
{
	uint8_t version_type, code;
	uint16_t length;

	if (!span_take_u8(&frame->rest, &version_type) || !span_take_u8(&frame->rest, &code) ||
	    !span_skip(&frame->rest, 2) || !span_take_be16(&frame->rest, &length))
		return DISSECT_MALFORMED;
	return code == 0 ? ppp_packet(frame) : DISSECT_OTHER;
}

static enum dissect_verdict ethertype_packet(struct frame *frame, uint16_t type)
{
	static const uint8_t snap[6] = {0xaa, 0xaa, 0x03};
	struct span header;

	for (;;) {
		switch (type) {
		case ETHERTYPE_IPV4:
		case ETHERTYPE_IPV6:
			return ip_packet(frame);
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

static enum dissect_verdict link_ethernet(struct frame *frame)
{
	uint16_t type;

	if (!span_skip(&frame->rest, 12) || !span_take_be16(&frame->rest, &type))
		return DISSECT_MALFORMED;
	return ethertype_packet(frame, type);
}

static void sll_direction(struct frame *frame, unsigned int packet_type)
{
	if (packet_type == SLL_OUTGOING)
		frame->has |= SEGMENT_HAS_OUTGOING;
	else if (packet_type == SLL_TO_US)
		frame->has |= SEGMENT_HAS_INCOMING;
}

static enum dissect_verdict link_sll(struct frame *frame)
{
	uint16_t packet_type, protocol;

	if (!span_take_be16(&frame->rest, &packet_type) || !span_skip(&frame->rest, 12) ||
	    !span_take_be16(&frame->rest, &protocol))
		return DISSECT_MALFORMED;
	sll_direction(frame, packet_type);
	return ethertype_packet(frame, protocol);
}

static enum dissect_verdict link_sll2(struct frame *frame)
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
static enum dissect_verdict link_loopback(struct frame *frame)
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
		return ip_packet(frame);
	default:
		return DISSECT_OTHER;
	}
}

/* Attributes as the kernel sends them (linux/netfilter/nfnetlink_log.h), in the order of this host. */
static enum dissect_verdict link_nflog(struct frame *frame)
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
			return ip_packet(frame);
		if (!span_take(&frame->rest, length - 4u, &value) ||
		    !span_skip(&frame->rest, (4u - length % 4u) % 4u))
			return DISSECT_MALFORMED;
	}
	return DISSECT_OTHER;
}

typedef enum dissect_verdict (*link_function)(struct frame *frame);

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
		return ip_packet;
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
	struct frame frame = {
		.rest = {.data = record->data, .length = record->caplen},
		.record = record,
		.event = event,
		.beyond = record->length > record->caplen ? record->length - record->caplen : 0,
		.interface = record->interface,
	};

	return link != NULL ? link(&frame) : DISSECT_OTHER;
}
