// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <netinet/tcp.h>

#include "base/clock.h"
#include "track/wire_bits.h"

/* Converts the evidence to struct conn. */

static int64_t acked_offset(const struct wire_half *half)
{
	return half->bits & HALF_ACKED && half->bits & HALF_BASE ? wire_offset(half, half->acked) : -1;
}

static bool fin_is_acked(const struct wire_half *half)
{
	return half->bits & HALF_FIN && acked_offset(half) > wire_offset(half, half->fin);
}

bool wire_is_finished(const struct wire *wire)
{
	if (wire->bits & (WIRE_RST | WIRE_REFUSED | WIRE_ABORTED))
		return true;
	/* Most often there is no FIN at all: both sides at once. */
	return wire->halves[WIRE_LOCAL].bits & wire->halves[WIRE_REMOTE].bits & HALF_FIN &&
	       fin_is_acked(&wire->halves[WIRE_LOCAL]) && fin_is_acked(&wire->halves[WIRE_REMOTE]);
}

bool wire_may_go_on(const struct wire *wire)
{
	return wire->bits & WIRE_RST_UNSURE;
}

/* Whether payload was sent to the side that made the RST after its FIN. A closed socket acknowledges none. */
static bool was_sent_in_vain(const struct wire *wire)
{
	enum wire_side resetter = wire->bits & WIRE_RST_REMOTE ? WIRE_REMOTE : WIRE_LOCAL;
	const struct wire_half *other = &wire->halves[wire_other(resetter)];

	return wire->halves[resetter].bits & HALF_FIN && other->bits & HALF_DATA && other->bits & HALF_BASE &&
	       (int64_t)other->next > acked_offset(other);
}

bool wire_was_cut(const struct wire *wire)
{
	uint16_t local_fin = wire->halves[WIRE_LOCAL].bits & HALF_FIN;
	uint16_t remote_fin = wire->halves[WIRE_REMOTE].bits & HALF_FIN;

	/* A program that has read enough often closes by RST after the other side's FIN. */
	return wire->bits & WIRE_ABORTED ||
	       (wire->bits & WIRE_RST && (local_fin == remote_fin || was_sent_in_vain(wire)));
}

bool wire_was_reset_by(const struct wire *wire, enum wire_side side)
{
	return wire->bits & WIRE_RST && !wire->rst_here &&
	       ((wire->bits & WIRE_RST_REMOTE) != 0) == (side == WIRE_REMOTE);
}

bool wire_was_reset_here(const struct wire *wire)
{
	return wire->rst_here && wire->bits & (WIRE_RST | WIRE_REFUSED | WIRE_ABORTED);
}

bool wire_had_fragments(const struct wire *wire)
{
	return wire->bits & WIRE_FRAGMENTS;
}

int64_t wire_late_ns(const struct wire *wire)
{
	uint32_t late_us = wire->rare->late_us;

	return late_us != UINT32_MAX && wire_has_times(wire) ? late_us * CLOCK_NS_PER_US : CLOCK_UNKNOWN;
}

int64_t wire_syn_ns(const struct wire *wire)
{
	return wire_has_times(wire) ? wire->syn_ns : CLOCK_UNKNOWN;
}

int64_t wire_last_ns(const struct wire *wire)
{
	return wire_has_times(wire) ? wire->last_ns : CLOCK_UNKNOWN;
}

bool wire_has_times(const struct wire *wire)
{
	return !(wire->bits & WIRE_TIMELESS);
}

bool wire_is_established(const struct wire *wire)
{
	return wire->bits & WIRE_ESTABLISHED;
}

bool wire_is_under_way(const struct wire *wire)
{
	return (wire->halves[WIRE_LOCAL].bits | wire->halves[WIRE_REMOTE].bits) & (HALF_ACK_SENT | HALF_DATA);
}

bool wire_was_answered(const struct wire *wire)
{
	const struct wire_half *local = &wire->halves[WIRE_LOCAL], *remote = &wire->halves[WIRE_REMOTE];

	return (local->bits | remote->bits) & HALF_ACK_SENT || (local->bits & remote->bits & HALF_SYN);
}

bool wire_is_lone_syn(const struct wire *wire)
{
	return (wire->halves[WIRE_LOCAL].bits | wire->halves[WIRE_REMOTE].bits) & HALF_SYN && !wire_was_answered(wire);
}

bool wire_began_before(const struct wire *wire)
{
	const struct wire_half *local = &wire->halves[WIRE_LOCAL], *remote = &wire->halves[WIRE_REMOTE];

	return !wire_is_empty(wire) && ((local->bits | remote->bits) & HALF_SYN) == 0;
}

bool wire_both_spoke(const struct wire *wire)
{
	return wire->halves[WIRE_LOCAL].bits & wire->halves[WIRE_REMOTE].bits & HALF_ACK_SENT;
}

enum conn_dir wire_dir(const struct wire *wire)
{
	if (!(wire->bits & WIRE_OPENER_KNOWN))
		return DIR_UNKNOWN;
	return wire->bits & WIRE_OPENER_REMOTE ? DIR_IN : DIR_OUT;
}

int64_t wire_established_ns(const struct wire *wire)
{
	const struct wire_half *opener = &wire->halves[wire_opener(wire)];
	const struct wire_half *acceptor = &wire->halves[wire_other(wire_opener(wire))];

	if (!wire_is_established(wire) || !wire_has_times(wire))
		return CLOCK_UNKNOWN;
	/* In a simultaneous open, the later of the two. */
	if (acceptor->syns > 0 && opener->syn_acked_ns > acceptor->syn_acked_ns)
		return opener->syn_acked_ns;
	return acceptor->syn_acked_ns;
}

int64_t wire_answer_ns(const struct wire *wire)
{
	if (!(wire->bits & WIRE_OPENER_KNOWN) || !wire_has_times(wire))
		return CLOCK_UNKNOWN;
	return wire->halves[wire_opener(wire)].syn_acked_ns;
}

enum conn_result wire_result(const struct wire *wire, int64_t now_ns, int64_t timeout_ns)
{
	const struct wire_half *opener = &wire->halves[wire_opener(wire)];

	if (wire->bits & WIRE_ESTABLISHED)
		return RESULT_OK;
	/* Data is not answered before there is a connection. */
	if (wire->halves[WIRE_LOCAL].bits & wire->halves[WIRE_REMOTE].bits & HALF_DATA)
		return RESULT_OK;
	if (wire->bits & WIRE_REFUSED)
		return RESULT_REFUSED;
	if (!(wire->bits & WIRE_OPENER_KNOWN) || !(opener->bits & HALF_SYN))
		return RESULT_UNKNOWN;
	if (wire->bits & WIRE_ABORTED)
		return RESULT_RESET;
	if (wire->bits & WIRE_UNREACHABLE && !(opener->bits & HALF_SYN_ACKED))
		return RESULT_UNREACH;
	/* It sends as if connected, or answers a SYN: the segment it received was not captured, or is its own. */
	if (opener->bits & HALF_ACK_SENT || opener->synacks > 0 || wire->bits & WIRE_RST)
		return RESULT_UNKNOWN;
	if (wire_has_times(wire) && clock_since(wire->last_ns, now_ns) >= timeout_ns)
		return RESULT_TIMEOUT;
	return RESULT_PENDING;
}

static enum conn_close close_of(const struct wire *wire)
{
	uint16_t fin = (wire->halves[WIRE_LOCAL].bits | wire->halves[WIRE_REMOTE].bits) & HALF_FIN;

	if (wire->bits & (WIRE_RST | WIRE_REFUSED | WIRE_ABORTED))
		return wire->bits & WIRE_RST_REMOTE ? CLOSE_RRST : CLOSE_LRST;
	if (!fin)
		return CLOSE_UNKNOWN;
	return wire->bits & WIRE_FIN_REMOTE_FIRST ? CLOSE_RFIN : CLOSE_LFIN;
}

/* The state of the local end, RFC 9293, 3.3.2, as far as the segments show it. */
static uint8_t state_of(const struct wire *wire)
{
	const struct wire_half *local = &wire->halves[WIRE_LOCAL], *remote = &wire->halves[WIRE_REMOTE];
	bool remote_first = wire->bits & WIRE_FIN_REMOTE_FIRST;

	if (wire->bits & (WIRE_RST | WIRE_ABORTED))
		return STATE_RESET;
	if (wire_is_finished(wire))
		return STATE_CLOSED;
	if (local->bits & HALF_FIN && remote->bits & HALF_FIN) {
		if (remote_first)
			return fin_is_acked(local) ? STATE_CLOSED : TCP_LAST_ACK;
		return fin_is_acked(local) ? TCP_TIME_WAIT : TCP_CLOSING;
	}
	if (local->bits & HALF_FIN)
		return fin_is_acked(local) ? TCP_FIN_WAIT2 : TCP_FIN_WAIT1;
	if (remote->bits & HALF_FIN)
		return TCP_CLOSE_WAIT;
	if (wire->bits & WIRE_ESTABLISHED)
		return TCP_ESTABLISHED;
	if (wire->bits & WIRE_OPENER_KNOWN && wire->halves[wire_opener(wire)].bits & HALF_SYN) {
		if (wire->halves[wire_opener(wire)].bits & HALF_ACK_SENT)
			return TCP_ESTABLISHED;
		return wire->bits & WIRE_OPENER_REMOTE || local->synacks > 0 ? TCP_SYN_RECV : TCP_SYN_SENT;
	}
	return local->bits & remote->bits & HALF_ACK_SENT ? TCP_ESTABLISHED : STATE_UNKNOWN;
}

/* RFC 792, RFC 4443. */
static uint8_t icmp_type(const struct wire *wire)
{
	bool v6 = wire->bits & WIRE_UNREACHABLE_V6;

	if (wire->bits & WIRE_TIME_EXCEEDED)
		return v6 ? 3 : 11;
	if (wire->bits & WIRE_PARAMETER_PROBLEM)
		return v6 ? 4 : 12;
	return v6 ? 1 : 3;
}

/*
 * The errno of connect(2) on Linux after an ICMP error: tcp_v4_err(), icmp_err_convert[] of net/ipv4/icmp.c,
 * icmpv6_err_convert() and tab_unreach[] of net/ipv6/icmp.c.
 */
static int32_t icmp_errno(const struct wire *wire)
{
	static const int16_t v4[] = {ENETUNREACH,  EHOSTUNREACH, ENOPROTOOPT,  ECONNREFUSED, EMSGSIZE,     EOPNOTSUPP,
				     ENETUNREACH,  EHOSTDOWN,    ENONET,       ENETUNREACH,  EHOSTUNREACH, ENETUNREACH,
				     EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH};
	static const int16_t v6[] = {ENETUNREACH, EACCES, EHOSTUNREACH, EHOSTUNREACH, ECONNREFUSED, EACCES, EACCES};
	uint8_t code = wire->rare->icmp_code;

	if (wire->bits & WIRE_TIME_EXCEEDED)
		return EHOSTUNREACH;
	if (wire->bits & WIRE_PARAMETER_PROBLEM)
		return EPROTO;
	if (!(wire->bits & WIRE_UNREACHABLE_V6))
		return code < sizeof(v4) / sizeof(v4[0]) ? v4[code] : CONN_UNKNOWN;
	return code < sizeof(v6) / sizeof(v6[0]) ? v6[code] : EPROTO;
}

static void settle_outcome(const struct wire *wire, int64_t now_ns, int64_t timeout_ns, struct conn *conn)
{
	enum conn_result result = wire_result(wire, now_ns, timeout_ns);
	bool local_opened = wire_dir(wire) == DIR_OUT;
	uint8_t state = state_of(wire);

	conn->dir = (uint8_t)wire_dir(wire);
	/* Both sides ask for it, or it is TCP (RFC 8684, 3.7). */
	if (wire->mptcp && !wire->plain)
		conn->proto = FLOW_PROTO_MPTCP;
	else if (wire->plain && conn->proto == 0)
		conn->proto = IPPROTO_TCP;
	conn->result = (uint8_t)result;
	conn->close = (uint8_t)close_of(wire);
	conn->state = state;
	conn->open = !wire_is_finished(wire) && result != RESULT_TIMEOUT && result != RESULT_UNREACH;
	if (result == RESULT_TIMEOUT || result == RESULT_UNREACH)
		conn->state = STATE_CLOSED;
	if (result == RESULT_UNREACH) {
		conn->icmp_version = wire->bits & WIRE_UNREACHABLE_V6 ? 6 : 4;
		conn->icmp_type = icmp_type(wire);
		conn->icmp_code = wire->rare->icmp_code;
		if (local_opened)
			conn->error = icmp_errno(wire);
	} else if (local_opened && result == RESULT_REFUSED) {
		conn->error = ECONNREFUSED;
	} else if (local_opened && result == RESULT_OK) {
		conn->error = 0;
	}
}

static void settle_handshake(const struct wire *wire, struct conn *conn)
{
	const struct wire_half *opener = &wire->halves[wire_opener(wire)];
	const struct wire_half *acceptor = &wire->halves[wire_other(wire_opener(wire))];
	int64_t synack_ns = CLOCK_UNKNOWN;

	if (!(wire->bits & WIRE_OPENER_KNOWN))
		return;
	if (acceptor->synacks > 0 && opener->bits & (HALF_SYN_ACKED | HALF_SYN_ACKED_EARLY))
		synack_ns = opener->syn_acked_ns;
	conn->hs_ns = clock_span(wire_syn_ns(wire), wire_established_ns(wire));
	conn->hs_net_ns = clock_span(wire_syn_ns(wire), synack_ns);
	conn->hs_ack_ns = clock_span(synack_ns, wire_established_ns(wire));
	if (opener->syns > 0 && opener->syns < UINT8_MAX)
		conn->syn_rtx = opener->syns - 1;
	if (acceptor->synacks > 0 && acceptor->synacks < UINT8_MAX)
		conn->synack_rtx = acceptor->synacks - 1;
	else if (acceptor->synacks == 0 && opener->syns > 0 && !(opener->bits & HALF_ACK_SENT))
		conn->synack_rtx = 0; /* none was sent, so none was retransmitted */
}

/* A saturated counter is unknown. */
static int32_t counted(uint32_t counter, uint32_t end)
{
	return counter < end ? (int32_t)counter : CONN_UNKNOWN;
}

static int32_t retrans_of(uint32_t retrans)
{
	return retrans & WIRE_RETRANS_UNSURE ? CONN_UNKNOWN : (int32_t)retrans;
}

static int64_t frames_of(const struct wire_half *half)
{
	return half->frames < UINT32_MAX ? half->frames : CONN_UNKNOWN;
}

void wire_settle(const struct wire *wire, int64_t now_ns, int64_t timeout_ns, struct conn *conn)
{
	const struct wire_half *local = &wire->halves[WIRE_LOCAL], *remote = &wire->halves[WIRE_REMOTE];
	const struct wire_rare *rare = wire->rare;

	if (wire_is_empty(wire))
		return;
	conn->seen |= SEEN_WIRE;
	settle_outcome(wire, now_ns, timeout_ns, conn);
	settle_handshake(wire, conn);
	conn->rx_pkts = frames_of(remote);
	conn->tx_pkts = frames_of(local);
	conn->rx_wire = (int64_t)remote->frame_bytes;
	conn->tx_wire = (int64_t)local->frame_bytes;
	conn->rx_bytes = wire_half_bytes(wire, WIRE_REMOTE);
	conn->tx_bytes = wire_half_bytes(wire, WIRE_LOCAL);
	conn->rx_least = wire_half_least(wire, WIRE_REMOTE, conn->rx_bytes);
	conn->tx_least = wire_half_least(wire, WIRE_LOCAL, conn->tx_bytes);
	conn->rx_retrans = retrans_of(rare->retrans[WIRE_REMOTE]);
	conn->tx_retrans = retrans_of(rare->retrans[WIRE_LOCAL]);
	conn->copies = rare->copies < UINT32_MAX ? rare->copies : CONN_UNKNOWN;
	conn->ooo = counted(rare->ooo, UINT16_MAX);
	conn->zerowin = counted(rare->zerowin, UINT16_MAX);
	conn->keepalive = counted(rare->keepalives, UINT16_MAX);
	conn->rx_fin = counted(remote->fins, UINT8_MAX);
	conn->tx_fin = counted(local->fins, UINT8_MAX);
	conn->rx_rst = counted(remote->rsts, UINT8_MAX);
	conn->tx_rst = counted(local->rsts, UINT8_MAX);
	if (!wire_has_times(wire)) {
		conn->start_ns = conn->end_ns = CLOCK_UNKNOWN;
		return;
	}
	if (conn->start_ns < 0 || wire->first_ns < conn->start_ns)
		conn->start_ns = wire->first_ns;
	if (wire->last_ns > conn->end_ns)
		conn->end_ns = wire->last_ns;
	conn->gap_ns = wire->gap_ns;
	if (wire->first_us < WIRE_FIRST_UNKNOWN) {
		conn->first_answer_ns = wire->first_us * CLOCK_NS_PER_US;
		conn->xfer_ns = wire->xfer_us * CLOCK_NS_PER_US;
	}
	conn->rtt_ns = wire->srtt_ns == UINT32_MAX ? CONN_UNKNOWN : wire->srtt_ns;
	conn->minrtt_ns = wire->minrtt_ns == UINT32_MAX ? CONN_UNKNOWN : wire->minrtt_ns;
}

void wire_settle_blind(struct conn *conn)
{
	if (conn->result == RESULT_PENDING || conn->result == RESULT_TIMEOUT) {
		conn->result = RESULT_UNKNOWN;
		conn->syn_rtx = conn->synack_rtx = CONN_UNKNOWN;
	}
	conn->state = STATE_UNKNOWN;
	conn->rx_pkts = conn->tx_pkts = conn->rx_wire = conn->tx_wire = CONN_UNKNOWN;
	conn->rx_bytes = conn->tx_bytes = CONN_UNKNOWN;
	conn->rx_retrans = conn->tx_retrans = conn->ooo = conn->zerowin = conn->keepalive = CONN_UNKNOWN;
	conn->rx_fin = conn->tx_fin = conn->rx_rst = conn->tx_rst = CONN_UNKNOWN;
	conn->gap_ns = conn->xfer_ns = conn->rtt_ns = conn->minrtt_ns = CONN_UNKNOWN;
}
