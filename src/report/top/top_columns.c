// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/top/top_columns.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/redact.h"
#include "base/table.h"
#include "model/columns.h"

/* Addresses are 21 characters long, "[4294967]" 9; the layout handles longer ones. */
const struct top_column_def top_columns[] = {
	[TOP_PEER] = {"PEER", NULL, "address and port of the other side", 15, 21, 21, 1, false},
	[TOP_LOCAL] = {"LOCAL", NULL, "address and port of the traced side", 15, 21, 21, 12, false},
	[TOP_PROCESS] = {"PROCESS", NULL, "owning process and PID", 7, 13, 24, 5, false},
	[TOP_PORT] = {"PORT", NULL, "port of the service", 5, 5, 6, 11, true},
	[TOP_CONNS] = {"CONNS", NULL, "connections in a folded row", 5, 5, 6, 2, true},
	[TOP_FAIL] = {"FAIL", NULL, "folded: failed attempts, if any", 4, 4, 5, 4, true},
	[TOP_PENDING] = {"PEND", "PENDING", "folded: without a result yet, if any", 4, 4, 7, 4, true},
	[TOP_UNDECIDED] = {"UNKN", "UNKNOWN", "folded: result unknown, if any", 4, 4, 7, 4, true},
	[TOP_DIR] = {"DIR", NULL, "in: the other side opened it; out: this side did", 3, 3, 3, 7, false},
	[TOP_STATE] = {"STATE", NULL, "TCP state now, how it ended, or why it failed", 6, 7, 11, 4, false},
	[TOP_IDLE] = {"IDLE", NULL, "since its last activity", 4, 4, 5, 6, true},
	[TOP_RX_RATE] = {"RX/s", NULL, "payload received in the last second; +: of some", 4, 4, 6, 3, true},
	[TOP_TX_RATE] = {"TX/s", NULL, "payload sent in the last second; +: of some", 4, 4, 6, 3, true},
	[TOP_RX] = {"RX", NULL, "payload received; of an older one the total; +: at least", 4, 4, 6, 8, true},
	[TOP_TX] = {"TX", NULL, "payload sent; of an older one the total; +: at least", 4, 4, 6, 8, true},
	[TOP_RTT] = {"RTT", "RTT_MS", "smoothed round trip; folded: the largest; +: of some", 4, 4, 7, 9, true},
	[TOP_RESENT] = {"RTX", "RESENT", "retransmitted segments", 3, 3, 6, 10, true},
	[TOP_HS] = {"HS", "HS_MS", "handshake; folded: the longest; +: of some", 4, 6, 7, 14, true},
	[TOP_QUEUE] = {"QUEUE", "QUEUE_MS", "wait in the accept queue; folded: longest; +: of some", 5, 6, 8, 15, true},
	[TOP_RATE] = {"RATE", NULL, "payload of the last second, both ways", 4, 6, 6, 16, true},
	[TOP_BYTES] = {"BYTES", NULL, "payload, both ways; +: at least", 5, 6, 6, 17, true},
	[TOP_SPARK] = {"MINUTE", "LAST MINUTE", "payload of the last minute, both ways", 10, 15, TOP_PAST, 13, false},
};

TABLE_COVERS(top_columns, TOP_COLUMN_NUM);

/* Three digits and a unit: 999, 1.5k, 15k, 999k, 1.5M. */
static void add_amount(struct text *text, uint64_t amount, unsigned int base)
{
	static const char units[] = "kMGTPE";
	const char *unit = units;
	uint64_t size = base, tenths;
	char piece[32];

	if (amount < 1000) {
		text_add_unsigned(text, amount);
		return;
	}
	/* 999.6k rounds to four digits, so it is shown as 1.0M. */
	while (amount >= size * 1000 - size / 2 && unit[1] != '\0') {
		size *= base;
		unit++;
	}
	tenths = (amount / size) * 10 + (amount % size * 10 + size / 2) / size;
	if (tenths < 100)
		snprintf(piece, sizeof(piece), "%u.%u%c", (unsigned int)tenths / 10, (unsigned int)tenths % 10, *unit);
	else
		snprintf(piece, sizeof(piece), "%llu%c", (unsigned long long)(amount + size / 2) / size, *unit);
	text_add(text, piece);
}

static unsigned int base_of(enum top_units units)
{
	return units == TOP_UNITS_BYTES_IEC || units == TOP_UNITS_BITS_IEC ? 1024 : 1000;
}

void top_text_amount(struct text *text, int64_t bytes, enum top_units units)
{
	if (bytes < 0)
		text_add_char(text, '-');
	else
		add_amount(text, (uint64_t)bytes, base_of(units));
}

void top_text_rate(struct text *text, int64_t rate, enum top_units units)
{
	bool bits = units == TOP_UNITS_BITS || units == TOP_UNITS_BITS_IEC;

	if (rate < 0)
		text_add_char(text, '-');
	else
		add_amount(text, (uint64_t)rate * (bits ? 8 : 1), base_of(units));
}

const char *top_text_units(enum top_units units)
{
	static const char *const names[] = {
		[TOP_UNITS_BYTES] = "B/s",
		[TOP_UNITS_BYTES_IEC] = "B/s 1024",
		[TOP_UNITS_BITS] = "bit/s",
		[TOP_UNITS_BITS_IEC] = "bit/s 1024",
	};
	TABLE_COVERS(names, TOP_UNITS_NUM);

	return names[units];
}

void top_text_span(struct text *text, int64_t span_ns)
{
	int64_t seconds = span_ns / CLOCK_NS_PER_SEC;
	char piece[32];

	if (span_ns < 0)
		snprintf(piece, sizeof(piece), "-");
	else if (seconds < 60)
		snprintf(piece, sizeof(piece), "%ds", (int)seconds);
	else if (seconds < 3600)
		snprintf(piece, sizeof(piece), "%dm", (int)(seconds / 60));
	else if (seconds < 86400)
		snprintf(piece, sizeof(piece), "%dh", (int)(seconds / 3600));
	else
		snprintf(piece, sizeof(piece), "%dd", (int)(seconds / 86400 < 999 ? seconds / 86400 : 999));
	text_add(text, piece);
}

/* Milliseconds with as many digits as fit: 0.01, 1.50, 12.3, 1234. */
static void add_ms(struct text *text, int64_t span_ns, unsigned int width)
{
	int64_t whole = span_ns / CLOCK_NS_PER_MS;
	unsigned int digits = 1, decimals;

	if (span_ns < 0) {
		text_add_char(text, '-');
		return;
	}
	for (int64_t rest = whole; rest >= 10; rest /= 10)
		digits++;
	decimals = width >= digits + 2 ? width - digits - 1 : 0;
	text_add_decimal(text, span_ns, CLOCK_NS_PER_MS, decimals < 3 ? decimals : 3);
}

/* The well-known names of ss(8) in a narrow column. */
static const char *state_text(const struct conn *conn, unsigned int width)
{
	const char *name = conn_state_text(conn->state);

	if (conn_has_failed(conn->result))
		return conn_result_text(conn->result);
	if (conn->state == TCP_ESTABLISHED && width < 11)
		return "ESTAB";
	if (name == NULL && !conn->open)
		return "closed";
	return name;
}

/* Shorten @full to @width, keeping its last @tail characters if they fit. */
static void add_cut(struct text *text, const char *full, unsigned int width, size_t tail, bool utf8)
{
	size_t length = strlen(full), dots = utf8 ? 1 : 2;

	if (length <= width) {
		text_add(text, full);
		return;
	}
	if (tail + dots + 1 > width)
		tail = 0;
	if (width <= dots) {
		text_add_blanks(text, width);
		return;
	}
	for (size_t i = 0; i < width - dots - tail; i++)
		text_add_char(text, full[i]);
	text_add(text, utf8 ? "\xe2\x80\xa6" : "..");
	text_add(text, full + length - tail);
}

/* Hosts of one network differ at the end of their address: its end gets two thirds of the width. */
static size_t ip_tail(size_t port, unsigned int width)
{
	return port + (width > port + 2 ? (width - port - 2) * 2 / 3 : 0);
}

static void add_endpoint(struct text *text, const struct endpoint *endpoint, const struct top_style *style,
			 unsigned int width)
{
	bool is_named = style->state->resolve && style->name != NULL && !redact_hides(REDACT_ADDR);
	const char *name = is_named ? redact_text(REDACT_HOST, style->name(style->name_context, endpoint)) : NULL;
	char ip[ENDPOINT_TEXT], full[600], port[8] = "";
	bool brackets = name == NULL && !endpoint_is_v4(endpoint) && endpoint->port != 0;

	if (!endpoint_has_ip(endpoint)) {
		text_add_char(text, '-');
		return;
	}
	if (endpoint->port != 0)
		snprintf(port, sizeof(port), ":%u", endpoint->port);
	if (name != NULL) {
		char safe[512];

		escape_text(safe, sizeof(safe), name);
		snprintf(full, sizeof(full), "%s%s", safe, port);
	} else {
		endpoint_ip_text(endpoint, ip);
		snprintf(full, sizeof(full), brackets ? "[%s]%s" : "%s%s", ip, port);
	}
	add_cut(text, full, width, name != NULL ? strlen(port) : ip_tail(strlen(port) + brackets, width),
		style->state->utf8);
}

void top_process_text(struct text *text, const struct process *process, unsigned int width)
{
	char name[4 * sizeof(process->comm) + 1], pid[16];

	if (process == NULL) {
		text_add_char(text, '-');
		return;
	}
	escape_text(name, sizeof(name), process->comm[0] != '\0' ? redact_text(REDACT_COMM, process->comm) : "?");
	if (process->pid > 0)
		snprintf(pid, sizeof(pid), "[%d]", (int)process->pid);
	else
		snprintf(pid, sizeof(pid), "[-]"); /* one of several */
	add_cut(text, name, width, 0, false);
	if (strlen(name) + strlen(pid) <= width)
		text_add(text, pid);
}

static int64_t sum(int64_t a, int64_t b)
{
	return a < 0 || b < 0 ? CONN_UNKNOWN : a + b;
}

/* The sort key of a numeric column, CONN_UNKNOWN unknown. */
static int64_t number_of(const struct top_row *row, enum top_column column)
{
	const struct conn *conn = &row->conn;

	switch (column) {
	case TOP_PORT:
		return conn_service_port(conn) != 0 ? conn_service_port(conn) : CONN_UNKNOWN;
	case TOP_CONNS:
		return row->members;
	case TOP_FAIL:
		return row->failed;
	case TOP_PENDING:
		return row->pending;
	case TOP_UNDECIDED:
		return row->undecided;
	case TOP_IDLE:
		return row->active_ns;
	case TOP_RX_RATE:
		return row->rx_rate;
	case TOP_TX_RATE:
		return row->tx_rate;
	case TOP_RX:
		return conn->rx_bytes >= 0 ? conn->rx_bytes : conn->rx_least;
	case TOP_TX:
		return conn->tx_bytes >= 0 ? conn->tx_bytes : conn->tx_least;
	case TOP_RTT:
		return conn->rtt_ns;
	case TOP_RESENT:
		return columns_retrans(conn);
	case TOP_HS:
		return conn->hs_ns;
	case TOP_QUEUE:
		return conn->queue_ns;
	case TOP_RATE:
		return sum(row->rx_rate, row->tx_rate);
	case TOP_BYTES:
		return sum(number_of(row, TOP_RX), number_of(row, TOP_TX));
	default:
		return CONN_UNKNOWN;
	}
}

static void add_count(struct text *text, int64_t count)
{
	if (count < 0)
		text_add_char(text, '-');
	else if (count < 100000)
		text_add_number(text, count);
	else
		add_amount(text, (uint64_t)count, 1000);
}

static void add_word(struct text *text, const char *word, unsigned int width, bool utf8)
{
	add_cut(text, word != NULL ? word : "-", width, 0, utf8);
}

/* For a folded row: the number of open members. */
static void add_state(struct text *text, const struct top_row *row, unsigned int width, bool utf8)
{
	struct text living = {0};

	if (row->members <= 1 || row->living == 0) {
		add_word(text, state_text(&row->conn, width), width, utf8);
		return;
	}
	add_count(&living, row->living);
	text_add(text, living.data);
	text_add(text, living.length + strlen(" open") <= width ? " open" : "");
	text_free(&living);
}

/* Return: true when there is at least this much: some members, or some bytes, are unknown. */
static bool is_partial(const struct top_row *row, enum top_column column)
{
	if (column == TOP_RX)
		return row->conn.rx_bytes < 0 && row->conn.rx_least >= 0;
	if (column == TOP_TX)
		return row->conn.tx_bytes < 0 && row->conn.tx_least >= 0;
	if (column == TOP_BYTES)
		return number_of(row, TOP_BYTES) >= 0 && (is_partial(row, TOP_RX) || is_partial(row, TOP_TX));
	return (row->lacks >> column & 1) != 0 && number_of(row, column) >= 0;
}

void top_cell(struct text *text, const struct top_row *row, enum top_column column, const struct top_style *style,
	      unsigned int width)
{
	enum top_units units = style->state->units;
	const struct conn *conn = &row->conn;
	struct endpoint peer;

	if (row->other && column == (style->state->fold == TOP_FOLD_PROCESSES ? TOP_PROCESS : TOP_PEER)) {
		text_add(text, "other");
		return;
	}
	switch (column) {
	case TOP_PEER:
		peer = conn->flow.remote;
		if (style->state->fold == TOP_FOLD_PEERS)
			peer.port = 0;
		add_endpoint(text, &peer, style, width);
		break;
	case TOP_LOCAL:
		add_endpoint(text, &conn->flow.local, style, width);
		break;
	case TOP_PROCESS:
		top_process_text(text, conn->process, width);
		break;
	case TOP_DIR:
		add_word(text, conn_dir_text(conn->dir), width, style->state->utf8);
		break;
	case TOP_STATE:
		add_state(text, row, width, style->state->utf8);
		break;
	case TOP_IDLE:
		top_text_span(text, clock_span(row->active_ns, style->now_ns));
		break;
	case TOP_RX_RATE:
	case TOP_TX_RATE:
	case TOP_RATE:
		top_text_rate(text, number_of(row, column), units);
		break;
	case TOP_RX:
	case TOP_TX:
	case TOP_BYTES:
		top_text_amount(text, number_of(row, column), units);
		break;
	case TOP_RTT:
	case TOP_HS:
	case TOP_QUEUE:
		add_ms(text, number_of(row, column), width - is_partial(row, column));
		break;
	case TOP_PORT:
	case TOP_CONNS:
	case TOP_FAIL:
	case TOP_PENDING:
	case TOP_UNDECIDED:
	case TOP_RESENT:
		add_count(text, number_of(row, column));
		break;
	default:
		break;
	}
	if (is_partial(row, column))
		text_add_char(text, '+');
}

static int compare_words(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int compare_processes(const struct process *a, const struct process *b)
{
	int order;

	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	order = strcmp(a->comm, b->comm);
	return order != 0 ? order : (a->pid > b->pid) - (a->pid < b->pid);
}

int top_compare(const struct top_row *a, const struct top_row *b, enum top_column column, bool descending)
{
	int64_t x, y;
	int order;

	switch (column) {
	case TOP_PEER:
		order = endpoint_compare(&a->conn.flow.remote, &b->conn.flow.remote);
		break;
	case TOP_LOCAL:
		order = endpoint_compare(&a->conn.flow.local, &b->conn.flow.local);
		break;
	case TOP_PROCESS:
		order = compare_processes(a->conn.process, b->conn.process);
		break;
	case TOP_DIR:
		order = compare_words(conn_dir_text(a->conn.dir), conn_dir_text(b->conn.dir));
		break;
	case TOP_STATE:
		order = compare_words(state_text(&a->conn, 0), state_text(&b->conn, 0));
		break;
	default:
		x = number_of(a, column);
		y = number_of(b, column);
		if (x < 0 || y < 0)
			return (y >= 0) - (x >= 0);
		/* The idlest has the oldest last activity. */
		order = column == TOP_IDLE ? (y > x) - (y < x) : (x > y) - (x < y);
	}
	return descending ? -order : order;
}
