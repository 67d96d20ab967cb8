// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/lru.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/xalloc.h"

/*
 * All places are in one list, from the oldest to the newest; those that have a key are in the chain of their bucket,
 * too. Places that were never used are in neither, because they are taken in their order. Chains hold numbers of places
 * plus 1, so that 0 ends them: nothing is written into memory from the kernel before it is used.
 */

struct link {
	uint32_t older, newer; /* LRU_NONE at the ends */
	uint32_t chain;        /* the next one in the same bucket, plus 1 */
	uint32_t hash;
	bool has_key;
};

struct lru {
	uint32_t places, begun; /* those from begun on were never used */
	uint32_t oldest, newest;
	uint32_t mask;
	uint32_t *buckets; /* the first one, plus 1 */
	struct link *links;
};

struct lru *lru_new(uint32_t places)
{
	struct lru *lru = xcalloc(1, sizeof(*lru));
	uint32_t size = 1;

	while (size < places)
		size *= 2;
	lru->places = places;
	lru->oldest = lru->newest = LRU_NONE;
	lru->mask = size - 1;
	lru->buckets = xcalloc(size, sizeof(*lru->buckets));
	lru->links = xcalloc(places, sizeof(*lru->links));
	return lru;
}

void lru_free(struct lru *lru)
{
	if (lru == NULL)
		return;
	free(lru->buckets);
	free(lru->links);
	free(lru);
}

uint32_t lru_begun(const struct lru *lru)
{
	return lru->begun;
}

uint32_t lru_find(const struct lru *lru, uint32_t hash)
{
	uint32_t place = lru->buckets[hash & lru->mask] - 1;

	while (place != LRU_NONE && lru->links[place].hash != hash)
		place = lru->links[place].chain - 1;
	return place;
}

uint32_t lru_next(const struct lru *lru, uint32_t place)
{
	uint32_t hash = lru->links[place].hash;

	do {
		place = lru->links[place].chain - 1;
	} while (place != LRU_NONE && lru->links[place].hash != hash);
	return place;
}

static void list_remove(struct lru *lru, uint32_t place)
{
	const struct link *link = &lru->links[place];

	if (link->older != LRU_NONE)
		lru->links[link->older].newer = link->newer;
	else
		lru->oldest = link->newer;
	if (link->newer != LRU_NONE)
		lru->links[link->newer].older = link->older;
	else
		lru->newest = link->older;
}

static void list_append(struct lru *lru, uint32_t place)
{
	struct link *link = &lru->links[place];

	link->newer = LRU_NONE;
	link->older = lru->newest;
	if (lru->newest != LRU_NONE)
		lru->links[lru->newest].newer = place;
	else
		lru->oldest = place;
	lru->newest = place;
}

static void list_prepend(struct lru *lru, uint32_t place)
{
	struct link *link = &lru->links[place];

	link->older = LRU_NONE;
	link->newer = lru->oldest;
	if (lru->oldest != LRU_NONE)
		lru->links[lru->oldest].older = place;
	else
		lru->newest = place;
	lru->oldest = place;
}

static void chain_remove(struct lru *lru, uint32_t place)
{
	uint32_t *at = &lru->buckets[lru->links[place].hash & lru->mask];

	if (!lru->links[place].has_key)
		return;
	while (*at != place + 1)
		at = &lru->links[*at - 1].chain;
	*at = lru->links[place].chain;
	lru->links[place].has_key = false;
}

void lru_use(struct lru *lru, uint32_t place)
{
	if (lru->newest == place)
		return;
	list_remove(lru, place);
	list_append(lru, place);
}

uint32_t lru_oldest(const struct lru *lru)
{
	bool is_free = lru->oldest != LRU_NONE && !lru->links[lru->oldest].has_key;

	return lru->begun < lru->places && !is_free ? lru->begun : lru->oldest;
}

uint32_t lru_take(struct lru *lru, uint32_t hash)
{
	uint32_t place = lru_oldest(lru);
	struct link *link = &lru->links[place];

	if (place == lru->begun && lru->begun < lru->places) {
		lru->begun++;
	} else {
		chain_remove(lru, place);
		list_remove(lru, place);
	}
	list_append(lru, place);
	link->hash = hash;
	link->has_key = true;
	link->chain = lru->buckets[hash & lru->mask];
	lru->buckets[hash & lru->mask] = place + 1;
	return place;
}

void lru_give(struct lru *lru, uint32_t place)
{
	chain_remove(lru, place);
	list_remove(lru, place);
	list_prepend(lru, place);
}
