// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/flow.h"

#include <string.h>

/*
 * Both ends, in an order that does not depend on the local side, so that a packet finds the records of both ends in one
 * place. The common prefix of IPv4 addresses is left out.
 */
uint32_t flow_hash(const struct hash_key *key, const struct flow *flow)
{
	const struct endpoint *a = &flow->local, *b = &flow->remote;
	uint64_t words[5];

	if (endpoint_is_v4(a) && endpoint_is_v4(b)) {
		uint64_t one = (uint64_t)a->ip.s6_addr32[3] << 16 | a->port;
		uint64_t other = (uint64_t)b->ip.s6_addr32[3] << 16 | b->port;
		/* The direction is unpredictable, so it is computed without a branch. */
		uint64_t low = one < other ? one : other, high = one < other ? other : one;

		return (uint32_t)hash_short(key, low << 16 | high >> 32, (uint32_t)high);
	}
	if (a->port != b->port ? a->port > b->port : memcmp(&a->ip, &b->ip, sizeof(a->ip)) > 0) {
		a = &flow->remote;
		b = &flow->local;
	}
	memcpy(words, &a->ip, sizeof(a->ip));
	memcpy(words + 2, &b->ip, sizeof(b->ip));
	words[4] = (uint64_t)a->port << 16 | b->port;
	return (uint32_t)hash_words(key, words, 5);
}
