// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as the beginning of a direction of TLS, and each beginning of
 * them: what is known after some bytes holds after more.
 */
#include <stdlib.h>
#include <string.h>

#include "source/packet/tls.h"

#define BEGINNINGS 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum tls_result look(const uint8_t *data, size_t length, struct message *message)
{
	/* Of exactly this size, so that a sanitizer sees one byte too far. */
	uint8_t *copy = malloc(length > 0 ? length : 1);
	enum tls_result result;

	memcpy(copy, data, length);
	memset(message, 0, sizeof(*message));
	result = tls_hello((struct span){copy, length}, message);
	if (result == TLS_HELLO && (message->kind != MESSAGE_TLS_HELLO || strlen(message->host) > MESSAGE_HOST_MAX))
		abort();
	/* A ClientHello begins like one: otherwise the parser is not called. */
	if (result == TLS_HELLO && !tls_begins((struct span){copy, length}))
		abort();
	free(copy);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message whole, part;
	enum tls_result result;

	if (size == 0)
		return 0;
	result = look(data, size, &whole);
	for (size_t i = 0; i < BEGINNINGS; i++) {
		enum tls_result before = look(data, size * i / BEGINNINGS, &part);

		if (before != TLS_MORE && (before != result || strcmp(part.host, whole.host) != 0))
			abort();
	}
	return 0;
}
