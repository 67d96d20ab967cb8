/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_HASH_H
#define CONNTRACE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct hash_key - the secret of a keyed hash
 *
 * Peers choose their ports and addresses, so a hash without a secret is open to floods of collisions (SipHash-1-3,
 * Aumasson and Bernstein 2012; the short-input variant that the Linux kernel uses for its own tables).
 */
struct hash_key {
	uint64_t k0, k1;
};

/** hash_key_random() - fill @key from the kernel's random numbers */
void hash_key_random(struct hash_key *key);

/* ---- steps ------------------------------------------------------------ */

static inline uint64_t hash_rotate(uint64_t value, unsigned int bits)
{
	return value << bits | value >> (64 - bits);
}

/* Always inline: it runs a dozen times for every packet. */
static inline __attribute__((always_inline)) void hash_sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = hash_rotate(v[1], 13) ^ v[0];
	v[0] = hash_rotate(v[0], 32);
	v[2] += v[3];
	v[3] = hash_rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = hash_rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = hash_rotate(v[1], 17) ^ v[2];
	v[2] = hash_rotate(v[2], 32);
}

static inline __attribute__((always_inline)) void hash_sip_begin(uint64_t v[4], const struct hash_key *key)
{
	v[0] = key->k0 ^ UINT64_C(0x736f6d6570736575);
	v[1] = key->k1 ^ UINT64_C(0x646f72616e646f6d);
	v[2] = key->k0 ^ UINT64_C(0x6c7967656e657261);
	v[3] = key->k1 ^ UINT64_C(0x7465646279746573);
}

static inline __attribute__((always_inline)) void hash_sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	hash_sip_round(v);
	v[0] ^= word;
}

static inline __attribute__((always_inline)) uint64_t hash_sip_end(uint64_t v[4], uint64_t last)
{
	hash_sip_word(v, last);
	v[2] ^= 0xff;
	hash_sip_round(v);
	hash_sip_round(v);
	hash_sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- hashes ------------------------------------------------------------- */

/** hash_bytes() - SipHash-1-3 of @length bytes at @data under @key */
uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t length);

/**
 * hash_place() - the place of @length bytes at @data in a table of @places, where a newer entry replaces an older one
 *
 * What is replaced shows in the output, so there is no secret: the same input gives the same output.
 */
size_t hash_place(const void *data, size_t length, size_t places);

/** hash_words() - the same of @count words of 64 bits; quicker for short keys */
uint64_t hash_words(const struct hash_key *key, const uint64_t *words, size_t count);

/** hash_short() - the same of twelve bytes, @word and @rest in little-endian order; inline for speed */
static inline uint64_t hash_short(const struct hash_key *key, uint64_t word, uint32_t rest)
{
	uint64_t v[4];

	hash_sip_begin(v, key);
	hash_sip_word(v, word);
	return hash_sip_end(v, UINT64_C(12) << 56 | rest);
}

#endif
