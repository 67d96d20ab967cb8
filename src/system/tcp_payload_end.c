// SPDX-License-Identifier: GPL-2.0-or-later
#include <netinet/tcp.h>

#include "system/tcp_payload.h"

/* How a TCP socket ended, from the kernel's counters (theory in tcp_payload.c). */

bool tcp_payload_both_fins(const struct tcp_payload *tcp_payload)
{
	return tcp_payload->final && !tcp_payload->disconnected && tcp_payload_own_fin(tcp_payload) == 1 &&
	       tcp_payload->all_acked == 1 && tcp_payload_peer_fin(tcp_payload) == 1;
}

/** was_dead() - whether it ended without a local FIN before it was closed, and not by a timeout */
static bool was_dead(const struct tcp_payload *tcp_payload)
{
	/* Its SYN was never answered, or may not have been: then there was no connection to close. */
	if (!tcp_payload->final || tcp_payload->disconnected || tcp_payload_own_fin(tcp_payload) != 0 ||
	    (tcp_payload->none_acked && tcp_payload->syn != 0))
		return false;
	/* The kernel retries data that this host did not send, or the peer has no room for, until it gives up. */
	if (tcp_payload->notsent == 1 && tcp_payload->probes != 0)
		return false;
	/* Data that was acknowledged or never retransmitted did not time out. */
	return (tcp_payload->close_state == TCP_CLOSE || tcp_payload->rqueue == 0) &&
	       (tcp_payload->all_acked == 1 || tcp_payload->resent == 0);
}

/** who_reset() - the side that reset an ended socket: a RST has no payload, and most acknowledgements have none */
static enum conn_close who_reset(const struct tcp_payload *tcp_payload)
{
	if (tcp_payload->more_out == 0)
		return CLOSE_RRST;
	return tcp_payload->more_in == 0 ? CLOSE_LRST : CLOSE_UNKNOWN;
}

/** was_left_unread() - whether close(2) sent a RST because data was unread */
static bool was_left_unread(const struct tcp_payload *tcp_payload)
{
	return tcp_payload_own_fin(tcp_payload) == 0 && tcp_payload_peer_fin(tcp_payload) == 0 &&
	       tcp_payload->notsent != 1 && tcp_payload->close_state == TCP_ESTABLISHED && tcp_payload->rqueue > 0 &&
	       !(tcp_payload->none_acked && tcp_payload->syn != 0);
}

/** was_half_closed() - whether it ended after the local FIN, neither by the peer's nor by close(2) or a timeout */
static bool was_half_closed(const struct tcp_payload *tcp_payload)
{
	return tcp_payload->close_state == TCP_CLOSE && tcp_payload_own_fin(tcp_payload) == 1 &&
	       tcp_payload_peer_fin(tcp_payload) == 0 && (tcp_payload->all_acked == 1 || tcp_payload->resent == 0);
}

bool tcp_payload_was_reset(const struct tcp_payload *tcp_payload)
{
	if (!tcp_payload->final || tcp_payload->reset != RESET_UNSEEN)
		return tcp_payload->reset != RESET_UNSEEN && tcp_payload->reset != RESET_GIVEN_UP;
	/*
	 * Of a socket that is closed by SO_LINGER. In the states after its own FIN the peer's may have come. The
	 * final counters of a subflow of MPTCP may be missing for another reason.
	 */
	if (tcp_payload->disconnected)
		return (tcp_payload->close_state == TCP_ESTABLISHED || tcp_payload->close_state == TCP_CLOSE_WAIT) &&
		       !(tcp_payload->subflow && tcp_payload->first != CLOSE_UNKNOWN);
	return (was_dead(tcp_payload) && tcp_payload->close_state != TCP_ESTABLISHED) || was_left_unread(tcp_payload) ||
	       was_half_closed(tcp_payload);
}

bool tcp_payload_was_cut(const struct tcp_payload *tcp_payload)
{
	int own = tcp_payload_own_fin(tcp_payload), peer = tcp_payload_peer_fin(tcp_payload);

	if (!tcp_payload_was_reset(tcp_payload))
		return false;
	if (tcp_payload->disconnected)
		return tcp_payload->close_state == TCP_ESTABLISHED;
	/* After the FIN of one side the other one's RST cuts nothing, unless bytes are on the way. */
	if (own == peer)
		return true;
	return own != 1 && tcp_payload->reset != RESET_BY_OWNER && tcp_payload->all_acked == 0;
}

/** is_unfinished() - whether the peer had not acknowledged all that was sent, and a FIN, when the socket ended */
static bool is_unfinished(const struct tcp_payload *tcp_payload)
{
	/* An unanswered attempt is no connection yet. */
	if (tcp_payload->none_acked && tcp_payload->syn != 0)
		return false;
	return tcp_payload->final && !tcp_payload->disconnected && tcp_payload->timewait != TIMEWAIT_PRESENT &&
	       (tcp_payload_own_fin(tcp_payload) == 0 || tcp_payload->all_acked == 0);
}

/** has_refused_data() - whether payload came and was not received: after close(2) the answer is a RST */
static bool has_refused_data(const struct tcp_payload *tcp_payload)
{
	return tcp_payload->final && tcp_payload->timewait != TIMEWAIT_PRESENT && tcp_payload->segs_anchor >= 0 &&
	       tcp_payload->segs > tcp_payload->segs_anchor && tcp_payload->received == tcp_payload->rx_anchor;
}

bool tcp_payload_may_be_reset(const struct tcp_payload *tcp_payload)
{
	return tcp_payload_was_reset(tcp_payload) || has_refused_data(tcp_payload) ||
	       (is_unfinished(tcp_payload) && tcp_payload->reset != RESET_GIVEN_UP);
}

bool tcp_payload_was_given_up(const struct tcp_payload *tcp_payload)
{
	if (tcp_payload->reset == RESET_GIVEN_UP)
		return true;
	if (was_dead(tcp_payload))
		return tcp_payload->probes > 1;
	/* An unanswered attempt is no connection yet. */
	if (tcp_payload->none_acked && tcp_payload->syn != 0)
		return false;
	return tcp_payload->final && !tcp_payload->disconnected && tcp_payload_own_fin(tcp_payload) == 0 &&
	       tcp_payload->close_state != TCP_ESTABLISHED && tcp_payload->rqueue == 0 && tcp_payload->all_acked == 0 &&
	       tcp_payload->resent == 1 && tcp_payload->more_in == 0;
}

bool tcp_payload_died(const struct tcp_payload *tcp_payload)
{
	return was_dead(tcp_payload);
}

/** resetter() - the side whose RST ended it */
static enum conn_close resetter(const struct tcp_payload *tcp_payload)
{
	if (tcp_payload->reset == RESET_BY_EITHER)
		return CLOSE_UNKNOWN;
	if (tcp_payload->reset != RESET_UNSEEN)
		return tcp_payload->reset == RESET_BY_PEER ? CLOSE_RRST : CLOSE_LRST;
	if (tcp_payload->disconnected || was_left_unread(tcp_payload))
		return CLOSE_LRST;
	return was_dead(tcp_payload) && tcp_payload->notsent != 1 ? who_reset(tcp_payload) : CLOSE_UNKNOWN;
}

enum conn_close tcp_payload_close(const struct tcp_payload *tcp_payload)
{
	int own = tcp_payload_own_fin(tcp_payload);
	int peer = tcp_payload_peer_fin(tcp_payload);

	if (tcp_payload_was_reset(tcp_payload))
		return resetter(tcp_payload);
	if (tcp_payload_may_be_reset(tcp_payload))
		return CLOSE_UNKNOWN;
	if (tcp_payload->first != CLOSE_UNKNOWN)
		return tcp_payload->first;
	if (!tcp_payload->final || tcp_payload->disconnected)
		return CLOSE_UNKNOWN;
	/* The side that closes first gets the mini socket, and both do if they close at once. */
	if (tcp_payload->timewait == TIMEWAIT_PRESENT)
		return CLOSE_LFIN;
	if (own == 1 && peer == 0)
		return CLOSE_LFIN;
	if (own == 0 && peer == 1)
		return CLOSE_RFIN;
	if (own == 1 && peer == 1) {
		bool no_shutdown = !tcp_payload->calls_unseen && !tcp_payload->shutdown;

		/* The FIN was read before the local one was sent. Unread, the two may have crossed. */
		if (no_shutdown && tcp_payload->rqueue == 0)
			return CLOSE_RFIN;
		/* Without a mini socket the peer's FIN may have come between the sample and the call. */
		return CLOSE_UNKNOWN;
	}
	return CLOSE_UNKNOWN;
}
