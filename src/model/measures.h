/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_MEASURES_H
#define CONNTRACE_MODEL_MEASURES_H

#include <stdint.h>

/**
 * struct measures - what struct tcp_info of linux/tcp.h has to say about where a sender waits
 *
 * An unknown value is -1. Times of waiting are counted by the kernel's clock of ticks of 1 to 10 ms, in this socket's
 * life.
 *
 * @rate: delivery rate, bytes per second; since Linux 4.9
 * @mss: largest segment it sends, without headers
 * @cwnd: congestion window, in segments
 * @rttvar_us: mean deviation of the smoothed round trip
 * @busy_ms: time in which data was under way or waited to be sent; since 4.10, as the next two
 * @rwnd_ms: of it, time in which the other side's receive window held it up
 * @sndbuf_ms: of it, time in which the send buffer held it up
 * @silent_ms: since data was last received
 * @congestion: number of a name in measures_congestion, 0 unknown
 * @known: 1 when the members are set; an event without them, as in older recordings, has 0
 */
struct measures {
	int64_t rate;
	int32_t mss;
	int32_t cwnd;
	int32_t rttvar_us;
	int32_t busy_ms;
	int32_t rwnd_ms;
	int32_t sndbuf_ms;
	int32_t silent_ms;
	uint8_t congestion;
	uint8_t known;
};

/** measures_congestion - names of algorithms of congestion control, by number; the first one is "unknown", NULL ends */
extern const char *const measures_congestion[];

/** measures_congestion_number() - the number of a name, 0 when it is not in the list */
uint8_t measures_congestion_number(const char *name);

/** measures_congestion_name() - the name of a number, NULL when it is unknown */
const char *measures_congestion_name(uint8_t number);

/**
 * struct conn_measures - measures of a connection, as they were last read
 * @tcp: those of struct tcp_info
 * @notsent: bytes that the program has written and that were not sent, -1 unknown
 * @unread: bytes that have arrived and that the program has not read, -1 unknown; computed of the following
 * @received: bytes received with the FIN, -1 unknown
 * @rqueue: as in struct event_info, -1 unknown
 * @state: TCP state, as in netinet/tcp.h
 * @has_payload: @rqueue has no FIN
 * @is_current: they were read when the run ended, or when the kernel destroyed the socket: sums and queues are exact
 */
struct conn_measures {
	struct measures tcp;
	int32_t notsent;
	int32_t unread;
	int64_t received;
	int32_t rqueue;
	uint8_t state;
	uint8_t has_payload;
	uint8_t is_current;
};

#endif
