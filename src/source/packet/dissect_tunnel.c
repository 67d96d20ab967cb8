// SPDX-License-Identifier: GPL-2.0-or-later
#include <netinet/in.h>

#include "source/packet/dissect_ip.h"
#include "source/packet/dns.h"

/*
 * Packets wrapped in packets: removed on request, and then only the segment inside counts. The number of the virtual
 * network is a tag, as that of a VLAN; ends of tunnels are not kept.
 */

/* Deeper than any intended nesting. */
#define TUNNELS_MAX 4

#define ETHERTYPE_BRIDGED 0x6558
#define ETHERTYPE_PPP 0x880b

#define GRE_CHECKSUM 0x8000
#define GRE_ROUTING 0x4000
#define GRE_KEY 0x2000
#define GRE_SEQUENCE 0x1000
#define GRE_ACKNOWLEDGEMENT 0x0080 /* RFC 2637, version 1 only */
#define GRE_VERSION 0x0007

#define PORT_VXLAN 4789
#define PORT_VXLAN_LINUX 8472 /* drivers/net/vxlan, from before the number was assigned */
#define PORT_GENEVE 6081

#define VXLAN_HAS_NETWORK 0x08

/* Tunnels that do not come off, by protocol of IP and by port of UDP; what they are is named (hidden.c). */
static const struct {
	uint16_t number;
	uint16_t wrapped;
} unknown_protocols[] = {{50, DISSECT_WRAPPED_ESP},
			 {97, DISSECT_WRAPPED_ETHERIP},
			 {115, DISSECT_WRAPPED_L2TP},
			 {137, DISSECT_WRAPPED_MPLS_IP}},
  unknown_ports[] = {{2152, DISSECT_WRAPPED_GTP},    {1701, DISSECT_WRAPPED_L2TP},
		     {4500, DISSECT_WRAPPED_ESP},    {51820, DISSECT_WRAPPED_WIREGUARD},
		     {3544, DISSECT_WRAPPED_TEREDO}, {4790, DISSECT_WRAPPED_VXLAN_GPE},
		     {6635, DISSECT_WRAPPED_MPLS_IP}};

static enum dissect_result bridged_or(struct dissect_state *frame, uint16_t type)
{
	uint16_t inner;

	if (type != ETHERTYPE_BRIDGED)
		return dissect_ethertype(frame, type);
	if (!span_skip(&frame->rest, 12) || !span_take_be16(&frame->rest, &inner))
		return DISSECT_MALFORMED;
	return dissect_ethertype(frame, inner);
}

static enum dissect_result gre(struct dissect_state *frame)
{
	uint16_t flags, type;
	struct span key;
	uint32_t number;
	size_t options = 0;

	if (!span_take_be16(&frame->rest, &flags) || !span_take_be16(&frame->rest, &type))
		return DISSECT_MALFORMED;
	/* RFC 1701's list of routes is obsolete, and so is its payload. */
	if (flags & GRE_ROUTING || (flags & GRE_VERSION) > 1)
		return DISSECT_OTHER;
	options += flags & GRE_CHECKSUM ? 4 : 0;
	key = frame->rest;
	/* PPTP's, of version 1, differs between the two directions. */
	if (flags & GRE_KEY && (flags & GRE_VERSION) == 0 && span_skip(&key, options) && span_take_be32(&key, &number))
		dissect_tagged(frame, number);
	options += flags & GRE_KEY ? 4 : 0;
	options += flags & GRE_SEQUENCE ? 4 : 0;
	if ((flags & GRE_VERSION) == 1) {
		if (type != ETHERTYPE_PPP)
			return DISSECT_OTHER;
		/* Without a sequence number it only acknowledges. */
		if (!(flags & GRE_SEQUENCE))
			return DISSECT_OTHER;
		options += flags & GRE_ACKNOWLEDGEMENT ? 4 : 0;
	}
	return span_skip(&frame->rest, options) ? bridged_or(frame, type) : DISSECT_MALFORMED;
}

static enum dissect_result vxlan(struct dissect_state *frame)
{
	uint32_t number;
	uint8_t flags;

	if (!span_take_u8(&frame->rest, &flags) || !span_skip(&frame->rest, 3) ||
	    !span_take_be32(&frame->rest, &number))
		return DISSECT_MALFORMED;
	dissect_tagged(frame, number >> 8);
	return flags & VXLAN_HAS_NETWORK ? bridged_or(frame, ETHERTYPE_BRIDGED) : DISSECT_OTHER;
}

static enum dissect_result geneve(struct dissect_state *frame)
{
	uint8_t version_length;
	uint16_t type;
	uint32_t number;

	if (!span_take_u8(&frame->rest, &version_length) || !span_skip(&frame->rest, 1) ||
	    !span_take_be16(&frame->rest, &type) || !span_take_be32(&frame->rest, &number))
		return DISSECT_MALFORMED;
	dissect_tagged(frame, number >> 8);
	if (version_length >> 6 != 0)
		return DISSECT_OTHER;
	return span_skip(&frame->rest, (version_length & 0x3f) * 4u) ? bridged_or(frame, type) : DISSECT_MALFORMED;
}

static void name_protocol(const struct dissect_state *frame)
{
	for (size_t i = 0; i < sizeof(unknown_protocols) / sizeof(unknown_protocols[0]); i++)
		if (unknown_protocols[i].number == frame->protocol)
			dissect_wrapped(frame, unknown_protocols[i].wrapped);
}

/* An answer goes to any port of the other side. */
static void name_port(const struct dissect_state *frame, uint16_t source, uint16_t port)
{
	for (size_t i = 0; i < sizeof(unknown_ports) / sizeof(unknown_ports[0]); i++)
		if (unknown_ports[i].number == port || unknown_ports[i].number == source)
			dissect_wrapped(frame, unknown_ports[i].wrapped);
}

static enum dissect_result udp(struct dissect_state *frame, uint8_t wanted)
{
	uint16_t source, port;

	if (!span_take_be16(&frame->rest, &source) || !span_take_be16(&frame->rest, &port) ||
	    !span_skip(&frame->rest, 4))
		return DISSECT_MALFORMED;
	if ((port == PORT_VXLAN || port == PORT_VXLAN_LINUX) && wanted & DISSECT_VXLAN) {
		dissect_wrapped(frame, DISSECT_WRAPPED_VXLAN);
		return vxlan(frame);
	}
	if (port == PORT_GENEVE && wanted & DISSECT_GENEVE) {
		dissect_wrapped(frame, DISSECT_WRAPPED_GENEVE);
		return geneve(frame);
	}
	name_port(frame, source, port);
	return DISSECT_OTHER;
}

/* Where an answer of DNS may be. */
static void mark_answer(const struct dissect_state *frame)
{
	struct span rest = frame->rest;
	uint16_t source, length;

	if (!span_take_be16(&rest, &source) || source != DNS_PORT || !span_skip(&rest, 2) ||
	    !span_take_be16(&rest, &length) || !span_skip(&rest, 2) || length < 8)
		return;
	span_limit(&rest, length - 8u);
	*frame->record->answer = rest;
}

static enum dissect_result unwrap(struct dissect_state *frame, uint8_t wanted)
{
	switch (frame->protocol) {
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		if (!(wanted & DISSECT_IPIP))
			return DISSECT_OTHER;
		dissect_wrapped(frame, DISSECT_WRAPPED_IPIP);
		return dissect_ip(frame);
	case IPPROTO_GRE:
		if (!(wanted & DISSECT_GRE))
			return DISSECT_OTHER;
		dissect_wrapped(frame, DISSECT_WRAPPED_GRE);
		return gre(frame);
	case IPPROTO_UDP:
		return wanted & (DISSECT_VXLAN | DISSECT_GENEVE) ? udp(frame, wanted) : DISSECT_OTHER;
	default:
		name_protocol(frame);
		return DISSECT_OTHER;
	}
}

enum dissect_result dissect_tunnel(struct dissect_state *frame)
{
	uint8_t wanted = frame->record->decapsulate;
	struct dissect_state inside = *frame;
	enum dissect_result result;

	if (frame->record->answer != NULL && frame->protocol == IPPROTO_UDP && !frame->quoted)
		mark_answer(frame);
	if (frame->tunnels++ >= TUNNELS_MAX)
		return DISSECT_OTHER;
	result = wanted != 0 ? unwrap(frame, wanted) : DISSECT_OTHER;
	/* Wrappings that are kept are read as well, because they may carry TCP (dissect_record.tcp). */
	if (result == DISSECT_OTHER && frame->record->tcp != NULL && wanted != DISSECT_TUNNELS) {
		inside.tunnels++;
		(void)unwrap(&inside, (uint8_t)~wanted);
	}
	return result;
}
