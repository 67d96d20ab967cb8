// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/requests.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/xalloc.h"
#include "model/conn.h"

/*
 * Nodes are allocated one by one, so that pointers to them last, and found by
 * a hash of host and path, keyed because clients choose both. The node of all
 * requests stands apart.
 */
#define FIRST_SLOTS 64

/* Connections with unanswered requests; a newer one takes the place of one whose number is so much smaller. */
#define WAITING 8192
/* Requests one connection may have sent ahead of the first response. */
#define AHEAD 8

/* Requests in thousandths per nanosecond do not fit in 64 bits. */
__extension__ typedef unsigned __int128 wide;

struct waiting {
	uint64_t conn_id;
	uint8_t first;
	uint8_t count;
	bool overflowed; /* which request a response belongs to is not known any more */
	struct requests_node *nodes[AHEAD];
};

struct requests {
	enum message_kind kind;
	struct hash_key hash_key;
	struct requests_node all;
	struct requests_node **nodes;
	size_t count;
	size_t room;
	size_t nodes_max;
	struct requests_node **slots;
	size_t slot_count; /* a power of two, at most half of it is used */
	struct waiting *waiting;
	int64_t first_ns;
	int64_t last_ns;
	bool timeless; /* some message had no time */
};

struct requests *requests_new(enum message_kind kind, size_t nodes_max)
{
	struct requests *requests = xcalloc(1, sizeof(*requests));

	requests->kind = kind;
	requests->nodes_max = nodes_max;
	requests->slot_count = FIRST_SLOTS;
	requests->slots = xcalloc(FIRST_SLOTS, sizeof(struct requests_node *));
	requests->first_ns = requests->last_ns = CLOCK_UNKNOWN;
	hash_key_random(&requests->hash_key);
	if (kind == MESSAGE_HTTP_REQUEST)
		requests->waiting = xcalloc(WAITING, sizeof(*requests->waiting));
	return requests;
}

static void node_free(struct requests_node *node)
{
	free((char *)(uintptr_t)node->path);
	/* A host's name is owned by its own node. */
	if (node->path == NULL)
		free((char *)(uintptr_t)node->host);
	free(node);
}

void requests_free(struct requests *requests)
{
	if (requests == NULL)
		return;
	/* Paths come after their hosts and do not look at them. */
	for (size_t i = 0; i < requests->count; i++)
		node_free(requests->nodes[i]);
	free(requests->nodes);
	free(requests->slots);
	free(requests->waiting);
	free(requests);
}

static struct requests_node **slot_of(const struct requests *requests, const char *host, const char *path)
{
	uint64_t hash = hash_bytes(&requests->hash_key, host, strlen(host));
	size_t at;

	if (path != NULL)
		hash = hash * 31 + hash_bytes(&requests->hash_key, path, strlen(path));
	for (at = (size_t)hash & (requests->slot_count - 1);; at = (at + 1) & (requests->slot_count - 1)) {
		const struct requests_node *node = requests->slots[at];

		if (node == NULL || (strcmp(node->host, host) == 0 && (node->path == NULL) == (path == NULL) &&
				     (path == NULL || strcmp(node->path, path) == 0)))
			return &requests->slots[at];
	}
}

static void grow(struct requests *requests)
{
	free(requests->slots);
	requests->slot_count *= 2;
	requests->slots = xcalloc(requests->slot_count, sizeof(struct requests_node *));
	for (size_t i = 0; i < requests->count; i++)
		*slot_of(requests, requests->nodes[i]->host, requests->nodes[i]->path) = requests->nodes[i];
}

/* NULL when there are too many. */
static struct requests_node *find_node(struct requests *requests, struct requests_node *parent, const char *host,
				       const char *path)
{
	struct requests_node **slot = slot_of(requests, host, path), *node = *slot;

	if (node != NULL || requests->count == requests->nodes_max)
		return node;
	node = xcalloc(1, sizeof(*node));
	node->parent = parent;
	node->host = path != NULL ? parent->host : xstrdup(host);
	node->path = path != NULL ? xstrdup(path) : NULL;
	*slot = node;
	if (requests->count == requests->room) {
		requests->room = requests->room > 0 ? requests->room * 2 : FIRST_SLOTS;
		requests->nodes = xreallocarray(requests->nodes, requests->room, sizeof(struct requests_node *));
	}
	requests->nodes[requests->count++] = node;
	if (requests->count * 2 > requests->slot_count)
		grow(requests);
	return node;
}

static struct waiting *waiting_of(struct requests *requests, uint64_t conn_id)
{
	struct waiting *waiting = &requests->waiting[conn_id % WAITING];

	if (waiting->conn_id != conn_id)
		*waiting = (struct waiting){.conn_id = conn_id};
	return waiting;
}

static void await_answer(struct requests *requests, uint64_t conn_id, struct requests_node *node)
{
	struct waiting *waiting = waiting_of(requests, conn_id);

	if (waiting->count == AHEAD)
		waiting->overflowed = true;
	else
		waiting->nodes[(waiting->first + waiting->count++) % AHEAD] = node;
}

static void add_answer(struct requests *requests, uint64_t conn_id, unsigned int status)
{
	struct waiting *waiting = waiting_of(requests, conn_id);
	struct requests_node *node;

	/* An interim response is none (RFC 9110, 15.2), except the one that ends HTTP. */
	if ((status < 200 && status != 101) || waiting->overflowed || waiting->count == 0)
		return;
	node = waiting->nodes[waiting->first];
	waiting->first = (waiting->first + 1) % AHEAD;
	waiting->count--;
	for (; node != NULL; node = node->parent) {
		node->answers++;
		node->errors += status >= 400;
	}
}

bool requests_add(struct requests *requests, uint64_t conn_id, const struct message *message, int64_t time_ns)
{
	bool is_http = requests->kind == MESSAGE_HTTP_REQUEST;
	struct requests_node *node, *part;

	if (is_http && message->kind == MESSAGE_HTTP_RESPONSE)
		add_answer(requests, conn_id, message->status);
	if (message->kind != requests->kind)
		return true;
	requests->timeless |= time_ns < 0;
	if (requests->first_ns == CLOCK_UNKNOWN || (time_ns >= 0 && time_ns < requests->first_ns))
		requests->first_ns = time_ns;
	if (time_ns > requests->last_ns)
		requests->last_ns = time_ns;
	node = &requests->all;
	node->count++;
	part = find_node(requests, node, message->host, NULL);
	if (part != NULL) {
		node = part;
		node->count++;
		part = is_http ? find_node(requests, node, message->host, message->target) : node;
	}
	if (part != NULL && part != node) {
		node = part;
		node->count++;
	}
	if (is_http)
		await_answer(requests, conn_id, node);
	return part != NULL;
}

static void clear(struct requests_node *node)
{
	node->count = node->answers = node->errors = 0;
}

void requests_slice(struct requests *requests)
{
	clear(&requests->all);
	for (size_t i = 0; i < requests->count; i++)
		clear(requests->nodes[i]);
	requests->first_ns = requests->last_ns = CLOCK_UNKNOWN;
	requests->timeless = false;
}

/* Paths behind their host, hosts by falling count and then by name, paths likewise. */
static int compare(const void *left, const void *right)
{
	const struct requests_node *a = *(const struct requests_node *const *)left;
	const struct requests_node *b = *(const struct requests_node *const *)right;
	const struct requests_node *host_a = a->path != NULL ? a->parent : a;
	const struct requests_node *host_b = b->path != NULL ? b->parent : b;

	if (host_a != host_b) {
		a = host_a;
		b = host_b;
	} else if (a->path == NULL || b->path == NULL) {
		return (a->path != NULL) - (b->path != NULL);
	}
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return a->path != NULL ? strcmp(a->path, b->path) : strcmp(a->host, b->host);
}

const struct requests_node **requests_list(const struct requests *requests, size_t *count)
{
	const struct requests_node **list = xcalloc(requests->count + 1, sizeof(*list));

	list[0] = &requests->all;
	*count = 1;
	for (size_t i = 0; i < requests->count; i++)
		if (requests->nodes[i]->count > 0 || requests->nodes[i]->answers > 0)
			list[(*count)++] = requests->nodes[i];
	qsort(list + 1, *count - 1, sizeof(*list), compare);
	return list;
}

int64_t requests_rate(const struct requests *requests, const struct requests_node *node)
{
	int64_t span = clock_span(requests->first_ns, requests->last_ns);

	if (span <= 0 || requests->timeless)
		return CONN_UNKNOWN;
	return (int64_t)((wide)node->count * 1000 * CLOCK_NS_PER_SEC / (wide)span);
}

int64_t requests_percent(const struct requests_node *node)
{
	uint64_t whole = node->parent != NULL ? node->parent->count : node->count;

	return whole > 0 ? (int64_t)(((wide)node->count * 100000 + whole / 2) / whole) : CONN_UNKNOWN;
}
