// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/xalloc.h"

/* As malloc(3) aligns. What has the size of whole cache lines lies in whole ones. */
#define ALIGNMENT 16
#define LINE 64

/* The first chunk is small, because most runs see few; the others are of the size of a large page. */
#define FIRST_CHUNK (1UL << 16)
#define CHUNK (1UL << 21)

struct chunk {
	struct chunk *before;
};

struct object {
	struct object *next;
};

struct pool {
	size_t size;
	struct chunk *chunks;
	struct object *given; /* back, to be taken again */
	char *at, *end;       /* what is left of the newest chunk */
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
	while (pool->chunks != NULL) {
		struct chunk *chunk = pool->chunks;

		pool->chunks = chunk->before;
		free(chunk);
	}
	free(pool);
}

static void add_chunk(struct pool *pool)
{
	size_t size = pool->chunks == NULL ? FIRST_CHUNK : CHUNK;
	struct chunk *chunk = xalloc_aligned(size, size);

	if (size == CHUNK)
		(void)madvise(chunk, size, MADV_HUGEPAGE); /* without it, it is only slower */
	chunk->before = pool->chunks;
	pool->chunks = chunk;
	pool->at = (char *)chunk + LINE;
	pool->end = (char *)chunk + size;
}

#ifdef __SANITIZE_ADDRESS__
/* Use after return is not seen in memory that is handed on. */
void *pool_take(struct pool *pool)
{
	return xmalloc(pool->size);
}

void pool_give(struct pool *pool, void *object)
{
	(void)pool;
	(void)add_chunk;
	free(object);
}
#else
void *pool_take(struct pool *pool)
{
	struct object *object = pool->given;

	if (object != NULL) {
		pool->given = object->next;
		return object;
	}
	if ((size_t)(pool->end - pool->at) < pool->size)
		add_chunk(pool);
	object = (struct object *)(void *)pool->at;
	pool->at += pool->size;
	return object;
}

void pool_give(struct pool *pool, void *object)
{
	((struct object *)object)->next = pool->given;
	pool->given = object;
}
#endif
