// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/record.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

void record_init(struct record *record)
{
	memset(record, 0, sizeof(*record));
	conn_init(&record->conn);
	bytes_init(&record->bytes);
	record->connect_begin_ns = record->connect_end_ns = record->outcome_ns = CLOCK_UNKNOWN;
	record->accept_ns = record->close_ns = record->exit_ns = record->destroy_ns = CLOCK_UNKNOWN;
	record->kernel_hs_ns = record->kernel_queue_ns = CLOCK_UNKNOWN;
	record->kernel_rtt_ns = record->kernel_minrtt_ns = CLOCK_UNKNOWN;
	record->handshake_retrans = record->total_retrans = record->failed_retrans = record->call_error = -1;
}

void record_done(struct record *record)
{
	process_unref(record->conn.process);
	process_unref(record->conn.last_process);
	free(record->wire);
}

void record_seen(struct record *record, int64_t time_ns, enum conn_seen by)
{
	struct conn *conn = &record->conn;

	conn->seen |= by;
	if (conn->start_ns < 0 || time_ns < conn->start_ns)
		conn->start_ns = time_ns;
	if (time_ns > conn->end_ns)
		conn->end_ns = time_ns;
}

static bool is_connected_state(unsigned int state)
{
	return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
	       state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

/*
 * The handshake's own measures are in the counters only until data has been
 * acknowledged: then tcpi_rtt is a mean of more. bytes_acked counts our SYN.
 */
static void take_handshake(struct record *record, const struct event_info *info)
{
	bool is_fresh = info->bytes_acked >= 0 && info->bytes_acked <= 1;

	if (!is_connected_state(info->state) || !is_fresh)
		return;
	if (record->kernel_hs_ns < 0 && info->rtt_us > 0)
		record->kernel_hs_ns = info->rtt_us * CLOCK_NS_PER_US;
	if (record->handshake_retrans < 0 && info->bytes_retrans == 0 &&
	    (info->data_segs_out == 0 || info->bytes_sent == 0))
		record->handshake_retrans = info->total_retrans;
	/* lsndtime is set when the child socket is made, and stays until the program sends. */
	if (info->reason == INFO_ACCEPT && info->bytes_sent == 0 && info->last_data_sent_ms >= 0)
		record->kernel_queue_ns = info->last_data_sent_ms * CLOCK_NS_PER_MS;
}

void record_info(struct record *record, const struct event *event)
{
	const struct event_info *info = &event->info;
	/* What is left after a failed blocking connect(2) has been wiped by the kernel (tcp_disconnect). */
	bool is_wiped = info->reason == INFO_CONNECT && info->state == TCP_CLOSE && info->segs_in == 0;

	record_seen(record, event->time_ns, SEEN_KERNEL);
	record->is_fresh_look = info->reason == INFO_LOOK;
	if (info->inode != 0 && info->uid != (uint32_t)-1)
		record->conn.uid = info->uid;
	if (is_wiped) {
		record->failed_retrans = info->retransmits;
		record->kernel_state = info->state;
		return;
	}
	bytes_feed(&record->bytes, info);
	take_handshake(record, info);
	/* A passive socket acknowledges nothing but data and FIN; an active one its SYN first of all. */
	if (is_connected_state(info->state) || (record->conn.dir == DIR_OUT && info->bytes_acked > 0))
		record->established = true;
	if (info->segs_in > 0)
		record->answered = true;
	if (info->total_retrans >= 0)
		record->total_retrans = info->total_retrans;
	/* The acknowledgement of a FIN may make the smoothed round trip nonsense: not after closing. */
	if (info->state == TCP_ESTABLISHED && info->rtt_us > 0)
		record->kernel_rtt_ns = info->rtt_us * CLOCK_NS_PER_US;
	if (info->min_rtt_us >= 0 && record->established)
		record->kernel_minrtt_ns = info->min_rtt_us * CLOCK_NS_PER_US;
	if (info->reason == INFO_DESTROY)
		record->destroy_ns = event->time_ns;
	else
		record->kernel_state = info->state;
}

static enum conn_result result_of_error(int error)
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
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EACCES: /* a prohibiting route, or ICMPv6 "administratively prohibited" */
	case EHOSTDOWN:
	case ENETDOWN:
		return RESULT_UNREACH;
	default:
		return RESULT_UNKNOWN;
	}
}

static bool is_undecided(int error)
{
	return error == EINPROGRESS || error == EALREADY || error == EINTR || error == EAGAIN;
}

static bool is_failure(unsigned int result)
{
	return result == RESULT_REFUSED || result == RESULT_RESET || result == RESULT_TIMEOUT ||
	       result == RESULT_UNREACH || result == RESULT_ABORT;
}

/*
 * Never connected, and its owner never asked why: an answer can only have been
 * a RST. Without one it was given up, unless it was dead already when it was
 * closed, or may have been, because the SYN had been resent as often as it is.
 */
static void settle_unasked(struct record *record, const struct record_rules *rules)
{
	struct conn *conn = &record->conn;
	bool was_dead = record->close_ns >= 0 && record->kernel_state == TCP_CLOSE;
	bool may_have_been = rules->syn_retries >= 0 && record->total_retrans >= rules->syn_retries;

	conn->error = -1;
	if (record->answered) {
		conn->result = RESULT_REFUSED;
		conn->error = ECONNREFUSED;
	} else if (was_dead || may_have_been) {
		conn->result = RESULT_UNKNOWN;
	} else {
		conn->result = RESULT_ABORT;
	}
}

/* An outgoing attempt as calls and counters have it. */
static void settle_attempt(struct record *record, const struct record_rules *rules)
{
	struct conn *conn = &record->conn;
	bool has_wire_verdict = conn->result != RESULT_UNKNOWN && conn->result != RESULT_PENDING;

	if (record->call_error >= 0 && !is_undecided(record->call_error)) {
		conn->error = record->call_error;
		conn->result = (uint8_t)result_of_error(record->call_error);
	} else if (record->established) {
		conn->result = RESULT_OK;
		conn->error = 0;
	} else if (record->destroy_ns >= 0 && record->connect_end_ns >= 0 && !has_wire_verdict) {
		settle_unasked(record, rules);
	} else if (!has_wire_verdict) {
		conn->result = RESULT_PENDING;
		conn->error = -1;
	}
}

static void settle_times(struct record *record)
{
	struct conn *conn = &record->conn;
	int64_t established = record->wire != NULL ? wire_established_ns(record->wire) : CLOCK_UNKNOWN;

	if (conn->dir == DIR_OUT) {
		int64_t known = record->outcome_ns;

		/* A connect(2) that did not wait: its outcome was known when the answer came, if that was seen. */
		if (record->connect_end_ns >= 0 && record->outcome_ns != record->connect_end_ns &&
		    record->wire != NULL && wire_answer_ns(record->wire) >= 0)
			known = wire_answer_ns(record->wire);
		conn->connect_ns = clock_span(record->connect_begin_ns, known);
	}
	/* The kernel's round trip is that of the last SYN or SYN/ACK: with resent ones it is not the handshake's. */
	if (record->handshake_retrans == 0) {
		if (conn->hs_ns < 0)
			conn->hs_ns = record->kernel_hs_ns;
		if (conn->dir == DIR_OUT && conn->hs_net_ns < 0)
			conn->hs_net_ns = record->kernel_hs_ns;
		if (conn->dir == DIR_IN && conn->hs_ack_ns < 0)
			conn->hs_ack_ns = record->kernel_hs_ns;
	}
	if (record->accept_ns >= 0) {
		conn->queue_ns = clock_span(established, record->accept_ns);
		if (conn->queue_ns < 0)
			conn->queue_ns = record->kernel_queue_ns;
	}
}

static void settle_counters(struct record *record)
{
	struct conn *conn = &record->conn;
	int64_t rx, tx;

	bytes_settle(&record->bytes, &rx, &tx);
	if (rx >= 0)
		conn->rx_bytes = rx;
	if (tx >= 0)
		conn->tx_bytes = tx;
	/* Without a handshake there was no payload to count, and nothing to resend but the SYN. */
	if (is_failure(conn->result) && !record->established) {
		if (rx < 0 && tx < 0)
			conn->rx_bytes = conn->tx_bytes = 0;
		if (conn->tx_retrans < 0)
			conn->tx_retrans = 0;
	}
	if (record->kernel_rtt_ns >= 0)
		conn->rtt_ns = record->kernel_rtt_ns;
	if (record->kernel_minrtt_ns >= 0)
		conn->minrtt_ns = record->kernel_minrtt_ns;
	if (conn->dir == DIR_OUT && conn->syn_rtx < 0 && record->established)
		conn->syn_rtx = record->handshake_retrans;
	if (conn->dir == DIR_OUT && conn->syn_rtx < 0 && !record->established &&
	    (record->destroy_ns >= 0 || record->kernel_state == TCP_CLOSE))
		conn->syn_rtx = record->failed_retrans >= 0 ? record->failed_retrans : record->total_retrans;
	if (conn->dir == DIR_IN && conn->synack_rtx < 0)
		conn->synack_rtx = record->handshake_retrans;
	if (conn->tx_retrans < 0 && record->total_retrans >= 0 && record->handshake_retrans >= 0)
		conn->tx_retrans = record->total_retrans - record->handshake_retrans;
}

/* How it ended, in one word; a socket that died in a way nobody saw may have been reset or not. */
static unsigned int state_of_end(const struct conn *conn, enum conn_close kernel_close)
{
	if (conn->close == CLOSE_LRST || conn->close == CLOSE_RRST)
		return STATE_RESET;
	if (is_failure(conn->result) || conn->close == CLOSE_LFIN || conn->close == CLOSE_RFIN)
		return STATE_CLOSED;
	return conn->close == CLOSE_EXIT && kernel_close == CLOSE_LFIN ? STATE_CLOSED : STATE_UNKNOWN;
}

static void settle_end(struct record *record)
{
	struct conn *conn = &record->conn;
	enum conn_close close = bytes_close(&record->bytes);

	if (conn->close == CLOSE_UNKNOWN && close != CLOSE_UNKNOWN)
		conn->close = (uint8_t)close;
	/* The process ended first: whatever the kernel then sent for it was not the program's doing. */
	if (record->exit_ns >= 0 && record->close_ns < 0 && (conn->close == CLOSE_UNKNOWN || conn->close == CLOSE_LFIN))
		conn->close = CLOSE_EXIT;
	if (record->destroy_ns >= 0 || (conn->dir == DIR_OUT && is_failure(conn->result))) {
		if (conn->state != STATE_RESET && conn->state != STATE_CLOSED)
			conn->state = (uint8_t)state_of_end(conn, close);
	} else if (record->kernel_state != 0 && conn->state == STATE_UNKNOWN) {
		conn->state = record->kernel_state;
	}
}

void record_settle(struct record *record, const struct record_rules *rules)
{
	struct conn *conn = &record->conn;

	/* What earlier settling wrote from packets is written anew. */
	if (record->wire != NULL) {
		uint8_t dir = conn->dir;

		wire_settle(record->wire, rules->now_ns, rules->timeout_ns, conn);
		/* Whoever called accept or connect knows better than a capture that may have begun late. */
		if (record->accept_ns >= 0 || record->connect_begin_ns >= 0)
			conn->dir = dir;
	} else {
		conn->result = RESULT_UNKNOWN;
	}
	if (conn->dir == DIR_UNKNOWN)
		conn->dir = (uint8_t)bytes_direction(&record->bytes);
	if (record->accept_ns >= 0) {
		conn->result = RESULT_OK;
		conn->error = 0;
	} else if (record->connect_begin_ns >= 0) {
		settle_attempt(record, rules);
	} else if (record->established && record->wire == NULL) {
		conn->result = RESULT_OK;
		conn->error = 0;
	}
	settle_times(record);
	settle_counters(record);
	settle_end(record);
	if (conn->process == NULL)
		conn->seen |= SEEN_UNATTRIBUTED;
	else
		conn->seen &= ~(uint32_t)SEEN_UNATTRIBUTED;
}

void record_settle_unheard(struct record *record)
{
	struct conn *conn = &record->conn;

	if (record->close_ns >= 0 || record->exit_ns >= 0 || record->destroy_ns >= 0 || record->wire != NULL ||
	    is_failure(conn->result) || record->is_fresh_look)
		return;
	conn->rx_bytes = conn->tx_bytes = CONN_UNKNOWN;
	conn->tx_retrans = -1;
	conn->state = STATE_UNKNOWN;
}
