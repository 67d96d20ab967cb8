/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_TCP_PAYLOAD_H
#define CONNTRACE_SYSTEM_TCP_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "model/conn.h"
#include "model/event.h"

/**
 * struct tcp_payload - evidence of the payload of one TCP socket (theory in tcp_payload.c)
 *
 * Evidence may come in any order and more than once. It is read through the functions below. The unknown value of the
 * fields is -1.
 *
 * @rx_anchor: payload received when it was last known for certain
 * @tx_anchor: payload sent when it was last known for certain
 * @sent_anchor: @sent at that time; larger than @tx_anchor by bytes that this host dropped on output
 * @received: bytes_received in the final counters, or else in the last sample
 * @sent: bytes_sent - bytes_retrans, at the same moment
 * @sequence: range of the sent sequence numbers at the same moment: payload, SYN and FIN
 * @peer_sent: payload the other end sent in all
 * @segs_anchor: data_segs_in at the moment of @rx_anchor
 * @segs: data_segs_in at the moment of @received
 * @bare_in: segments without payload received up to the last sample while it existed
 * @bare_out: and sent
 * @more_in: further ones received up to the final counters
 * @more_out: and sent
 * @probes: unanswered probes in the final counters
 * @rqueue: in the final counters
 * @unread: payload not read in the last sample, if that was in TCP_CLOSE
 * @syn: 1 when the socket's own SYN is in @sequence (it opened), 0 when not (it accepted)
 * @fin_sent: 1 when the local FIN is in @sequence
 * @notsent: 1 when the program had written more than was sent
 * @all_acked: 1 when everything sent, or queued, was acknowledged
 * @resent: 1 when any segment was retransmitted
 * @close_state: TCP state at the entry of close(2), 0 unknown
 * @state: TCP state in the last sample, 0 unknown
 * @first: enum conn_close: whose FIN came first, as far as a state showed; without one, whose RST
 * @timewait: enum info_timewait
 * @calls_unseen: a shutdown(2) on it may have gone unreported
 * @payload_only: @received and @sent count payload alone (MPTCP)
 * @anchor_fin: the peer's FIN had come by the moment of @rx_anchor
 * @shutdown: shutdown(2) was called, so that the local FIN may have been sent long before close(2)
 * @no_fin: the peer never sent a FIN, or not while the full socket existed
 * @at_close: the last sample was at the entry of close(2)
 * @none_acked: no byte was ever acknowledged, not even a local SYN
 * @subflow: it is a subflow of an MPTCP connection, or may be
 * @ended: it is known that it has ended
 * @final: the final counters have come
 * @disconnected: they came without counters
 * @reset: enum info_reset, of them
 */
struct tcp_payload {
	int64_t rx_anchor;
	int64_t tx_anchor;
	int64_t sent_anchor;
	int64_t received;
	int64_t sent;
	int64_t sequence;
	int64_t peer_sent;
	int32_t segs_anchor;
	int32_t segs;
	int32_t bare_in;
	int32_t bare_out;
	int32_t more_in;
	int32_t more_out;
	int32_t probes;
	int32_t rqueue;
	int32_t unread;
	int8_t syn;
	int8_t fin_sent;
	int8_t notsent;
	int8_t all_acked;
	int8_t resent;
	uint8_t close_state;
	uint8_t state;
	uint8_t first;
	uint8_t timewait;
	bool payload_only;
	bool anchor_fin;
	bool calls_unseen;
	bool shutdown;
	bool no_fin;
	bool at_close;
	bool none_acked;
	bool subflow;
	bool ended;
	bool final;
	bool disconnected;
	uint8_t reset;
};

/** Initializer, equivalent to tcp_payload_init(). */
#define TCP_PAYLOAD_INIT                                                                                             \
	{                                                                                                            \
		.received = -1, .sent = -1, .sequence = -1, .peer_sent = -1, .segs = -1, .rqueue = -1, .unread = -1, \
		.bare_in = -1, .bare_out = -1, .more_in = -1, .more_out = -1, .syn = -1, .fin_sent = -1,             \
		.notsent = -1, .all_acked = -1, .resent = -1,                                                        \
	}

/** tcp_payload_init() - a new socket without evidence, of which every system call is reported */
void tcp_payload_init(struct tcp_payload *tcp_payload);

/** tcp_payload_calls_unseen() - it is older than the run, or calls are not traced: a shutdown(2) may go unreported */
void tcp_payload_calls_unseen(struct tcp_payload *tcp_payload);

/** tcp_payload_accepted() - a traced accept(2) returned it: until then it had no descriptor, so no call came before */
void tcp_payload_accepted(struct tcp_payload *tcp_payload);

/** tcp_payload_is_lost() - whether final counters were lost: the socket is gone with unknown counters */
bool tcp_payload_is_lost(const struct event_info *info);

/**
 * tcp_payload_feed() - a snapshot of the kernel's counters
 * @tcp_payload: the evidence so far
 * @info: of any reason. INFO_SHUTDOWN may have been read before or after the call, but tcp_payload_shutdown() comes
 *        first. INFO_DESTROY has the final counters; its timewait is used too, unless unknown. Without counters the
 *        socket was disconnected; without state as well, they were lost. A snapshot without counters (a mini socket) or
 *        older than one already fed is ignored.
 */
void tcp_payload_feed(struct tcp_payload *tcp_payload, const struct event_info *info);

/** tcp_payload_opener() - set the opener: DIR_OUT the socket itself, DIR_IN the peer */
void tcp_payload_opener(struct tcp_payload *tcp_payload, enum conn_dir dir);

/** tcp_payload_shutdown() - shutdown(2) was called on it; @how is its argument: SHUT_RD changes nothing here */
void tcp_payload_shutdown(struct tcp_payload *tcp_payload, int how);

/** tcp_payload_ended() - it has ended, so without final counters a sample does not give the final values */
void tcp_payload_ended(struct tcp_payload *tcp_payload);

/**
 * tcp_payload_peer_sent() - set the payload that the other end sent in all
 * @tcp_payload: the evidence so far
 * @payload: exact: the settled tx of the other end's socket on this host, or the sequence number of the peer's FIN on
 *           the wire less that of its SYN less 1
 */
void tcp_payload_peer_sent(struct tcp_payload *tcp_payload, int64_t payload);

/**
 * tcp_payload_final_sent() - payload sent by a socket, from its final counters alone; for tcp_payload_peer_sent()
 * @info: of reason INFO_DESTROY
 *
 * Return: exact, or CONN_UNKNOWN.
 */
int64_t tcp_payload_final_sent(const struct event_info *info);

/** tcp_payload_final_closed() - whether this side's FIN was acknowledged, by final counters and direction alone */
bool tcp_payload_final_closed(const struct event_info *info, enum conn_dir dir);

/** tcp_payload_final_opener() - opener by final counters alone; Return: DIR_OUT when certain, or DIR_UNKNOWN */
enum conn_dir tcp_payload_final_opener(const struct event_info *info);

/**
 * tcp_payload_settle() - the payload
 * @tcp_payload: all evidence
 * @rx: payload the kernel received in order, each byte once, or CONN_UNKNOWN
 * @tx: payload sent, each byte once, acknowledged or not, or CONN_UNKNOWN
 *
 * For an open socket: as of the last sample. For an ended one: exact from its final counters; when these are missing or
 * have no counters, as of the entry of close(2), if it was sampled then.
 */
void tcp_payload_settle(const struct tcp_payload *tcp_payload, int64_t *rx, int64_t *tx);

/**
 * tcp_payload_least() - a lower bound of the payload
 * @tcp_payload: all evidence
 * @rx: payload received is at least this much, or CONN_UNKNOWN
 * @tx: payload sent is at least this much, or CONN_UNKNOWN
 *
 * For a connection that tcp_payload_settle() does not know. The bound of the received payload is one byte low at most
 * if the final counters have come: only the peer's FIN is in doubt. A bound of 0 is given of such counters only.
 */
void tcp_payload_least(const struct tcp_payload *tcp_payload, int64_t *rx, int64_t *tx);

/** tcp_payload_own_fin() - whether the local FIN was sent: 1, 0, or -1 unknown */
int tcp_payload_own_fin(const struct tcp_payload *tcp_payload);

/** tcp_payload_peer_fin() - whether the peer's FIN has come by the last snapshot: 1, 0, or -1 unknown */
int tcp_payload_peer_fin(const struct tcp_payload *tcp_payload);

/**
 * tcp_payload_close() - the kind of end, from the counters alone
 * @tcp_payload: all evidence
 *
 * A RST goes before a FIN, as in packets. CLOSE_LRST: close(2) reset it, because data was unread or by SO_LINGER; or it
 * had ended before the program closed it, and no segment received since the last sample can have been a RST, so this
 * host made one (ss -K, an expired keep-alive). CLOSE_RRST: it had ended, and no segment sent since the last sample can
 * have been a RST. Else CLOSE_LFIN and CLOSE_RFIN give the side whose FIN came first. After close(2) a mini socket
 * takes over once the FIN is acknowledged (FIN_WAIT2): a RST after that is not seen.
 *
 * Return: enum conn_close; CLOSE_UNKNOWN when the counters do not show it. Never CLOSE_EXIT.
 */
enum conn_close tcp_payload_close(const struct tcp_payload *tcp_payload);

/** tcp_payload_was_reset() - whether a RST of either side ended it, whatever came before */
bool tcp_payload_was_reset(const struct tcp_payload *tcp_payload);

/** tcp_payload_may_be_reset() - the same, or the peer had not acknowledged the local FIN, and the reason is unknown */
bool tcp_payload_may_be_reset(const struct tcp_payload *tcp_payload);

/**
 * tcp_payload_was_cut() - whether a RST of either side cut it off
 *
 * Without a FIN before it, or after the peer's FIN with local payload that was never acknowledged: a request on a
 * connection that the peer had closed. A RST of this side after the peer's FIN does not count: many programs close so.
 */
bool tcp_payload_was_cut(const struct tcp_payload *tcp_payload);

/** tcp_payload_died() - whether it ended without a local FIN before it was closed: its RST is the kernel's
 */
bool tcp_payload_died(const struct tcp_payload *tcp_payload);

/** tcp_payload_was_given_up() - whether the kernel gave it up because data or several probes were not answered
 */
bool tcp_payload_was_given_up(const struct tcp_payload *tcp_payload);

/** tcp_payload_both_fins() - whether it ended with a FIN of both sides, in any order */
bool tcp_payload_both_fins(const struct tcp_payload *tcp_payload);

/**
 * tcp_payload_direction() - the opener of the connection
 * @tcp_payload: all evidence
 *
 * The opener's bytes_acked counts its SYN, the acceptor's does not (Linux 6.18). In a sample with all data acknowledged
 * and no FIN sent, the difference to the payload is the SYN.
 *
 * Return: DIR_OUT, DIR_IN or DIR_UNKNOWN.
 */
enum conn_dir tcp_payload_direction(const struct tcp_payload *tcp_payload);

#endif
