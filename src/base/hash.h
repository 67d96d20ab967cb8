/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_HASH_H
#define CONNTRACE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct hash_key - the secret of a keyed hash
 *
 * Peers choose their ports and addresses, so a hash without a secret could be
 * flooded with collisions (SipHash-1-3, Aumasson and Bernstein 2012; the
 * short-input variant that the Linux kernel uses for its own tables).
 */
struct hash_key {
	uint64_t k0, k1;
};

/** hash_key_random() - fill @key from the kernel's random numbers */
void hash_key_random(struct hash_key *key);

/** hash_bytes() - SipHash-1-3 of @length bytes at @data under @key */
uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t length);

/** hash_words() - the same of @count words of 64 bits; quicker for short keys */
uint64_t hash_words(const struct hash_key *key, const uint64_t *words, size_t count);

#endif
