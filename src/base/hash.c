// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/hash.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

void hash_key_random(struct hash_key *key)
{
	if (getrandom(key, sizeof(*key), GRND_NONBLOCK) != (ssize_t)sizeof(*key)) {
		/* Only before the pool is seeded at boot: better a weak secret than no start. */
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		key->k0 = (uint64_t)now.tv_nsec * UINT64_C(0x9e3779b97f4a7c15);
		key->k1 = (uint64_t)(uintptr_t)key ^ (uint64_t)now.tv_sec;
	}
}

static inline uint64_t rotate(uint64_t value, unsigned int bits)
{
	return value << bits | value >> (64 - bits);
}

/* Inline whatever the compiler thinks of it: it runs a dozen times for every packet. */
static inline __attribute__((always_inline)) void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static inline __attribute__((always_inline)) void sip_begin(uint64_t v[4], const struct hash_key *key)
{
	v[0] = key->k0 ^ UINT64_C(0x736f6d6570736575);
	v[1] = key->k1 ^ UINT64_C(0x646f72616e646f6d);
	v[2] = key->k0 ^ UINT64_C(0x6c7967656e657261);
	v[3] = key->k1 ^ UINT64_C(0x7465646279746573);
}

static inline __attribute__((always_inline)) void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

static inline __attribute__((always_inline)) uint64_t sip_end(uint64_t v[4], uint64_t last)
{
	sip_word(v, last);
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_words(const struct hash_key *key, const uint64_t *words, size_t count)
{
	uint64_t v[4];

	sip_begin(v, key);
	for (size_t i = 0; i < count; i++)
		sip_word(v, words[i]);
	return sip_end(v, (uint64_t)(count * sizeof(*words)) << 56);
}

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t length)
{
	const unsigned char *bytes = data;
	uint64_t last = (uint64_t)length << 56, v[4];
	size_t whole = length & ~(size_t)7;

	sip_begin(v, key);
	for (size_t i = 0; i < whole; i += 8) {
		uint64_t word;

		memcpy(&word, bytes + i, sizeof(word));
		sip_word(v, word);
	}
	for (size_t i = whole; i < length; i++)
		last |= (uint64_t)bytes[i] << (8 * (i - whole));
	return sip_end(v, last);
}
