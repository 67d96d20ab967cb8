// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/event_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes are a line or an error; what was taken for an event is written as a line that reads as the same event. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[EVENT_TEXT_SIZE];
	char *line = malloc(size + 1);
	struct event event, again;
	struct err err;

	if (line == NULL)
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	if (event_from_text(line, &event, &err) == 0) {
		if (event_to_text(&event, text, sizeof(text)) < 0 || event_from_text(text, &again, &err) < 0 ||
		    memcmp(&event, &again, sizeof(event)) != 0)
			abort();
	}
	free(line);
	return 0;
}
