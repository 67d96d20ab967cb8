// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <netinet/tcp.h>

#include "base/clock.h"
#include "track/record.h"

/* RESULT and ERRNO of an outgoing attempt, by calls and counters, and when a connection began. */

bool record_is_undecided(int error)
{
	return error == EINPROGRESS || error == EALREADY || error == EINTR || error == EAGAIN;
}

/* Errors of connect(2) by an answer to the SYN or by its absence; no answer causes any other. */
static enum conn_result result_of_errno(int error)
{
	switch (error) {
	case 0:
		return RESULT_OK;
	case ECONNREFUSED:
		return RESULT_REFUSED;
	case ECONNRESET:
		return RESULT_RESET;
	case ETIMEDOUT:
		return RESULT_TIMEOUT;
	case ECONNABORTED: /* the socket was killed, or shut down by another thread */
		return RESULT_ABORT;
	case EHOSTUNREACH: /* from here on caused by ICMP: see icmp_errno() of wire_settle.c */
	case ENETUNREACH:
	case EACCES:
	case EHOSTDOWN:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EMSGSIZE:
	case EOPNOTSUPP:
	case ENONET:
	case EPROTO:
		return RESULT_UNREACH;
	default: /* EADDRNOTAVAIL, EADDRINUSE, EINVAL, EPERM, EAFNOSUPPORT, ENOBUFS ... */
		return RESULT_ERROR;
	}
}

/* Whether the socket itself was sampled. A log of calls has numbers of its own instead of cookies. */
static bool has_socket(const struct record *record)
{
	return record->evidence->cookie != 0 && !(record->evidence->cookie & EVENT_COOKIE_MADE_UP);
}

bool record_is_unsent(const struct record *record)
{
	const struct evidence *evidence = record->evidence;

	if (evidence->call_error <= 0 || record_is_undecided(evidence->call_error))
		return false;
	/* The kernel takes a local port before it makes the SYN, and a failure later on leaves it. */
	return evidence->nothing_sent || (has_socket(record) && record->conn.flow.local.port == 0) ||
	       result_of_errno(evidence->call_error) == RESULT_ERROR;
}

/*
 * For a socket that was not sampled. Without a route, by a prohibiting route, and with the interface down the local
 * kernel fails the call at once. Routers may cause the first two as well (ICMP, ICMPv6); then the SYN is among the
 * packets, or the call did not wait and the program read the error later.
 */
static bool seems_unsent(const struct record *record)
{
	const struct evidence *evidence = record->evidence;
	int error = evidence->call_error;

	return !has_socket(record) && record->wire == NULL && evidence->outcome_ns == evidence->connect_end_ns &&
	       (error == ENETUNREACH || error == EACCES || error == ENETDOWN);
}

static enum conn_result result_of_call(const struct record *record)
{
	if (record_is_unsent(record) || seems_unsent(record))
		return RESULT_ERROR;
	return result_of_errno(record->evidence->call_error);
}

/*
 * Never connected, and its owner never read the error: an answer can only have been a RST. Without an answer the
 * program gave it up, unless it had timed out, or may have, before it was closed: the SYN had been retransmitted as
 * often as allowed. A close(2) that resets, by SO_LINGER, clears the counters of a connection that was established as
 * well (tcp_disconnect): then only the state at close(2) proves that it was not. A socket that is gone without final
 * counters is held by a SYN that waits for the address of its neighbour, unless they were lost.
 */
static void settle_unasked(const struct record *record, const struct record_rules *rules, struct conn *conn)
{
	const struct evidence *evidence = record->evidence;
	bool was_dead = evidence->close_ns >= 0 && evidence->kernel_state == TCP_CLOSE;
	bool may_have_been = rules->syn_retries >= 0 && evidence->total_retrans >= rules->syn_retries;
	bool may_be_cleared = evidence->tcp_payload.disconnected || rules->has_lost_finals;
	bool is_known = evidence->unanswered || (evidence->close_ns >= 0 && evidence->kernel_state == TCP_SYN_SENT);

	conn->error = -1;
	if (evidence->answered) {
		conn->result = RESULT_REFUSED;
		conn->error = ECONNREFUSED;
	} else if (was_dead || may_have_been || (may_be_cleared && !is_known)) {
		conn->result = RESULT_UNKNOWN;
	} else {
		conn->result = RESULT_ABORT;
	}
}

/* An outgoing attempt by calls and counters. */
void record_settle_attempt(const struct record *record, const struct record_rules *rules, struct conn *conn)
{
	const struct evidence *evidence = record->evidence;
	bool has_wire_result = conn->result != RESULT_UNKNOWN && conn->result != RESULT_PENDING;

	if (evidence->call_error >= 0 && !record_is_undecided(evidence->call_error)) {
		/* Packets give the reason better: "port unreachable" is ECONNREFUSED as well. */
		if (conn->result != RESULT_UNREACH || conn->error != evidence->call_error)
			conn->result = (uint8_t)result_of_call(record);
		conn->error = evidence->call_error;
	} else if (evidence->established) {
		conn->result = RESULT_OK;
		conn->error = 0;
	} else if (evidence->destroy_ns >= 0 && evidence->connect_end_ns >= 0 && !has_wire_result) {
		settle_unasked(record, rules, conn);
	} else if (!has_wire_result) {
		/* A socket without a cookie cannot be queried: whether it still exists is unknown too. */
		conn->result = evidence->connect_end_ns >= 0 && conn->cookie == 0 ? RESULT_UNKNOWN : RESULT_PENDING;
		conn->error = -1;
	}
}

/* RFC 6298, 2.1: before the first retransmission. */
#define FIRST_WAIT_NS CLOCK_NS_PER_SEC

/*
 * The kernel waits for an answer at least as long as between the last two SYN segments, and at most twice as long, then
 * it sends the next one or gives up. A socket that is destroyed sooner was closed, one that is destroyed later had
 * given up before. It does not give up without a retransmission: then the report of its end was read late. Of a
 * connect(2) that waited and failed the kernel clears the counters: it was not closed by its program.
 */
void record_settle_gone(const struct record *record, struct conn *conn)
{
	const struct evidence *evidence = record->evidence;
	int64_t wait_ns = clock_span(wire_last_ns(record->wire), evidence->destroy_ns);
	int64_t gap_ns = conn->gap_ns > 0 ? conn->gap_ns : FIRST_WAIT_NS;
	bool is_first = evidence->unanswered && evidence->total_retrans == 0;
	bool is_soon = wait_ns >= 0 && wait_ns < gap_ns - gap_ns / 10;
	bool is_late = !is_first && wait_ns > 2 * gap_ns + gap_ns / 5;

	conn->open = 0;
	conn->error = -1;
	conn->result = RESULT_UNKNOWN;
	if (evidence->answered) {
		conn->result = RESULT_REFUSED;
		conn->error = ECONNREFUSED;
	} else if (is_late || (!evidence->unanswered && wait_ns >= 0 && !is_soon)) {
		conn->result = RESULT_TIMEOUT;
		conn->error = ETIMEDOUT;
	} else if (evidence->unanswered && is_soon) {
		conn->result = RESULT_ABORT;
	}
}

/*
 * The handshake began before it was accepted, by its own duration and the wait in the queue. A connection whose
 * handshake is not in the run is older than its first event.
 */
void record_settle_began(const struct record *record, struct conn *conn)
{
	const struct evidence *evidence = record->evidence;
	bool is_attempt = evidence->connect_begin_ns >= 0 || evidence->connect_end_ns >= 0;
	int64_t hs_ns = conn->hs_ns > 0 ? conn->hs_ns : 0, began_ns = conn->start_ns, first_ns = CLOCK_UNKNOWN;
	bool has_syn = record->wire != NULL && wire_syn_ns(record->wire) >= 0;

	if (evidence->accept_ns >= 0 && conn->queue_ns >= 0)
		first_ns = evidence->accept_ns - conn->queue_ns - hs_ns;
	else if (conn->seen & SEEN_EXISTING || (record->wire != NULL && !has_syn && !is_attempt))
		began_ns = CLOCK_UNKNOWN;
	else if (record->wire == NULL && evidence->connect_begin_ns < 0)
		first_ns = conn->start_ns - hs_ns;
	conn->began_ns = began_ns >= 0 && first_ns >= 0 && first_ns < began_ns ? first_ns : began_ns;
}
