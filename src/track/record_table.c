// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/record_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/xalloc.h"

/* Chained, because a record is in two tables at once and is moved in neither. */
#define TABLE_SIZE_MIN 1024

/* Of all processors that matter here; larger ones are fetched twice. */
#define CACHE_LINE 64

struct record_table {
	struct hash_key key;
	struct record **flows, **cookies;
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

struct record_table *record_table_new(void)
{
	struct record_table *table = xcalloc(1, sizeof(*table));

	hash_key_random(&table->key);
	table->flow_size = table->cookie_size = TABLE_SIZE_MIN;
	table->flows = xcalloc(table->flow_size, sizeof(struct record *));
	table->cookies = xcalloc(table->cookie_size, sizeof(struct record *));
	return table;
}

void record_table_free(struct record_table *table)
{
	if (table == NULL)
		return;
	free(table->flows);
	free(table->cookies);
	free(table);
}

/*
 * Both ends, in one order whoever is local, so that a packet finds the records
 * of both ends in one place; not the namespace: who does not know it must find
 * the flow too. What all IPv4 addresses have in common need not be mixed in.
 */
static uint64_t flow_hash(const struct record_table *table, const struct flow *flow)
{
	const struct endpoint *a = &flow->local, *b = &flow->remote;
	uint64_t words[6];

	if (a->port != b->port ? a->port > b->port : memcmp(&a->ip, &b->ip, sizeof(a->ip)) > 0) {
		a = &flow->remote;
		b = &flow->local;
	}
	if (endpoint_is_v4(a) && endpoint_is_v4(b)) {
		words[0] = (uint64_t)a->ip.s6_addr32[3] << 16 | a->port;
		words[1] = (uint64_t)b->ip.s6_addr32[3] << 16 | b->port;
		return hash_words(&table->key, words, 2);
	}
	memcpy(words, &a->ip, sizeof(a->ip));
	memcpy(words + 2, &b->ip, sizeof(b->ip));
	words[4] = (uint64_t)a->port << 16 | b->port;
	return hash_words(&table->key, words, 5);
}

static struct record **flow_slot(const struct record_table *table, uint64_t hash)
{
	return &table->flows[hash & (table->flow_size - 1)];
}

static size_t cookie_slot(const struct record_table *table, uint64_t cookie)
{
	/* The kernel counts cookies up in small steps: the low bits spread by themselves. */
	return (size_t)cookie & (table->cookie_size - 1);
}

static bool is_same_flow(const struct flow *a, const struct flow *b)
{
	return endpoint_equal(&a->remote, &b->remote) && endpoint_equal(&a->local, &b->local) &&
	       (a->netns == b->netns || a->netns == 0 || b->netns == 0);
}

struct record *record_table_find_flow(const struct record_table *table, const struct flow *flow)
{
	uint64_t hash = flow_hash(table, flow);
	struct record *record = *flow_slot(table, hash);

	while (record != NULL && (record->flow_hash != hash || !is_same_flow(&record->conn.flow, flow)))
		record = record->by_flow;
	return record;
}

uint64_t record_table_locate(const struct record_table *table, const struct flow *flow)
{
	uint64_t hash = flow_hash(table, flow);

	__builtin_prefetch(flow_slot(table, hash));
	return hash;
}

void record_table_prefetch(const struct record_table *table, uint64_t hash)
{
	const char *record = (const char *)*flow_slot(table, hash);

	for (size_t at = 0; record != NULL && at < RECORD_SPAN; at += CACHE_LINE)
		__builtin_prefetch(record + at, 1);
}

void record_table_find_both(const struct record_table *table, const struct flow *flow, uint64_t hash,
			    struct record **sender, struct record **receiver)
{
	struct flow reverse = flow_reverse(flow);

	*sender = *receiver = NULL;
	for (struct record *record = *flow_slot(table, hash); record != NULL; record = record->by_flow) {
		if (record->flow_hash != hash)
			continue;
		if (*sender == NULL && is_same_flow(&record->conn.flow, flow))
			*sender = record;
		if (*receiver == NULL && is_same_flow(&record->conn.flow, &reverse))
			*receiver = record;
	}
}

struct record *record_table_find_cookie(const struct record_table *table, uint64_t cookie)
{
	struct record *record = cookie != 0 ? table->cookies[cookie_slot(table, cookie)] : NULL;

	while (record != NULL && record->conn.cookie != cookie)
		record = record->by_cookie;
	return record;
}

static void grow_flows(struct record_table *table)
{
	struct record **old = table->flows;
	size_t old_size = table->flow_size;

	table->flow_size *= 2;
	table->flows = xcalloc(table->flow_size, sizeof(struct record *));
	for (size_t i = 0; i < old_size; i++) {
		while (old[i] != NULL) {
			struct record *record = old[i];
			struct record **slot = flow_slot(table, record->flow_hash);

			old[i] = record->by_flow;
			record->by_flow = *slot;
			*slot = record;
		}
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
			size_t slot = cookie_slot(table, record->conn.cookie);

			old[i] = record->by_cookie;
			record->by_cookie = table->cookies[slot];
			table->cookies[slot] = record;
		}
	}
	free(old);
}

void record_table_add_flow(struct record_table *table, struct record *record)
{
	struct record **slot;

	/* Half full: in a longer chain each packet would look at other connections' memory first. */
	if (table->flow_count++ >= table->flow_size / 2)
		grow_flows(table);
	record->flow_hash = flow_hash(table, &record->conn.flow);
	slot = flow_slot(table, record->flow_hash);
	record->by_flow = *slot;
	*slot = record;
	record->in_flow_table = true;
}

void record_table_add_cookie(struct record_table *table, struct record *record)
{
	size_t slot;

	if (table->cookie_count++ >= table->cookie_size)
		grow_cookies(table);
	slot = cookie_slot(table, record->conn.cookie);
	record->by_cookie = table->cookies[slot];
	table->cookies[slot] = record;
	record->in_cookie_table = true;
}

void record_table_remove_flow(struct record_table *table, struct record *record)
{
	struct record **link;

	if (!record->in_flow_table)
		return;
	link = flow_slot(table, record->flow_hash);
	while (*link != record)
		link = &(*link)->by_flow;
	*link = record->by_flow;
	record->in_flow_table = false;
	table->flow_count--;
}

void record_table_remove_cookie(struct record_table *table, struct record *record)
{
	struct record **link;

	if (!record->in_cookie_table)
		return;
	link = &table->cookies[cookie_slot(table, record->conn.cookie)];
	while (*link != record)
		link = &(*link)->by_cookie;
	*link = record->by_cookie;
	record->in_cookie_table = false;
	table->cookie_count--;
}

void record_table_remove(struct record_table *table, struct record *record)
{
	record_table_remove_flow(table, record);
	record_table_remove_cookie(table, record);
}
