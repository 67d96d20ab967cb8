/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_TCP_STATES_H
#define CONNTRACE_TRACK_TCP_STATES_H

#include "model/event.h"
#include "track/wire.h"

/**
 * struct tcp_states - the TCP states of both ends (RFC 9293, 3.3.2), for display
 *
 * They assume that each captured segment arrives. A lost segment shows only later, so an end may have entered a state
 * earlier or later than given here.
 *
 * @of: by enum wire_side: TCP_ESTABLISHED ... of netinet/tcp.h, 0 unknown
 * @heard: by enum wire_side: it sent a segment; until then @of is what follows from the segments of the other side
 */
struct tcp_states {
	uint8_t of[WIRE_SIDES];
	uint8_t heard[WIRE_SIDES];
};

/**
 * tcp_states_feed() - a segment passed
 * @states: all zero at first
 * @wire: the evidence, with the segment in it
 * @segment: the segment; no copy of another
 * @side: who sent it
 */
void tcp_states_feed(struct tcp_states *states, const struct wire *wire, const struct event_segment *segment,
		     enum wire_side side);

#endif
