// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as a line of a log of audit. */
#include <stdlib.h>
#include <string.h>

#include "source/audit/audit_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct span part, const uint8_t *data, size_t size)
{
	if (part.length > 0 && (part.data < data || part.data + part.length > data + size))
		abort();
}

/* What is written is one record of printable characters, which reads as the same again. */
static void check_written(const struct audit_line *line, const char *text, size_t length)
{
	char again_text[AUDIT_LINE_SIZE];
	struct audit_line again;
	size_t again_length;

	if (length >= AUDIT_LINE_SIZE || text[length] != '\0' || text[length - 1] != '\n')
		abort();
	for (size_t i = 0; i < length - 1; i++)
		if (text[i] < ' ' || text[i] > '~')
			abort();
	audit_line_parse(&again, (struct span){(const uint8_t *)text, length - 1}, false);
	if (again.type != line->type || again.call != line->call || again.serial != line->serial ||
	    again.seconds != line->seconds || again.milliseconds != line->milliseconds || again.is_interpreted)
		abort();
	again_length = audit_line_write(&again, again_text);
	if (again_length != length || memcmp(again_text, text, length) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[AUDIT_LINE_SIZE];
	struct audit_line line;
	size_t length;

	for (int day_first = 0; day_first < 2; day_first++) {
		audit_line_parse(&line, (struct span){data, size}, day_first);
		inside(line.body, data, size);
		inside(line.node, data, size);
		if (line.milliseconds > 999 || line.seconds < 0 || line.lost < 0)
			abort();
		length = audit_line_write(&line, text);
		if (length > 0)
			check_written(&line, text, length);
	}
	return 0;
}
