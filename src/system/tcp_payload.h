/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_TCP_PAYLOAD_H
#define CONNTRACE_SYSTEM_TCP_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "model/conn.h"
#include "model/event.h"

/**
 * struct tcp_payload - what is known about the payload of one TCP socket (theory in tcp_payload.c)
 *
 * Evidence may come in any order and more than once. To be read through the
 * functions below; the fields' unknown value is -1.
 *
 * @rx_anchor: payload received when it was last known for certain
 * @tx_anchor: payload sent when it was last known for certain
 * @sent_anchor: what @sent was then; more by what this host dropped on its way out
 * @received: bytes_received at the last word, or else at the last look
 * @sent: bytes_sent - bytes_retrans, at the same moment
 * @sequence: how far the sent sequence numbers got at the same moment: payload and SYN and FIN
 * @peer_sent: payload the other end sent in all
 * @segs_anchor: data_segs_in at the moment of @rx_anchor
 * @segs: data_segs_in at the moment of @received
 * @bare_in: segments without payload that had come at the last look while it lived
 * @bare_out: and that had been sent
 * @more_in: how many more had come at the last word
 * @more_out: and had been sent
 * @probes: at the last word, probes that were not answered
 * @rqueue: at the last word
 * @unread: payload not read at the last look, if that was in TCP_CLOSE
 * @syn: 1 the socket's own SYN is in @sequence (it opened), 0 it is not (it accepted)
 * @fin_sent: is our FIN in @sequence?
 * @notsent: 1 when the program had written more than was sent
 * @all_acked: 1 when everything sent, or queued, was acknowledged
 * @resent: 1 when anything was ever resent
 * @close_state: TCP state at the entry of close(2), 0 unknown
 * @state: TCP state at the last look, 0 unknown
 * @first: enum conn_close: whose FIN came first, as far as a state told
 * @timewait: enum info_timewait
 * @calls_unseen: a shutdown(2) on it may have gone untold
 * @payload_only: @received and @sent count payload alone (MPTCP)
 * @anchor_fin: the peer's FIN had come by the moment of @rx_anchor
 * @shutdown: shutdown(2) was called, so that our FIN may have gone long before close(2)
 * @no_fin: the peer never sent a FIN, or not while the full socket lived
 * @at_close: the last look was at the entry of close(2)
 * @none_acked: nothing was ever acknowledged, not even a SYN of ours
 * @ended: it is known that it has ended
 * @final: the last word has come
 * @disconnected: it came without counters
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
	bool ended;
	bool final;
	bool disconnected;
};

/** What tcp_payload_init() leaves, as an initializer. */
#define TCP_PAYLOAD_INIT                                                                                             \
	{                                                                                                            \
		.received = -1, .sent = -1, .sequence = -1, .peer_sent = -1, .segs = -1, .rqueue = -1, .unread = -1, \
		.bare_in = -1, .bare_out = -1, .more_in = -1, .more_out = -1, .syn = -1, .fin_sent = -1,             \
		.notsent = -1, .all_acked = -1, .resent = -1,                                                        \
	}

/** tcp_payload_init() - a socket nothing is known of, but that every system call on it, since its birth, is told */
void tcp_payload_init(struct tcp_payload *tcp_payload);

/** tcp_payload_calls_unseen() - it is older than the run, or nobody watches the calls: a shutdown(2) may go untold */
void tcp_payload_calls_unseen(struct tcp_payload *tcp_payload);

/** tcp_payload_is_lost() - a last word that was lost: the socket is gone, and nobody knows with which numbers */
bool tcp_payload_is_lost(const struct event_info *info);

/**
 * tcp_payload_feed() - a snapshot of the kernel's counters
 * @tcp_payload: the evidence so far
 * @info: of any reason. INFO_SHUTDOWN may have been read before or after the call, but
 *        tcp_payload_shutdown() comes first. INFO_DESTROY is the last word; its timewait is heard too,
 *        unless unknown. Without counters the socket was disconnected; without state as well, the word is lost.
 *        A snapshot without counters (a mini socket) or older than one already fed is ignored.
 */
void tcp_payload_feed(struct tcp_payload *tcp_payload, const struct event_info *info);

/** tcp_payload_opener() - it is known who opened: DIR_OUT the socket itself, DIR_IN the peer */
void tcp_payload_opener(struct tcp_payload *tcp_payload, enum conn_dir dir);

/** tcp_payload_shutdown() - shutdown(2) was called on it; @how is its argument: SHUT_RD changes nothing here */
void tcp_payload_shutdown(struct tcp_payload *tcp_payload, int how);

/** tcp_payload_ended() - it has ended, so without a last word a look in passing is not the end of the story */
void tcp_payload_ended(struct tcp_payload *tcp_payload);

/** tcp_payload_timewait() - what diag_timewait() says about it; TIMEWAIT_UNKNOWN changes nothing */
void tcp_payload_timewait(struct tcp_payload *tcp_payload, enum info_timewait timewait);

/**
 * tcp_payload_peer_sent() - how much the other end sent in all
 * @tcp_payload: the evidence so far
 * @payload: exact: the settled tx of the other end's socket on this host, or the sequence number of
 *           the peer's FIN on the wire less that of its SYN less 1
 */
void tcp_payload_peer_sent(struct tcp_payload *tcp_payload, int64_t payload);

/**
 * tcp_payload_final_sent() - payload sent by a socket, from its last word alone; for tcp_payload_peer_sent()
 * @info: of reason INFO_DESTROY
 *
 * Return: exact, or CONN_UNKNOWN.
 */
int64_t tcp_payload_final_sent(const struct event_info *info);

/** tcp_payload_final_opener() - did this side open? from its last word alone; Return: DIR_OUT for certain, or
 * DIR_UNKNOWN */
enum conn_dir tcp_payload_final_opener(const struct event_info *info);

/**
 * tcp_payload_settle() - the payload
 * @tcp_payload: all evidence
 * @rx: payload the kernel received in order, each byte once, or CONN_UNKNOWN
 * @tx: payload sent, each byte once, acknowledged or not, or CONN_UNKNOWN
 *
 * Of a socket that lives: as of the last look. Of one that has ended: exact
 * from its last word; without one, or when it came without counters, as of
 * the entry of close(2), if that was looked at.
 */
void tcp_payload_settle(const struct tcp_payload *tcp_payload, int64_t *rx, int64_t *tx);

/**
 * tcp_payload_close() - who ended it and how, from the counters alone
 * @tcp_payload: all evidence
 *
 * CLOSE_LFIN and CLOSE_RFIN say whose FIN came first, even if a RST followed.
 * CLOSE_LRST: close(2) reset it, because data was unread or by SO_LINGER; or it
 * was dead when the program closed it, and since the last look nothing has come
 * that can have been a RST, so this host made one (ss -K, an expired keep-alive).
 * CLOSE_RRST: it was dead, and since the last look nothing was sent that can
 * have been a RST.
 *
 * Return: enum conn_close; CLOSE_UNKNOWN when the counters do not tell. Never CLOSE_EXIT.
 */
enum conn_close tcp_payload_close(const struct tcp_payload *tcp_payload);

/**
 * tcp_payload_was_cut() - did it end by a RST, of either side, that cut it off?
 *
 * Without a FIN before it, or after the peer's FIN with payload of ours that was never acknowledged: a request on a
 * connection that the peer had closed. One of this side after the peer's FIN is none; that is how many programs close.
 */
bool tcp_payload_was_cut(const struct tcp_payload *tcp_payload);

/** tcp_payload_died() - was it dead, without a FIN of this side, before it was closed? A RST of it is the kernel's then
 */
bool tcp_payload_died(const struct tcp_payload *tcp_payload);

/** tcp_payload_was_given_up() - did the kernel give it up because what it sent, or several probes, were not answered?
 */
bool tcp_payload_was_given_up(const struct tcp_payload *tcp_payload);

/** tcp_payload_both_fins() - has it ended with a FIN of either side, whoever was first? */
bool tcp_payload_both_fins(const struct tcp_payload *tcp_payload);

/**
 * tcp_payload_direction() - who opened the connection
 * @tcp_payload: all evidence
 *
 * The opener's bytes_acked counts its SYN, the acceptor's does not (Linux
 * 6.18). At a look when all data is acknowledged and no FIN sent, the
 * difference to the payload is the SYN.
 *
 * Return: DIR_OUT, DIR_IN or DIR_UNKNOWN.
 */
enum conn_dir tcp_payload_direction(const struct tcp_payload *tcp_payload);

#endif
