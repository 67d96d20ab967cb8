/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_IDMAP_H
#define CONNTRACE_BASE_IDMAP_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct idmap - values of one size, found by a number
 *
 * For numbers that this program or the kernel counts up, so that no peer can choose colliding ones.
 */
struct idmap;

/** idmap_new() - an empty one; each value has @size bytes */
struct idmap *idmap_new(size_t size);

/** idmap_free() - NULL is fine */
void idmap_free(struct idmap *map);

/** idmap_find() - the value of @id, which is not 0, valid until the map changes; NULL when there is none */
void *idmap_find(const struct idmap *map, uint64_t id);

/** idmap_put() - the value of @id; all zero when there was none */
void *idmap_put(struct idmap *map, uint64_t id);

/** idmap_remove() - remove @id; no error when there was none */
void idmap_remove(struct idmap *map, uint64_t id);

/** idmap_count() - how many there are */
size_t idmap_count(const struct idmap *map);

/** idmap_next() - the value after @previous, in no order; NULL begins and ends */
void *idmap_next(const struct idmap *map, const void *previous);

#endif
