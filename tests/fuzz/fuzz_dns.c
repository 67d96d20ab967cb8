// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as a message of DNS: each answer has a name and an address, and fewer bytes never give more answers. */
#include <stdlib.h>
#include <string.h>

#include "source/packet/dns.h"

/* Records that are read of a message, at most. */
#define RECORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *context, const struct dns_answer *answer)
{
	unsigned int *answers = context;

	++*answers;
	if (answer->name[0] == '\0' || memchr(answer->name, '\0', sizeof(answer->name)) == NULL ||
	    !endpoint_has_ip(&answer->address) || answer->address.port != 0 || answer->ttl > INT32_MAX)
		abort();
	for (const char *byte = answer->name; *byte != '\0'; byte++)
		if (*byte >= 'A' && *byte <= 'Z')
			abort();
}

static unsigned int read_message(const uint8_t *data, size_t length)
{
	/* Of exactly this size, so that a sanitizer sees one byte too far. */
	uint8_t *copy = malloc(length > 0 ? length : 1);
	unsigned int answers = 0;

	if (copy == NULL)
		return 0;
	memcpy(copy, data, length);
	dns_answers((struct span){copy, length}, count, &answers);
	free(copy);
	return answers;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int whole = read_message(data, size);

	if (whole > RECORDS_MAX)
		abort();
	for (size_t part = 1; part < 8; part++)
		if (read_message(data, size * part / 8) > whole)
			abort();
	return 0;
}
