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

uint64_t hash_words(const struct hash_key *key, const uint64_t *words, size_t count)
{
	uint64_t v[4];

	hash_sip_begin(v, key);
	for (size_t i = 0; i < count; i++)
		hash_sip_word(v, words[i]);
	return hash_sip_end(v, (uint64_t)(count * sizeof(*words)) << 56);
}

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t length)
{
	const unsigned char *bytes = data;
	uint64_t last = (uint64_t)length << 56, v[4];
	size_t whole = length & ~(size_t)7;

	hash_sip_begin(v, key);
	for (size_t i = 0; i < whole; i += 8) {
		uint64_t word;

		memcpy(&word, bytes + i, sizeof(word));
		hash_sip_word(v, word);
	}
	for (size_t i = whole; i < length; i++)
		last |= (uint64_t)bytes[i] << (8 * (i - whole));
	return hash_sip_end(v, last);
}

size_t hash_place(const void *data, size_t length, size_t places)
{
	static const struct hash_key key;

	return (size_t)(hash_bytes(&key, data, length) % places);
}
