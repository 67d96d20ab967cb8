/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_TCP_INFO_H
#define CONNTRACE_SYSTEM_TCP_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/event.h"

/**
 * struct tcp_info_layout - result of getsockopt(TCP_INFO) and INET_DIAG_INFO, as of Linux 6.7
 *
 * The kernel only appends to it, and the headers at build time may be older or younger than the running kernel. So the
 * layout is kept here, and the length that the kernel returned gives the valid part. Fields without a member in struct
 * event_info have no comment. Names are the kernel's without tcpi_.
 *
 * @state: TCP_ESTABLISHED ... of netinet/tcp.h
 * @retransmits: time-outs in a row
 * @rtt: microseconds
 * @min_rtt: microseconds, UINT32_MAX without a sample (4.6)
 */
struct tcp_info_layout {
	uint8_t state;
	uint8_t ca_state;
	uint8_t retransmits;
	uint8_t probes;
	uint8_t backoff;
	uint8_t options;
	uint8_t wscale;
	uint8_t delivery_flags;
	uint32_t rto;
	uint32_t ato;
	uint32_t snd_mss;
	uint32_t rcv_mss;
	uint32_t unacked;
	uint32_t sacked;
	uint32_t lost;
	uint32_t retrans;
	uint32_t fackets;
	uint32_t last_data_sent;
	uint32_t last_ack_sent;
	uint32_t last_data_recv;
	uint32_t last_ack_recv;
	uint32_t pmtu;
	uint32_t rcv_ssthresh;
	uint32_t rtt;
	uint32_t rttvar;
	uint32_t snd_ssthresh;
	uint32_t snd_cwnd;
	uint32_t advmss;
	uint32_t reordering;
	uint32_t rcv_rtt;
	uint32_t rcv_space;
	uint32_t total_retrans;
	uint64_t pacing_rate;
	uint64_t max_pacing_rate;
	uint64_t bytes_acked;
	uint64_t bytes_received;
	uint32_t segs_out;
	uint32_t segs_in;
	uint32_t notsent_bytes;
	uint32_t min_rtt;
	uint32_t data_segs_in;
	uint32_t data_segs_out;
	uint64_t delivery_rate;
	uint64_t busy_time;
	uint64_t rwnd_limited;
	uint64_t sndbuf_limited;
	uint32_t delivered;
	uint32_t delivered_ce;
	uint64_t bytes_sent;
	uint64_t bytes_retrans;
	uint32_t dsack_dups;
	uint32_t reord_seen;
	uint32_t rcv_ooopack;
	uint32_t snd_wnd;
	uint32_t rcv_wnd;
	uint32_t rehash;
	uint16_t total_rto;
	uint16_t total_rto_recoveries;
	uint32_t total_rto_time;
};

/**
 * tcp_info_unknown() - set all values to unknown
 * @info: counters and measures become EVENT_UNKNOWN, cookie, inode and state 0, uid -1, listener -1; reason becomes 0
 *        (INFO_ACCEPT) and is to be set by the caller
 */
void tcp_info_unknown(struct event_info *info);

/**
 * tcp_info_to_event() - the counters of a struct tcp_info as an event's
 * @info: its counters, measures and state are set; cookie, queues, inode, uid, reason, timewait and listener stay
 *        unchanged
 * @bytes: result of the kernel, of any alignment
 * @length: length of @bytes; a field that is not wholly within becomes EVENT_UNKNOWN
 *
 * Measures that the kernel fills without a sample become EVENT_UNKNOWN: min_rtt and rtt without a sample,
 * last_data_sent before the handshake, everything but the state of a listener.
 */
void tcp_info_to_event(struct event_info *info, const void *bytes, size_t length);

/** tcp_info_skip_measures() - leave event_info.measures unknown from now on; before any thread is started */
void tcp_info_skip_measures(void);

/** tcp_info_has_measures() - whether they are wanted */
bool tcp_info_has_measures(void);

/**
 * tcp_info_had_peer() - whether the socket has ever sent or answered a SYN
 *
 * The segment size it announces (advmss) is set then and stays, also when the kernel disconnects it.
 */
bool tcp_info_had_peer(const void *bytes, size_t length);

#endif
