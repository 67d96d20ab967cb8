/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_POOL_H
#define CONNTRACE_BASE_POOL_H

#include <stddef.h>

/**
 * struct pool - memory for very many objects of one size
 *
 * They are stored together in large pages where available, so that access to one of a million needs no walk through
 * page tables. Freed objects are used again, and a chunk without objects is returned to the system.
 */
struct pool;

/** pool_new() - of objects of @size bytes */
struct pool *pool_new(size_t size);

/** pool_free() - free it with all objects taken from it; NULL is fine */
void pool_free(struct pool *pool);

/** pool_take() - memory of unknown content for one object; never NULL */
void *pool_take(struct pool *pool);

/** pool_give() - an object of the pool is not needed any more */
void pool_give(struct pool *pool, void *object);

#endif
