// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/idmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/*
 * Open addressing; a slot is the number, 0 for none, and the value behind it. A removal leaves no mark: the slots
 * behind it move up.
 */
#define FIRST_SLOTS 64

struct idmap {
	size_t stride;
	size_t count;
	size_t slots; /* a power of two, at most half of it is used */
	char *memory;
};

static uint64_t *id_at(const struct idmap *map, size_t slot)
{
	return (uint64_t *)(void *)(map->memory + slot * map->stride);
}

/* Spreads consecutive numbers, and multiples such as even numbers, over the whole map. */
static size_t home_of(const struct idmap *map, uint64_t id)
{
	return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (map->slots - 1);
}

static size_t slot_of(const struct idmap *map, uint64_t id)
{
	size_t slot = home_of(map, id);

	while (*id_at(map, slot) != 0 && *id_at(map, slot) != id)
		slot = (slot + 1) & (map->slots - 1);
	return slot;
}

struct idmap *idmap_new(size_t size)
{
	struct idmap *map = xcalloc(1, sizeof(*map));

	map->stride = sizeof(uint64_t) + (size + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t);
	map->slots = FIRST_SLOTS;
	map->memory = xcalloc(map->slots, map->stride);
	return map;
}

void idmap_free(struct idmap *map)
{
	if (map == NULL)
		return;
	free(map->memory);
	free(map);
}

void *idmap_find(const struct idmap *map, uint64_t id)
{
	uint64_t *found = id_at(map, slot_of(map, id));

	return *found == id ? found + 1 : NULL;
}

static void grow(struct idmap *map)
{
	struct idmap old = *map;

	map->slots *= 2;
	map->memory = xcalloc(map->slots, map->stride);
	for (size_t i = 0; i < old.slots; i++)
		if (*id_at(&old, i) != 0)
			memcpy(id_at(map, slot_of(map, *id_at(&old, i))), id_at(&old, i), map->stride);
	free(old.memory);
}

void *idmap_put(struct idmap *map, uint64_t id)
{
	uint64_t *found = id_at(map, slot_of(map, id));

	if (*found == id)
		return found + 1;
	if ((map->count + 1) * 2 > map->slots) {
		grow(map);
		found = id_at(map, slot_of(map, id));
	}
	map->count++;
	*found = id;
	return found + 1;
}

void idmap_remove(struct idmap *map, uint64_t id)
{
	size_t hole = slot_of(map, id), mask = map->slots - 1;

	if (*id_at(map, hole) != id)
		return;
	map->count--;
	for (size_t next = (hole + 1) & mask; *id_at(map, next) != 0; next = (next + 1) & mask) {
		/* It stays, unless its search passes the hole. */
		if (((next - home_of(map, *id_at(map, next))) & mask) < ((next - hole) & mask))
			continue;
		memcpy(id_at(map, hole), id_at(map, next), map->stride);
		hole = next;
	}
	memset(id_at(map, hole), 0, map->stride);
}

size_t idmap_count(const struct idmap *map)
{
	return map->count;
}

void *idmap_next(const struct idmap *map, const void *previous)
{
	size_t slot = previous != NULL ? (size_t)((const char *)previous - map->memory) / map->stride + 1 : 0;

	while (slot < map->slots && *id_at(map, slot) == 0)
		slot++;
	return slot < map->slots ? id_at(map, slot) + 1 : NULL;
}
