// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/tcp_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes are a list: it ends, each option lies in it, and its text is clean, whole where it must be, and stable. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span list = {.data = data, .length = size}, rest = list;
	char text[TCP_OPTIONS_TEXT], narrow[16];
	struct tcp_option option;

	while (tcp_options_next(&rest, &option) == TCP_OPTIONS_ONE)
		if (option.value.data < data || option.value.data + option.value.length > data + size)
			abort();
	tcp_options_text(text, sizeof(text), list, 1, 0);
	/* No list of a TCP header needs more. */
	if (size <= 40 && strlen(text) == sizeof(text) - 1)
		abort();
	for (const char *c = text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			abort();
	tcp_options_text(narrow, sizeof(narrow), list, 1, 0);
	if (strncmp(narrow, text, sizeof(narrow) - 1) != 0)
		abort();
	return 0;
}
