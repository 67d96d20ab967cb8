/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_WIRE_H
#define CONNTRACE_TRACK_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/conn.h"
#include "model/event.h"

/** enum wire_side - which end of the connection a segment came from */
enum wire_side {
	WIRE_LOCAL,
	WIRE_REMOTE,
	WIRE_SIDES
};

/** wire_other() - the side opposite to @side */
static inline enum wire_side wire_other(enum wire_side side)
{
	return side == WIRE_LOCAL ? WIRE_REMOTE : WIRE_LOCAL;
}

/** Holes that are kept in the sequence space of one direction. */
#define WIRE_HOLES 2

/** Fingerprints of segments that are kept to recognize copies. */
#define WIRE_PRINTS 5

/**
 * struct wire_hole - bytes that were skipped and have not come since
 * @start: sequence number of the first
 * @end: sequence number after the last; equal to @start when there is no hole
 */
struct wire_hole {
	uint32_t start;
	uint32_t end;
};

/**
 * struct wire_half - what one side sent, as far as captured
 * @frame_bytes: bytes of its frames on the wire
 * @next: how far its sequence numbers went, counted from @base; 64 bits, so that it does not wrap around
 * @syn_acked_ns: when its SYN was first acknowledged, or answered with an error, -1 not seen
 * @base: its initial sequence number, or (without SYN) the lowest number seen
 * @acked: highest acknowledgement of it by the other side
 * @window: what it last advertised, scaled; with the scale not known, the most it can mean
 * @fin: sequence number of its FIN
 * @stray: end of the last segment outside the expected range; before there is a @base, the highest
 * 	   acknowledgement (and @acked the first one)
 * @frames: frames it sent
 * @fresh_us: with HALF_DATA: when it last sent new data, the low bits of the microseconds
 * @bits: enum wire_half_bit
 * @ip_id: identification of its last segment, 0 none
 * @tag: of the network that it sends in, 0 none
 * @syns: SYN segments without ACK; this and the next three saturate at UINT8_MAX
 * @synacks: SYN segments with ACK
 * @fins: segments with FIN
 * @rsts: segments with RST
 * @wscale: its window scale, with HALF_WSCALE
 */
struct wire_half {
	uint64_t frame_bytes;
	uint64_t next;
	int64_t syn_acked_ns;
	uint32_t base;
	uint32_t acked;
	uint32_t window;
	uint32_t fin;
	uint32_t stray;
	uint32_t frames;
	uint32_t fresh_us;
	uint16_t bits;
	uint16_t ip_id;
	uint16_t tag;
	uint8_t syns;
	uint8_t synacks;
	uint8_t fins;
	uint8_t rsts;
	uint8_t wscale;
};

/**
 * struct wire_rare - evidence that few connections have, allocated when the first of it comes
 * @holes: by enum wire_side, below its @next, in order
 * @retrans: by side, segments with payload that had been seen before, wholly or in part; see WIRE_RETRANS_UNSURE. A
 *	     frame may be several of them (segmentation offload), as the announced size shows
 * @late_us: longest time from new data to a retransmission by the same side, UINT32_MAX none
 * @copies: copies of segments, which count nowhere else; saturates
 * @origin: by side, when its segments were seen in several places: the first of these; else 0
 * @ooo: segments that filled a hole, both directions; this and the next two saturate at UINT16_MAX
 * @zerowin: advertisements of a zero window, both directions
 * @keepalives: keep-alive probes, both directions
 * @icmp_code: code of the ICMP error that quoted the SYN and ended the attempt, with WIRE_UNREACHABLE
 */
struct wire_rare {
	struct wire_hole holes[WIRE_SIDES][WIRE_HOLES];
	uint32_t retrans[WIRE_SIDES];
	uint32_t late_us;
	uint32_t copies;
	uint16_t origin[WIRE_SIDES];
	uint16_t ooo;
	uint16_t zerowin;
	uint16_t keepalives;
	uint8_t icmp_code;
};

/**
 * struct wire - the evidence of one connection on the wire
 *
 * A set of observations, each milestone with its time, in any order. Readers outside wire*.c use the functions below.
 *
 * @halves: by enum wire_side
 * @first_ns: time of the first segment, -1 none yet
 * @last_ns: time of the last one
 * @syn_ns: the opener's first SYN, -1 not seen
 * @gap_ns: longest silence between two segments, -1 before the second
 * @probe_ns: when the segment under measure was sent, with WIRE_PROBE
 * @probe_end: sequence number that acknowledges it
 * @srtt_ns: smoothed round trip of the local side, UINT32_MAX none
 * @minrtt_ns: smallest one, UINT32_MAX none
 * @mss: the smaller of the segment sizes that both sides announced, 0 not seen
 * @prints: fingerprints of the last segments
 * @places: the capture point and the sender of each
 * @print_times: the low bits of the time of each, in units of 2^16 ns
 * @bits: enum wire_bit
 * @print_at: where the next fingerprint goes
 * @ids_repeat: by side, a bit: different segments had the same identification, so it identifies nothing
 * @travels: segments were captured elsewhere than on a loopback interface
 * @rst_here: the RST that ended it was made by this host in the name of the remote side (a packet filter that rejects)
 * @first_us: microseconds from the opener's last new byte to the first byte of the other side; WIRE_FIRST_NONE before
 *	      that, WIRE_FIRST_UNKNOWN if the opener's was not seen, as where the other side speaks first
 * @xfer_us: with @first_us: from that byte to the last new one of that side before the opener sends more
 * @answer_is_over: the opener has sent more
 * @mptcp: a SYN or SYN/ACK had an option of MPTCP
 * @plain: one had none
 * @rare: never NULL, to be written through wire_rare() only
 */
struct wire {
	struct wire_half halves[WIRE_SIDES];
	int64_t first_ns;
	int64_t last_ns;
	int64_t syn_ns;
	int64_t gap_ns;
	int64_t probe_ns;
	uint32_t probe_end;
	uint32_t srtt_ns;
	uint32_t minrtt_ns;
	uint32_t prints[WIRE_PRINTS];
	uint16_t places[WIRE_PRINTS];
	uint16_t print_times[WIRE_PRINTS];
	uint16_t mss;
	uint16_t bits;
	uint8_t print_at;
	uint8_t ids_repeat;
	uint8_t travels : 1;
	uint8_t rst_here : 1;
	uint8_t answer_is_over : 1;
	uint8_t mptcp : 1;
	uint8_t plain : 1;
	uint32_t first_us;
	uint32_t xfer_us;
	const struct wire_rare *rare;
};

/** Values of wire.first_us that are no time. */
#define WIRE_FIRST_NONE UINT32_MAX
#define WIRE_FIRST_UNKNOWN (UINT32_MAX - 1)

/** wire_init() - nothing seen yet */
void wire_init(struct wire *wire);

/** wire_clear() - free what was allocated for it; nothing but wire_init() is allowed afterwards */
void wire_clear(struct wire *wire);

/**
 * wire_accepts() - whether a segment belongs to this connection
 * @wire: a connection of the same addresses and ports
 * @event: EVENT_SEGMENT
 * @side: who sent it
 *
 * Return: false when it begins another connection on the same addresses and ports: a SYN with another initial sequence
 * number, or, after the end, numbers that cannot be this one's.
 */
bool wire_accepts(const struct wire *wire, const struct event *event, enum wire_side side);

/** wire_has_tag() - whether this tag is that of the earlier segments of @side */
static inline bool wire_has_tag(const struct wire *wire, uint16_t tag, enum wire_side side)
{
	if (wire->halves[side].frames > 0)
		return wire->halves[side].tag == tag;
	/* Most connections have the same tag in both directions. */
	return wire->halves[wire_other(side)].frames == 0 || wire->halves[wire_other(side)].tag == tag;
}

/**
 * wire_fits() - how many numbers of a segment are near those of this connection
 * @wire: a connection of the same addresses and ports
 * @event: EVENT_SEGMENT
 * @side: who sent it
 *
 * Return: 0 to 2; 1 when there is nothing to compare them with.
 */
int wire_fits(const struct wire *wire, const struct event *event, enum wire_side side);

/**
 * wire_feed() - process a segment
 * @wire: the connection
 * @event: EVENT_SEGMENT
 * @side: who sent it
 *
 * Return: false when it is a copy of a counted one, captured at another point of its path.
 */
bool wire_feed(struct wire *wire, const struct event *event, enum wire_side side);

/**
 * wire_icmp() - process an ICMP error
 * @wire: the connection
 * @event: EVENT_ICMP
 * @side: who sent the segment that it quotes
 *
 * Return: true when it is the reason why the opener gets no connection.
 */
bool wire_icmp(struct wire *wire, const struct event *event, enum wire_side side);

/** wire_icmp_alone() - the same of a SYN of the local side that this host dropped before it could be captured */
void wire_icmp_alone(struct wire *wire, const struct event *event);

/**
 * wire_settle() - write the evidence into a connection
 * @wire: the evidence
 * @now_ns: current time, by the packets
 * @timeout_ns: how long an attempt may be silent before it counts as timed out
 * @conn: only fields known from packets are written; better sources are to be written afterwards
 *
 * conn.start_ns and end_ns are widened to hold all segments; conn.error is the errno that connect(2) on Linux would
 * have given, when the local side opened.
 */
void wire_settle(const struct wire *wire, int64_t now_ns, int64_t timeout_ns, struct conn *conn);

/**
 * wire_settle_blind() - after wire_settle(): later packets were not captured
 *
 * Counts up to then become unknown, and so does whether an attempt was answered. Events that were seen stay: the
 * handshake, its times, the first FIN.
 */
void wire_settle_blind(struct conn *conn);

/** wire_is_finished() - whether both sides have closed and acknowledged it, or it was reset or refused */
bool wire_is_finished(const struct wire *wire);

/** wire_may_go_on() - whether only a RST finished it, which later segments may show to be forged or ignored */
bool wire_may_go_on(const struct wire *wire);

/** wire_result() - result of the attempt by the packets alone, see wire_settle() for the times */
enum conn_result wire_result(const struct wire *wire, int64_t now_ns, int64_t timeout_ns);

/** wire_began_before() - whether there are packets, but none of a handshake */
bool wire_began_before(const struct wire *wire);

/** wire_was_answered() - whether both SYNs were seen, or an ACK without SYN and RST */
bool wire_was_answered(const struct wire *wire);

/** wire_is_lone_syn() - whether a SYN was seen, and wire_was_answered() is false */
bool wire_is_lone_syn(const struct wire *wire);

/** wire_both_spoke() - whether each side has sent an ACK without SYN and RST */
bool wire_both_spoke(const struct wire *wire);

/** wire_dir() - who opened, by the SYN; DIR_UNKNOWN when none was seen */
enum conn_dir wire_dir(const struct wire *wire);

/** wire_established_ns() - when the ACK that finished the handshake passed, -1 not seen */
int64_t wire_established_ns(const struct wire *wire);

/**
 * wire_answer_ns() - when the opener learned what became of its attempt, -1 not seen
 *
 * The first SYN/ACK or RST or ICMP error to its SYN, whichever counted.
 */
int64_t wire_answer_ns(const struct wire *wire);

/** wire_was_cut() - whether a RST ended it that was neither a refusal nor the answer to a FIN */
bool wire_was_cut(const struct wire *wire);

/** wire_was_reset_by() - whether a RST of this side ended it after its handshake */
bool wire_was_reset_by(const struct wire *wire, enum wire_side side);

/** wire_was_reset_here() - whether a packet filter of this host ended it by a RST in the name of the remote side */
bool wire_was_reset_here(const struct wire *wire);

/** wire_had_fragments() - whether segments of it came in IP fragments */
bool wire_had_fragments(const struct wire *wire);

/**
 * wire_late_ns() - delay of the latest retransmission
 *
 * The time since its side had sent new data, in microseconds: the original is at least as old. -1 without
 * retransmissions.
 */
int64_t wire_late_ns(const struct wire *wire);

/** wire_has_times() - whether each packet had a time; if not, all times of the connection are unknown */
bool wire_has_times(const struct wire *wire);

/** wire_is_established() - whether the handshake was seen to finish */
bool wire_is_established(const struct wire *wire);

/** wire_syn_ns() - when the opener's first SYN passed, -1 not seen */
int64_t wire_syn_ns(const struct wire *wire);

/** wire_last_ns() - when the last segment passed, -1 before the first */
int64_t wire_last_ns(const struct wire *wire);

/** wire_frames() - counted frames, both directions */
static inline uint64_t wire_frames(const struct wire *wire)
{
	return (uint64_t)wire->halves[WIRE_LOCAL].frames + wire->halves[WIRE_REMOTE].frames;
}

/**
 * wire_is_under_way() - whether a side has sent data, or an ACK without SYN
 *
 * Such a flow is no attempt, although its handshake was not seen to finish: its silence means nothing.
 */
bool wire_is_under_way(const struct wire *wire);

/**
 * wire_goes_on() - whether a segment that wire_accepts() shows that an ended connection goes on
 * @wire: a connection that seemed to have ended
 * @event: EVENT_SEGMENT
 * @side: who sent it
 *
 * Return: false also when it may be late: a retransmission, or a segment sent before the sender received the end.
 */
bool wire_goes_on(const struct wire *wire, const struct event *event, enum wire_side side);

/** wire_is_empty() - whether no segment was seen */
static inline bool wire_is_empty(const struct wire *wire)
{
	return wire->first_ns < 0;
}

#endif
