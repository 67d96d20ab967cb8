// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/community_id.h"

#include <stddef.h>
#include <string.h>

#include "base/base64.h"

/*
 * "1:" and the base64 (RFC 4648) of the SHA-1 (FIPS 180-4) of: the seed (16
 * bits), the smaller endpoint's address, the other's, the protocol, a zero
 * byte, the ports in the same order; all in network byte order, IPv4
 * addresses in 4 bytes. That is at most 40 bytes, so SHA-1 needs one block.
 */
#define SHA1_BLOCK 64
#define SHA1_SIZE 20
#define MESSAGE_MAX (SHA1_BLOCK - 1 - 8)

static uint32_t rotate(uint32_t value, unsigned int bits)
{
	return value << bits | value >> (32 - bits);
}

/* The word of step @i, which replaces the word of 16 steps before. */
static inline uint32_t next_word(uint32_t words[16], unsigned int i)
{
	uint32_t mix = words[(i + 13) % 16] ^ words[(i + 8) % 16] ^ words[(i + 2) % 16] ^ words[i % 16];

	return i < 16 ? words[i] : (words[i % 16] = rotate(mix, 1));
}

/* Each of the four parts has its own mixture, so no step needs a branch; unrolled, no index is computed. */
#define SHA1_PART(from, mixture, constant)                                                               \
	_Pragma("GCC unroll 20") for (unsigned int i = from; i < (from) + 20; i++)                       \
	{                                                                                                \
		uint32_t next = next_word(words, i) + UINT32_C(constant) + e + (mixture) + rotate(a, 5); \
		e = d;                                                                                   \
		d = c;                                                                                   \
		c = rotate(b, 30);                                                                       \
		b = a;                                                                                   \
		a = next;                                                                                \
	}

static void sha1_compress(uint32_t state[5], const uint8_t block[SHA1_BLOCK])
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
	uint32_t words[16];

	for (unsigned int i = 0; i < 16; i++)
		words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
			   (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	SHA1_PART(0, d ^ (b & (c ^ d)), 0x5a827999)
	SHA1_PART(20, b ^ c ^ d, 0x6ed9eba1)
	SHA1_PART(40, (b & c) | (d & (b | c)), 0x8f1bbcdc)
	SHA1_PART(60, b ^ c ^ d, 0xca62c1d6)
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

/* @length is at most MESSAGE_MAX. */
static void sha1(const uint8_t *message, size_t length, uint8_t digest[SHA1_SIZE])
{
	uint32_t state[5] = {UINT32_C(0x67452301), UINT32_C(0xefcdab89), UINT32_C(0x98badcfe), UINT32_C(0x10325476),
			     UINT32_C(0xc3d2e1f0)};
	uint8_t block[SHA1_BLOCK] = {0};

	memcpy(block, message, length);
	block[length] = 0x80;
	block[SHA1_BLOCK - 2] = (uint8_t)(length * 8 >> 8);
	block[SHA1_BLOCK - 1] = (uint8_t)(length * 8);
	sha1_compress(state, block);
	for (unsigned int i = 0; i < SHA1_SIZE; i++)
		digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

static uint8_t *put_ip(uint8_t *to, const struct endpoint *endpoint)
{
	size_t skip = endpoint_is_v4(endpoint) ? 12 : 0;

	memcpy(to, endpoint->ip.s6_addr + skip, 16 - skip);
	return to + 16 - skip;
}

static uint8_t *put_port(uint8_t *to, const struct endpoint *endpoint)
{
	*to++ = (uint8_t)(endpoint->port >> 8);
	*to++ = (uint8_t)endpoint->port;
	return to;
}

const char *community_id(const struct flow *flow, char text[COMMUNITY_ID_TEXT])
{
	const struct endpoint *first = &flow->local, *second = &flow->remote;
	uint8_t message[MESSAGE_MAX], digest[SHA1_SIZE], *end = message;
	int order = memcmp(&first->ip, &second->ip, sizeof(first->ip));

	if (!flow_is_complete(flow))
		return NULL;
	if (order > 0 || (order == 0 && first->port > second->port)) {
		first = &flow->remote;
		second = &flow->local;
	}
	*end++ = 0; /* the seed */
	*end++ = 0;
	end = put_ip(end, first);
	end = put_ip(end, second);
	*end++ = flow->proto == FLOW_PROTO_MPTCP ? IPPROTO_TCP : flow->proto; /* that of its first subflow */
	*end++ = 0;
	end = put_port(end, first);
	end = put_port(end, second);
	sha1(message, (size_t)(end - message), digest);
	memcpy(text, "1:", 2);
	base64(text + 2, digest, sizeof(digest));
	return text;
}
