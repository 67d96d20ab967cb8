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

/** wire_other() - the side that @side talks to */
static inline enum wire_side wire_other(enum wire_side side)
{
	return side == WIRE_LOCAL ? WIRE_REMOTE : WIRE_LOCAL;
}

/** Holes in the sequence space of one direction that are kept apart. */
#define WIRE_HOLES 2

/** Segments remembered to tell a copy of one. */
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
 * struct wire_half - what one side sent, as far as it was seen
 * @frame_bytes: bytes of its frames on the wire
 * @next: how far its sequence numbers went, counted from @base; 64 bits, so that
 *        wrapping around does not matter
 * @syn_acked_ns: when its SYN was first acknowledged, or answered with an error, -1 not seen
 * @base: its initial sequence number, or (without SYN) the lowest number seen
 * @acked: highest acknowledgement of it by the other side
 * @window: what it last advertised, scaled; with the scale not known, the most it can mean
 * @fin: sequence number of its FIN
 * @stray: where the last segment ended that lay outside all expectation; before there is a @base, the highest
 *	   acknowledgement (and @acked the first one)
 * @frames: frames it sent
 * @retrans: segments with payload that had been seen before, wholly or in part; see WIRE_RETRANS_UNSURE. A frame may
 *	     be several of them (segmentation offload), which the announced size tells
 * @holes: below @next, in order
 * @bits: enum wire_half_bit
 * @syns: SYN segments without ACK; UINT8_MAX is too many to know
 * @synacks: SYN segments with ACK; likewise
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
	uint32_t retrans;
	struct wire_hole holes[WIRE_HOLES];
	uint16_t bits;
	uint8_t syns;
	uint8_t synacks;
};

/**
 * struct wire - the evidence of one connection on the wire
 *
 * A set of what was seen, each milestone with its time; no order is required.
 * Readers outside wire*.c use the functions below.
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
 * @fresh_us: by side, with HALF_DATA: when it last sent something new, the low bits of the microseconds
 * @late_us: longest time from something new to something resent by the same side, UINT32_MAX none
 * @ooo: segments that filled a hole, both ways; this and the next two saturate at UINT16_MAX
 * @zerowin: advertisements of a zero window, both ways
 * @keepalives: keep-alive probes, both ways
 * @mss: the smaller of the segment sizes that both sides announced, 0 not seen
 * @fins: segments with FIN, by side; these saturate at UINT8_MAX
 * @rsts: segments with RST, by side
 * @copies: of segments, that count in nothing else; saturates
 * @prints: fingerprints of the last segments
 * @places: where these were seen, and who sent them
 * @print_times: when: the low bits of their time, in units of 2^16 ns
 * @origin: by side, when its segments were seen in several places: the first of these; else 0
 * @ip_ids: by side, identification of its last segment, 0 none
 * @tags: by side, of the network that it sends in, 0 none
 * @bits: enum wire_bit
 * @print_at: where the next fingerprint goes
 * @wscale: each side's window scale, with HALF_WSCALE
 * @ids_repeat: by side, a bit: different segments had the same identification, so it tells nothing
 * @travels: segments were captured elsewhere than on a loopback interface
 * @rst_here: the RST that ended it was made by this host in the name of the remote side (a packet filter that rejects)
 * @icmp_code: code of the ICMP error that quoted the SYN and ended the attempt, with WIRE_UNREACHABLE
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
	uint32_t fresh_us[WIRE_SIDES];
	uint32_t late_us;
	uint32_t copies;
	uint32_t prints[WIRE_PRINTS];
	uint16_t places[WIRE_PRINTS];
	uint16_t print_times[WIRE_PRINTS];
	uint16_t origin[WIRE_SIDES];
	uint16_t ip_ids[WIRE_SIDES];
	uint16_t tags[WIRE_SIDES];
	uint16_t ooo;
	uint16_t zerowin;
	uint16_t keepalives;
	uint16_t mss;
	uint16_t bits;
	uint8_t fins[WIRE_SIDES];
	uint8_t rsts[WIRE_SIDES];
	uint8_t print_at;
	uint8_t ids_repeat;
	uint8_t travels : 1;
	uint8_t rst_here : 1;
	uint8_t wscale[WIRE_SIDES];
	uint8_t icmp_code;
};

/** wire_init() - nothing seen yet */
void wire_init(struct wire *wire);

/**
 * wire_accepts() - does a segment belong to this connection?
 * @wire: a connection of the same addresses and ports
 * @event: EVENT_SEGMENT
 * @side: who sent it
 *
 * Return: false when it begins another connection on the same addresses and
 * ports: a SYN with another initial sequence number, or, after the end, numbers
 * that cannot be this one's.
 */
bool wire_accepts(const struct wire *wire, const struct event *event, enum wire_side side);

/** wire_has_tag() - does a segment with this tag come from the same network as those of @side before? */
static inline bool wire_has_tag(const struct wire *wire, uint16_t tag, enum wire_side side)
{
	if (wire->halves[side].frames > 0)
		return wire->tags[side] == tag;
	/* Most connections have the same both ways. */
	return wire->halves[wire_other(side)].frames == 0 || wire->tags[wire_other(side)] == tag;
}

/**
 * wire_fits() - are the numbers of a segment near those of this connection?
 * @wire: a connection of the same addresses and ports
 * @event: EVENT_SEGMENT
 * @side: who sent it
 *
 * Return: true also when there is nothing to compare them with.
 */
bool wire_fits(const struct wire *wire, const struct event *event, enum wire_side side);

/**
 * wire_feed() - take a segment into account
 * @wire: the connection
 * @event: EVENT_SEGMENT
 * @side: who sent it
 *
 * Return: false when it is a copy of one already counted, seen once more on its way.
 */
bool wire_feed(struct wire *wire, const struct event *event, enum wire_side side);

/**
 * wire_icmp() - take an ICMP error into account
 * @wire: the connection
 * @event: EVENT_ICMP
 * @side: who sent the segment that it quotes
 *
 * Return: true when it is the reason why the opener gets no connection.
 */
bool wire_icmp(struct wire *wire, const struct event *event, enum wire_side side);

/**
 * wire_settle() - write what the wire knows into a connection
 * @wire: the evidence
 * @now_ns: how far time has come, by the packets
 * @timeout_ns: how long an attempt may be silent before it counts as timed out
 * @conn: only fields the wire knows are written; what others know better is to be written afterwards
 *
 * conn.start_ns and end_ns are widened to hold all segments; conn.error is
 * what connect(2) on Linux would have said, when the local side opened.
 */
void wire_settle(const struct wire *wire, int64_t now_ns, int64_t timeout_ns, struct conn *conn);

/**
 * wire_settle_blind() - after wire_settle(): packets that came later were not seen
 *
 * What was only counted up to then is unknown, and so is whether an attempt was answered. What happened has happened:
 * the handshake, its times, the first FIN.
 */
void wire_settle_blind(struct conn *conn);

/** wire_is_finished() - have both sides closed and acknowledged it, or was it reset or refused? */
bool wire_is_finished(const struct wire *wire);

/** wire_may_go_on() - is it finished by a RST alone that may have been forged, or ignored? What follows will tell */
bool wire_may_go_on(const struct wire *wire);

/** wire_result() - how the attempt came out by the wire alone, see wire_settle() for the times */
enum conn_result wire_result(const struct wire *wire, int64_t now_ns, int64_t timeout_ns);

/** wire_began_before() - are there packets, and none of a handshake? */
bool wire_began_before(const struct wire *wire);

/** wire_both_spoke() - has each side sent an ACK, neither SYN nor RST? */
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

/** wire_was_cut() - did a RST end it that was neither a refusal nor the answer to one side's FIN? */
bool wire_was_cut(const struct wire *wire);

/** wire_was_reset_here() - did this host end it by a RST in the name of the remote side, as a packet filter does? */
bool wire_was_reset_here(const struct wire *wire);

/** wire_had_fragments() - did segments of it come in IP fragments? */
bool wire_had_fragments(const struct wire *wire);

/**
 * wire_late_ns() - how late the latest of the resent segments was
 *
 * The time since its side had sent something new, to the microsecond: the
 * original is at least as old. -1 when none was resent.
 */
int64_t wire_late_ns(const struct wire *wire);

/** wire_has_times() - had each packet a time? If not, all times of it are unknown */
bool wire_has_times(const struct wire *wire);

/** wire_is_established() - was the handshake seen to finish? */
bool wire_is_established(const struct wire *wire);

/** wire_syn_ns() - when the opener's first SYN passed, -1 not seen */
int64_t wire_syn_ns(const struct wire *wire);

/** wire_last_ns() - when the last segment passed, -1 before the first */
int64_t wire_last_ns(const struct wire *wire);

/** wire_frames() - how many frames were counted, both ways */
static inline uint64_t wire_frames(const struct wire *wire)
{
	return (uint64_t)wire->halves[WIRE_LOCAL].frames + wire->halves[WIRE_REMOTE].frames;
}

/**
 * wire_is_under_way() - has anybody spoken as one does on a connection: data, or an ACK without SYN?
 *
 * Such a flow is no attempt, although its handshake was not seen to finish:
 * its silence means nothing.
 */
bool wire_is_under_way(const struct wire *wire);

/**
 * wire_goes_on() - does a segment that wire_accepts() show that it was not over, though it seemed to be?
 * @wire: a connection that was taken for ended
 * @event: EVENT_SEGMENT
 * @side: who sent it
 *
 * Return: false also when it may be late: a segment sent again, or one of somebody who has not heard of the end.
 */
bool wire_goes_on(const struct wire *wire, const struct event *event, enum wire_side side);

/** wire_is_empty() - was no segment seen at all? */
static inline bool wire_is_empty(const struct wire *wire)
{
	return wire->first_ns < 0;
}

#endif
