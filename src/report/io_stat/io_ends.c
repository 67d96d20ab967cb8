// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/io_stat/io_ends.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/idmap.h"
#include "base/xalloc.h"

/* Up to two connections with the same two endpoints. */
struct pair {
	struct endpoint first; /* local endpoint of ids[0], remote one of ids[1] */
	uint64_t ids[2];       /* 0: not known */
};

struct io_ends {
	struct idmap *pairs; /* by key_of() */
	struct hash_key key; /* peers choose the endpoints */
};

struct io_ends *io_ends_new(void)
{
	struct io_ends *ends = xcalloc(1, sizeof(*ends));

	ends->pairs = idmap_new(sizeof(struct pair));
	hash_key_random(&ends->key);
	return ends;
}

void io_ends_free(struct io_ends *ends)
{
	if (ends == NULL)
		return;
	idmap_free(ends->pairs);
	free(ends);
}

/* The same from either end, and never 0. */
static uint64_t key_of(const struct io_ends *ends, const struct flow *flow)
{
	bool swap = memcmp(&flow->local, &flow->remote, sizeof(flow->local)) > 0;
	struct flow sorted = swap ? flow_reverse(flow) : *flow;

	sorted.proto = 0;
	return hash_bytes(&ends->key, &sorted, sizeof(sorted)) | 1;
}

static int side_of(const struct pair *pair, const struct flow *flow)
{
	return endpoint_equal(&pair->first, &flow->local) ? 0 : 1;
}

uint64_t io_ends_join(struct io_ends *ends, const struct conn *conn)
{
	struct pair *pair;
	int side;

	if (!flow_is_complete(&conn->flow))
		return 0;
	pair = idmap_put(ends->pairs, key_of(ends, &conn->flow));
	if (pair->ids[0] == 0 && pair->ids[1] == 0)
		pair->first = conn->flow.local;
	side = side_of(pair, &conn->flow);
	pair->ids[side] = conn->id;
	return pair->ids[1 - side];
}

void io_ends_leave(struct io_ends *ends, const struct conn *conn)
{
	uint64_t key = key_of(ends, &conn->flow);
	struct pair *pair = idmap_find(ends->pairs, key);
	int side;

	if (pair == NULL)
		return;
	side = side_of(pair, &conn->flow);
	if (pair->ids[side] == conn->id)
		pair->ids[side] = 0;
	if (pair->ids[0] == 0 && pair->ids[1] == 0)
		idmap_remove(ends->pairs, key);
}
