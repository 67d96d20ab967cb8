// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/since.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/idmap.h"
#include "base/xalloc.h"

#define SUMS 7
#define COUNTS 9

static const size_t sums[SUMS] = {
	offsetof(struct conn, rx_bytes), offsetof(struct conn, tx_bytes), offsetof(struct conn, rx_wire),
	offsetof(struct conn, tx_wire),  offsetof(struct conn, rx_pkts),  offsetof(struct conn, tx_pkts),
	offsetof(struct conn, copies),
};

static const size_t counts[COUNTS] = {
	offsetof(struct conn, rx_retrans), offsetof(struct conn, tx_retrans), offsetof(struct conn, ooo),
	offsetof(struct conn, zerowin),    offsetof(struct conn, keepalive),  offsetof(struct conn, rx_fin),
	offsetof(struct conn, tx_fin),     offsetof(struct conn, rx_rst),     offsetof(struct conn, tx_rst),
};

/* What has been told of a connection. */
struct told {
	int64_t sums[SUMS];
	int32_t counts[COUNTS];
	uint8_t what; /* enum conn_told */
	bool ended;
};

struct since {
	struct idmap *told; /* before this slice */
	struct idmap *next; /* and what will have been told when the next one begins */
};

static int64_t *sum_of(struct conn *conn, size_t i)
{
	return (int64_t *)(void *)((char *)conn + sums[i]);
}

static int32_t *count_of(struct conn *conn, size_t i)
{
	return (int32_t *)(void *)((char *)conn + counts[i]);
}

struct since *since_new(void)
{
	struct since *since = xcalloc(1, sizeof(*since));

	since->told = idmap_new(sizeof(struct told));
	since->next = idmap_new(sizeof(struct told));
	return since;
}

void since_free(struct since *since)
{
	if (since == NULL)
		return;
	idmap_free(since->told);
	idmap_free(since->next);
	free(since);
}

/* What was unknown before leaves open how much of it is new. */
static int64_t difference(int64_t now, int64_t before)
{
	return now < 0 || before < 0 || now < before ? CONN_UNKNOWN : now - before;
}

const struct conn *since_part(const struct since *since, const struct conn *conn, struct conn *part)
{
	const struct told *told = since != NULL ? idmap_find(since->told, conn->id) : NULL;

	if (told == NULL)
		return conn;
	if (told->ended)
		return NULL;
	*part = *conn;
	for (size_t i = 0; i < SUMS; i++)
		*sum_of(part, i) = difference(*sum_of(part, i), told->sums[i]);
	for (size_t i = 0; i < COUNTS; i++)
		*count_of(part, i) = (int32_t)difference(*count_of(part, i), told->counts[i]);
	part->told = told->what;
	return part;
}

bool since_can_end(const struct conn *conn)
{
	return conn->rx_bytes >= 0 && conn->tx_bytes >= 0;
}

/* Of an attempt that is not decided, what nobody counts yet has not begun. */
static int64_t first(const struct conn *conn, int64_t value)
{
	return value < 0 && conn->result == RESULT_PENDING ? 0 : value;
}

void since_keep(struct since *since, const struct conn *conn)
{
	struct conn copy = *conn;
	struct told *told = idmap_put(since->next, conn->id);

	for (size_t i = 0; i < SUMS; i++)
		told->sums[i] = first(conn, *sum_of(&copy, i));
	for (size_t i = 0; i < COUNTS; i++)
		told->counts[i] = (int32_t)first(conn, *count_of(&copy, i));
	if (conn->result != RESULT_PENDING)
		told->what |= TOLD_ATTEMPT;
	if (conn->hs_ns >= 0)
		told->what |= TOLD_HS;
	if (conn->queue_ns >= 0)
		told->what |= TOLD_QUEUE;
	told->ended = conn->open == 0;
}

void since_pass(struct since *since, const struct conn *conn)
{
	const struct told *told = idmap_find(since->told, conn->id);

	if (told != NULL)
		*(struct told *)idmap_put(since->next, conn->id) = *told;
}

void since_next(struct since *since)
{
	idmap_free(since->told);
	since->told = since->next;
	since->next = idmap_new(sizeof(struct told));
}
