/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_SIEVE_H
#define CONNTRACE_BASE_SIEVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct sieve - a set of hashes that never misses one it was given (a Bloom filter)
 *
 * It may claim to have one that it was not given, the more often the fuller it is. Its size does not change.
 */
struct sieve;

/** sieve_new() - an empty set in which @count hashes take 32 bits each; one in 5,000 others seems to be there then */
struct sieve *sieve_new(size_t count);

/** sieve_copy() - NULL of NULL */
struct sieve *sieve_copy(const struct sieve *sieve);

/** sieve_free() - NULL is fine */
void sieve_free(struct sieve *sieve);

/** sieve_add() - put a hash of 64 random bits in */
void sieve_add(struct sieve *sieve, uint64_t hash);

/** sieve_has() - was it put in? NULL has none */
bool sieve_has(const struct sieve *sieve, uint64_t hash);

#endif
