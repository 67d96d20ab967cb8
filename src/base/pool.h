/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_POOL_H
#define CONNTRACE_BASE_POOL_H

#include <stddef.h>

/**
 * struct pool - memory for very many objects of one size
 *
 * They lie together in large pages where the kernel has some, so that one of
 * a million is found without a walk through page tables. What is given back is
 * used again, and a page of which all has been given back is the system's.
 */
struct pool;

/** pool_new() - of objects of @size bytes */
struct pool *pool_new(size_t size);

/** pool_free() - with all that was taken from it; NULL is fine */
void pool_free(struct pool *pool);

/** pool_take() - memory of unknown content for one object; never NULL */
void *pool_take(struct pool *pool);

/** pool_give() - an object of the pool is not needed any more */
void pool_give(struct pool *pool, void *object);

#endif
