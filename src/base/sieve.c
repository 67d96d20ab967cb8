// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/sieve.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define BITS_EACH 32
/* Bits that are set for one hash. With 32 bits for each, 4 give (1 - e^(-4/32))^4, one error in 5,200. */
#define PLACES 4

struct sieve {
	size_t bits; /* a power of two */
	uint64_t words[];
};

static size_t size_of(size_t bits)
{
	return sizeof(struct sieve) + bits / 8;
}

struct sieve *sieve_new(size_t count)
{
	size_t bits = 64;
	struct sieve *sieve;

	while (bits / BITS_EACH < count)
		bits *= 2;
	sieve = xcalloc(1, size_of(bits));
	sieve->bits = bits;
	return sieve;
}

struct sieve *sieve_copy(const struct sieve *sieve)
{
	return sieve != NULL ? memcpy(xmalloc(size_of(sieve->bits)), sieve, size_of(sieve->bits)) : NULL;
}

void sieve_free(struct sieve *sieve)
{
	free(sieve);
}

/* Two halves of a good hash give any number of hashes (Kirsch and Mitzenmacher, 2006). */
static size_t place_of(const struct sieve *sieve, uint64_t hash, unsigned int which)
{
	return (size_t)((hash & UINT32_MAX) + which * (hash >> 32 | 1)) & (sieve->bits - 1);
}

void sieve_add(struct sieve *sieve, uint64_t hash)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		size_t place = place_of(sieve, hash, i);

		sieve->words[place / 64] |= UINT64_C(1) << place % 64;
	}
}

bool sieve_has(const struct sieve *sieve, uint64_t hash)
{
	for (unsigned int i = 0; sieve != NULL && i < PLACES; i++) {
		size_t place = place_of(sieve, hash, i);

		if ((sieve->words[place / 64] >> place % 64 & 1) == 0)
			return false;
	}
	return sieve != NULL;
}
