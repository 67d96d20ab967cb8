/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_LRU_H
#define CONNTRACE_BASE_LRU_H

#include <stdint.h>

/** No place. */
#define LRU_NONE UINT32_MAX

/**
 * struct lru - finds places by hash, and the one used longest ago
 *
 * The places are elements of an array of the caller, which compares the keys in them. The place for a new key does not
 * depend on the secret of the hash: a free one, lowest first while none was given back, else the one used longest ago.
 */
struct lru;

/** lru_new() - @places free places, fewer than LRU_NONE; memory of unused ones is not touched. Free with lru_free() */
struct lru *lru_new(uint32_t places);

/** lru_free() - NULL is fine */
void lru_free(struct lru *lru);

/** lru_begun() - places from this number on were never used */
uint32_t lru_begun(const struct lru *lru);

/** lru_find() - the first place with @hash; LRU_NONE: there is none */
uint32_t lru_find(const struct lru *lru, uint32_t hash);

/** lru_next() - another one with the hash of @place; LRU_NONE: there is none */
uint32_t lru_next(const struct lru *lru, uint32_t place);

/** lru_use() - @place, which is not free, is the newest */
void lru_use(struct lru *lru, uint32_t place);

/** lru_oldest() - the place that lru_take() would return; for a caller that needs its content before */
uint32_t lru_oldest(const struct lru *lru);

/** lru_take() - a place for a new key with @hash, as the newest; its former key is not found any more */
uint32_t lru_take(struct lru *lru, uint32_t hash);

/** lru_give() - @place is free: it is the next one to be taken */
void lru_give(struct lru *lru, uint32_t place);

#endif
