// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/conn.h"

#include <netinet/tcp.h>
#include <string.h>

#include "base/table.h"

void conn_init(struct conn *conn)
{
	memset(conn, 0, sizeof(*conn));
	conn->flow.proto = conn->proto = IPPROTO_TCP;
	conn->error = -1;
	conn->start_ns = conn->end_ns = CONN_UNKNOWN;
	conn->connect_ns = conn->hs_ns = conn->hs_net_ns = conn->hs_ack_ns = conn->queue_ns = CONN_UNKNOWN;
	conn->first_answer_ns = conn->xfer_ns = conn->rtt_ns = conn->minrtt_ns = conn->gap_ns = CONN_UNKNOWN;
	conn->began_ns = CONN_UNKNOWN;
	conn->rx_least = conn->tx_least = CONN_UNKNOWN;
	conn->rx_bytes = conn->tx_bytes = conn->rx_wire = conn->tx_wire = CONN_UNKNOWN;
	conn->rx_pkts = conn->tx_pkts = conn->copies = CONN_UNKNOWN;
	conn->syn_rtx = conn->synack_rtx = conn->rx_retrans = conn->tx_retrans = -1;
	conn->ooo = conn->zerowin = conn->keepalive = -1;
	conn->rx_fin = conn->tx_fin = conn->rx_rst = conn->tx_rst = -1;
	conn->fd = -1;
	conn->uid = (uid_t)-1;
	conn->open = 1;
}

const char *conn_dir_text(enum conn_dir dir)
{
	static const char *const texts[] = {[DIR_UNKNOWN] = NULL, [DIR_IN] = "in", [DIR_OUT] = "out"};

	TABLE_COVERS(texts, DIR_NUM);
	return texts[dir];
}

const char *conn_result_text(enum conn_result result)
{
	static const char *const texts[] = {
		[RESULT_UNKNOWN] = "unknown", [RESULT_OK] = "ok",           [RESULT_REFUSED] = "refused",
		[RESULT_RESET] = "reset",     [RESULT_TIMEOUT] = "timeout", [RESULT_UNREACH] = "unreach",
		[RESULT_ABORT] = "abort",     [RESULT_ERROR] = "error",     [RESULT_PENDING] = "pending",
	};

	TABLE_COVERS(texts, RESULT_NUM);
	return texts[result];
}

const char *conn_close_text(enum conn_close close)
{
	static const char *const texts[] = {
		[CLOSE_UNKNOWN] = NULL, [CLOSE_LFIN] = "lfin", [CLOSE_RFIN] = "rfin",
		[CLOSE_LRST] = "lrst",  [CLOSE_RRST] = "rrst", [CLOSE_EXIT] = "exit",
	};

	TABLE_COVERS(texts, CLOSE_NUM);
	return texts[close];
}

const char *conn_state_text(unsigned int state)
{
	static const char *const texts[] = {
		[STATE_UNKNOWN] = NULL,          [TCP_ESTABLISHED] = "ESTABLISHED",
		[TCP_SYN_SENT] = "SYN_SENT",     [TCP_SYN_RECV] = "SYN_RCVD",
		[TCP_FIN_WAIT1] = "FIN_WAIT1",   [TCP_FIN_WAIT2] = "FIN_WAIT2",
		[TCP_TIME_WAIT] = "TIME_WAIT",   [TCP_CLOSE] = "closed",
		[TCP_CLOSE_WAIT] = "CLOSE_WAIT", [TCP_LAST_ACK] = "LAST_ACK",
		[TCP_LISTEN] = "LISTEN",         [TCP_CLOSING] = "CLOSING",
		[STATE_CLOSED] = "closed",       [STATE_RESET] = "reset",
	};
	TABLE_COVERS(texts, STATE_NUM);

	return state < STATE_NUM ? texts[state] : NULL;
}

const char *conn_seen_text(uint32_t seen, char text[CONN_SEEN_TEXT])
{
	static const struct {
		uint32_t bit;
		char letter;
	} letters[] = {
		{SEEN_CALLS, 's'},    {SEEN_KERNEL, 'k'}, {SEEN_WIRE, 'w'},     {SEEN_AUDIT, 'a'},
		{SEEN_BPF, 'b'},      {SEEN_PERF, 'h'},   {SEEN_EXISTING, 'p'}, {SEEN_UNATTRIBUTED, 'u'},
		{SEEN_DISPUTED, '?'}, {SEEN_GAPS, 'g'},
	};
	char *end = text;

	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (seen & letters[i].bit)
			*end++ = letters[i].letter;
	if (end == text)
		*end++ = '-';
	*end = '\0';
	return text;
}

uint16_t conn_service_port(const struct conn *conn)
{
	if (conn->dir == DIR_IN)
		return conn->flow.local.port;
	return conn->dir == DIR_OUT ? conn->flow.remote.port : 0;
}

static const struct endpoint nowhere;

const struct endpoint *conn_server(const struct conn *conn)
{
	if (conn->dir == DIR_IN)
		return &conn->flow.local;
	return conn->dir == DIR_OUT ? &conn->flow.remote : &nowhere;
}

const struct endpoint *conn_client(const struct conn *conn)
{
	if (conn->dir == DIR_IN)
		return &conn->flow.remote;
	return conn->dir == DIR_OUT ? &conn->flow.local : &nowhere;
}
