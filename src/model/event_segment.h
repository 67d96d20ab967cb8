/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_EVENT_SEGMENT_H
#define CONNTRACE_MODEL_EVENT_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

/** TCP header flags as on the wire (RFC 9293, 3.1; AE is RFC 9768's) */
enum segment_flag {
	SEGMENT_FIN = 0x001,
	SEGMENT_SYN = 0x002,
	SEGMENT_RST = 0x004,
	SEGMENT_PSH = 0x008,
	SEGMENT_ACK = 0x010,
	SEGMENT_URG = 0x020,
	SEGMENT_ECE = 0x040,
	SEGMENT_CWR = 0x080,
	SEGMENT_AE = 0x100,
};

/** enum segment_has - optional parts of a segment that are present */
enum segment_has {
	SEGMENT_HAS_MSS = 0x01,
	SEGMENT_HAS_WSCALE = 0x02,
	SEGMENT_HAS_SACK_OK = 0x04,
	SEGMENT_HAS_TIMESTAMP = 0x08,
	/** the segment came in IP fragments */
	SEGMENT_HAS_FRAGMENT = 0x10,
	/** the TCP header was cut or malformed behind the fixed part: no options known */
	SEGMENT_HAS_CUT = 0x20,
	/** the sender is this host, by the capture (SLL packet type) or, live, by its addresses */
	SEGMENT_HAS_OUTGOING = 0x40,
	/** the receiver is this host; both bits are set on the loopback interface */
	SEGMENT_HAS_INCOMING = 0x80,
	/** a later fragment: a frame and a part of the payload of a segment whose header is in another event */
	SEGMENT_HAS_LATER_FRAGMENT = 0x100,
	/** captured on a loopback interface: this host sent it, with any source address */
	SEGMENT_HAS_LOOPBACK = 0x200,
	/** an option of Multipath TCP (RFC 8684) */
	SEGMENT_HAS_MPTCP = 0x400,
};

/**
 * struct event_segment - one TCP segment
 * @seq: sequence number as on the wire
 * @ack: acknowledgement number, valid with SEGMENT_ACK
 * @payload: bytes of payload by the IP header, not limited by snaplen
 * @frame: length of the frame on the wire, from the record header
 * @tsval: timestamp option (RFC 7323), with SEGMENT_HAS_TIMESTAMP
 * @tsecr: its echo
 * @window: as in the header, not scaled
 * @mss: with SEGMENT_HAS_MSS
 * @ip_id: IPv4 identification, 0 for IPv6; tells copies of one packet
 * @checksum: TCP checksum as found (offload may leave it unfinished), of a later fragment plus its offset in units of
 *	      8 bytes; tells copies of one packet
 * @tag: what the VLAN tags and the numbers of virtual networks around it amount to, 0 without any
 * @flags: enum segment_flag
 * @interface: number of the capture interface within the run
 * @has: enum segment_has
 * @wscale: window scale shift, with SEGMENT_HAS_WSCALE
 * @ttl: IPv4 time to live, or IPv6 hop limit
 */
struct event_segment {
	uint32_t seq;
	uint32_t ack;
	uint32_t payload;
	uint32_t frame;
	uint32_t tsval;
	uint32_t tsecr;
	uint16_t window;
	uint16_t mss;
	uint16_t ip_id;
	uint16_t checksum;
	uint16_t tag;
	uint16_t flags;
	uint16_t interface;
	uint16_t has;
	uint8_t wscale;
	uint8_t ttl;
};

/**
 * event_segment_refuses() - whether it is a RST that can only answer a segment without ACK, which is a SYN
 *
 * RFC 9293, 3.10.7.1: such a RST has the number 0 and acknowledges; the answer to an ACK has the number of the ACK.
 */
static inline bool event_segment_refuses(const struct event_segment *segment)
{
	return segment->seq == 0 &&
	       (segment->flags & (SEGMENT_SYN | SEGMENT_RST | SEGMENT_ACK)) == (SEGMENT_RST | SEGMENT_ACK);
}

#endif
