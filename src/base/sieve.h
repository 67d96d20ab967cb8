/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_SIEVE_H
#define CONNTRACE_BASE_SIEVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct sieve - a set of hashes without false negatives (a Bloom filter)
 *
 * It has false positives, the more often the fuller it is. Its size does not change.
 */
struct sieve;

/** sieve_new() - an empty set in which @count hashes take 32 bits each; one in 5,000 others is a false positive then */
struct sieve *sieve_new(size_t count);

/** sieve_copy() - NULL of NULL */
struct sieve *sieve_copy(const struct sieve *sieve);

/** sieve_free() - NULL is fine */
void sieve_free(struct sieve *sieve);

/** sieve_add() - add a hash of 64 random bits */
void sieve_add(struct sieve *sieve, uint64_t hash);

/** sieve_has() - whether the hash was added, or seems so; NULL has none */
bool sieve_has(const struct sieve *sieve, uint64_t hash);

#endif
