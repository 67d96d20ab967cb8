// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/requests.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/xalloc.h"
#include "model/conn.h"
#include "track/answers.h"
#include "track/peers.h"

/*
 * Nodes are allocated one by one, so that pointers to them stay valid, and found by a hash of host and path, keyed
 * because clients choose both. The node of all requests is separate.
 */
#define FIRST_SLOTS 64

/* Requests in thousandths per nanosecond do not fit in 64 bits. */
__extension__ typedef unsigned __int128 wide;

struct requests {
	enum message_kind kind;
	struct hash_key hash_key;
	struct requests_node all;
	struct requests_node **nodes;
	size_t count;
	size_t room;
	size_t nodes_max;
	struct requests_node **slots;
	size_t slot_count;       /* a power of two, at most half of it is used */
	struct answers *answers; /* NULL: messages without answers */
	int64_t exact_budget;
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
		requests->answers = answers_new();
	requests->exact_budget = PEERS_EXACT_VALUES;
	return requests;
}

static void clear_times(struct requests *requests, struct requests_node *node)
{
	distribution_clear(&node->times, &requests->exact_budget);
	node->times_unknown = 0;
}

static void rest_free(struct requests *requests, struct requests_node *rest)
{
	if (rest != NULL)
		clear_times(requests, rest);
	free(rest);
}

static void node_free(struct requests *requests, struct requests_node *node)
{
	rest_free(requests, node->rest);
	clear_times(requests, node);
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
	/* Paths come after their hosts and do not use them here. */
	for (size_t i = 0; i < requests->count; i++)
		node_free(requests, requests->nodes[i]);
	rest_free(requests, requests->all.rest);
	clear_times(requests, &requests->all);
	free(requests->nodes);
	free(requests->slots);
	answers_free(requests->answers);
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

/* One for each host with too many paths, and one for too many hosts: the number of hosts limits theirs. */
static struct requests_node *rest_of(struct requests_node *parent)
{
	if (parent->rest == NULL) {
		parent->rest = xcalloc(1, sizeof(*parent->rest));
		parent->rest->parent = parent;
		parent->rest->host = parent->host;
		parent->rest->other = true;
	}
	return parent->rest;
}

static struct requests_node *find_node(struct requests *requests, struct requests_node *parent, const char *host,
				       const char *path)
{
	struct requests_node **slot = slot_of(requests, host, path), *node = *slot;

	if (node != NULL)
		return node;
	if (requests->count == requests->nodes_max)
		return rest_of(parent);
	node = xcalloc(1, sizeof(*node));
	node->parent = parent;
	node->host = path != NULL ? parent->host : xstrdup(host);
	node->path = path != NULL ? xstrdup(path) : NULL;
	*slot = node;
	requests->nodes =
		array_reserve(requests->nodes, requests->count, &requests->room, sizeof(struct requests_node *));
	requests->nodes[requests->count++] = node;
	if (requests->count * 2 > requests->slot_count)
		grow(requests);
	return node;
}

void requests_end(struct requests *requests, uint64_t conn_id)
{
	if (requests->answers != NULL)
		answers_end(requests->answers, conn_id);
}

uint64_t requests_displaced(const struct requests *requests)
{
	return requests->answers != NULL ? answers_displaced(requests->answers) : 0;
}

static void add_answer(struct requests *requests, uint64_t conn_id, unsigned int status, int64_t time_ns)
{
	struct answers_request request;
	struct requests_node *node;
	int64_t wait_ns;

	if (!answers_find(requests->answers, conn_id, status, &request))
		return;
	wait_ns = clock_span(request.time_ns, time_ns);
	node = request.context != NULL ? request.context : rest_of(&requests->all);
	for (; node != NULL; node = node->parent) {
		node->answers++;
		node->errors += status >= 400;
		if (wait_ns >= 0)
			distribution_add(&node->times, &requests->exact_budget, wait_ns);
		else
			node->times_unknown++;
	}
}

void requests_add(struct requests *requests, uint64_t conn_id, const struct message *message, int64_t time_ns)
{
	bool is_http = requests->kind == MESSAGE_HTTP_REQUEST;
	struct requests_node *node;

	if (is_http && message->kind == MESSAGE_HTTP_RESPONSE)
		add_answer(requests, conn_id, message->status, time_ns);
	if (message->kind != requests->kind)
		return;
	requests->timeless |= time_ns < 0;
	if (requests->first_ns == CLOCK_UNKNOWN || (time_ns >= 0 && time_ns < requests->first_ns))
		requests->first_ns = time_ns;
	if (time_ns > requests->last_ns)
		requests->last_ns = time_ns;
	requests->all.count++;
	node = find_node(requests, &requests->all, message->host, NULL);
	node->count++;
	/* Paths of a host without a node have none either. */
	if (is_http && !node->other) {
		node = find_node(requests, node, message->host, message->target);
		node->count++;
	}
	if (is_http)
		answers_await(requests->answers, conn_id, (struct answers_request){time_ns, node});
}

static void clear_one(struct requests *requests, struct requests_node *node)
{
	node->count = node->answers = node->errors = 0;
	clear_times(requests, node);
}

static void clear(struct requests *requests, struct requests_node *node)
{
	clear_one(requests, node);
	if (node->rest != NULL)
		clear_one(requests, node->rest);
}

void requests_slice(struct requests *requests)
{
	clear(requests, &requests->all);
	for (size_t i = 0; i < requests->count; i++)
		clear(requests, requests->nodes[i]);
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

static bool is_used(const struct requests_node *node)
{
	return node != NULL && (node->count > 0 || node->answers > 0);
}

struct requests_node **requests_list(struct requests *requests, size_t *count)
{
	struct requests_node **list = xcalloc(2 * requests->count + 2, sizeof(*list)), **sorted;
	struct requests_node *host = NULL;
	size_t used = 0;

	sorted = xcalloc(requests->count + 1, sizeof(*sorted));
	for (size_t i = 0; i < requests->count; i++)
		if (is_used(requests->nodes[i]))
			sorted[used++] = requests->nodes[i];
	qsort(sorted, used, sizeof(*sorted), compare);
	list[0] = &requests->all;
	*count = 1;
	/* The rest comes behind the paths of its host, and behind all hosts. */
	for (size_t i = 0; i <= used; i++) {
		if (i == used || sorted[i]->path == NULL) {
			if (host != NULL && is_used(host->rest))
				list[(*count)++] = host->rest;
			host = i < used ? sorted[i] : NULL;
		}
		if (i < used)
			list[(*count)++] = sorted[i];
	}
	if (is_used(requests->all.rest))
		list[(*count)++] = requests->all.rest;
	free(sorted);
	return list;
}

int64_t requests_rate(const struct requests *requests, const struct requests_node *node)
{
	int64_t span = clock_span(requests->first_ns, requests->last_ns);

	if (span <= 0 || requests->timeless)
		return CONN_UNKNOWN;
	return clock_rate(node->count, span);
}

int64_t requests_percent(const struct requests_node *node)
{
	uint64_t whole = node->parent != NULL ? node->parent->count : node->count;

	return whole > 0 ? (int64_t)(((wide)node->count * 100000 + whole / 2) / whole) : CONN_UNKNOWN;
}
