/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_NETWORK_H
#define CONNTRACE_MODEL_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/endpoint.h"

/**
 * struct network - an address prefix, or a single address
 * @net: its address, host bits clear, port 0
 * @bits: prefix length, of 32 for IPv4 and of 128 for IPv6
 */
struct network {
	struct endpoint net;
	uint8_t bits;
};

/**
 * network_parse() - "192.0.2.0/24", "2001:db8::/32", "[2001:db8::1]"
 * @word: an address without /BITS is that one address
 * @network: set on success only
 * @err: quotes the word
 *
 * Return: 0, or -EINVAL: no address, an invalid prefix length, or host bits set.
 */
int network_parse(const char *word, struct network *network, struct err *err);

/** network_contains() - whether it contains the address; no network contains an unknown one */
bool network_contains(const struct network *network, const struct endpoint *address);

#endif
