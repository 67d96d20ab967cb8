// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/record_table.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/xalloc.h"

/*
 * The table by cookie chains its records. The table by flow, which is searched for each packet, holds their hashes and
 * uses linear probing, at most half full: a search reads the memory of no record but the one it finds.
 */
#define TABLE_SIZE_MIN 1024

struct flow_entry {
	uint32_t hash;
	bool more;             /* another one with this hash may follow: the search goes on */
	struct record *record; /* NULL: free */
};

struct record_table {
	struct hash_key key;
	struct flow_entry *flows;
	struct record **cookies;
	size_t flow_size, cookie_size; /* powers of two */
	size_t flow_count, cookie_count;
};

void record_list_append(struct record_list *list, struct record *record)
{
	record->next = NULL;
	record->previous = list->last;
	if (list->last != NULL)
		list->last->next = record;
	else
		list->first = record;
	list->last = record;
	list->count++;
}

void record_list_remove(struct record_list *list, struct record *record)
{
	if (record->previous != NULL)
		record->previous->next = record->next;
	else
		list->first = record->next;
	if (record->next != NULL)
		record->next->previous = record->previous;
	else
		list->last = record->previous;
	record->previous = record->next = NULL;
	list->count--;
}

static void make_empty(struct record_table *table)
{
	table->flow_count = table->cookie_count = 0;
	table->flow_size = table->cookie_size = TABLE_SIZE_MIN;
	table->flows = xalloc_large(table->flow_size * sizeof(*table->flows));
	table->cookies = xcalloc(table->cookie_size, sizeof(struct record *));
}

struct record_table *record_table_new(const struct hash_key *key)
{
	struct record_table *table = xcalloc(1, sizeof(*table));

	table->key = *key;
	make_empty(table);
	return table;
}

void record_table_clear(struct record_table *table)
{
	free(table->flows);
	free(table->cookies);
	make_empty(table);
}

void record_table_free(struct record_table *table)
{
	if (table == NULL)
		return;
	free(table->flows);
	free(table->cookies);
	free(table);
}

static size_t cookie_slot(const struct record_table *table, uint64_t cookie)
{
	/* The kernel counts cookies up in small steps, so the low bits are spread. */
	return (size_t)cookie & (table->cookie_size - 1);
}

static bool is_same_flow(const struct flow *a, const struct flow *b)
{
	return endpoint_equal(&a->remote, &b->remote) && endpoint_equal(&a->local, &b->local) &&
	       (a->netns == b->netns || a->netns == 0 || b->netns == 0);
}

/* Whether @b is the flow @a seen from the other end. */
static bool is_reverse_flow(const struct flow *a, const struct flow *b)
{
	return endpoint_equal(&a->remote, &b->local) && endpoint_equal(&a->local, &b->remote) &&
	       (a->netns == b->netns || a->netns == 0 || b->netns == 0);
}

static size_t flow_next(const struct record_table *table, size_t at)
{
	return (at + 1) & (table->flow_size - 1);
}

struct record *record_table_find_flow(const struct record_table *table, const struct flow *flow)
{
	return record_table_find_both(table, flow, flow_hash(&table->key, flow)).sender;
}

uint32_t record_table_locate(const struct record_table *table, const struct event *event)
{
	uint32_t hash = event->flow_hash != 0 ? event->flow_hash : flow_hash(&table->key, &event->flow);
	const struct flow_entry *home = &table->flows[hash & (table->flow_size - 1)];

	/* The next cache line too; a prefetch behind the table's end is harmless. */
	__builtin_prefetch(home);
	__builtin_prefetch(home + 3);
	return hash;
}

void record_table_prefetch(const struct record_table *table, uint32_t hash)
{
	size_t at = hash & (table->flow_size - 1);

	while (table->flows[at].record != NULL && table->flows[at].hash != hash)
		at = flow_next(table, at);
	if (table->flows[at].record != NULL)
		record_prefetch(table->flows[at].record);
}

void record_table_prefetch_slot(const struct record_table *table, const struct record *record)
{
	__builtin_prefetch(&table->flows[record->flow_hash & (table->flow_size - 1)], 1);
}

struct record_ends record_table_find_both(const struct record_table *table, const struct flow *flow, uint32_t hash)
{
	struct record_ends ends = {NULL, NULL};

	/* The newest of those that match, which is last. */
	for (size_t at = hash & (table->flow_size - 1); table->flows[at].record != NULL; at = flow_next(table, at)) {
		struct record *record = table->flows[at].record;

		if (table->flows[at].hash != hash)
			continue;
		if (is_same_flow(&record->conn.flow, flow))
			ends.sender = record;
		else if (is_reverse_flow(&record->conn.flow, flow))
			ends.receiver = record;
		if (!table->flows[at].more)
			break;
	}
	return ends;
}

struct record *record_table_next(const struct record_table *table, const struct flow *flow, uint32_t hash, size_t *at,
				 bool *is_reverse)
{
	*at = *at == SIZE_MAX ? hash & (table->flow_size - 1) : flow_next(table, *at);
	for (; table->flows[*at].record != NULL; *at = flow_next(table, *at)) {
		struct record *record = table->flows[*at].record;

		if (table->flows[*at].hash != hash)
			continue;
		*is_reverse = is_reverse_flow(&record->conn.flow, flow);
		if (*is_reverse || is_same_flow(&record->conn.flow, flow))
			return record;
	}
	return NULL;
}

struct record *record_table_find_cookie(const struct record_table *table, uint64_t cookie)
{
	struct record *record = cookie != 0 ? table->cookies[cookie_slot(table, cookie)] : NULL;

	while (record != NULL && record->evidence->cookie != cookie)
		record = record->evidence->by_cookie;
	return record;
}

static void put_flow(struct record_table *table, uint32_t hash, struct record *record)
{
	size_t at = hash & (table->flow_size - 1);

	while (table->flows[at].record != NULL) {
		table->flows[at].more |= table->flows[at].hash == hash;
		at = flow_next(table, at);
	}
	table->flows[at] = (struct flow_entry){hash, false, record};
}

static void grow_flows(struct record_table *table)
{
	struct flow_entry *old = table->flows;
	size_t old_size = table->flow_size, begin = 0;

	table->flow_size *= 2;
	table->flows = xalloc_large(table->flow_size * sizeof(*table->flows));
	/* From a gap on, so that adjacent slots keep their order. */
	while (old[begin].record != NULL)
		begin++;
	for (size_t i = 0; i < old_size; i++) {
		const struct flow_entry *entry = &old[(begin + i) & (old_size - 1)];

		if (entry->record != NULL)
			put_flow(table, entry->hash, entry->record);
	}
	free(old);
}

static void grow_cookies(struct record_table *table)
{
	struct record **old = table->cookies;
	size_t old_size = table->cookie_size;

	table->cookie_size *= 2;
	table->cookies = xcalloc(table->cookie_size, sizeof(struct record *));
	for (size_t i = 0; i < old_size; i++) {
		while (old[i] != NULL) {
			struct record *record = old[i];
			size_t slot = cookie_slot(table, record->evidence->cookie);

			old[i] = record->evidence->by_cookie;
			record_evidence(record)->by_cookie = table->cookies[slot];
			table->cookies[slot] = record;
		}
	}
	free(old);
}

void record_table_add_flow(struct record_table *table, struct record *record)
{
	if (table->flow_count++ >= table->flow_size / 2)
		grow_flows(table);
	record->flow_hash = flow_hash(&table->key, &record->conn.flow);
	put_flow(table, record->flow_hash, record);
	record->in_flow_table = true;
}

void record_table_add_cookie(struct record_table *table, struct record *record)
{
	size_t slot;

	if (table->cookie_count++ >= table->cookie_size)
		grow_cookies(table);
	slot = cookie_slot(table, record->evidence->cookie);
	record_evidence(record)->by_cookie = table->cookies[slot];
	table->cookies[slot] = record;
	record->in_cookie_table = true;
}

void record_table_remove_flow(struct record_table *table, struct record *record)
{
	size_t mask = table->flow_size - 1, gap = record->flow_hash & mask;

	if (!record->in_flow_table)
		return;
	while (table->flows[gap].record != record)
		gap = flow_next(table, gap);
	/* A slot behind the gap whose home is the gap, or before it, moves up. */
	for (size_t at = flow_next(table, gap); table->flows[at].record != NULL; at = flow_next(table, at)) {
		size_t home = table->flows[at].hash & mask;

		if (((at - home) & mask) < ((at - gap) & mask))
			continue;
		table->flows[gap] = table->flows[at];
		gap = at;
	}
	table->flows[gap].record = NULL;
	record->in_flow_table = false;
	table->flow_count--;
}

void record_table_remove_cookie(struct record_table *table, struct record *record)
{
	struct record **link;

	if (!record->in_cookie_table)
		return;
	link = &table->cookies[cookie_slot(table, record->evidence->cookie)];
	while (*link != record)
		link = &record_evidence(*link)->by_cookie;
	*link = record->evidence->by_cookie;
	record->in_cookie_table = false;
	table->cookie_count--;
}

void record_table_add(struct record_table *table, struct record *record)
{
	if (record->in_flow_table)
		record_table_add_flow(table, record);
	if (record->in_cookie_table)
		record_table_add_cookie(table, record);
}

void record_table_remove(struct record_table *table, struct record *record)
{
	record_table_remove_flow(table, record);
	record_table_remove_cookie(table, record);
}
