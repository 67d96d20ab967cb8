// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/top/top_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "model/columns.h"
#include "track/peers.h"

/* Wide enough for all values. */
#define UNCUT 600
/* The number of a folded row has this bit. */
#define FOLDED_ID (UINT64_C(1) << 63)

/* ---- filter -------------------------------------------------------------------------- */

/* "comm=ngi" and "state=WAIT": the value contains the word; "port=80": a port of the connection is this one. */
static bool matches_key(const struct top_row *row, const char *key, const char *word, const struct top_style *style,
			bool *matches)
{
	const struct flow *flow = &row->conn.flow;
	struct text text = {0};
	char *end;
	long port;

	if (strcasecmp(key, "comm") == 0) {
		*matches = row->conn.process != NULL && strcasestr(row->conn.process->comm, word) != NULL;
		return true;
	}
	if (strcasecmp(key, "port") == 0) {
		port = strtol(word, &end, 10);
		*matches = *word != '\0' && *end == '\0' && port > 0 &&
			   (port == flow->local.port || port == flow->remote.port);
		return true;
	}
	if (strcasecmp(key, "state") != 0)
		return false;
	top_cell(&text, row, TOP_STATE, style, UNCUT);
	*matches = strcasestr(text.data, word) != NULL;
	text_free(&text);
	return true;
}

static bool matches_word(const struct top_row *row, const char *cells, const char *word, const struct top_style *style)
{
	const char *equals = strchr(word, '=');
	char key[TOP_TYPED];
	bool matches;

	if (equals != NULL) {
		memcpy(key, word, (size_t)(equals - word));
		key[equals - word] = '\0';
		if (matches_key(row, key, equals + 1, style, &matches))
			return matches;
	}
	return strcasestr(cells, word) != NULL;
}

/* Whether the row contains each word of @filter, and no word after '!'; case is ignored. */
static bool matches_filter(const struct top_row *row, const char *filter, const struct top_style *style)
{
	static const enum top_column searched[] = {TOP_PEER, TOP_LOCAL, TOP_PORT, TOP_PROCESS, TOP_DIR, TOP_STATE};
	struct text text = {0};
	bool matches = true;

	for (size_t i = 0; i < sizeof(searched) / sizeof(searched[0]); i++) {
		top_cell(&text, row, searched[i], style, UNCUT);
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

static uint64_t key_of(const struct top_row *row, enum top_fold fold)
{
	uint64_t key = UINT64_C(0xcbf29ce484222325);

	if (fold == TOP_FOLD_PROCESSES)
		return row->conn.process != NULL ? FOLDED_ID | (uint64_t)row->conn.process->pid : FOLDED_ID;
	for (size_t i = 0; i < sizeof(row->conn.flow.remote.ip); i++)
		key = (key ^ row->conn.flow.remote.ip.s6_addr[i]) * UINT64_C(0x100000001b3);
	return FOLDED_ID | key;
}

static int compare_keys(const struct top_row *a, const struct top_row *b, enum top_fold fold)
{
	if (fold == TOP_FOLD_PROCESSES) {
		uint64_t x = key_of(a, fold), y = key_of(b, fold);

		return (x > y) - (x < y);
	}
	return memcmp(&a->conn.flow.remote.ip, &b->conn.flow.remote.ip, sizeof(a->conn.flow.remote.ip));
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
	to->conn.flow = first->conn.flow;
	to->conn.process = first->conn.process;
	to->conn.state = first->conn.state;
	to->conn.result = first->conn.result;
	to->conn.rx_bytes = to->conn.tx_bytes = 0;
	to->conn.tx_retrans = to->conn.rx_retrans = 0;
	to->conn.open = 0;
	to->rx_rate = to->tx_rate = CONN_UNKNOWN;
	to->active_ns = CLOCK_UNKNOWN;
	to->ended_ns = CLOCK_UNKNOWN;
	memset(to->past, 0, sizeof(to->past));
	to->members = to->living = to->failed = to->pending = to->undecided = to->lacks = 0;
	to->hidden = to->other = false;
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
	if (row->other)
		return row->lacks;
	return (uint32_t)rx << TOP_RX_RATE | (uint32_t)tx << TOP_TX_RATE | (uint32_t)(rx || tx) << TOP_RATE |
	       (uint32_t)rtt << TOP_RTT | (uint32_t)hs << TOP_HS | (uint32_t)queue << TOP_QUEUE;
}

static void count_results(struct top_row *to, const struct top_row *row)
{
	unsigned int result = row->conn.result;

	to->failed += row->other ? row->failed : conn_has_failed(result);
	to->pending += row->other ? row->pending : result == RESULT_PENDING;
	to->undecided += row->other ? row->undecided : result == RESULT_UNKNOWN;
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
	for (int i = 0; i < TOP_PAST; i++)
		to->past[i] += row->past[i];
	to->members++;
	to->living += row->living;
	to->conn.open |= row->living > 0;
}

/* ---- sort ---------------------------------------------------------------------------- */

struct order {
	enum top_fold fold; /* by the keys of folding, or, when that is TOP_FOLD_NONE, by @column */
	enum top_column column;
	bool descending;
};

static int compare(const struct top_row *a, const struct top_row *b, const struct order *order)
{
	return order->fold != TOP_FOLD_NONE ? compare_keys(a, b, order->fold)
					    : top_compare(a, b, order->column, order->descending);
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

void top_order(struct top_list *list, struct top_row *const *rows, size_t count, const struct top_style *style)
{
	const struct top_state *state = style->state;
	const struct order order = {.column = state->sort, .descending = state->descending};

	make_room(list, count + 1, state->fold != TOP_FOLD_NONE);
	list->count = 0;
	top_fold_begin(&list->total, &(struct top_row){.members = 0});
	for (size_t i = 0; i < count; i++) {
		if (rows[i]->hidden || (state->filter[0] != '\0' && !matches_filter(rows[i], state->filter, style)))
			continue;
		list->rows[list->count++] = rows[i];
		top_fold_add(&list->total, rows[i]);
	}
	if (state->fold != TOP_FOLD_NONE)
		fold(list, state->fold);
	sort(list, &order);
	/* It matches no filter and has no place in the order. */
	if (list->other.members > 0 && state->filter[0] == '\0') {
		list->rows[list->count++] = &list->other;
		top_fold_add(&list->total, &list->other);
		list->total.members += list->other.members - 1;
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
