// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/top/top_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "model/columns.h"
#include "track/peers.h"

/* The number of a folded row has this bit. */
#define FOLDED_ID (UINT64_C(1) << 63)

/* ---- filter -------------------------------------------------------------------------- */

/* Words of one column: its name, the column, and the width at which its text is complete. */
static const struct {
	const char *name;
	enum top_column column;
} keys[] = {
	{"comm", TOP_PROGRAM},    {"peer", TOP_PEER},   {"port", TOP_PORT},
	{"process", TOP_PROCESS}, {"state", TOP_STATE}, {"unit", TOP_UNIT},
};

static bool matches_port(const struct flow *flow, const char *word)
{
	char *end;
	long port = strtol(word, &end, 10);

	return *word != '\0' && *end == '\0' && port > 0 && (port == flow->local.port || port == flow->remote.port);
}

/* The state of closed connections that are one row is that of each. */
static void add_cell(struct text *text, const struct top_row *row, enum top_column column,
		     const struct top_style *style)
{
	const char *state = column == TOP_STATE ? top_state_text(&row->conn, TOP_UNCUT) : NULL;

	if (column == TOP_STATE)
		text_add(text, state != NULL ? state : "-");
	else
		top_cell(text, row, column, style, TOP_UNCUT);
}

/* "comm=ngi": the value contains the word; "comm==nginx": it is the word; "port=80": a port is this one. */
static bool matches_key(const struct top_row *row, enum top_column column, const char *word,
			const struct top_style *style)
{
	struct text text = {0};
	char ip[ENDPOINT_TEXT];
	bool matches;

	if (column == TOP_PORT)
		return matches_port(&row->conn.flow, word + (*word == '='));
	if (column == TOP_PEER && *word == '=')
		return strcasecmp(endpoint_ip_text(&row->conn.flow.remote, ip), word + 1) == 0;
	add_cell(&text, row, column, style);
	matches = *word == '=' ? strcasecmp(text.data, word + 1) == 0 : strcasestr(text.data, word) != NULL;
	text_free(&text);
	return matches;
}

static bool matches_word(const struct top_row *row, const char *cells, const char *word, const struct top_style *style)
{
	size_t length = strcspn(word, "=");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (word[length] == '=' && strlen(keys[i].name) == length &&
		    strncasecmp(word, keys[i].name, length) == 0)
			return matches_key(row, keys[i].column, word + length + 1, style);
	return strcasestr(cells, word) != NULL;
}

/* Whether the row contains each word of @filter, and no word after '!'; case is ignored. */
static bool matches_filter(const struct top_row *row, const char *filter, const struct top_style *style)
{
	static const enum top_column searched[] = {TOP_PEER, TOP_LOCAL, TOP_PORT, TOP_PROCESS, TOP_DIR, TOP_STATE};
	struct text text = {0};
	bool matches = true;

	for (size_t i = 0; i < sizeof(searched) / sizeof(searched[0]); i++) {
		add_cell(&text, row, searched[i], style);
		text_add_char(&text, ' ');
	}
	for (const char *at = filter; *at != '\0' && matches;) {
		size_t length = strcspn(at, " ");
		bool not = *at == '!' && length > 1;
		char word[TOP_TYPED];

		if (length > 0 && length < sizeof(word)) {
			memcpy(word, at + not, length - not );
			word[length - not ] = '\0';
			matches = matches_word(row, text.data, word, style) != not ;
		}
		at += length;
		at += strspn(at, " ");
	}
	text_free(&text);
	return matches;
}

/* ---- fold ---------------------------------------------------------------------------- */

static const struct process *process_of(const struct top_row *row)
{
	return row->folded ? row->of : row->conn.process;
}

/* The text by which rows are folded, NULL none. */
static const char *name_of(const struct top_row *row, enum top_fold fold)
{
	const struct process *process = process_of(row);

	if (process == NULL || (fold != TOP_FOLD_PROGRAMS && fold != TOP_FOLD_UNITS))
		return NULL;
	return fold == TOP_FOLD_UNITS ? process->unit : process->comm;
}

static uint64_t add_bytes(uint64_t key, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		key = (key ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
	return key;
}

static uint64_t key_of(const struct top_row *row, enum top_fold fold)
{
	const struct process *process = process_of(row);
	const char *name = name_of(row, fold);
	uint64_t key = UINT64_C(0xcbf29ce484222325);

	if (fold == TOP_FOLD_PROCESSES)
		key = process != NULL ? (uint64_t)process->pid : 0;
	else if (fold == TOP_FOLD_PEERS)
		key = add_bytes(key, &row->conn.flow.remote.ip, sizeof(row->conn.flow.remote.ip));
	else
		key = name != NULL ? add_bytes(key, name, strlen(name)) : 0;
	return FOLDED_ID | key;
}

static int compare_keys(const struct top_row *a, const struct top_row *b, enum top_fold fold)
{
	const struct process *p = process_of(a), *q = process_of(b);
	const char *x = name_of(a, fold), *y = name_of(b, fold);

	if (fold == TOP_FOLD_PEERS)
		return memcmp(&a->conn.flow.remote.ip, &b->conn.flow.remote.ip, sizeof(a->conn.flow.remote.ip));
	if (fold != TOP_FOLD_PROCESSES)
		return x == NULL || y == NULL ? (x != NULL) - (y != NULL) : strcmp(x, y);
	if (p == NULL || q == NULL)
		return (p != NULL) - (q != NULL);
	return (p->pid > q->pid) - (p->pid < q->pid);
}

static int64_t largest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void add_known(int64_t *sum, int64_t value)
{
	if (value >= 0)
		*sum = (*sum >= 0 ? *sum : 0) + value;
}

static void add_exact(int64_t *sum, int64_t value)
{
	*sum = *sum < 0 || value < 0 ? CONN_UNKNOWN : *sum + value;
}

/* The sum of what is known. */
static void add_least(int64_t *sum, int64_t value)
{
	if (value >= 0)
		*sum = *sum < 0 ? value : *sum + value;
}

/* Begin an empty row; common values are taken from the first member. */
void top_fold_begin(struct top_row *to, const struct top_row *first)
{
	conn_init(&to->conn);
	to->conn.dir = first->conn.dir;
	to->conn.start_ns = first->conn.start_ns;
	to->conn.flow = first->conn.flow;
	to->conn.process = to->of = first->conn.process;
	to->conn.state = first->conn.state;
	to->conn.result = first->conn.result;
	to->conn.rx_bytes = to->conn.tx_bytes = 0;
	to->conn.tx_retrans = to->conn.rx_retrans = 0;
	to->conn.open = 0;
	to->rx_rate = to->tx_rate = CONN_UNKNOWN;
	to->active_ns = CLOCK_UNKNOWN;
	to->ended_ns = CLOCK_UNKNOWN;
	to->steady[0] = to->steady[1] = -1;
	memset(to->past, 0, sizeof(to->past));
	to->piece = -1;
	to->members = to->living = to->failed = to->pending = to->undecided = to->lacks = 0;
	to->hidden = to->other = false;
	to->folded = true;
}

/* Columns that are unknown of a connection which should have them; a folded row has collected those of its members. */
static uint32_t lacks(const struct top_row *row)
{
	const struct conn *conn = &row->conn;
	bool rx = row->rx_rate < 0, tx = row->tx_rate < 0;
	bool rtt = conn->rtt_ns < 0 && peers_has_spread(conn, PEERS_RTT);
	bool hs = conn->hs_ns < 0 && peers_has_spread(conn, PEERS_HS);
	bool queue = conn->queue_ns < 0 && peers_has_spread(conn, PEERS_QUEUE);

	_Static_assert(TOP_COLUMN_NUM <= 32, "a bit for each column");
	if (row->folded)
		return row->lacks;
	return (uint32_t)rx << TOP_RX_RATE | (uint32_t)tx << TOP_TX_RATE | (uint32_t)(rx || tx) << TOP_RATE |
	       (uint32_t)rtt << TOP_RTT | (uint32_t)hs << TOP_HS | (uint32_t)queue << TOP_QUEUE;
}

static void count_results(struct top_row *to, const struct top_row *row)
{
	unsigned int result = row->conn.result;

	to->failed += row->folded ? row->failed : conn_has_failed(result);
	to->pending += row->folded ? row->pending : result == RESULT_PENDING;
	to->undecided += row->folded ? row->undecided : result == RESULT_UNKNOWN;
}

void top_fold_add(struct top_row *to, const struct top_row *row)
{
	const struct conn *conn = &row->conn;
	int64_t resent = to->conn.tx_retrans;

	if (to->conn.dir != conn->dir)
		to->conn.dir = DIR_UNKNOWN;
	if (to->conn.process != NULL && (conn->process == NULL || to->conn.process->pid != conn->process->pid))
		to->conn.process = NULL;
	if (!endpoint_ip_equal(&to->conn.flow.remote, &conn->flow.remote))
		to->conn.flow.remote.ip = (struct in6_addr)IN6ADDR_ANY_INIT;
	if (!endpoint_ip_equal(&to->conn.flow.local, &conn->flow.local))
		to->conn.flow.local.ip = (struct in6_addr)IN6ADDR_ANY_INIT;
	if (to->members > 0 && to->conn.flow.remote.port != conn->flow.remote.port)
		to->conn.flow.remote.port = 0;
	if (to->members > 0 && to->conn.flow.local.port != conn->flow.local.port)
		to->conn.flow.local.port = 0;
	if (to->conn.state != conn->state)
		to->conn.state = STATE_UNKNOWN;
	if (to->conn.result != conn->result)
		to->conn.result = RESULT_UNKNOWN;
	add_exact(&to->conn.rx_bytes, conn->rx_bytes);
	add_exact(&to->conn.tx_bytes, conn->tx_bytes);
	add_least(&to->conn.rx_least, conn->rx_least);
	add_least(&to->conn.tx_least, conn->tx_least);
	add_exact(&resent, columns_retrans(conn));
	to->conn.tx_retrans = resent < INT32_MAX ? (int32_t)resent : INT32_MAX;
	to->conn.rtt_ns = largest(to->conn.rtt_ns, conn->rtt_ns);
	to->conn.hs_ns = largest(to->conn.hs_ns, conn->hs_ns);
	to->conn.queue_ns = largest(to->conn.queue_ns, conn->queue_ns);
	count_results(to, row);
	to->lacks |= lacks(row);
	add_known(&to->rx_rate, row->rx_rate);
	add_known(&to->tx_rate, row->tx_rate);
	to->active_ns = largest(to->active_ns, row->active_ns);
	for (int way = 0; way < 2; way++)
		if (row->steady[way] >= 0)
			to->steady[way] = row->steady[way] + (to->steady[way] > 0 ? to->steady[way] : 0);
	for (int i = 0; i < TOP_PAST; i++)
		to->past[i] += row->past[i];
	to->members += row->members;
	to->living += row->living;
	to->conn.open |= row->living > 0;
}

/* ---- sort ---------------------------------------------------------------------------- */

struct order {
	enum top_fold fold; /* by the keys of folding, or, when that is TOP_FOLD_NONE, by @column */
	enum top_column column;
	bool descending;
	bool steady;
};

static int compare(const struct top_row *a, const struct top_row *b, const struct order *order)
{
	return order->fold != TOP_FOLD_NONE ? compare_keys(a, b, order->fold)
					    : top_compare(a, b, order->column, order->descending, order->steady);
}

/* A stable merge sort, so equal rows keep their place: it merges runs of growing width between two arrays. */
static void sort(struct top_list *list, const struct order *order)
{
	for (size_t width = 1; width < list->count; width *= 2) {
		struct top_row **from = list->rows, **to = list->scratch;

		for (size_t begin = 0; begin < list->count; begin += 2 * width) {
			size_t middle = begin + width < list->count ? begin + width : list->count;
			size_t end = begin + 2 * width < list->count ? begin + 2 * width : list->count;
			size_t left = begin, right = middle;

			for (size_t i = begin; i < end; i++)
				to[i] = left < middle && (right == end || compare(from[left], from[right], order) <= 0)
						? from[left++]
						: from[right++];
		}
		list->rows = to;
		list->scratch = from;
	}
}

static void fold(struct top_list *list, enum top_fold by)
{
	const struct order order = {.fold = by};
	size_t count = 0;

	sort(list, &order);
	for (size_t i = 0; i < list->count; i++) {
		const struct top_row *row = list->rows[i];

		if (i == 0 || compare_keys(list->rows[i - 1], row, by) != 0) {
			top_fold_begin(&list->folded[count], row);
			list->folded[count].conn.id = key_of(row, by);
			count++;
		}
		top_fold_add(&list->folded[count - 1], row);
	}
	for (size_t i = 0; i < count; i++)
		list->rows[i] = &list->folded[i];
	list->count = count;
}

static void make_room(struct top_list *list, size_t count, bool is_folded)
{
	if (count > list->size) {
		list->size = count + count / 2 + 64;
		list->rows = xreallocarray(list->rows, list->size, sizeof(struct top_row *));
		list->scratch = xreallocarray(list->scratch, list->size, sizeof(struct top_row *));
		free(list->folded);
		list->folded = NULL;
	}
	if (is_folded && list->folded == NULL && list->size > 0)
		list->folded = xcalloc(list->size, sizeof(struct top_row));
}

static bool is_wanted(const struct top_row *row, const struct top_style *style)
{
	return style->state->filter[0] == '\0' || matches_filter(row, style->state->filter, style);
}

void top_order(struct top_list *list, const struct top_rows *rows, const struct top_style *style)
{
	const struct top_state *state = style->state;
	const struct order order = {.column = state->sort, .descending = state->descending, .steady = state->steady};
	bool folds = state->fold != TOP_FOLD_NONE;

	make_room(list, rows->count + rows->closed_count + 1, folds);
	list->count = 0;
	top_fold_begin(&list->total, &(struct top_row){.members = 0});
	for (size_t i = 0; i < rows->count + rows->closed_count; i++) {
		bool closed = i >= rows->count;
		struct top_row *row = closed ? rows->closed[i - rows->count] : rows->rows[i];

		if (!is_wanted(row, style))
			continue;
		top_fold_add(&list->total, row);
		if (folds || !(closed || row->hidden))
			list->rows[list->count++] = row;
	}
	if (folds)
		fold(list, state->fold);
	sort(list, &order);
	/* It matches no filter and has no place in the order. */
	list->other = *rows->other;
	if (list->other.members > 0 && state->filter[0] == '\0') {
		list->rows[list->count++] = &list->other;
		top_fold_add(&list->total, &list->other);
	}
}

size_t top_order_find(const struct top_list *list, uint64_t id)
{
	size_t place = 0;

	while (place < list->count && list->rows[place]->conn.id != id)
		place++;
	return place;
}

void top_order_free(struct top_list *list)
{
	free(list->rows);
	free(list->scratch);
	free(list->folded);
	memset(list, 0, sizeof(*list));
}
