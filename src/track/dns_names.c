// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/dns_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lru.h"
#include "base/xalloc.h"

/* A name of DNS has up to 253 characters (RFC 1035, 2.3.4). */
#define NAME_MAX_LENGTH 253

/* A name of an address, from an answer on until the time of the last answer with it is over. */
struct span_of_name {
	char *name;
	int64_t begin_ns;
	int64_t until_ns;
};

/* The latest name is the first one. */
struct entry {
	struct in6_addr ip;
	struct span_of_name names[DNS_NAMES_EACH];
};

struct dns_names {
	struct hash_key key;
	struct lru *lru;
	struct entry *entries;
	char name[NAME_MAX_LENGTH + 1]; /* the pieces of the name that is being read */
	size_t length;
};

struct dns_names *dns_names_new(const struct hash_key *key)
{
	struct dns_names *names = xcalloc(1, sizeof(*names));

	names->key = *key;
	names->lru = lru_new(DNS_NAMES_MAX);
	names->entries = xcalloc(DNS_NAMES_MAX, sizeof(*names->entries));
	return names;
}

static void clear(struct entry *entry)
{
	for (size_t i = 0; i < DNS_NAMES_EACH; i++)
		free(entry->names[i].name);
	memset(entry, 0, sizeof(*entry));
}

void dns_names_free(struct dns_names *names)
{
	if (names == NULL)
		return;
	for (uint32_t i = 0; i < lru_begun(names->lru); i++)
		clear(&names->entries[i]);
	lru_free(names->lru);
	free(names->entries);
	free(names);
}

static uint32_t hash_of(const struct dns_names *names, const struct in6_addr *ip)
{
	return (uint32_t)hash_bytes(&names->key, ip, sizeof(*ip));
}

/* Return: its place, or LRU_NONE. */
static uint32_t find(const struct dns_names *names, const struct in6_addr *ip, uint32_t hash)
{
	uint32_t place = lru_find(names->lru, hash);

	while (place != LRU_NONE && memcmp(&names->entries[place].ip, ip, sizeof(*ip)) != 0)
		place = lru_next(names->lru, place);
	return place;
}

static void add(struct dns_names *names, const struct in6_addr *ip, int64_t time_ns, uint32_t ttl)
{
	uint32_t hash = hash_of(names, ip), place = find(names, ip, hash);
	int64_t until_ns = time_ns + (ttl > DNS_NAMES_LEAST_S ? (int64_t)ttl : DNS_NAMES_LEAST_S) * CLOCK_NS_PER_SEC;
	struct entry *entry;
	struct span_of_name *latest;

	if (place == LRU_NONE) {
		place = lru_take(names->lru, hash);
		clear(&names->entries[place]);
		names->entries[place].ip = *ip;
	}
	lru_use(names->lru, place);
	entry = &names->entries[place];
	latest = &entry->names[0];
	if (latest->name != NULL && latest->until_ns >= time_ns && strcmp(latest->name, names->name) == 0) {
		if (until_ns > latest->until_ns)
			latest->until_ns = until_ns;
		return;
	}
	free(entry->names[DNS_NAMES_EACH - 1].name);
	memmove(entry->names + 1, entry->names, (DNS_NAMES_EACH - 1) * sizeof(entry->names[0]));
	*latest = (struct span_of_name){xstrdup(names->name), time_ns, until_ns};
}

void dns_names_feed(struct dns_names *names, const struct event *event)
{
	const struct event_name *piece = &event->name;

	if (piece->offset == 0)
		names->length = 0;
	/* A piece that does not continue the one before, or is too long, as a recording may have it. */
	if (piece->offset != names->length || piece->length > NAME_MAX_LENGTH - names->length ||
	    memchr(piece->text, '\0', piece->length) != NULL) {
		names->length = NAME_MAX_LENGTH + 1;
		return;
	}
	memcpy(names->name + names->length, piece->text, piece->length);
	names->length += piece->length;
	names->name[names->length] = '\0';
	if (piece->last && names->length > 0 && event->time_ns >= 0)
		add(names, &event->flow.remote.ip, event->time_ns, piece->ttl);
}

const char *dns_names_find(const struct dns_names *names, const struct endpoint *address, int64_t time_ns)
{
	const struct entry *entry;
	uint32_t place;

	if (names == NULL)
		return NULL;
	place = find(names, &address->ip, hash_of(names, &address->ip));
	if (place == LRU_NONE)
		return NULL;
	entry = &names->entries[place];
	for (size_t i = 0; i < DNS_NAMES_EACH && entry->names[i].name != NULL; i++)
		if (entry->names[i].begin_ns <= time_ns)
			return entry->names[i].until_ns >= time_ns ? entry->names[i].name : NULL;
	return NULL;
}
