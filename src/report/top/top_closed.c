// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/top/top_closed.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/xalloc.h"
#include "report/top/top_order.h"

/* Twice the rows, a power of two. */
#define PLACES 65536

struct top_closed {
	struct hash_key key;
	struct top_row **rows;
	size_t count;
	struct top_row rest;
	/* Places in rows + 1 by what the connections of a row have in common; 0 is free. */
	uint32_t *index;
};

struct top_closed *top_closed_new(void)
{
	struct top_closed *closed = xcalloc(1, sizeof(*closed));

	hash_key_random(&closed->key);
	top_fold_begin(&closed->rest, &(struct top_row){.members = 0});
	return closed;
}

void top_closed_free(struct top_closed *closed)
{
	if (closed == NULL)
		return;
	for (size_t i = 0; i < closed->count; i++) {
		process_unref(closed->rows[i]->of);
		free(closed->rows[i]);
	}
	free(closed->rows);
	free(closed->index);
	free(closed);
}

/* The ports of clients differ from connection to connection. */
static struct flow common_flow(const struct conn *conn)
{
	struct flow flow = conn->flow;

	if (conn->dir != DIR_OUT)
		flow.remote.port = 0;
	if (conn->dir != DIR_IN)
		flow.local.port = 0;
	return flow;
}

static bool is_alike(const struct top_row *row, const struct flow *flow, const struct conn *conn)
{
	return row->of == conn->process && row->conn.dir == conn->dir && row->conn.result == conn->result &&
	       row->conn.state == conn->state && endpoint_equal(&row->conn.flow.remote, &flow->remote) &&
	       endpoint_equal(&row->conn.flow.local, &flow->local);
}

static size_t place_of(const struct top_closed *closed, const struct flow *flow, const struct conn *conn)
{
	uint64_t words[7] = {0};
	size_t place;

	memcpy(words, &flow->remote.ip, sizeof(flow->remote.ip));
	memcpy(words + 2, &flow->local.ip, sizeof(flow->local.ip));
	words[4] = (uint64_t)flow->remote.port << 16 | flow->local.port;
	words[5] = (uint64_t)conn->dir << 32 | (uint64_t)conn->result << 16 | conn->state;
	words[6] = (uint64_t)(uintptr_t)conn->process;
	place = (size_t)hash_words(&closed->key, words, 7) & (PLACES - 1);
	while (closed->index[place] != 0 && !is_alike(closed->rows[closed->index[place] - 1], flow, conn))
		place = (place + 1) & (PLACES - 1);
	return place;
}

static struct top_row *row_for(struct top_closed *closed, const struct top_row *row)
{
	struct flow flow = common_flow(&row->conn);
	struct top_row *to;
	size_t place;

	/* A run without closed connections needs no room for them. */
	if (closed->index == NULL) {
		closed->index = xcalloc(PLACES, sizeof(*closed->index));
		closed->rows = xcalloc(TOP_CLOSED, sizeof(struct top_row *));
	}
	place = place_of(closed, &flow, &row->conn);
	if (closed->index[place] != 0)
		return closed->rows[closed->index[place] - 1];
	if (closed->count == TOP_CLOSED)
		return &closed->rest;
	to = xcalloc(1, sizeof(*to));
	closed->rows[closed->count++] = to;
	closed->index[place] = (uint32_t)closed->count;
	top_fold_begin(to, row);
	to->conn.flow = flow;
	(void)process_ref(row->conn.process);
	return to;
}

void top_closed_add(struct top_closed *closed, const struct top_row *row)
{
	struct top_row *to = row_for(closed, row), member = *row;

	member.conn.flow = common_flow(&row->conn);
	/* Nothing moves any more, whether it is known what moved before or not. */
	member.rx_rate = member.tx_rate = 0;
	/* Its last tick was this one. The rest does not age. */
	if (to == &closed->rest)
		memset(member.past, 0, sizeof(member.past));
	else if (to->piece < 0)
		to->piece = row->piece;
	top_fold_add(to, &member);
}

void top_closed_age(struct top_closed *closed, int64_t span_ns, int64_t piece)
{
	float left = span_ns < TOP_STEADY_NS ? 1 - (float)span_ns / (float)TOP_STEADY_NS : 0;

	for (size_t i = 0; i < closed->count; i++) {
		struct top_row *row = closed->rows[i];

		for (int way = 0; way < 2; way++)
			row->steady[way] *= row->steady[way] > 0 ? left : 1;
		top_past_shift(row->past, TOP_PAST, &row->piece, piece);
	}
}

struct top_row *const *top_closed_rows(const struct top_closed *closed, size_t *count)
{
	*count = closed->count;
	return closed->rows;
}

void top_closed_rest(const struct top_closed *closed, struct top_row *to)
{
	if (closed->rest.members > 0)
		top_fold_add(to, &closed->rest);
}

void top_past_shift(float *past, int64_t count, int64_t *newest, int64_t piece)
{
	int64_t by = piece - *newest;

	if (by <= 0)
		return;
	if (by < count)
		memmove(past, past + by, (size_t)(count - by) * sizeof(*past));
	else
		by = count;
	for (int64_t i = count - by; i < count; i++)
		past[i] = 0;
	*newest = piece;
}
