// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/dissect_ip.h"

#include <netinet/in.h>
#include <string.h>

#include "model/tcp_options.h"

/* IP, its extension headers and fragments, and their payload: a TCP segment, or an ICMP error about one. */

#define ETHERNET_MIN 60 /* without the checksum */

#define TCP_HEADER_MIN 20

#define IP_AUTHENTICATION 51
#define IP_MORE_FRAGMENTS 0x2000
#define IP_FRAGMENT_OFFSET 0x1fff
#define IPV6_MORE_FRAGMENTS 0x0001
#define IPV6_FRAGMENT_OFFSET 0xfff8
#define IPV6_OPTION_PAD1 0
#define IPV6_OPTION_JUMBO 0xc2
#define IPV6_ROUTING_HOME 2
#define IPV6_ROUTING_SEGMENTS 4
#define IPV6_HEADER_MOBILITY 135
#define IPV6_HEADER_HIP 139
#define IPV6_HEADER_SHIM6 140

#define ICMP4_UNREACHABLE 3
#define ICMP4_SOURCE_QUENCH 4
#define ICMP4_TIME_EXCEEDED 11
#define ICMP4_PARAMETER_PROBLEM 12
#define ICMP6_UNREACHABLE 1
#define ICMP6_PARAMETER_PROBLEM 4

/* Number of bytes of the frame after the removed headers, captured or not. */
static uint32_t wire_rest(const struct dissect_state *frame)
{
	return (uint32_t)frame->rest.length + frame->beyond;
}

/*
 * Ethernet pads short frames to 60 bytes. A frame of that length that ends with zeros, with hardly any room for
 * payload, was padded.
 */
static uint32_t offload_length(const struct dissect_state *frame)
{
	struct span rest = frame->rest;
	uint32_t length = wire_rest(frame), header;
	uint8_t offset, byte;

	if (frame->record->length != ETHERNET_MIN || frame->protocol != IPPROTO_TCP || !span_skip(&rest, 12) ||
	    !span_take_u8(&rest, &offset))
		return length;
	header = (offset >> 4) * 4u;
	if (header < TCP_HEADER_MIN || header > length || !span_skip(&rest, header - 13))
		return length;
	while (span_take_u8(&rest, &byte))
		if (byte != 0)
			return length;
	return header;
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

/*
 * The flow's endpoints are set already; the caller clears the member of @type. No more is written than event_size()
 * gives, and nothing that was written is read: this runs for every packet.
 */
static void event_begin(struct dissect_state *frame, enum event_type type)
{
	struct event *event = frame->event;

	event->time_ns = frame->record->time_ns;
	event->type = (uint8_t)type;
	event->origin = ORIGIN_WIRE;
	event->flow.netns = 0;
	event->flow_hash = 0;
	event->flow.proto = IPPROTO_TCP;
	memset(event->flow.zero, 0, sizeof(event->flow.zero));
	event->flow.local.zero = event->flow.remote.zero = 0;
}

static void is_tcp(const struct dissect_state *frame)
{
	if (frame->record->tcp != NULL)
		*frame->record->tcp = true;
}

/*
 * A piece of a datagram, @offset bytes from its beginning, is at frame->rest; @more: others follow it. Return:
 * DISSECT_EVENT when it is the first one and pieces are not kept together, so that it represents all of them.
 */
static enum dissect_result fragment(struct dissect_state *frame, uint32_t id, uint32_t offset, bool more)
{
	struct dissect_fragment *fragment = frame->record->fragment;

	frame->has |= SEGMENT_HAS_FRAGMENT;
	/* An error quotes only the beginning. */
	if (offset == 0 && (frame->quoted || fragment == NULL || frame->protocol != IPPROTO_TCP))
		return DISSECT_EVENT;
	if (frame->quoted || frame->protocol != IPPROTO_TCP)
		return DISSECT_OTHER;
	is_tcp(frame);
	if (fragment == NULL)
		return DISSECT_FRAGMENT;
	*fragment = (struct dissect_fragment){
		.local = frame->event->flow.local,
		.remote = frame->event->flow.remote,
		.data = frame->rest,
		.time_ns = frame->record->time_ns,
		.id = id,
		.offset = offset,
		.length = frame->payload,
		.frame = frame->record->length,
		.interface = frame->interface,
		.tag = frame->tag,
		.has = frame->has,
		.ttl = frame->ttl,
		.version = frame->version,
		.more = more,
	};
	/* The event is not begun here, and pieces are distinguished by every byte of their ends. */
	fragment->local.zero = fragment->remote.zero = 0;
	return DISSECT_FRAGMENT;
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
	case TCP_OPTION_MPTCP:
		segment->has |= SEGMENT_HAS_MPTCP;
		return true;
	default:
		return true;
	}
}

/* Return: false when the list is cut or inconsistent; none of it counts then. */
static bool tcp_options(struct event_segment *segment, struct span options)
{
	uint8_t kind, length;
	struct span value;

	while (span_take_u8(&options, &kind) && kind != TCP_OPTION_END) {
		if (kind == TCP_OPTION_NOP)
			continue;
		/* The length counts the two bytes before the value, so 0 and 1 are invalid. */
		if (!span_take_u8(&options, &length) || length < 2 || !span_take(&options, length - 2u, &value))
			return false;
		if (!tcp_option(segment, kind, &value))
			return false;
	}
	return true;
}

/* The place and the packet of the segment. */
static void segment_place(struct event_segment *segment, const struct dissect_state *frame)
{
	segment->ip_id = frame->ip_id;
	segment->interface = frame->interface;
	segment->tag = frame->tag;
	segment->ttl = frame->ttl;
}

static enum dissect_result tcp_segment(struct dissect_state *frame)
{
	struct event_segment *segment = &frame->event->segment;
	uint16_t source, destination, offset_flags;
	struct span header = frame->rest;
	uint32_t length, options;

	is_tcp(frame);
	if (frame->rest.length < TCP_HEADER_MIN || frame->payload < TCP_HEADER_MIN)
		return DISSECT_MALFORMED;
	event_begin(frame, EVENT_SEGMENT);
	memset(segment, 0, sizeof(*segment));
	span_take_be16(&header, &source);
	span_take_be16(&header, &destination);
	/* RFC 6335, 6: port 0 is reserved, and a flow with it would mean "not known yet". */
	if (source == 0 || destination == 0)
		return DISSECT_MALFORMED;
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
		/* In a fragment the rest of the header may come later; elsewhere this is invalid. */
		if (!(frame->has & SEGMENT_HAS_FRAGMENT))
			return DISSECT_MALFORMED;
		length = frame->payload;
		segment->has |= SEGMENT_HAS_CUT;
	}
	frame->event->flow.local.port = source;
	frame->event->flow.remote.port = destination;
	segment->flags = offset_flags & 0x1ff;
	segment->payload = frame->payload - length;
	if (frame->record->payload != NULL) {
		*frame->record->payload = frame->rest;
		if (!span_skip(frame->record->payload, length))
			frame->record->payload->length = 0;
	}
	segment->frame = frame->record->length;
	segment_place(segment, frame);
	options = length - TCP_HEADER_MIN;
	if (options == 0)
		return DISSECT_EVENT;
	if (header.length < options) {
		segment->has |= SEGMENT_HAS_CUT;
		return DISSECT_EVENT;
	}
	span_limit(&header, options);
	if (frame->record->options != NULL && options <= EVENT_OPTIONS)
		memcpy(frame->record->options, header.data, options);
	if (!(segment->has & SEGMENT_HAS_CUT) && !tcp_options(segment, header)) {
		segment->has = frame->has | SEGMENT_HAS_CUT;
		segment->mss = segment->wscale = 0;
		segment->tsval = segment->tsecr = 0;
	}
	return DISSECT_EVENT;
}

/*
 * The header lists the addresses that the packet still has to visit; the final one is the peer of the connection (RFC
 * 8200, 4.4). frame->rest is behind the two bytes that all headers begin with.
 */
static void routing_destination(struct dissect_state *frame, uint32_t size)
{
	struct span rest = frame->rest;
	struct endpoint *destination = &frame->event->flow.remote;
	uint8_t type, left;

	if (size < 24 || !span_take_u8(&rest, &type) || !span_take_u8(&rest, &left) || left == 0 ||
	    !span_skip(&rest, 4))
		return;
	/*
	 * RFC 6275, 6.4: it is the list; RFC 8754, 2: the list begins with it. Type 0 is not forwarded (RFC 5095).
	 */
	if (type == IPV6_ROUTING_HOME || type == IPV6_ROUTING_SEGMENTS)
		(void)take_address_v6(&rest, destination);
}

/* Walk to the first header that is none of IP's own (RFC 8200, 4; RFC 4302); frame->protocol becomes its number. */
static enum dissect_result extensions(struct dissect_state *frame)
{
	for (;;) {
		uint8_t next, length;
		uint16_t offset;
		uint32_t size, id;

		switch (frame->protocol) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPV6_HEADER_MOBILITY:
		case IPV6_HEADER_HIP:
		case IPV6_HEADER_SHIM6:
		case IP_AUTHENTICATION:
			if (!span_take_u8(&frame->rest, &next) || !span_take_u8(&frame->rest, &length))
				return DISSECT_MALFORMED;
			/* RFC 4302, 2.2: only the authentication header counts in units of 4 bytes, minus 2. */
			size = frame->protocol == IP_AUTHENTICATION ? (length + 2u) * 4 : (length + 1u) * 8;
			if (frame->protocol == IPPROTO_ROUTING)
				routing_destination(frame, size);
			if (frame->payload < size || size < 2 || !span_skip(&frame->rest, size - 2))
				return DISSECT_MALFORMED;
			break;
		case IPPROTO_FRAGMENT:
			size = 8;
			if (frame->payload < size || !span_take_u8(&frame->rest, &next) ||
			    !span_skip(&frame->rest, 1) || !span_take_be16(&frame->rest, &offset) ||
			    !span_take_be32(&frame->rest, &id))
				return DISSECT_MALFORMED;
			frame->payload -= size;
			frame->protocol = next;
			/* Atomic fragments (RFC 6946) are whole. */
			if (offset & (IPV6_FRAGMENT_OFFSET | IPV6_MORE_FRAGMENTS)) {
				enum dissect_result result = fragment(frame, id, offset & IPV6_FRAGMENT_OFFSET,
								      offset & IPV6_MORE_FRAGMENTS);

				if (result != DISSECT_EVENT)
					return result;
			}
			continue;
		default:
			return DISSECT_EVENT;
		}
		frame->payload -= size;
		frame->protocol = next;
	}
}

/* Remove an IP header; DISSECT_EVENT when the payload of frame->protocol is at frame->rest. */
static enum dissect_result ipv4_header(struct dissect_state *frame)
{
	uint8_t version_length, protocol, ttl;
	uint16_t total, place, id;
	uint32_t header;
	/* A local copy stays in registers. */
	struct span rest = frame->rest;

	frame->version = 4;
	if (!span_take_u8(&rest, &version_length) || !span_skip(&rest, 1) || !span_take_be16(&rest, &total) ||
	    !span_take_be16(&rest, &id) || !span_take_be16(&rest, &place) || !span_take_u8(&rest, &ttl) ||
	    !span_take_u8(&rest, &protocol) || !span_skip(&rest, 2) ||
	    !take_address_v4(&rest, &frame->event->flow.local) || !take_address_v4(&rest, &frame->event->flow.remote))
		return DISSECT_MALFORMED;
	header = (version_length & 0x0f) * 4u;
	if (version_length >> 4 != 4 || header < 20 || (total != 0 && total < header) || !span_skip(&rest, header - 20))
		return DISSECT_MALFORMED;
	frame->rest = rest;
	frame->protocol = protocol;
	frame->ip_id = id;
	frame->ttl = ttl;
	/* Segmentation offload of packets over 64 KiB, or a card that fills the length in, leave 0. */
	frame->payload = total != 0 ? total - header : offload_length(frame);
	if (frame->is_bounded && frame->payload > wire_rest(frame))
		frame->payload = wire_rest(frame);
	span_limit(&frame->rest, frame->payload);
	if (place & (IP_FRAGMENT_OFFSET | IP_MORE_FRAGMENTS))
		return fragment(frame, id, (place & IP_FRAGMENT_OFFSET) * 8u, place & IP_MORE_FRAGMENTS);
	return protocol == IP_AUTHENTICATION ? extensions(frame) : DISSECT_EVENT;
}

/*
 * RFC 2675, 2: a length that does not fit the header is in a hop-by-hop option; Linux uses it for its own large
 * segments, too. Return: 0 when there is none.
 */
static uint32_t jumbo_length(const struct dissect_state *frame)
{
	struct span rest = frame->rest;
	uint8_t length, kind;
	uint32_t jumbo;

	if (frame->protocol != IPPROTO_HOPOPTS || !span_skip(&rest, 1) || !span_take_u8(&rest, &length))
		return 0;
	span_limit(&rest, length * 8u + 6);
	while (span_take_u8(&rest, &kind)) {
		if (kind == IPV6_OPTION_PAD1)
			continue;
		if (!span_take_u8(&rest, &length))
			return 0;
		if (kind == IPV6_OPTION_JUMBO && length == sizeof(jumbo))
			return span_take_be32(&rest, &jumbo) ? jumbo : 0;
		if (!span_skip(&rest, length))
			return 0;
	}
	return 0;
}

static enum dissect_result ipv6_header(struct dissect_state *frame)
{
	struct span *rest = &frame->rest;
	uint16_t payload;
	uint8_t version;

	frame->version = 6;
	frame->ip_id = 0;
	if (!span_take_u8(rest, &version) || !span_skip(rest, 3) || !span_take_be16(rest, &payload) ||
	    !span_take_u8(rest, &frame->protocol) || !span_take_u8(rest, &frame->ttl) ||
	    !take_address_v6(rest, &frame->event->flow.local) || !take_address_v6(rest, &frame->event->flow.remote))
		return DISSECT_MALFORMED;
	if (version >> 4 != 6)
		return DISSECT_MALFORMED;
	frame->payload = payload;
	if (payload == 0) {
		uint32_t jumbo = jumbo_length(frame);

		/* Otherwise it is offload, and the frame's own length is the best known value, and an upper bound. */
		frame->payload = jumbo != 0 && jumbo < wire_rest(frame) ? jumbo : wire_rest(frame);
	}
	if (frame->is_bounded && frame->payload > wire_rest(frame))
		frame->payload = wire_rest(frame);
	span_limit(rest, frame->payload);
	return extensions(frame);
}

static enum dissect_result ip_header(struct dissect_state *frame)
{
	uint8_t first;

	if (!dissect_peek(frame, &first))
		return DISSECT_MALFORMED;
	switch (first >> 4) {
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

/* RFC 792, RFC 4443: 8 bytes, then the datagram in question, at least up to ports and sequence number. */
static enum dissect_result icmp_error(struct dissect_state *frame)
{
	struct event_icmp *icmp = &frame->event->icmp;
	uint8_t type, code, version = frame->version;
	struct in6_addr reported = frame->event->flow.remote.ip;
	enum dissect_result result;
	uint16_t source, destination;
	uint32_t seq;

	if (!span_take_u8(&frame->rest, &type) || !span_take_u8(&frame->rest, &code) || !span_skip(&frame->rest, 6))
		return DISSECT_MALFORMED;
	if (!icmp_is_error(version, type))
		return DISSECT_OTHER;
	frame->quoted = true;
	result = ip_header(frame);
	if (result != DISSECT_EVENT)
		return result;
	/* The destination is the sender of the quoted packet (RFC 1122, 3.2.2; RFC 4443, 2.2); else it is forged. */
	if (frame->protocol != IPPROTO_TCP || frame->version != version ||
	    memcmp(&reported, &frame->event->flow.local.ip, sizeof(reported)) != 0)
		return DISSECT_OTHER;
	if (!span_take_be16(&frame->rest, &source) || !span_take_be16(&frame->rest, &destination) ||
	    !span_take_be32(&frame->rest, &seq) || source == 0 || destination == 0)
		return DISSECT_MALFORMED;
	event_begin(frame, EVENT_ICMP);
	memset(icmp, 0, sizeof(*icmp));
	frame->event->flow.local.port = source;
	frame->event->flow.remote.port = destination;
	icmp->seq = seq;
	icmp->version = version;
	icmp->type = type;
	icmp->code = code;
	return DISSECT_EVENT;
}

enum dissect_result dissect_ip(struct dissect_state *frame)
{
	enum dissect_result result = ip_header(frame);

	if (result != DISSECT_EVENT)
		return result;
	if (frame->protocol == IPPROTO_TCP)
		return tcp_segment(frame);
	if (frame->protocol == (frame->version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) &&
	    !(frame->has & SEGMENT_HAS_FRAGMENT))
		return icmp_error(frame);
	return dissect_tunnel(frame);
}

enum dissect_result dissect_tcp(const struct dissect_fragment *fragment, struct event *event)
{
	const struct dissect_record record = {.length = fragment->frame, .time_ns = fragment->time_ns};
	struct dissect_state frame = {
		.rest = fragment->data,
		.record = &record,
		.event = event,
		.payload = fragment->length,
		.version = fragment->version,
		.ip_id = fragment->version == 4 ? (uint16_t)fragment->id : 0,
		.interface = fragment->interface,
		.tag = fragment->tag,
		.has = fragment->has,
		.ttl = fragment->ttl,
	};

	event->flow.local = fragment->local;
	event->flow.remote = fragment->remote;
	return tcp_segment(&frame);
}
