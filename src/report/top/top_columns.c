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
	[TOP_PEER] = {"PEER", NULL, "RADDR", "address and port of the other side", 15, 21, 21, 1, false},
	[TOP_LOCAL] = {"LOCAL", NULL, "LADDR", "address and port of the traced side", 15, 21, 21, 12, false},
	[TOP_PROGRAM] = {"PROGRAM", NULL, "COMM", "name of the processes in a folded row", 7, 15, 24, 1, false},
	[TOP_UNIT] = {"UNIT", NULL, "UNIT", "unit of systemd of the process", 7, 20, 40, 18, false},
	[TOP_PROCESS] = {"PROCESS", NULL, NULL, "owning process and PID", 7, 13, 24, 5, false},
	[TOP_PORT] = {"PORT", NULL, "PORT", "port of the service", 5, 5, 6, 11, true},
	[TOP_CONNS] = {"CONNS", NULL, "CONNS", "folded: connections, open and closed", 5, 5, 7, 2, true},
	[TOP_CLOSED] = {"CLOSED", NULL, NULL, "folded: connections that have closed", 6, 6, 7, 9, true},
	[TOP_FAIL] = {"FAIL", NULL, "FAIL", "folded: failed attempts, if any", 4, 4, 5, 4, true},
	[TOP_PENDING] = {"PEND", "PENDING", "PENDING", "folded: without a result yet, if any", 4, 4, 7, 4, true},
	[TOP_UNDECIDED] = {"UNKN", "UNKNOWN", "UNKNOWN", "folded: result unknown, if any", 4, 4, 7, 4, true},
	[TOP_DIR] = {"DIR", NULL, "DIR", "in: the other side opened it; out: this side did", 3, 3, 3, 7, false},
	[TOP_STATE] = {"STATE", NULL, "STATE", "TCP state, how it ended or failed; folded: how many", 6, 7, 11, 4,
		       false},
	[TOP_IDLE] = {"IDLE", NULL, NULL, "since its last activity", 4, 4, 5, 6, true},
	[TOP_RX_RATE] = {"RX/s", NULL, NULL, "payload received in the last second; +: of some", 4, 4, 6, 3, true},
	[TOP_TX_RATE] = {"TX/s", NULL, NULL, "payload sent in the last second; +: of some", 4, 4, 6, 3, true},
	[TOP_RX] = {"RX", NULL, "RX_BYTES", "payload received; of an older one the total; +: at least", 4, 4, 6, 8,
		    true},
	[TOP_TX] = {"TX", NULL, "TX_BYTES", "payload sent; of an older one the total; +: at least", 4, 4, 6, 8, true},
	[TOP_RTT] = {"RTT", "RTT_MS", "RTT_MS", "smoothed round trip; folded: the largest; +: of some", 4, 4, 7, 9,
		     true},
	[TOP_RESENT] = {"RTX", "RETRANS", "RETRANS", "retransmitted segments", 3, 3, 7, 10, true},
	[TOP_HS] = {"HS", "HS_MS", "HS_MS", "handshake; folded: the longest; +: of some", 4, 6, 7, 14, true},
	[TOP_QUEUE] = {"QUEUE", "QUEUE_MS", "QUEUE_MS", "wait in the accept queue; folded: longest; +: of some", 5, 6,
		       8, 15, true},
	[TOP_RATE] = {"RATE", NULL, NULL, "payload a second, both ways, average of 10 s or, by a, of the last one", 4,
		      6, 6, 16, true},
	[TOP_BYTES] = {"BYTES", NULL, NULL, "payload, both ways; +: at least", 5, 6, 6, 17, true},
	[TOP_SPARK] = {"MINUTE", NULL, NULL, "payload of the last minute, both ways", 10, 15, TOP_PAST, 13, false},
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
const char *top_state_text(const struct conn *conn, unsigned int width)
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

static int64_t average(const struct top_row *row, int way)
{
	return row->steady[way] >= 0 ? (int64_t)(row->steady[way] + 0.5F) : CONN_UNKNOWN;
}

/* The average rate of a column of rates. */
static int64_t steady_of(const struct top_row *row, enum top_column column)
{
	if (column == TOP_RX_RATE || column == TOP_TX_RATE)
		return average(row, column == TOP_TX_RATE);
	return sum(average(row, 0), average(row, 1));
}

/* The value of a numeric column, CONN_UNKNOWN unknown. */
static int64_t number_of(const struct top_row *row, enum top_column column)
{
	const struct conn *conn = &row->conn;

	switch (column) {
	case TOP_PORT:
		return conn_service_port(conn) != 0 ? conn_service_port(conn) : CONN_UNKNOWN;
	case TOP_CONNS:
		return row->members;
	case TOP_CLOSED:
		return row->members - row->living;
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

/* What a process does that has no open connection. */
static const char *life_text(const struct top_row *row, const struct top_style *style)
{
	enum top_life life = TOP_LIFE_UNKNOWN;

	if (style->state->fold == TOP_FOLD_PROCESSES && style->life != NULL && row->of != NULL)
		life = style->life(row->of, row->conn.start_ns);
	return life == TOP_LIFE_RUNS ? "idle" : life == TOP_LIFE_ENDED ? "ended" : NULL;
}

/* For a folded row: the number of open members, and if there are none whether the process has ended, or of closed ones.
 */
static void add_state(struct text *text, const struct top_row *row, const struct top_style *style, unsigned int width)
{
	const char *word = row->folded && row->living == 0 ? life_text(row, style) : NULL;
	struct text count = {0};

	if (word != NULL || row->members <= 1) {
		add_word(text, word != NULL ? word : top_state_text(&row->conn, width), width, style->state->utf8);
		return;
	}
	if (row->living > 0) {
		add_count(&count, row->living);
		text_add(text, count.data);
		text_add(text, count.length + strlen(" open") <= width ? " open" : "");
	} else {
		add_count(&count, row->members);
		text_add(&count, " closed");
		text_add(text, count.length <= width ? count.data : "closed");
	}
	text_free(&count);
}

static const struct process *process_of(const struct top_row *row)
{
	return row->folded ? row->of : row->conn.process;
}

static void add_name(struct text *text, const struct top_row *row, enum top_column column,
		     const struct top_style *style, unsigned int width)
{
	const struct process *process = process_of(row);
	const char *name = process == NULL         ? NULL
			   : column == TOP_UNIT    ? redact_text(REDACT_COMM, process->unit)
			   : process->comm[0] != 0 ? redact_text(REDACT_COMM, process->comm)
						   : "?";
	char safe[4 * 256 + 1];

	if (name != NULL)
		escape_text(safe, sizeof(safe), name);
	add_cut(text, name != NULL ? safe : "-", width, 0, style->state->utf8);
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

enum top_column top_fold_column(enum top_fold fold)
{
	static const enum top_column columns[] = {
		[TOP_FOLD_NONE] = TOP_PEER,        [TOP_FOLD_PEERS] = TOP_PEER, [TOP_FOLD_PROCESSES] = TOP_PROCESS,
		[TOP_FOLD_PROGRAMS] = TOP_PROGRAM, [TOP_FOLD_UNITS] = TOP_UNIT,
	};
	TABLE_COVERS(columns, TOP_FOLD_NUM);

	return columns[fold];
}

const char *top_column_title(enum top_column column)
{
	return top_columns[column].long_title != NULL ? top_columns[column].long_title : top_columns[column].title;
}

bool top_column_is_rate(enum top_column column)
{
	return column == TOP_RX_RATE || column == TOP_TX_RATE || column == TOP_RATE;
}

enum top_column top_column_find(const char *title)
{
	for (unsigned int i = 0; i < TOP_COLUMN_NUM; i++) {
		const struct top_column_def *def = &top_columns[i];

		if (strcasecmp(title, def->title) == 0 || strcasecmp(title, top_column_title(i)) == 0 ||
		    (def->name != NULL && strcasecmp(title, def->name) == 0))
			return i;
	}
	return TOP_COLUMN_NUM;
}

bool top_column_is_named(const char *title)
{
	enum top_column column = top_column_find(title);

	return column != TOP_COLUMN_NUM && column != TOP_SPARK;
}

static void add_quantity(struct text *text, const struct top_row *row, enum top_column column,
			 const struct top_state *state, unsigned int width)
{
	int64_t number = number_of(row, column);

	switch (column) {
	case TOP_RATE:
		top_text_rate(text, state->steady ? steady_of(row, column) : number, state->units);
		break;
	case TOP_RX_RATE:
	case TOP_TX_RATE:
		top_text_rate(text, number, state->units);
		break;
	case TOP_RX:
	case TOP_TX:
	case TOP_BYTES:
		top_text_amount(text, number, state->units);
		break;
	case TOP_RTT:
	case TOP_HS:
	case TOP_QUEUE:
		add_ms(text, number, width - is_partial(row, column));
		break;
	default:
		add_count(text, number);
	}
	if (is_partial(row, column))
		text_add_char(text, '+');
}

void top_cell(struct text *text, const struct top_row *row, enum top_column column, const struct top_style *style,
	      unsigned int width)
{
	const struct conn *conn = &row->conn;
	struct endpoint peer;

	if (row->other && column == top_fold_column(style->state->fold)) {
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
	case TOP_PROGRAM:
	case TOP_UNIT:
		add_name(text, row, column, style, width);
		break;
	case TOP_PROCESS:
		top_process_text(text, conn->process, width);
		break;
	case TOP_DIR:
		add_word(text, conn_dir_text(conn->dir), width, style->state->utf8);
		break;
	case TOP_STATE:
		add_state(text, row, style, width);
		break;
	case TOP_IDLE:
		top_text_span(text, clock_span(row->active_ns, style->now_ns));
		break;
	case TOP_SPARK:
		break;
	default:
		add_quantity(text, row, column, style->state, width);
	}
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

static const char *unit_of(const struct top_row *row)
{
	return process_of(row) != NULL ? process_of(row)->unit : NULL;
}

int top_compare(const struct top_row *a, const struct top_row *b, enum top_column column, bool descending, bool steady)
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
	case TOP_PROGRAM:
		order = compare_processes(process_of(a), process_of(b));
		break;
	case TOP_UNIT:
		order = compare_words(unit_of(a), unit_of(b));
		break;
	case TOP_PROCESS:
		order = compare_processes(a->conn.process, b->conn.process);
		break;
	case TOP_DIR:
		order = compare_words(conn_dir_text(a->conn.dir), conn_dir_text(b->conn.dir));
		break;
	case TOP_STATE:
		order = compare_words(top_state_text(&a->conn, 0), top_state_text(&b->conn, 0));
		break;
	default:
		steady &= top_column_is_rate(column);
		x = steady ? steady_of(a, column) : number_of(a, column);
		y = steady ? steady_of(b, column) : number_of(b, column);
		if (x < 0 || y < 0)
			return (y >= 0) - (x >= 0);
		/* The idlest has the oldest last activity. */
		order = column == TOP_IDLE ? (y > x) - (y < x) : (x > y) - (x < y);
	}
	return descending ? -order : order;
}
