// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exact payload from the kernel's counters. All of this was tested on Linux 6.18.
 *
 * The counters. bytes_received is the distance that rcv_nxt moved, so it is payload plus 1 once the peer's FIN has been
 * received (f = 1). bytes_acked is the distance that snd_una moved: payload, the SYN of the side that opened (never
 * that of the side that accepted), and the local FIN. bytes_sent - bytes_retrans is payload, with one exception: a
 * segment this host itself drops on its way out (a full queueing discipline, a packet filter) counts as sent and is
 * sent again without counting as retransmitted. So that difference is used only if the sequence numbers confirm it:
 *
 * 	bytes_acked + wqueue - notsent_bytes = payload + SYN + FIN, if sent
 *
 * (wqueue is write_seq - snd_una, notsent_bytes is write_seq - snd_nxt). In a sample with no FIN in doubt and no byte
 * under way this alone is exact, and the excess of bytes_sent - bytes_retrans is subtracted from then on: otherwise a
 * single dropped byte would count as a FIN. With bytes under way it is not exact: the kernel reads wqueue before it
 * locks the socket for the rest, and it waits for that lock while the program sends. Then both must agree.
 *
 * The peer's FIN. No counter contains f. It is derived in this order:
 *
 * - From the state in a sample: CLOSE_WAIT, LAST_ACK, CLOSING have f = 1; ESTABLISHED, FIN_WAIT1, FIN_WAIT2, SYN_RECV
 *   have f = 0. CLOSE does not show it, but there the kernel can be queried if all has been read (info.fin); if not,
 *   the excess of rqueue in the final counters over the unread bytes in the sample is the FIN. A sample with known f is
 *   an anchor; creation is one (no bytes received). No byte comes after a FIN. After f = 0, if data_segs_in does not
 *   change (it counts every arriving segment with payload, even refused ones), an increase of bytes_received is the
 *   FIN.
 * - From the final counters, where their source has seen it (SOCK_DONE of the socket, by BPF).
 * - From the other end: a FIN is received only after all the peer's payload P, so f = 1 exactly if bytes_received is P
 *   + 1.
 * - From the end, if the local FIN was acknowledged. close(2) sends a FIN only if no data was left unread (a RST
 *   otherwise), and data that comes after close(2) is answered with a RST and not counted. So rqueue (rcv_nxt -
 *   copied_seq) is 1 for an unread FIN, else 0. 0 is either a FIN that the program has read as end of file (or with the
 *   last data, if it came in one segment), or a FIN that had not come when a mini socket (FIN_WAIT2, TIME_WAIT) took
 *   over. If the mini socket exists it is the latter. Its absence proves nothing: the peer may have sent it a RST or
 *   data, which removes it (3 % of the random ends on loopback that depended on this). A sample at the entry of
 *   close(2) leaves no case open.
 * - With shutdown(2) the socket sends its FIN and may still receive and read. Then the end proves nothing by itself;
 *   but if a mini socket exists and either data was left unread or the socket was in state CLOSE at the entry of
 *   close(2), the FIN came.
 *
 * MPTCP (Linux 6.5) counts payload only: such a snapshot has no bytes_acked, and nothing needs to be derived.
 *
 * tcp_disconnect() in the kernel (failed connect, SO_LINGER without time) clears the counters: the final ones are
 * missing, and a later sample has lower ones than before.
 */
#include "system/tcp_payload.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#define UNKNOWN (-1)

void tcp_payload_init(struct tcp_payload *tcp_payload)
{
	*tcp_payload = (struct tcp_payload)TCP_PAYLOAD_INIT;
}

void tcp_payload_calls_unseen(struct tcp_payload *tcp_payload)
{
	tcp_payload->calls_unseen = true;
}

void tcp_payload_accepted(struct tcp_payload *tcp_payload)
{
	tcp_payload->calls_unseen = false;
}

/** payload_sent() - by the counters of payload, UNKNOWN before Linux 4.19 */
static int64_t payload_sent(const struct event_info *info)
{
	return info->bytes_sent < 0 || info->bytes_retrans < 0 ? UNKNOWN : info->bytes_sent - info->bytes_retrans;
}

/** peer_fin() - whether the peer's FIN has come: 1, 0, or UNKNOWN by this state */
static int peer_fin(unsigned int state)
{
	switch (state) {
	case TCP_CLOSE_WAIT:
	case TCP_LAST_ACK:
	case TCP_CLOSING:
	case TCP_TIME_WAIT:
		return 1;
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
	case TCP_SYN_RECV:
	case TCP_SYN_SENT:
		return 0;
	default:
		return UNKNOWN;
	}
}

/** first_fin() - whose FIN came first by this state */
static enum conn_close first_fin(unsigned int state)
{
	switch (state) {
	case TCP_CLOSE_WAIT:
	case TCP_LAST_ACK:
		return CLOSE_RFIN;
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
	case TCP_TIME_WAIT:
		return CLOSE_LFIN;
	default: /* in TCP_CLOSING they have crossed, and only packets show which was first */
		return CLOSE_UNKNOWN;
	}
}

/** opener() - the opener, by one sample */
static enum conn_dir opener(const struct event_info *info)
{
	int64_t sent = payload_sent(info);
	int64_t acked = info->bytes_acked;

	if (info->state == TCP_FIN_WAIT2)
		acked--; /* the state means that the local FIN is acknowledged */
	else if (info->state != TCP_ESTABLISHED && info->state != TCP_CLOSE_WAIT)
		return DIR_UNKNOWN;
	if (sent < 0 || info->bytes_acked < 0)
		return DIR_UNKNOWN;
	/* No more payload is acknowledged than was sent, so one more is the SYN, whatever is under way. */
	if (acked == sent + 1)
		return DIR_OUT;
	return acked == sent && info->unacked == 0 ? DIR_IN : DIR_UNKNOWN;
}

enum conn_dir tcp_payload_direction(const struct tcp_payload *tcp_payload)
{
	if (tcp_payload->syn < 0)
		return DIR_UNKNOWN;
	return tcp_payload->syn ? DIR_OUT : DIR_IN;
}

void tcp_payload_opener(struct tcp_payload *tcp_payload, enum conn_dir dir)
{
	if (dir != DIR_UNKNOWN)
		tcp_payload->syn = dir == DIR_OUT;
}

void tcp_payload_shutdown(struct tcp_payload *tcp_payload, int how)
{
	if (how != SHUT_RD)
		tcp_payload->shutdown = true;
}

void tcp_payload_ended(struct tcp_payload *tcp_payload)
{
	tcp_payload->ended = true;
}

/* The result of diag_timewait(); TIMEWAIT_UNKNOWN changes nothing. */
static void take_timewait(struct tcp_payload *tcp_payload, enum info_timewait timewait)
{
	/* A mini socket that still waits for the peer's FIN: the full socket with these counters never received one. */
	if (timewait == TIMEWAIT_NO_FIN) {
		tcp_payload->no_fin = true;
		timewait = TIMEWAIT_PRESENT;
	}
	if (timewait != TIMEWAIT_UNKNOWN)
		tcp_payload->timewait = (uint8_t)timewait;
}

void tcp_payload_peer_sent(struct tcp_payload *tcp_payload, int64_t payload)
{
	tcp_payload->peer_sent = payload;
}

/** sequence_sent() - range of the sent sequence numbers: payload, SYN and FIN */
static int64_t sequence_sent(const struct event_info *info)
{
	if (info->bytes_acked < 0 || info->wqueue < 0 || info->notsent_bytes < 0)
		return UNKNOWN;
	return info->bytes_acked + info->wqueue - info->notsent_bytes;
}

/** feed_payload() - counters without SYN and FIN are used as they are */
static void feed_payload(struct tcp_payload *tcp_payload, const struct event_info *info)
{
	tcp_payload->payload_only = true;
	tcp_payload->received = tcp_payload->rx_anchor = info->bytes_received;
	tcp_payload->sent = payload_sent(info);
	tcp_payload->sequence = UNKNOWN;
	tcp_payload->notsent = info->notsent_bytes != 0;
	tcp_payload->at_close = info->reason == INFO_CLOSE;
}

/** bare() - segments without payload among @all */
static int32_t bare(int32_t all, int32_t with_payload)
{
	return all < 0 || with_payload < 0 ? UNKNOWN : all - with_payload;
}

/** feed_sample() - a snapshot of a socket that still has an owner */
static void feed_sample(struct tcp_payload *tcp_payload, const struct event_info *info)
{
	int fin = info->fin == FIN_UNKNOWN ? peer_fin(info->state) : info->fin == FIN_RECEIVED;

	tcp_payload->state = info->state;
	tcp_payload->received = info->bytes_received;
	tcp_payload->segs = info->data_segs_in;
	if (info->state != TCP_CLOSE) {
		tcp_payload->bare_in = bare(info->segs_in, info->data_segs_in);
		tcp_payload->bare_out = bare(info->segs_out, info->data_segs_out);
	}
	tcp_payload->sent = payload_sent(info);
	if (info->notsent_bytes >= 0)
		tcp_payload->notsent = info->notsent_bytes > 0;
	/* With nothing under way snd_nxt is snd_una. In CLOSE the kernel has cleared it. */
	tcp_payload->all_acked = info->unacked < 0 || info->state == TCP_CLOSE ? UNKNOWN : info->unacked == 0;
	if (tcp_payload->all_acked == 1)
		tcp_payload->sequence = info->bytes_acked;
	else
		tcp_payload->sequence = tcp_payload->all_acked == 0 ? sequence_sent(info) : UNKNOWN;
	if (info->state == TCP_ESTABLISHED || info->state == TCP_CLOSE_WAIT || info->state == TCP_SYN_RECV)
		tcp_payload->fin_sent = 0;
	else if (info->state == TCP_FIN_WAIT2)
		tcp_payload->fin_sent = 1;
	else if (tcp_payload->fin_sent == 0)
		tcp_payload->fin_sent = UNKNOWN;
	if (tcp_payload->syn < 0)
		tcp_payload_opener(tcp_payload, opener(info));
	if (tcp_payload->all_acked == 1 && tcp_payload->fin_sent >= 0 && tcp_payload->syn >= 0 &&
	    tcp_payload->sent >= 0) {
		tcp_payload->tx_anchor = tcp_payload->sequence - tcp_payload->syn - tcp_payload->fin_sent;
		tcp_payload->sent_anchor = tcp_payload->sent;
	}
	if (fin >= 0) {
		tcp_payload->rx_anchor = info->bytes_received - fin;
		tcp_payload->segs_anchor = info->data_segs_in;
		tcp_payload->anchor_fin = fin;
	}
	if (tcp_payload->first == CLOSE_UNKNOWN)
		tcp_payload->first = (uint8_t)first_fin(info->state);
	tcp_payload->at_close = info->reason == INFO_CLOSE;
	if (tcp_payload->at_close)
		tcp_payload->close_state = info->state;
	tcp_payload->unread = info->state == TCP_CLOSE ? info->rqueue : UNKNOWN;
}

/** more() - the increase of a counter */
static int32_t more(int32_t now, int32_t before)
{
	return now < before || before < 0 ? UNKNOWN : now - before;
}

/** feed_final() - the final counters */
static void feed_final(struct tcp_payload *tcp_payload, const struct event_info *info)
{
	tcp_payload->final = true;
	if (info->bytes_received < 0) {
		tcp_payload->disconnected = true;
		return;
	}
	tcp_payload->disconnected = false;
	tcp_payload->received = info->bytes_received;
	tcp_payload->segs = info->data_segs_in;
	tcp_payload->sent = payload_sent(info);
	tcp_payload->more_in = more(bare(info->segs_in, info->data_segs_in), tcp_payload->bare_in);
	/* An accepted socket has not sent the SYN/ACK itself, so it begins with none. */
	tcp_payload->more_out = more(bare(info->segs_out, info->data_segs_out),
				     tcp_payload->bare_out < 0 && tcp_payload->syn == 0 ? 0 : tcp_payload->bare_out);
	tcp_payload->probes = info->probes;
	tcp_payload->rqueue = info->rqueue;
	tcp_payload->none_acked = info->bytes_acked == 0;
	tcp_payload->resent = info->total_retrans < 0 ? UNKNOWN : info->total_retrans > 0;
	tcp_payload->notsent = info->notsent_bytes < 0 ? UNKNOWN : info->notsent_bytes > 0;
	tcp_payload->all_acked = info->wqueue < 0 ? UNKNOWN : info->wqueue == 0;
	tcp_payload->sequence = sequence_sent(info);
	/* A FIN is the last thing in the queue; once acknowledged it stays so. */
	if (tcp_payload->fin_sent != 1)
		tcp_payload->fin_sent = tcp_payload->notsent == 1 ? 0 : UNKNOWN;
	if (tcp_payload->syn < 0)
		tcp_payload_opener(tcp_payload, tcp_payload_final_opener(info));
	if (info->fin != FIN_UNKNOWN) {
		tcp_payload->anchor_fin = info->fin == FIN_RECEIVED;
		tcp_payload->rx_anchor = info->bytes_received - tcp_payload->anchor_fin;
		tcp_payload->segs_anchor = info->data_segs_in;
	}
	tcp_payload->reset = info->reset;
}

bool tcp_payload_is_lost(const struct event_info *info)
{
	return info->reason == INFO_DESTROY && info->bytes_received < 0 && info->state == 0;
}

void tcp_payload_feed(struct tcp_payload *tcp_payload, const struct event_info *info)
{
	take_timewait(tcp_payload, info->timewait);
	tcp_payload->subflow |= info->mptcp != MPTCP_NO;
	if (tcp_payload_is_lost(info)) {
		tcp_payload->ended = true;
		return;
	}
	if (info->reason == INFO_DESTROY) {
		feed_final(tcp_payload, info);
		return;
	}
	if (tcp_payload->final || info->bytes_received < 0)
		return;
	if (info->reason == INFO_CLOSE && info->state == TCP_CLOSE)
		tcp_payload->close_state = TCP_CLOSE; /* true even of a socket that was disconnected */
	/* Counters never fall, so this one is older than the known ones, or the socket was disconnected. */
	if (info->bytes_received < tcp_payload->received ||
	    info->bytes_received < tcp_payload->rx_anchor + tcp_payload->anchor_fin ||
	    info->data_segs_in < tcp_payload->segs)
		return;
	if (info->bytes_acked < 0)
		feed_payload(tcp_payload, info);
	else
		feed_sample(tcp_payload, info);
}

/** sent_once() - payload by the counters of payload, less the bytes dropped by this host up to the anchor */
static int64_t sent_once(const struct tcp_payload *tcp_payload)
{
	return tcp_payload->sent < 0 ? UNKNOWN
				     : tcp_payload->sent - (tcp_payload->sent_anchor - tcp_payload->tx_anchor);
}

int tcp_payload_own_fin(const struct tcp_payload *tcp_payload)
{
	int64_t sent = sent_once(tcp_payload);
	int64_t extra = tcp_payload->sequence - sent;

	if (tcp_payload->fin_sent >= 0)
		return tcp_payload->fin_sent;
	/* A mini socket takes over only from a socket whose FIN was acknowledged. */
	if (tcp_payload->timewait == TIMEWAIT_PRESENT)
		return 1;
	if (tcp_payload->sequence < 0 || sent < 0)
		return UNKNOWN;
	/* The rest is SYN or FIN; the kind of a single one must be known. */
	if (tcp_payload->syn >= 0)
		extra -= tcp_payload->syn;
	else if (extra == 1)
		return UNKNOWN;
	else if (extra == 2)
		extra = 1;
	return extra == 0 || extra == 1 ? (int)extra : UNKNOWN;
}

/** tx_known() - payload sent at the moment of the last snapshot */
static int64_t tx_known(const struct tcp_payload *tcp_payload)
{
	int64_t low, high, sent = sent_once(tcp_payload);
	int fin = tcp_payload_own_fin(tcp_payload);

	if (tcp_payload->sequence < 0)
		return sent;
	low = tcp_payload->sequence - (tcp_payload->syn != 0) - (fin != 0);
	high = tcp_payload->sequence - (tcp_payload->syn == 1) - (fin == 1);
	if (low == high && (tcp_payload->final || tcp_payload->all_acked == 1 || low == sent))
		return low >= 0 ? low : CONN_UNKNOWN;
	return sent >= low && sent <= high ? sent : CONN_UNKNOWN;
}

/** fin_by_ending() - whether the peer's FIN has come, by the end of the socket: 1, 0 or UNKNOWN */
static int fin_by_ending(const struct tcp_payload *tcp_payload)
{
	bool no_shutdown = !tcp_payload->calls_unseen && !tcp_payload->shutdown;
	bool present = tcp_payload->timewait == TIMEWAIT_PRESENT;
	bool acked = tcp_payload_own_fin(tcp_payload) == 1 && tcp_payload->all_acked == 1;

	if (tcp_payload->close_state == TCP_CLOSE) {
		int32_t more = tcp_payload->rqueue - tcp_payload->unread;

		/* It had ended, so no data came in between: the excess of the queue is the FIN. */
		if (tcp_payload->unread >= 0 && tcp_payload->rqueue >= 0 && (more == 0 || more == 1))
			return more;
		/* With an owner it stays a full socket until the peer's FIN comes, even long in FIN_WAIT2. */
		return present ? 1 : UNKNOWN;
	}
	if (!acked)
		return UNKNOWN;
	/*
	 * A mini socket takes over before the peer's FIN only after close(2) without unread data; with unread data it
	 * took over because the FIN came. Without a mini socket, unread data means a RST.
	 */
	if (tcp_payload->rqueue > 0 && present)
		return 1;
	if (tcp_payload->rqueue == 1 && no_shutdown)
		return 1;
	return tcp_payload->rqueue == 0 && no_shutdown && present ? 0 : UNKNOWN;
}

int tcp_payload_peer_fin(const struct tcp_payload *tcp_payload)
{
	int64_t grown = tcp_payload->received - tcp_payload->rx_anchor;

	if (tcp_payload->received < 0)
		return UNKNOWN;
	if (tcp_payload->anchor_fin)
		return 1;
	if (grown == 0)
		return 0;
	if (grown == 1 && tcp_payload->segs >= 0 && tcp_payload->segs == tcp_payload->segs_anchor)
		return 1;
	/*
	 * A contradiction (more received than sent) is no evidence; and where a connection may be known by its final
	 * counters alone, neither is a smaller number: it may be of an earlier use of the same ports.
	 */
	if (tcp_payload->peer_sent >= 0 && tcp_payload->received <= tcp_payload->peer_sent + 1 &&
	    (!tcp_payload->calls_unseen || tcp_payload->received >= tcp_payload->peer_sent))
		return tcp_payload->received == tcp_payload->peer_sent + 1;
	if (tcp_payload->no_fin)
		return 0;
	return fin_by_ending(tcp_payload);
}

static int64_t rx_known(const struct tcp_payload *tcp_payload)
{
	int fin = tcp_payload_peer_fin(tcp_payload);

	return fin < 0 ? CONN_UNKNOWN : tcp_payload->received - fin;
}

int64_t tcp_payload_final_sent(const struct event_info *info)
{
	struct tcp_payload tcp_payload;

	tcp_payload_init(&tcp_payload);
	tcp_payload_feed(&tcp_payload, info);
	return tcp_payload.final && !tcp_payload.disconnected ? tx_known(&tcp_payload) : CONN_UNKNOWN;
}

bool tcp_payload_final_closed(const struct event_info *info, enum conn_dir dir)
{
	struct tcp_payload tcp_payload;

	tcp_payload_init(&tcp_payload);
	tcp_payload_opener(&tcp_payload, dir);
	tcp_payload_feed(&tcp_payload, info);
	return tcp_payload.final && !tcp_payload.disconnected && tcp_payload_own_fin(&tcp_payload) == 1 &&
	       tcp_payload.all_acked == 1;
}

enum conn_dir tcp_payload_final_opener(const struct event_info *info)
{
	int64_t sequence = sequence_sent(info), sent = payload_sent(info);

	/* Two more than payload, SYN and FIN; bytes dropped by this host make @sent larger, never smaller. */
	return sequence >= 0 && sent >= 0 && sequence - sent == 2 ? DIR_OUT : DIR_UNKNOWN;
}

void tcp_payload_settle(const struct tcp_payload *tcp_payload, int64_t *rx, int64_t *tx)
{
	bool ended = tcp_payload->ended || tcp_payload->final;

	bool as_of_close = ended && (!tcp_payload->final || tcp_payload->disconnected);
	bool borne_out = tcp_payload->sequence >= 0 || tcp_payload->payload_only;

	*rx = *tx = CONN_UNKNOWN;
	if (as_of_close && !tcp_payload->at_close)
		return;
	*rx = rx_known(tcp_payload);
	/*
	 * Data that waited at the entry of close(2) may have been sent since, or discarded, but not by an ended socket.
	 * Values that the sequence numbers do not confirm are not final.
	 */
	if (as_of_close && tcp_payload->close_state != TCP_CLOSE && (tcp_payload->notsent != 0 || !borne_out))
		return;
	*tx = tx_known(tcp_payload);
}

void tcp_payload_least(const struct tcp_payload *tcp_payload, int64_t *rx, int64_t *tx)
{
	int64_t low = tcp_payload->sequence - (tcp_payload->syn != 0) - (tcp_payload_own_fin(tcp_payload) != 0);
	/* Without counters of the end, a bound of 0 is no knowledge. */
	bool has_end = (tcp_payload->final && !tcp_payload->disconnected) || tcp_payload->at_close;

	*rx = tcp_payload->received;
	if (*rx > 0 && !tcp_payload->payload_only && tcp_payload_peer_fin(tcp_payload) != 0)
		(*rx)--;
	if (*rx < tcp_payload->rx_anchor)
		*rx = tcp_payload->rx_anchor;
	/* While bytes are under way, the parts of the sum were not read together, and it may be too large. */
	*tx = tcp_payload->tx_anchor;
	if (tcp_payload->sequence >= 0 && (tcp_payload->final || tcp_payload->all_acked == 1) && low > *tx)
		*tx = low;
	if (*rx == 0 && (!has_end || tcp_payload->received < 0))
		*rx = CONN_UNKNOWN;
	if (*tx == 0 && (!has_end || tcp_payload->sequence < 0))
		*tx = CONN_UNKNOWN;
}
