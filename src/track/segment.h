/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_SEGMENT_H
#define CONNTRACE_TRACK_SEGMENT_H

#include "track/tcp_states.h"
#include "track/wire.h"

/** enum segment_judged - classification of a segment by what was seen of its connection before */
enum segment_judged {
	/** a copy, seen on another interface, of one that was reported already; no other bit is set then */
	SEGMENT_COPY = 0x001,
	/** all of it was seen before: its payload, or its SYN, or its FIN */
	SEGMENT_RESENT = 0x002,
	/** part of its payload was seen before */
	SEGMENT_RESENT_PART = 0x004,
	/** none of its payload was seen before, though later bytes had been */
	SEGMENT_OUT_OF_ORDER = 0x008,
	/** one byte, or none, just before the next byte (RFC 9293, 3.8.4), while the other side's window is open */
	SEGMENT_KEEPALIVE = 0x010,
	/** it advertises a window of zero */
	SEGMENT_ZERO_WINDOW = 0x020,
	/** its numbers are outside the expected ranges */
	SEGMENT_STRAY = 0x040,
	/** a piece of a fragmented segment, or the first one of them */
	SEGMENT_FRAGMENT = 0x080,
	/** TCP options are truncated or malformed: none are known */
	SEGMENT_CUT = 0x100,
	/** a later one showed that this one was lost, or came late: it was retransmitted */
	SEGMENT_SENT_AGAIN = 0x200,
	/** both ends are traced on this host, and the packet was reported for the other one's connection already */
	SEGMENT_REPORTED = 0x400,
	/** an EVENT_FRAME came with it: filters and options are valid */
	SEGMENT_FRAME = 0x800,
	/** window is not scaled, because the handshake was not seen */
	SEGMENT_UNSCALED = 0x1000,
	/** with SEGMENT_RESENT: all of its payload had been acknowledged, so the retransmission was unnecessary */
	SEGMENT_SPURIOUS = 0x2000,
	/** with SEGMENT_RESENT, _PART: it is unknown how much of it had been seen, holes were forgotten */
	SEGMENT_FORGOTTEN = 0x4000,
	/** a probe of a window of zero (RFC 9293, 3.8.6.1): the next byte, or as SEGMENT_KEEPALIVE */
	SEGMENT_WINDOW_PROBE = 0x8000,
};

/** A number of a segment whose origin is unknown. */
#define SEGMENT_UNKNOWN INT64_C(-1)

/**
 * struct segment - a segment and its classification
 * @time_ns: when it passed
 * @rtt_ns: the round trip that it ends, as the local side measures it, SEGMENT_UNKNOWN none
 * @other_rtt_ns: that as the remote side measures it, of a handshake only
 * @before_ns: with SEGMENT_RESENT and SEGMENT_RESENT_PART: when it was sent before, SEGMENT_UNKNOWN
 * @seq: first sequence number, counted from the sender's initial one (or the lowest seen), SEGMENT_UNKNOWN
 * @ack: acknowledgement, counted from the other side's initial one, SEGMENT_UNKNOWN
 * @ack_offset: origin of @ack: is added to sequence numbers of the receiver's bytes in options
 * @payload: bytes of payload
 * @resent: how many of them had been seen before
 * @frame: bytes of the frame on the wire
 * @window: as advertised, scaled unless SEGMENT_UNSCALED
 * @filters: which filters of the run match, with SEGMENT_FRAME
 * @flags: enum segment_flag
 * @judged: enum segment_judged
 * @side: enum wire_side: who sent it
 * @before: states of both ends before it
 * @after: and after it
 * @options: TCP options as on the wire, padded with zeros
 */
struct segment {
	int64_t time_ns;
	int64_t rtt_ns;
	int64_t other_rtt_ns;
	int64_t before_ns;
	int64_t seq;
	int64_t ack;
	uint32_t ack_offset;
	uint32_t payload;
	uint32_t resent;
	uint32_t frame;
	uint32_t window;
	uint32_t filters;
	uint16_t flags;
	uint16_t judged;
	uint8_t side;
	struct tcp_states before;
	struct tcp_states after;
	uint8_t options[EVENT_OPTIONS];
};

/**
 * segment_feed() - wire_feed() that also classifies the segment
 * @segment: filled
 * @wire: the connection, which the segment is fed to
 * @states: of its ends, kept up to date
 * @event: EVENT_SEGMENT
 * @frame: the EVENT_FRAME that came just before it, or NULL
 * @side: who sent it
 */
void segment_feed(struct segment *segment, struct wire *wire, struct tcp_states *states, const struct event *event,
		  const struct event_frame *frame, enum wire_side side);

/** segment_flip() - the same segment seen from the other end */
void segment_flip(struct segment *segment);

#endif
