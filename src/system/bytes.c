// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exact payload from the kernel's counters. All of this was tried on Linux 6.18.
 *
 * What is counted. bytes_received is how far rcv_nxt moved, so it is payload
 * plus 1 once the peer's FIN has been taken in (f = 1). bytes_acked is how far
 * snd_una moved: payload, the SYN of the side that opened (never that of the
 * side that accepted), and our FIN. bytes_sent - bytes_retrans is payload, with
 * one exception: a segment this host itself drops on its way out (a full
 * queueing discipline, a packet filter) counts as sent and is sent again
 * without counting as resent. So that difference is believed only if the
 * sequence numbers bear it out:
 *
 *	bytes_acked + wqueue - notsent_bytes = payload + SYN + FIN, if sent
 *
 * (wqueue is write_seq - snd_una, notsent_bytes is write_seq - snd_nxt). At a
 * look with no FIN in doubt this alone is exact, and what bytes_sent -
 * bytes_retrans has more is taken off it from then on: a single byte dropped
 * would be mistaken for a FIN otherwise.
 *
 * The peer's FIN. No counter says whether f is 1. In this order it is derived:
 *
 * - From the state at a look: CLOSE_WAIT, LAST_ACK, CLOSING have f = 1;
 *   ESTABLISHED, FIN_WAIT1, FIN_WAIT2, SYN_RECV have f = 0. CLOSE says nothing,
 *   but there the kernel can be asked if all has been read (info.fin); if not,
 *   what rqueue has more at the last word than was unread at the look is the FIN.
 *   A look whose f is known is an anchor; birth is one (nothing received).
 *   After a FIN nothing more can come. After f = 0, if data_segs_in stands still
 *   (it counts every arriving segment with payload, even refused ones), what
 *   bytes_received grew by is the FIN.
 * - From the other end: a FIN is taken in only after all the peer's payload P,
 *   so f = 1 exactly if bytes_received is P + 1.
 * - From the ending, if our FIN was acknowledged. close(2) sends a FIN only if
 *   nothing was left unread (a RST otherwise), and data that comes after
 *   close(2) is answered with a RST and not counted. So rqueue (rcv_nxt -
 *   copied_seq) is 1 for an unread FIN, else 0. 0 is either a FIN the program
 *   has read as end of file (or with the last data, if it came in one segment),
 *   or a FIN that had not come when a mini socket (FIN_WAIT2, TIME_WAIT) took
 *   over. If the mini socket is there it is the latter. That it is not there
 *   proves nothing: the peer may have sent it a RST or data, which removes it
 *   (3 % of the random endings on loopback that hung on this). A look at the
 *   entry of close(2) leaves none open.
 * - With shutdown(2) the socket sends its FIN and may still receive and read.
 *   Then the ending proves nothing by itself; but if a mini socket is there and
 *   either data was left unread or the socket was in state CLOSE at the entry of
 *   close(2), the FIN came.
 *
 * MPTCP (Linux 6.5) counts payload and nothing else: such a snapshot has no
 * bytes_acked, and there is nothing to derive.
 *
 * tcp_disconnect() in the kernel (failed connect, SO_LINGER without time)
 * clears the counters: the last word has none, and a later look has lower ones
 * than before.
 */
#include "system/bytes.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#define UNKNOWN (-1)

void bytes_init(struct bytes *bytes)
{
	*bytes = (struct bytes)BYTES_INIT;
}

void bytes_calls_unseen(struct bytes *bytes)
{
	bytes->calls_unseen = true;
}

/** payload_sent() - by the counters of payload, UNKNOWN before Linux 4.19 */
static int64_t payload_sent(const struct event_info *info)
{
	return info->bytes_sent < 0 || info->bytes_retrans < 0 ? UNKNOWN : info->bytes_sent - info->bytes_retrans;
}

/** peer_fin() - has the peer's FIN come? 1, 0, or UNKNOWN by this state */
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
	default: /* in TCP_CLOSING they have crossed, and the wire alone knows which was first */
		return CLOSE_UNKNOWN;
	}
}

/** opener() - who opened, by one look */
static enum conn_dir opener(const struct event_info *info)
{
	int64_t sent = payload_sent(info);
	int64_t acked = info->bytes_acked;

	if (info->state == TCP_FIN_WAIT2)
		acked--; /* our FIN is acknowledged: that is what the state means */
	else if (info->state != TCP_ESTABLISHED && info->state != TCP_CLOSE_WAIT)
		return DIR_UNKNOWN;
	if (sent < 0 || info->bytes_acked < 0)
		return DIR_UNKNOWN;
	/* Acknowledged payload is never more than was sent, so one more is the SYN, whatever is under way. */
	if (acked == sent + 1)
		return DIR_OUT;
	return acked == sent && info->unacked == 0 ? DIR_IN : DIR_UNKNOWN;
}

enum conn_dir bytes_direction(const struct bytes *bytes)
{
	if (bytes->syn < 0)
		return DIR_UNKNOWN;
	return bytes->syn ? DIR_OUT : DIR_IN;
}

void bytes_opener(struct bytes *bytes, enum conn_dir dir)
{
	if (dir != DIR_UNKNOWN)
		bytes->syn = dir == DIR_OUT;
}

void bytes_shutdown(struct bytes *bytes, int how)
{
	if (how != SHUT_RD)
		bytes->shutdown = true;
}

void bytes_ended(struct bytes *bytes)
{
	bytes->ended = true;
}

void bytes_timewait(struct bytes *bytes, enum info_timewait timewait)
{
	/* A mini socket that still waits for the peer's FIN: the full socket, whose counters we have, never saw one. */
	if (timewait == TIMEWAIT_NO_FIN) {
		bytes->no_fin = true;
		timewait = TIMEWAIT_PRESENT;
	}
	if (timewait != TIMEWAIT_UNKNOWN)
		bytes->timewait = (uint8_t)timewait;
}

void bytes_peer_sent(struct bytes *bytes, int64_t payload)
{
	bytes->peer_sent = payload;
}

/** sequence_sent() - how far the sequence numbers sent got: payload, SYN and FIN */
static int64_t sequence_sent(const struct event_info *info)
{
	if (info->bytes_acked < 0 || info->wqueue < 0 || info->notsent_bytes < 0)
		return UNKNOWN;
	return info->bytes_acked + info->wqueue - info->notsent_bytes;
}

/** feed_payload() - counters without SYN and FIN: they are what they are */
static void feed_payload(struct bytes *bytes, const struct event_info *info)
{
	bytes->payload_only = true;
	bytes->received = bytes->rx_anchor = info->bytes_received;
	bytes->sent = payload_sent(info);
	bytes->sequence = UNKNOWN;
	bytes->notsent = info->notsent_bytes != 0;
	bytes->at_close = info->reason == INFO_CLOSE;
}

/** bare() - segments without payload among @all */
static int32_t bare(int32_t all, int32_t with_payload)
{
	return all < 0 || with_payload < 0 ? UNKNOWN : all - with_payload;
}

/** feed_look() - a snapshot of a socket that still has an owner */
static void feed_look(struct bytes *bytes, const struct event_info *info)
{
	int fin = info->fin == FIN_UNKNOWN ? peer_fin(info->state) : info->fin == FIN_RECEIVED;

	bytes->state = info->state;
	bytes->received = info->bytes_received;
	bytes->segs = info->data_segs_in;
	if (info->state != TCP_CLOSE) {
		bytes->bare_in = bare(info->segs_in, info->data_segs_in);
		bytes->bare_out = bare(info->segs_out, info->data_segs_out);
	}
	bytes->sent = payload_sent(info);
	if (info->notsent_bytes >= 0)
		bytes->notsent = info->notsent_bytes > 0;
	/* With nothing under way snd_nxt is snd_una. In CLOSE the kernel has forgotten what was. */
	bytes->all_acked = info->unacked < 0 || info->state == TCP_CLOSE ? UNKNOWN : info->unacked == 0;
	if (bytes->all_acked == 1)
		bytes->sequence = info->bytes_acked;
	else
		bytes->sequence = bytes->all_acked == 0 ? sequence_sent(info) : UNKNOWN;
	if (info->state == TCP_ESTABLISHED || info->state == TCP_CLOSE_WAIT || info->state == TCP_SYN_RECV)
		bytes->fin_sent = 0;
	else if (info->state == TCP_FIN_WAIT2)
		bytes->fin_sent = 1;
	else if (bytes->fin_sent == 0)
		bytes->fin_sent = UNKNOWN;
	if (bytes->syn < 0)
		bytes_opener(bytes, opener(info));
	if (bytes->sequence >= 0 && bytes->fin_sent >= 0 && bytes->syn >= 0 && bytes->sent >= 0) {
		bytes->tx_anchor = bytes->sequence - bytes->syn - bytes->fin_sent;
		bytes->sent_anchor = bytes->sent;
	}
	if (fin >= 0) {
		bytes->rx_anchor = info->bytes_received - fin;
		bytes->segs_anchor = info->data_segs_in;
		bytes->anchor_fin = fin;
	}
	if (bytes->first == CLOSE_UNKNOWN)
		bytes->first = (uint8_t)first_fin(info->state);
	bytes->at_close = info->reason == INFO_CLOSE;
	if (bytes->at_close)
		bytes->close_state = info->state;
	bytes->unread = info->state == TCP_CLOSE ? info->rqueue : UNKNOWN;
}

/** more() - how many more of them */
static int32_t more(int32_t now, int32_t before)
{
	return now < before || before < 0 ? UNKNOWN : now - before;
}

/** feed_final() - the last word */
static void feed_final(struct bytes *bytes, const struct event_info *info)
{
	bytes->final = true;
	if (info->bytes_received < 0) {
		bytes->disconnected = true;
		return;
	}
	bytes->disconnected = false;
	bytes->received = info->bytes_received;
	bytes->segs = info->data_segs_in;
	bytes->sent = payload_sent(info);
	bytes->more_in = more(bare(info->segs_in, info->data_segs_in), bytes->bare_in);
	/* One that was accepted has not sent the SYN/ACK itself, so it begins with none. */
	bytes->more_out = more(bare(info->segs_out, info->data_segs_out),
			       bytes->bare_out < 0 && bytes->syn == 0 ? 0 : bytes->bare_out);
	bytes->probes = info->probes;
	bytes->rqueue = info->rqueue;
	bytes->none_acked = info->bytes_acked == 0;
	bytes->resent = info->total_retrans < 0 ? UNKNOWN : info->total_retrans > 0;
	bytes->notsent = info->notsent_bytes < 0 ? UNKNOWN : info->notsent_bytes > 0;
	bytes->all_acked = info->wqueue < 0 ? UNKNOWN : info->wqueue == 0;
	bytes->sequence = sequence_sent(info);
	/* A FIN is the last thing in the queue; once acknowledged it stays so. */
	if (bytes->fin_sent != 1)
		bytes->fin_sent = bytes->notsent == 1 ? 0 : UNKNOWN;
	if (bytes->syn < 0)
		bytes_opener(bytes, bytes_final_opener(info));
}

bool bytes_is_lost(const struct event_info *info)
{
	return info->reason == INFO_DESTROY && info->bytes_received < 0 && info->state == 0;
}

void bytes_feed(struct bytes *bytes, const struct event_info *info)
{
	bytes_timewait(bytes, info->timewait);
	if (bytes_is_lost(info)) {
		bytes->ended = true;
		return;
	}
	if (info->reason == INFO_DESTROY) {
		feed_final(bytes, info);
		return;
	}
	if (bytes->final || info->bytes_received < 0)
		return;
	if (info->reason == INFO_CLOSE && info->state == TCP_CLOSE)
		bytes->close_state = TCP_CLOSE; /* true even of a socket that was disconnected */
	/* Counters never fall, so this one is older than what we have, or the socket was disconnected. */
	if (info->bytes_received < bytes->received || info->bytes_received < bytes->rx_anchor + bytes->anchor_fin ||
	    info->data_segs_in < bytes->segs)
		return;
	if (info->bytes_acked < 0)
		feed_payload(bytes, info);
	else
		feed_look(bytes, info);
}

/** sent_once() - payload by the counters of payload, less what was dropped by our own host up to the anchor */
static int64_t sent_once(const struct bytes *bytes)
{
	return bytes->sent < 0 ? UNKNOWN : bytes->sent - (bytes->sent_anchor - bytes->tx_anchor);
}

/** own_fin() - was our FIN sent? 1, 0 or UNKNOWN */
static int own_fin(const struct bytes *bytes)
{
	int64_t sent = sent_once(bytes);
	int64_t extra = bytes->sequence - sent;

	if (bytes->fin_sent >= 0)
		return bytes->fin_sent;
	/* A mini socket takes over from one whose FIN was acknowledged, from no other. */
	if (bytes->timewait == TIMEWAIT_PRESENT)
		return 1;
	if (bytes->sequence < 0 || sent < 0)
		return UNKNOWN;
	/* What is not payload is SYN or FIN; of which kind a single one is must be known. */
	if (bytes->syn >= 0)
		extra -= bytes->syn;
	else if (extra == 1)
		return UNKNOWN;
	else if (extra == 2)
		extra = 1;
	return extra == 0 || extra == 1 ? (int)extra : UNKNOWN;
}

/** tx_known() - payload sent at the moment of the last snapshot */
static int64_t tx_known(const struct bytes *bytes)
{
	int64_t low, high, sent = sent_once(bytes);
	int fin = own_fin(bytes);

	if (bytes->sequence < 0)
		return sent;
	low = bytes->sequence - (bytes->syn != 0) - (fin != 0);
	high = bytes->sequence - (bytes->syn == 1) - (fin == 1);
	if (low == high)
		return low >= 0 ? low : CONN_UNKNOWN;
	return sent >= low && sent <= high ? sent : CONN_UNKNOWN;
}

/** fin_by_ending() - has the peer's FIN come? judged by how the socket ended: 1, 0 or UNKNOWN */
static int fin_by_ending(const struct bytes *bytes)
{
	bool no_shutdown = !bytes->calls_unseen && !bytes->shutdown;
	bool present = bytes->timewait == TIMEWAIT_PRESENT;
	bool acked = own_fin(bytes) == 1 && bytes->all_acked == 1;

	if (bytes->close_state == TCP_CLOSE) {
		int32_t more = bytes->rqueue - bytes->unread;

		/* Dead already, so nothing came in between: what the queue has more is the FIN. */
		if (bytes->unread >= 0 && bytes->rqueue >= 0 && (more == 0 || more == 1))
			return more;
		/* With an owner it stays full until the peer's FIN comes, however long it is in FIN_WAIT2. */
		return present ? 1 : UNKNOWN;
	}
	if (!acked)
		return UNKNOWN;
	/*
	 * A mini socket takes over before the peer's FIN only after close(2) with nothing unread; so if
	 * something is, it took over because the FIN came. Without one, data unread would mean a RST.
	 */
	if (bytes->rqueue > 0 && present)
		return 1;
	if (bytes->rqueue == 1 && no_shutdown)
		return 1;
	return bytes->rqueue == 0 && no_shutdown && present ? 0 : UNKNOWN;
}

/** fin_known() - has the peer's FIN come by the last snapshot? 1, 0 or UNKNOWN */
static int fin_known(const struct bytes *bytes)
{
	int64_t grown = bytes->received - bytes->rx_anchor;

	if (bytes->received < 0)
		return UNKNOWN;
	if (bytes->anchor_fin)
		return 1;
	if (grown == 0)
		return 0;
	if (grown == 1 && bytes->segs >= 0 && bytes->segs == bytes->segs_anchor)
		return 1;
	/*
	 * A contradiction (more received than sent) is no evidence; and where a connection may be known by its last
	 * word alone, less is none either: it may be that of another life of the same ports.
	 */
	if (bytes->peer_sent >= 0 && bytes->received <= bytes->peer_sent + 1 &&
	    (!bytes->calls_unseen || bytes->received >= bytes->peer_sent))
		return bytes->received == bytes->peer_sent + 1;
	if (bytes->no_fin)
		return 0;
	return fin_by_ending(bytes);
}

static int64_t rx_known(const struct bytes *bytes)
{
	int fin = fin_known(bytes);

	return fin < 0 ? CONN_UNKNOWN : bytes->received - fin;
}

int64_t bytes_final_sent(const struct event_info *info)
{
	struct bytes bytes;

	bytes_init(&bytes);
	bytes_feed(&bytes, info);
	return bytes.final && !bytes.disconnected ? tx_known(&bytes) : CONN_UNKNOWN;
}

enum conn_dir bytes_final_opener(const struct event_info *info)
{
	int64_t sequence = sequence_sent(info), sent = payload_sent(info);

	/* Two more than payload, SYN and FIN; what our own host dropped makes @sent larger, never smaller. */
	return sequence >= 0 && sent >= 0 && sequence - sent == 2 ? DIR_OUT : DIR_UNKNOWN;
}

void bytes_settle(const struct bytes *bytes, int64_t *rx, int64_t *tx)
{
	bool ended = bytes->ended || bytes->final;

	bool as_of_close = ended && (!bytes->final || bytes->disconnected);
	bool borne_out = bytes->sequence >= 0 || bytes->payload_only;

	*rx = *tx = CONN_UNKNOWN;
	if (as_of_close && !bytes->at_close)
		return;
	*rx = rx_known(bytes);
	/*
	 * What waited at the entry of close(2) may have been sent since, or thrown away; not by a dead socket. And
	 * what the sequence numbers do not bear out is no last word.
	 */
	if (as_of_close && bytes->close_state != TCP_CLOSE && (bytes->notsent != 0 || !borne_out))
		return;
	*tx = tx_known(bytes);
}

bool bytes_both_fins(const struct bytes *bytes)
{
	return bytes->final && !bytes->disconnected && own_fin(bytes) == 1 && bytes->all_acked == 1 &&
	       fin_known(bytes) == 1;
}

/** was_dead() - without a FIN of this side: had it died before it was closed, of something else than silence? */
static bool was_dead(const struct bytes *bytes)
{
	/* Its SYN was never answered, or may not have been: then there was nothing to close. */
	if (!bytes->final || bytes->disconnected || own_fin(bytes) != 0 || (bytes->none_acked && bytes->syn != 0))
		return false;
	/* What this host did not let out, or the peer has no room for, is tried again until the kernel gives up. */
	if (bytes->notsent == 1 && bytes->probes != 0)
		return false;
	/* What was acknowledged or never resent did not time out. */
	return (bytes->close_state == TCP_CLOSE || bytes->rqueue == 0) &&
	       (bytes->all_acked == 1 || bytes->resent == 0);
}

/** who_reset() - of one that was dead: a RST is a segment without payload, and so are most acknowledgements */
static enum conn_close who_reset(const struct bytes *bytes)
{
	if (bytes->more_out == 0)
		return CLOSE_RRST;
	return bytes->more_in == 0 ? CLOSE_LRST : CLOSE_UNKNOWN;
}

bool bytes_was_cut(const struct bytes *bytes)
{
	int peer = fin_known(bytes);

	if (bytes->final && bytes->disconnected)
		return bytes->close_state == TCP_ESTABLISHED;
	if (was_dead(bytes) && bytes->close_state != TCP_ESTABLISHED)
		return peer == 0 || bytes->all_acked == 0;
	/* Unread data makes close(2) send a RST. */
	return bytes->final && own_fin(bytes) == 0 && peer == 0 && bytes->close_state == TCP_ESTABLISHED &&
	       bytes->rqueue > 0;
}

bool bytes_was_given_up(const struct bytes *bytes)
{
	if (was_dead(bytes))
		return bytes->probes > 1;
	/* An attempt that nobody answers is no connection yet. */
	if (bytes->none_acked && bytes->syn != 0)
		return false;
	return bytes->final && !bytes->disconnected && own_fin(bytes) == 0 && bytes->close_state != TCP_ESTABLISHED &&
	       bytes->rqueue == 0 && bytes->all_acked == 0 && bytes->resent == 1 && bytes->more_in == 0;
}

bool bytes_died(const struct bytes *bytes)
{
	return was_dead(bytes);
}

enum conn_close bytes_close(const struct bytes *bytes)
{
	int own = own_fin(bytes);
	int peer = fin_known(bytes);

	if (bytes->first != CLOSE_UNKNOWN)
		return bytes->first;
	if (!bytes->final)
		return CLOSE_UNKNOWN;
	if (bytes->disconnected)
		return bytes->close_state == TCP_ESTABLISHED ? CLOSE_LRST : CLOSE_UNKNOWN;
	/* The mini socket is left to the side that closes first, and to both if both do at once. */
	if (bytes->timewait == TIMEWAIT_PRESENT)
		return CLOSE_LFIN;
	if (own == 1 && peer == 0)
		return CLOSE_LFIN;
	if (own == 0 && peer == 1)
		return CLOSE_RFIN;
	if (own == 1 && peer == 1) {
		bool no_shutdown = !bytes->calls_unseen && !bytes->shutdown;

		/* The FIN was read before our own went out. Unread, the two may have crossed. */
		if (no_shutdown && bytes->rqueue == 0)
			return CLOSE_RFIN;
		/* Without a mini socket the peer's FIN may have come between the look and the call. */
		return CLOSE_UNKNOWN;
	}
	if (own != 0 || peer != 0 || bytes->notsent == 1)
		return CLOSE_UNKNOWN;
	/* Unread data makes close(2) send a RST. */
	if (bytes->close_state == TCP_ESTABLISHED)
		return bytes->rqueue > 0 && !(bytes->none_acked && bytes->syn != 0) ? CLOSE_LRST : CLOSE_UNKNOWN;
	return was_dead(bytes) ? who_reset(bytes) : CLOSE_UNKNOWN;
}
