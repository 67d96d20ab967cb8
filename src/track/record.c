// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/record.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "track/timeline.h"
#include "track/pending_messages.h"
#include "track/wire_view.h"

/* The kernel's measure of the wait in the accept queue is in ticks, of 10 ms at most. */
#define QUEUE_SLACK_NS (20 * CLOCK_NS_PER_MS)

#define NO_EVIDENCE                                                                                                  \
	{                                                                                                            \
		.fd = -1, .uid = (uid_t)-1, .tcp_payload = TCP_PAYLOAD_INIT, .connect_begin_ns = CLOCK_UNKNOWN,      \
		.connect_end_ns = CLOCK_UNKNOWN, .outcome_ns = CLOCK_UNKNOWN, .accept_ns = CLOCK_UNKNOWN,            \
		.close_ns = CLOCK_UNKNOWN, .exit_ns = CLOCK_UNKNOWN, .destroy_ns = CLOCK_UNKNOWN,                    \
		.kernel_hs_ns = CLOCK_UNKNOWN, .finished_ns = CLOCK_UNKNOWN, .sample_ns = CLOCK_UNKNOWN,             \
		.kernel_queue_ns = CLOCK_UNKNOWN, .kernel_rtt_ns = CLOCK_UNKNOWN, .kernel_minrtt_ns = CLOCK_UNKNOWN, \
		.handshake_retrans = -1, .total_retrans = -1, .failed_retrans = -1, .call_error = -1,                \
	}

static const struct evidence no_evidence = NO_EVIDENCE;

struct record *record_new(struct pool *pool)
{
	struct record *record = pool != NULL ? pool_take(pool) : xmalloc(sizeof(*record));

	*record = (struct record){
		.conn = {.start_ns = CONN_UNKNOWN, .end_ns = CONN_UNKNOWN},
		.evidence = &no_evidence,
		.wire_is_inside = pool != NULL,
		.in_pool = pool != NULL,
	};
	record->conn.flow.proto = IPPROTO_TCP;
	if (pool != NULL) {
		record->wire = (struct wire *)(record + 1);
		wire_init(record->wire);
	}
	return record;
}

static void free_evidence(struct record *record)
{
	if (record->evidence == &no_evidence)
		return;
	process_unref(record->evidence->process);
	process_unref(record->evidence->last_process);
	pending_messages_free(record->evidence->pending_messages);
	timeline_free(record->evidence->timeline);
	free(record->evidence->host);
	free(record->evidence->measures);
	free(record->evidence->tls);
	free((void *)(uintptr_t)record->evidence);
}

void record_free(struct record *record, struct pool *pool)
{
	free_evidence(record);
	if (record->wire != NULL)
		wire_clear(record->wire);
	if (!record->wire_is_inside)
		free(record->wire);
	if (record->in_pool)
		pool_give(pool, record);
	else
		free(record);
}

struct evidence *record_evidence(struct record *record)
{
	if (record->evidence == &no_evidence) {
		struct evidence *evidence = xmalloc(sizeof(*evidence));

		*evidence = no_evidence;
		if (record->calls_unseen)
			tcp_payload_calls_unseen(&evidence->tcp_payload);
		record->evidence = evidence;
	}
	return (struct evidence *)(uintptr_t)record->evidence;
}

void record_take_wire(struct record *record, struct record *from)
{
	record->wire = from->wire;
	if (from->wire_is_inside) {
		record->wire = wire_copy(from->wire);
		wire_clear(from->wire);
	}
	record->blind = from->blind;
	from->wire = NULL;
	from->wire_is_inside = false;
}

void record_seen(struct record *record, int64_t time_ns, enum conn_seen by)
{
	struct record_conn *conn = &record->conn;

	record->seen |= (uint16_t)by;
	if (time_ns < 0)
		return;
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

/* A socket that was reset keeps its measures: they are the handshake's if nothing but a SYN was ever sent. */
static bool is_reset_early(const struct event_info *info, enum conn_dir dir)
{
	return info->state == TCP_CLOSE && dir != DIR_UNKNOWN && info->bytes_sent == 0 && info->wqueue == 0;
}

/*
 * The counters hold the measures of the handshake only until data has been acknowledged: then tcpi_rtt is a mean of
 * more. bytes_acked counts the local SYN of a connection opened here. A FIN is retransmitted without bytes, too.
 */
static void take_handshake(struct evidence *evidence, const struct event_info *info, enum conn_dir dir)
{
	int64_t syn = dir == DIR_OUT || (dir == DIR_UNKNOWN && info->bytes_sent == 0);
	bool is_fresh = info->bytes_acked >= 0 && info->bytes_acked <= syn;
	bool is_open = info->state == TCP_ESTABLISHED || info->state == TCP_CLOSE_WAIT;
	bool is_reset = is_fresh && is_reset_early(info, dir);

	if (evidence->handshake_retrans < 0 && info->bytes_retrans == 0 && (is_open || is_reset))
		evidence->handshake_retrans = info->total_retrans;
	if (!is_fresh || (!is_connected_state(info->state) && !is_reset))
		return;
	if (evidence->kernel_hs_ns < 0 && info->rtt_us > 0)
		evidence->kernel_hs_ns = info->rtt_us * CLOCK_NS_PER_US;
	/* lsndtime is set when the child socket is made, and stays until the program sends. */
	if (info->reason == INFO_ACCEPT && info->bytes_sent == 0 && info->last_data_sent_ms >= 0)
		evidence->kernel_queue_ns = info->last_data_sent_ms * CLOCK_NS_PER_MS;
}

/* lsndtime is set when the handshake finishes, and stays until the program sends. */
static void take_finish(struct evidence *evidence, const struct event *event)
{
	const struct event_info *info = &event->info;

	if (evidence->finished_ns < 0 && evidence->connect_begin_ns >= 0 && info->state == TCP_ESTABLISHED &&
	    info->bytes_sent == 0 && info->last_data_sent_ms >= 0)
		evidence->finished_ns = clock_after(event->time_ns, -info->last_data_sent_ms * CLOCK_NS_PER_MS);
}

/*
 * An accepted socket counts the SYN and the segment that created it (tcp_create_openreq_child() in the kernel). Until
 * data of its own is acknowledged, segments without data are the ACK of the handshake, or the FIN. Without that ACK, a
 * data segment created it.
 */
static bool was_made_by_data(const struct event_info *info)
{
	int32_t without_data = info->segs_in - info->data_segs_in - 1;

	if (info->data_segs_in == 0)
		return false;
	return info->data_segs_in < 0 || without_data < (info->state == TCP_ESTABLISHED ? 1 : 2);
}

static void take_retrans(struct evidence *evidence, const struct event_info *info)
{
	if (info->total_retrans >= 0)
		evidence->total_retrans = info->total_retrans;
	else if (info->reason == INFO_DESTROY && evidence->close_ns < 0 && evidence->kernel_state != TCP_CLOSE)
		evidence->total_retrans = -1; /* it was reset: more may have come since the sample */
	/* After the handshake its share is unknown, unless the total is 0. */
	if (evidence->established && info->total_retrans == 0)
		evidence->handshake_retrans = 0;
}

/* An attempt ends when its failure is reported; its socket may be closed, or its end reported, much later. */
static bool is_after_failure(const struct evidence *evidence, const struct event_info *info)
{
	return info->reason == INFO_DESTROY && evidence->call_error > 0 && evidence->call_error != EISCONN &&
	       !record_is_undecided(evidence->call_error);
}

static void take_measures(struct evidence *evidence, const struct event_info *info)
{
	struct conn_measures *measures = evidence->measures;
	uint8_t congestion = measures != NULL ? measures->tcp.congestion : 0;

	if (measures != NULL)
		measures->is_current = 0;
	if (!info->measures.known)
		return;
	if (measures == NULL)
		measures = evidence->measures = xmalloc(sizeof(*measures));
	measures->tcp = info->measures;
	/* Final counters have no name. */
	if (measures->tcp.congestion == 0)
		measures->tcp.congestion = congestion;
	measures->notsent = info->notsent_bytes;
	measures->received = info->bytes_received;
	measures->rqueue = info->rqueue;
	measures->state = info->state;
	measures->has_payload = info->state == TCP_CLOSE && info->reason == INFO_SAMPLE;
	measures->is_current = info->reason == INFO_SAMPLE || info->reason == INFO_DESTROY;
}

void record_info(struct record *record, const struct event *event)
{
	const struct event_info *info = &event->info;
	struct evidence *evidence = record_evidence(record);
	/* After a failed blocking connect(2) the kernel resets the counters (tcp_disconnect). */
	bool is_wiped = info->reason == INFO_CONNECT && info->state == TCP_CLOSE && info->segs_in == 0;

	/* Events after its end, or without counters, do not extend its lifetime. */
	if (is_after_failure(evidence, info) || tcp_payload_is_lost(info))
		record->seen |= SEEN_KERNEL;
	else
		record_seen(record, event->time_ns, SEEN_KERNEL);
	evidence->sample_ns = info->reason == INFO_SAMPLE ? event->time_ns : CLOCK_UNKNOWN;
	if (info->mptcp == MPTCP_PART || evidence->kernel_state == 0)
		evidence->mptcp = info->mptcp;
	if (info->delay != DELAY_UNKNOWN)
		evidence->delay = info->delay;
	else if (evidence->delay == DELAY_UNKNOWN && info->bytes_acked == 0)
		evidence->delay = was_made_by_data(info) ? DELAY_PERHAPS : DELAY_NONE;
	if (info->inode != 0 && info->uid != (uint32_t)-1)
		record_evidence(record)->uid = info->uid;
	if (is_wiped) {
		evidence->failed_retrans = info->retransmits;
		evidence->nothing_sent = info->listener == 0;
		evidence->kernel_state = info->state;
		return;
	}
	if (info->listener == 1 && record->dir == DIR_UNKNOWN) {
		/* The kernel makes the socket when the handshake has finished. */
		record->dir = DIR_IN;
		evidence->established = true;
		tcp_payload_opener(&evidence->tcp_payload, DIR_IN);
	}
	take_measures(evidence, info);
	tcp_payload_feed(&evidence->tcp_payload, info);
	take_handshake(evidence, info, record->dir);
	take_finish(evidence, event);
	if (info->state == TCP_SYN_SENT && record->dir == DIR_UNKNOWN) {
		record->dir = DIR_OUT;
		tcp_payload_opener(&evidence->tcp_payload, DIR_OUT);
	}
	/* Before its peer's SYN acknowledges the SYN of an active socket, no byte is acknowledged. */
	if (is_connected_state(info->state) || info->bytes_acked > 0 || info->bytes_received > 0)
		evidence->established = true;
	evidence->answered |= info->segs_in > 0;
	if (info->reason == INFO_DESTROY && info->segs_in >= 0)
		evidence->unanswered = info->segs_in == 0 && info->segs_out > 0;
	take_retrans(evidence, info);
	/* Not after closing: the acknowledgement of a FIN may distort the smoothed round trip. */
	if (info->state == TCP_ESTABLISHED && info->rtt_us > 0)
		evidence->kernel_rtt_ns = info->rtt_us * CLOCK_NS_PER_US;
	if (info->min_rtt_us >= 0 && evidence->established)
		evidence->kernel_minrtt_ns = info->min_rtt_us * CLOCK_NS_PER_US;
	if (info->reason == INFO_DESTROY)
		evidence->destroy_ns = event->time_ns;
	else
		evidence->kernel_state = info->state;
}

void record_disconnected(struct record *record, int64_t time_ns)
{
	const struct event_info wiped = {.reason = INFO_DESTROY, .state = TCP_CLOSE, .bytes_received = EVENT_UNKNOWN};

	tcp_payload_feed(record_bytes(record), &wiped);
	record_evidence(record)->destroy_ns = time_ns;
}

/* An outgoing attempt that is known only by the counters. */
static void settle_unwatched(const struct evidence *evidence, struct conn *conn)
{
	if (evidence->established) {
		conn->result = RESULT_OK;
		conn->error = 0;
	} else if (evidence->kernel_state == TCP_SYN_SENT) {
		conn->result = evidence->destroy_ns < 0 ? RESULT_PENDING : RESULT_UNKNOWN;
		if (evidence->destroy_ns >= 0 && evidence->answered) {
			/* An answer that did not establish it can only have been a RST. */
			conn->result = RESULT_REFUSED;
			conn->error = ECONNREFUSED;
		}
	}
}

/*
 * The kernel makes the socket when the handshake finishes, or later (enum info_delay): then its first round trip, and
 * the smoothed one, include the peer's idle time. So they may after a retransmitted SYN/ACK. A smaller round trip was
 * measured later.
 */
static bool may_be_late(const struct evidence *evidence, const struct conn *conn)
{
	return conn->dir != DIR_OUT && (evidence->delay != DELAY_NONE || evidence->handshake_retrans > 0);
}

static int64_t queue_wait(const struct evidence *evidence, int64_t established_ns)
{
	int64_t wait_ns = clock_span(established_ns, evidence->accept_ns);

	/* A socket that was made later did not wait before that. */
	if (wait_ns < 0 || (evidence->kernel_queue_ns >= 0 && wait_ns > evidence->kernel_queue_ns + QUEUE_SLACK_NS))
		return evidence->kernel_queue_ns;
	return wait_ns;
}

static void settle_times(const struct record *record, struct conn *conn)
{
	const struct evidence *evidence = record->evidence;
	int64_t established = record->wire != NULL ? wire_established_ns(record->wire) : CLOCK_UNKNOWN;

	/* Audit does not say when a call returned. */
	if (conn->dir == DIR_OUT && !(conn->seen & SEEN_AUDIT)) {
		int64_t known = evidence->outcome_ns;

		/* A connect(2) that did not wait: the time of the answer, if that was seen. */
		if (evidence->connect_end_ns >= 0 && evidence->outcome_ns != evidence->connect_end_ns &&
		    record->wire != NULL && wire_answer_ns(record->wire) >= 0)
			known = wire_answer_ns(record->wire);
		conn->connect_ns = clock_span(evidence->connect_begin_ns, known);
	}
	/* The kernel's round trip is that of the last SYN or SYN/ACK: after resent ones it is not the handshake's. */
	if (evidence->handshake_retrans == 0 && !may_be_late(evidence, conn)) {
		if (conn->hs_ns < 0)
			conn->hs_ns = evidence->kernel_hs_ns;
		if (conn->dir == DIR_OUT && conn->hs_net_ns < 0)
			conn->hs_net_ns = evidence->kernel_hs_ns;
		if (conn->dir == DIR_IN && conn->hs_ack_ns < 0)
			conn->hs_ack_ns = evidence->kernel_hs_ns;
	}
	/* With a retransmitted SYN it took seconds, compared with which a tick is short. */
	if (conn->hs_ns < 0 && evidence->handshake_retrans > 0)
		conn->hs_ns = clock_span(evidence->connect_begin_ns, evidence->finished_ns);
	if (evidence->accept_ns >= 0 && !(conn->seen & SEEN_AUDIT))
		conn->queue_ns = queue_wait(evidence, established);
}

/* Lower bounds; all evidence of packets and counters has been used. */
static void settle_least(const struct record *record, struct conn *conn)
{
	const struct evidence *evidence = record->evidence;
	int64_t rx, tx;

	tcp_payload_least(&evidence->tcp_payload, &rx, &tx);
	if (evidence->mptcp != MPTCP_NO)
		rx = tx = CONN_UNKNOWN;
	if (rx > conn->rx_least)
		conn->rx_least = rx;
	if (tx > conn->tx_least)
		conn->tx_least = tx;
	if (conn->rx_bytes >= 0)
		conn->rx_least = conn->rx_bytes;
	if (conn->tx_bytes >= 0)
		conn->tx_least = conn->tx_bytes;
}

static void settle_counters(const struct record *record, struct conn *conn)
{
	const struct evidence *evidence = record->evidence;
	bool may_be_old = !evidence->tcp_payload.final && !evidence->tcp_payload.at_close && evidence->sample_ns < 0;
	int32_t handshake;
	int64_t rx, tx;

	tcp_payload_settle(&evidence->tcp_payload, &rx, &tx);
	/* Data that MPTCP retransmits (RFC 8684, 3.3.6) is new to TCP. Packets give the payload of the TCP connection.
	 */
	if (evidence->mptcp != MPTCP_NO)
		rx = tx = CONN_UNKNOWN;
	/* An earlier sample has less than the packets since. */
	if (rx >= 0 && !(may_be_old && conn->rx_bytes > rx))
		conn->rx_bytes = rx;
	if (tx >= 0 && !(may_be_old && conn->tx_bytes > tx))
		conn->tx_bytes = tx;
	/* Without a handshake there was no payload to count, and nothing to retransmit but the SYN. */
	if (conn_has_failed(conn->result) && !evidence->established) {
		if (rx < 0)
			conn->rx_bytes = 0;
		if (tx < 0 && evidence->tcp_payload.sent <= 0)
			conn->tx_bytes = 0;
		if (conn->tx_retrans < 0)
			conn->tx_retrans = 0;
	}
	if (evidence->kernel_rtt_ns >= 0 && !may_be_late(evidence, conn))
		conn->rtt_ns = evidence->kernel_rtt_ns;
	if (evidence->kernel_minrtt_ns >= 0 &&
	    (!may_be_late(evidence, conn) || evidence->kernel_minrtt_ns < evidence->kernel_hs_ns))
		conn->minrtt_ns = evidence->kernel_minrtt_ns;
	if (conn->dir == DIR_OUT && conn->syn_rtx < 0 && evidence->established)
		conn->syn_rtx = evidence->handshake_retrans;
	if (conn->dir == DIR_OUT && conn->syn_rtx < 0 && !evidence->established &&
	    (evidence->destroy_ns >= 0 || evidence->kernel_state == TCP_CLOSE))
		conn->syn_rtx = evidence->failed_retrans >= 0 ? evidence->failed_retrans : evidence->total_retrans;
	if (conn->dir == DIR_IN && conn->synack_rtx < 0)
		conn->synack_rtx = evidence->handshake_retrans;
	/* The kernel counts segments; packets may be several of them in one (segmentation offload). */
	handshake = conn->dir == DIR_OUT ? conn->syn_rtx : conn->synack_rtx;
	if (evidence->handshake_retrans >= 0)
		handshake = evidence->handshake_retrans;
	if (evidence->total_retrans >= 0 && handshake >= 0 && evidence->total_retrans >= handshake)
		conn->tx_retrans = evidence->total_retrans - handshake;
}

/* The receive queue without a FIN that was not read, which counts as a byte. */
static int32_t unread(const struct conn_measures *measures, const struct conn *conn)
{
	int64_t fin = measures->received >= 0 && conn->rx_bytes >= 0 ? measures->received - conn->rx_bytes : -1;

	if (measures->rqueue <= 0 || measures->has_payload)
		return measures->rqueue;
	if (fin == 0 || fin == 1)
		return measures->rqueue - (int32_t)fin;
	if (measures->state == TCP_CLOSE)
		return CONN_UNKNOWN;
	return measures->rqueue -
	       (measures->state == TCP_CLOSE_WAIT || measures->state == TCP_LAST_ACK || measures->state == TCP_CLOSING);
}

/* The state at the end. It is unknown whether a socket was reset when its end was not seen. */
static unsigned int state_of_end(const struct conn *conn, const struct evidence *evidence, enum conn_close kernel_close)
{
	bool was_attempt = conn_has_failed(conn->result) && evidence->accept_error == 0;

	if (was_attempt) /* a refusal resets no connection */
		return conn->result == RESULT_RESET ? STATE_RESET : STATE_CLOSED;
	if (conn->close == CLOSE_LRST || conn->close == CLOSE_RRST || tcp_payload_was_reset(&evidence->tcp_payload))
		return STATE_RESET;
	if (conn->close == CLOSE_LFIN || conn->close == CLOSE_RFIN || evidence->tcp_payload.reset == RESET_GIVEN_UP)
		return STATE_CLOSED;
	return conn->close == CLOSE_EXIT && kernel_close == CLOSE_LFIN ? STATE_CLOSED : STATE_UNKNOWN;
}

static void settle_end(const struct record *record, struct conn *conn)
{
	const struct evidence *evidence = record->evidence;
	enum conn_close close = tcp_payload_close(&evidence->tcp_payload);

	if (conn->close == CLOSE_UNKNOWN && close != CLOSE_UNKNOWN)
		conn->close = (uint8_t)close;
	/* Segments that the kernel sent after the process ended are not its own. A RST refuses an attempt, and aborts
	 * none. */
	if (evidence->exit_ns > evidence->close_ns &&
	    (conn->result == RESULT_ABORT || !tcp_payload_may_be_reset(&evidence->tcp_payload)) &&
	    (conn->close == CLOSE_UNKNOWN ||
	     (conn->close == CLOSE_LFIN && !evidence->tcp_payload.shutdown &&
	      (evidence->tcp_payload.close_state == 0 || evidence->tcp_payload.close_state == TCP_ESTABLISHED))))
		conn->close = CLOSE_EXIT;
	if (evidence->may_have_exited && evidence->close_ns < 0 && conn->close == CLOSE_LFIN)
		conn->close = CLOSE_UNKNOWN;
	if (evidence->destroy_ns >= 0 || evidence->tcp_payload.ended ||
	    (conn->dir == DIR_OUT && conn_has_failed(conn->result))) {
		if (conn->state != STATE_RESET && conn->state != STATE_CLOSED)
			conn->state = (uint8_t)state_of_end(conn, evidence, close);
		if (conn->state == STATE_UNKNOWN && tcp_payload_both_fins(&evidence->tcp_payload))
			conn->state = STATE_CLOSED;
	} else if ((evidence->close_ns >= 0 || evidence->exit_ns >= 0) && evidence->sample_ns < 0) {
		/* The state before closing is neither the current nor the final one. */
		conn->state = (uint8_t)state_of_end(conn, evidence, close);
	} else if (evidence->kernel_state != 0 && conn->state == STATE_UNKNOWN) {
		conn->state = evidence->kernel_state;
	}
}

/* Set the stored fields; the others are unknown until they are computed. */
static void begin_conn(const struct record *record, struct conn *conn)
{
	const struct record_conn *known = &record->conn;
	const struct evidence *evidence = record->evidence;

	conn_init(conn);
	conn->timeline = record->evidence->timeline;
	conn->measures = evidence->measures;
	conn->tls = evidence->tls;
	conn->flow = known->flow;
	conn->id = known->id;
	conn->cookie = evidence->cookie & EVENT_COOKIE_MADE_UP ? 0 : evidence->cookie;
	conn->start_ns = known->start_ns;
	conn->end_ns = known->end_ns;
	conn->process = evidence->process;
	conn->last_process = evidence->last_process;
	conn->host = evidence->host;
	conn->tid = evidence->tid;
	conn->fd = evidence->fd;
	conn->uid = evidence->uid;
	conn->seen = record->seen;
	if (evidence->process != NULL && evidence->process->has_gaps)
		conn->seen |= SEEN_GAPS;
	conn->dir = record->dir;
	conn->open = !record->closing;
	conn->proto = known->flow.proto;
	if (evidence->mptcp != MPTCP_NO)
		conn->proto = evidence->mptcp == MPTCP_PART ? FLOW_PROTO_MPTCP : 0;
}

/* Drop the packet counts of one side, whose packets were not all seen. */
static void forget_side(int64_t *packets, int64_t *wire, int32_t *fins, int32_t *resets)
{
	*packets = *wire = CONN_UNKNOWN;
	*fins = *resets = CONN_UNKNOWN;
}

/*
 * Each side of an established connection has sent packets. Where none of one side were seen, they went by other
 * addresses (NAT on this host) or were not captured: their counts and who ended it are unknown.
 */
static void settle_one_way(const struct record *record, struct conn *conn)
{
	const struct evidence *evidence = record->evidence;
	bool is_born = evidence->connect_begin_ns >= 0 || conn->syn_rtx >= 0 || conn->synack_rtx >= 0;

	if (!evidence->established || !is_born || (conn->rx_pkts != 0) == (conn->tx_pkts != 0))
		return;
	if (conn->rx_pkts == 0) {
		forget_side(&conn->rx_pkts, &conn->rx_wire, &conn->rx_fin, &conn->rx_rst);
		conn->rx_retrans = conn->synack_rtx = CONN_UNKNOWN;
	} else {
		forget_side(&conn->tx_pkts, &conn->tx_wire, &conn->tx_fin, &conn->tx_rst);
		conn->tx_retrans = conn->syn_rtx = CONN_UNKNOWN;
	}
	conn->close = CLOSE_UNKNOWN;
	conn->state = STATE_UNKNOWN;
	conn->ooo = conn->zerowin = conn->keepalive = CONN_UNKNOWN;
	conn->gap_ns = conn->hs_ns = conn->hs_net_ns = conn->hs_ack_ns = CONN_UNKNOWN;
}

/* Of a connect(2) under way when the run began, only the return may be known. */
static bool is_attempt(const struct evidence *evidence)
{
	return evidence->connect_begin_ns >= 0 || evidence->connect_end_ns >= 0;
}

/* The handshake has finished, but accept(2) failed: while it waits, it may still be accepted. */
static void settle_refused(const struct evidence *evidence, struct conn *conn)
{
	conn->result = evidence->destroy_ns >= 0 ? RESULT_ERROR : RESULT_PENDING;
	conn->error = evidence->accept_error;
}

void record_settle(struct record *record, const struct record_rules *rules, struct conn *conn)
{
	const struct evidence *evidence = record->evidence;

	begin_conn(record, conn);
	if (record->wire != NULL) {
		wire_settle(record->wire, rules->now_ns, rules->timeout_ns, conn);
		if (record->blind)
			wire_settle_blind(conn);
		/* A call of accept or connect is a better source than a capture that may have begun late. */
		if (evidence->accept_ns >= 0 || is_attempt(evidence))
			conn->dir = record->dir;
		settle_one_way(record, conn);
	}
	if (conn->dir == DIR_UNKNOWN)
		conn->dir = (uint8_t)tcp_payload_direction(&evidence->tcp_payload);
	record->dir = conn->dir;
	if (evidence->accept_ns >= 0) {
		conn->result = RESULT_OK;
		conn->error = 0;
	} else if (evidence->accept_error != 0) {
		settle_refused(evidence, conn);
	} else if (is_attempt(evidence)) {
		record_settle_attempt(record, rules, conn);
	} else if (record->wire == NULL || (conn->result == RESULT_UNKNOWN && evidence->established)) {
		settle_unwatched(evidence, conn);
	} else if (conn->result == RESULT_PENDING && conn->dir == DIR_OUT && evidence->destroy_ns >= 0) {
		record_settle_gone(record, conn);
	}
	settle_times(record, conn);
	settle_counters(record, conn);
	settle_least(record, conn);
	if (evidence->measures != NULL)
		evidence->measures->unread = unread(evidence->measures, conn);
	settle_end(record, conn);
	record_settle_began(record, conn);
	if (conn->process == NULL)
		conn->seen |= SEEN_UNATTRIBUTED;
}

void record_settle_unreported(const struct record *record, struct conn *conn)
{
	const struct evidence *evidence = record->evidence;

	if (evidence->close_ns >= 0 || evidence->exit_ns >= 0 || evidence->destroy_ns >= 0 || record->wire != NULL ||
	    conn_has_failed(conn->result) || evidence->sample_ns >= 0)
		return;
	conn->rx_bytes = conn->tx_bytes = CONN_UNKNOWN;
	if (conn->rx_least == 0)
		conn->rx_least = CONN_UNKNOWN;
	if (conn->tx_least == 0)
		conn->tx_least = CONN_UNKNOWN;
	conn->tx_retrans = -1;
	conn->state = STATE_UNKNOWN;
}
