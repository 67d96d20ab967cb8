/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_DISSECT_H
#define CONNTRACE_SOURCE_PACKET_DISSECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "model/event.h"
#include "model/frame_owner.h"

/** enum dissect_result - kind of a frame */
enum dissect_result {
	/** a TCP segment, or an ICMP error quoting one: the event is filled */
	DISSECT_EVENT,
	/** something else, as far as can be determined */
	DISSECT_OTHER,
	/**
	 * a fragment of an IP datagram that carries TCP, described in dissect_record.fragment; when that is NULL only
	 * later ones, and the first one is an event
	 */
	DISSECT_FRAGMENT,
	/** cut before the end of the fixed TCP header, or with impossible lengths or versions */
	DISSECT_MALFORMED,
	DISSECT_RESULT_NUM
};

/** enum dissect_tunnel - wrappings that are removed on request, to read the segment inside */
enum dissect_tunnel {
	/** IP directly in IP, each version in each (RFC 2003, RFC 2473, RFC 4213) */
	DISSECT_IPIP = 0x01,
	/** GRE, also that of PPTP (RFC 2784, RFC 2890, RFC 2637) */
	DISSECT_GRE = 0x02,
	/** VXLAN on its port (RFC 7348), and on Linux's former one */
	DISSECT_VXLAN = 0x04,
	/** Geneve on its port (RFC 8926) */
	DISSECT_GENEVE = 0x08,
	DISSECT_TUNNELS = 0x0f,
};

/** enum dissect_wrapped - wrappings that were removed, or that are not decoded */
enum dissect_wrapped {
	DISSECT_WRAPPED_IPIP = DISSECT_IPIP,
	DISSECT_WRAPPED_GRE = DISSECT_GRE,
	DISSECT_WRAPPED_VXLAN = DISSECT_VXLAN,
	DISSECT_WRAPPED_GENEVE = DISSECT_GENEVE,
	DISSECT_WRAPPED_VLAN = 0x10,
	/** more than one VLAN tag */
	DISSECT_WRAPPED_QINQ = 0x20,
	DISSECT_WRAPPED_MPLS = 0x40,
	DISSECT_WRAPPED_PPPOE = 0x80,
	/** user data of mobile networks (3GPP TS 29.281) */
	DISSECT_WRAPPED_GTP = 0x100,
	/** over UDP (RFC 2661) or IP (RFC 3931) */
	DISSECT_WRAPPED_L2TP = 0x200,
	/** encrypted, over IP (RFC 4303) or UDP (RFC 3948) */
	DISSECT_WRAPPED_ESP = 0x400,
	/** encrypted */
	DISSECT_WRAPPED_WIREGUARD = 0x800,
	/** RFC 4380 */
	DISSECT_WRAPPED_TEREDO = 0x1000,
	/** RFC 3378 */
	DISSECT_WRAPPED_ETHERIP = 0x2000,
	/** VXLAN-GPE (RFC 9638, 4) */
	DISSECT_WRAPPED_VXLAN_GPE = 0x4000,
	/** over UDP (RFC 7510) or IP (RFC 4023) */
	DISSECT_WRAPPED_MPLS_IP = 0x8000,
};

/**
 * struct dissect_fragment - a piece of an IP datagram that carries TCP
 * @local: the sender
 * @remote: the receiver
 * @data: the captured bytes of the piece; borrowed from the frame
 * @time_ns: when the frame passed
 * @id: identification: 16 bits of IPv4, 32 of IPv6
 * @offset: position of the piece in the datagram
 * @length: its bytes by the IP header
 * @frame: length of the frame on the wire
 * @interface: as in struct event_segment
 * @tag: as in struct event_segment
 * @has: as in struct event_segment
 * @ttl: as in struct event_segment
 * @version: 4 or 6
 * @more: it is not the last piece
 */
struct dissect_fragment {
	struct endpoint local;
	struct endpoint remote;
	struct span data;
	int64_t time_ns;
	uint32_t id;
	uint32_t offset;
	uint32_t length;
	uint32_t frame;
	uint16_t interface;
	uint16_t tag;
	uint16_t has;
	uint8_t ttl;
	uint8_t version;
	bool more;
};

/**
 * struct dissect_record - a frame as the capture recorded it
 * @data: the bytes captured
 * @caplen: their number
 * @length: length of the frame on the wire
 * @time_ns: nanoseconds since the epoch, CLOCK_UNKNOWN: not recorded
 * @fragment: filled on DISSECT_FRAGMENT; NULL: pieces are not kept together
 * @options: EVENT_OPTIONS bytes, zeros: gets the TCP options unchanged, unless they were cut; or NULL
 * @payload: set to the captured payload of a segment, borrowed from the frame; NULL: not wanted
 * @answer: set to the captured payload of UDP from the port of DNS, as @payload; NULL: not wanted
 * @tcp: set when the frame carries TCP, whatever the result: a segment, a piece of one, one that is cut, one in a
 *	 tunnel that is not removed; else unchanged; or NULL
 * @wrappings: gets enum dissect_wrapped bits; NULL: not wanted
 * @link_type: DLT_* of its interface
 * @interface: number of the capture interface within the run
 * @decapsulate: enum dissect_tunnel, those to remove
 * @interface_name: of its interface, borrowed; NULL unknown
 * @owner: the process that the savefile tells; all 0: none
 */
struct dissect_record {
	const uint8_t *data;
	uint32_t caplen;
	uint32_t length;
	int64_t time_ns;
	struct dissect_fragment *fragment;
	uint8_t *options;
	struct span *payload;
	struct span *answer;
	bool *tcp;
	uint16_t *wrappings;
	int link_type;
	uint16_t interface;
	uint8_t decapsulate;
	const char *interface_name;
	struct frame_owner owner;
};

/** The supported link types, for messages about one that dissect_knows() not. */
#define DISSECT_LINKS \
	"Ethernet, Wi-Fi, Linux cooked, raw IP, loopback, PPP, HDLC, Frame Relay, MPLS, NFLOG and a few more are"

/** dissect_knows() - whether frames of this link type (DLT_* of pcap-linktype(7)) can be read */
bool dissect_knows(int link_type);

/**
 * dissect_frame() - read one frame into one event
 * @link_type: DLT_* as libpcap gives it
 * @record: the frame
 * @event: filled on DISSECT_EVENT, as far as event_size() of its type goes; else undefined
 *
 * Pure: no state, no I/O, and any bytes are valid input. On LINUX_SLL2, where each frame names its own interface,
 * segment.interface is DISSECT_INTERFACE_SLL2 plus the low bits of that index, so that copies on two of them can be
 * distinguished.
 */
enum dissect_result dissect_frame(int link_type, const struct dissect_record *record, struct event *event);

/**
 * dissect_tcp() - read the TCP segment whose pieces were put together
 * @fragment: ends, place and time; @length and @data are the datagram's, from its beginning
 * @event: as for dissect_frame(); segment.payload counts the bytes within @length
 */
enum dissect_result dissect_tcp(const struct dissect_fragment *fragment, struct event *event);

/** Added to interface indices that came from the frame itself, so that they never collide with those of the run. */
#define DISSECT_INTERFACE_SLL2 0x8000

#endif
