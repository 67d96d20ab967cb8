/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_WIRE_BITS_H
#define CONNTRACE_TRACK_WIRE_BITS_H

#include "track/wire.h"

/* Shared by the files wire*.c and internal to them. */

/** enum wire_half_bit - what was seen of one side */
enum wire_half_bit {
	/** base and next are valid */
	HALF_BASE = 0x0001,
	/** its SYN was seen, so base is the initial sequence number */
	HALF_SYN = 0x0002,
	/** its SYN was acknowledged by a segment that made sense */
	HALF_SYN_ACKED = 0x0004,
	/** acked is valid */
	HALF_ACKED = 0x0008,
	HALF_FIN = 0x0010,
	/** it sent payload */
	HALF_DATA = 0x0020,
	/** it sent an ACK without SYN and RST */
	HALF_ACK_SENT = 0x0040,
	/** window is valid */
	HALF_WINDOW = 0x0080,
	/** stray is valid */
	HALF_STRAY = 0x0100,
	/** its sequence numbers jumped and went on from there: the length of the gap is unknown */
	HALF_JUMPED = 0x0200,
	/** a hole was dropped for lack of room */
	HALF_HOLE_DROPPED = 0x0400,
	/** its SYN came without a window scale option, or with one */
	HALF_OPTIONS = 0x0800,
	HALF_WSCALE = 0x1000,
	/** its SYN acknowledged time was noted before its SYN was seen */
	HALF_SYN_ACKED_EARLY = 0x2000,
	/** it sent the next byte into a window of zero; an acknowledgement shows whether the byte was accepted */
	HALF_PROBED = 0x4000,
	/** next was taken from an empty segment; a FIN that was not seen may precede it */
	HALF_BEYOND = 0x8000,
};

/** enum wire_bit - what was seen of the connection */
enum wire_bit {
	/** the opener is known; with the second bit it is the remote side */
	WIRE_OPENER_KNOWN = 0x0001,
	WIRE_OPENER_REMOTE = 0x0002,
	WIRE_ESTABLISHED = 0x0004,
	/** RST to the SYN, by the side that was to accept */
	WIRE_REFUSED = 0x0008,
	/** RST before the handshake finished, after the SYN/ACK or by the opener */
	WIRE_ABORTED = 0x0010,
	/** a RST ended it; with the second bit it was the remote side's */
	WIRE_RST = 0x0020,
	WIRE_RST_REMOTE = 0x0040,
	/** the remote side's FIN came first */
	WIRE_FIN_REMOTE_FIRST = 0x0080,
	/** the round trip of a segment of the local side is being measured */
	WIRE_PROBE = 0x0100,
	/** segments came in IP fragments */
	WIRE_FRAGMENTS = 0x0200,
	/** an ICMP error, or with the second bit an ICMPv6 one, reported that the opener's SYN did not arrive */
	WIRE_UNREACHABLE = 0x0400,
	WIRE_UNREACHABLE_V6 = 0x0800,
	/** some of its packets had no time: all its times only give an order */
	WIRE_TIMELESS = 0x1000,
	/** with WIRE_RST: the RST was in the window and not at its edge; stray is its number */
	WIRE_RST_UNSURE = 0x2000,
	/** with WIRE_UNREACHABLE: the error was another one of these */
	WIRE_TIME_EXCEEDED = 0x4000,
	WIRE_PARAMETER_PROBLEM = 0x8000,
};

/** All bits about a RST. */
#define WIRE_RST_BITS (WIRE_RST | WIRE_RST_REMOTE | WIRE_RST_UNSURE)

/** All bits about an ICMP error that ended an attempt. */
#define WIRE_UNREACHABLE_BITS (WIRE_UNREACHABLE | WIRE_UNREACHABLE_V6 | WIRE_TIME_EXCEEDED | WIRE_PARAMETER_PROBLEM)

/** In the count of retransmissions: some may have filled a hole that was forgotten, or be several in one frame. */
#define WIRE_RETRANS_UNSURE (UINT32_C(1) << 31)

/** How far below the first number seen a SYN recorded late may lie, or data in a capture that began in the middle. */
#define WIRE_LOWER_MAX (1 << 20)

/** A larger jump cannot be distinguished from one that wrapped around. */
#define WIRE_JUMP_MAX (1 << 28)

/** Value of wire.srtt_ns and wire.minrtt_ns without a sample. */
#define WIRE_RTT_UNKNOWN UINT32_MAX

/** A window without scale (RFC 9293). */
#define WIRE_WINDOW_UNSCALED 65535u

/** How far numbers may run ahead while the receiver's window is not known. */
#define WIRE_WINDOW_UNHEARD (1u << 24)

/** wire_rare() - its rare evidence, for writing */
struct wire_rare *wire_rare(struct wire *wire);

/** wire_rare_copy() - @wire is a copy by memory: give it rare evidence of its own */
void wire_rare_copy(struct wire *wire);

/** wire_rare_flip() - swap the sides in the rare evidence, but for origin: see wire_copy_flip() */
void wire_rare_flip(struct wire *wire);

/** wire_window() - how far the receiver of @side allows numbers to run ahead */
static inline int64_t wire_window(const struct wire *wire, enum wire_side side)
{
	const struct wire_half *receiver = &wire->halves[wire_other(side)];

	if (!(receiver->bits & HALF_WINDOW))
		return WIRE_WINDOW_UNHEARD;
	return receiver->window > WIRE_WINDOW_UNSCALED ? receiver->window : WIRE_WINDOW_UNSCALED;
}

/**
 * wire_is_probe() - whether a segment probes a closed window (RFC 9293, 3.8.6.1): the next byte, usually dropped
 * @start: offset of its first byte in the numbers of @side
 */
bool wire_is_probe(const struct wire *wire, const struct event_segment *segment, enum wire_side side, int64_t start);

/** wire_rst_feed() - process a RST of @side */
void wire_rst_feed(struct wire *wire, const struct event *event, enum wire_side side);

/**
 * wire_rst_after() - decide by a segment of @side after a RST whether the RST ended the connection
 * @wire: after the segment
 * @side: who sent it
 * @acked: up to where @side had acknowledged before the segment
 * @next: how far its own numbers had gone
 */
void wire_rst_after(struct wire *wire, enum wire_side side, uint32_t acked, uint64_t next);

/** wire_offset() - a sequence number of @half as a distance from its base, near the highest seen */
static inline int64_t wire_offset(const struct wire_half *half, uint32_t seq)
{
	return (int64_t)half->next + (int32_t)(seq - (half->base + (uint32_t)half->next));
}

/** wire_opener() - the side that opened; with WIRE_OPENER_KNOWN */
static inline enum wire_side wire_opener(const struct wire *wire)
{
	return wire->bits & WIRE_OPENER_REMOTE ? WIRE_REMOTE : WIRE_LOCAL;
}

/** wire_is_copy() - whether it is a copy of a counted segment; remembers it if not */
bool wire_is_copy(struct wire *wire, const struct event *event, enum wire_side side);

/** wire_copy_flip() - swap the sides in the data of wire_is_copy() */
void wire_copy_flip(struct wire *wire);

/** enum wire_range - classification of a range of bytes by the bytes seen before */
enum wire_range {
	/** none of it had been seen, and it follows the bytes seen */
	RANGE_NEW,
	/** all or some of it had been seen */
	RANGE_AGAIN,
	/** none of it had been seen, though later bytes had */
	RANGE_FILLS,
};

/** wire_half_base() - let @side begin at @seq and drop its former position */
void wire_half_base(struct wire *wire, enum wire_side side, uint32_t seq);

/** wire_half_lower() - numbers below the base turned up: let @side begin at @seq, with a hole up to @end */
void wire_half_lower(struct wire *wire, enum wire_side side, uint32_t seq, uint32_t end);

/**
 * wire_half_range() - the bytes of @side from @start to @end (offsets, none when equal) were seen
 *
 * Raises half->next and keeps the holes.
 */
enum wire_range wire_half_range(struct wire *wire, enum wire_side side, int64_t start, int64_t end);

/** wire_half_unseen() - how many of the bytes of @side from @start to @end had not been seen */
uint32_t wire_half_unseen(const struct wire *wire, enum wire_side side, int64_t start, int64_t end);

/**
 * wire_segments() - number of segments in a captured frame, @bytes of whose payload had been seen
 *
 * Return: 0 when that is not known, because no SYN announced their size.
 */
uint32_t wire_segments(const struct wire *wire, const struct event_segment *segment, int64_t bytes);

/** wire_half_bytes() - payload of one side, each byte once, or CONN_UNKNOWN */
int64_t wire_half_bytes(const struct wire *wire, enum wire_side side);

/**
 * wire_half_least() - payload of one side that was certainly received, or CONN_UNKNOWN
 *
 * It is @exact, the result of wire_half_bytes(), if that is known. Else it is what the other side acknowledged of the
 * captured segments, without two sequence numbers that may be those of the SYN and the FIN. Without a captured SYN
 * it is that since the last missing segment.
 */
int64_t wire_half_least(const struct wire *wire, enum wire_side side, int64_t exact);

#endif
