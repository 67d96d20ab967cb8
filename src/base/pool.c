// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/pool.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/array.h"
#include "base/xalloc.h"

/* Alignment of malloc(3). Objects of whole cache lines are aligned to cache lines. */
#define ALIGNMENT 16
#define LINE 64

/* The first chunk is small, because most runs need few objects; the others are large pages. */
#define FIRST_CHUNK (1UL << 16)
#define CHUNK (1UL << 21)

struct object {
	struct object *next;
};

struct chunk {
	struct chunk *before, *after; /* those with room */
	struct object *given;         /* freed objects, to be taken again */
	char *at;                     /* memory that has never been taken */
	size_t live;                  /* taken, not given back */
	size_t number;                /* index in all chunks */
};

_Static_assert(sizeof(struct chunk) <= LINE, "objects begin behind it");

struct pool {
	size_t size;
	struct chunk *first, **chunks; /* all but the first */
	size_t count, room;
	struct chunk *roomy; /* list of those with room, all but the first */
	struct chunk *spare; /* one that was empty; NULL: none was */
};

struct pool *pool_new(size_t size)
{
	struct pool *pool = xcalloc(1, sizeof(*pool));

	pool->size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	return pool;
}

void pool_free(struct pool *pool)
{
	if (pool == NULL)
		return;
	for (size_t i = 0; i < pool->count; i++)
		munmap(pool->chunks[i], CHUNK);
	free(pool->chunks);
	free(pool->first);
	free(pool);
}

static void put_roomy(struct pool *pool, struct chunk *chunk)
{
	chunk->before = NULL;
	chunk->after = pool->roomy;
	if (pool->roomy != NULL)
		pool->roomy->before = chunk;
	pool->roomy = chunk;
}

static void take_roomy(struct pool *pool, struct chunk *chunk)
{
	if (chunk->before != NULL)
		chunk->before->after = chunk->after;
	else
		pool->roomy = chunk->after;
	if (chunk->after != NULL)
		chunk->after->before = chunk->before;
}

static struct chunk *add_chunk(struct pool *pool)
{
	struct chunk *chunk = xalloc_mapped(CHUNK);

	pool->chunks = array_reserve(pool->chunks, pool->count, &pool->room, sizeof(*pool->chunks));
	chunk->at = (char *)chunk + LINE;
	chunk->number = pool->count;
	pool->chunks[pool->count++] = chunk;
	put_roomy(pool, chunk);
	return chunk;
}

static void drop_chunk(struct pool *pool, struct chunk *chunk)
{
	struct chunk *last = pool->chunks[--pool->count];

	pool->chunks[chunk->number] = last;
	last->number = chunk->number;
	take_roomy(pool, chunk);
	munmap(chunk, CHUNK);
}

static bool has_room(const struct pool *pool, const struct chunk *chunk, size_t size)
{
	return chunk->given != NULL || (size_t)((const char *)chunk + size - chunk->at) >= pool->size;
}

static void *take_from(const struct pool *pool, struct chunk *chunk)
{
	struct object *object = chunk->given;

	chunk->live++;
	if (object != NULL) {
		chunk->given = object->next;
		return object;
	}
	object = (struct object *)(void *)chunk->at;
	chunk->at += pool->size;
	return object;
}

#ifdef __SANITIZE_ADDRESS__
/* Sanitizers do not detect a use after free in reused memory. */
void *pool_take(struct pool *pool)
{
	(void)add_chunk;
	(void)has_room;
	(void)take_from;
	return xmalloc(pool->size);
}

void pool_give(struct pool *pool, void *object)
{
	(void)pool;
	(void)drop_chunk;
	free(object);
}
#else
void *pool_take(struct pool *pool)
{
	struct chunk *chunk = pool->roomy;
	void *object;

	if (pool->first == NULL) {
		pool->first = xalloc_aligned(LINE, FIRST_CHUNK);
		*pool->first = (struct chunk){.at = (char *)pool->first + LINE};
	}
	if (has_room(pool, pool->first, FIRST_CHUNK))
		return take_from(pool, pool->first);
	if (chunk == NULL)
		chunk = add_chunk(pool);
	object = take_from(pool, chunk);
	if (!has_room(pool, chunk, CHUNK))
		take_roomy(pool, chunk);
	return object;
}

void pool_give(struct pool *pool, void *object)
{
	bool is_first = (uintptr_t)object - (uintptr_t)pool->first < FIRST_CHUNK;
	struct chunk *chunk = is_first ? pool->first : (struct chunk *)((uintptr_t)object & ~(CHUNK - 1));
	bool was_full = !is_first && !has_room(pool, chunk, CHUNK);

	((struct object *)object)->next = chunk->given;
	chunk->given = object;
	chunk->live--;
	if (was_full)
		put_roomy(pool, chunk);
	if (is_first || chunk->live > 0)
		return;
	/* One empty chunk is kept, or where the number of objects varies it is mapped and cleared again and again. */
	if (pool->spare != NULL && pool->spare != chunk && pool->spare->live == 0)
		drop_chunk(pool, chunk);
	else
		pool->spare = chunk;
}
#endif
