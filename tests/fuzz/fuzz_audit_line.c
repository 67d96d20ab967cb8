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
static void check_written(const struct audit_line *line, const struct text *text)
{
	struct text again_text = {0};
	struct audit_line again;

	if (strlen(text->data) != text->length || text->data[text->length - 1] != '\n')
		abort();
	for (size_t i = 0; i < text->length - 1; i++)
		if (text->data[i] < ' ' || text->data[i] > '~')
			abort();
	audit_line_parse(&again, (struct span){(const uint8_t *)text->data, text->length - 1}, false);
	if (again.type != line->type || again.call != line->call || again.serial != line->serial ||
	    again.seconds != line->seconds || again.milliseconds != line->milliseconds || again.is_interpreted ||
	    again.node.length != line->node.length)
		abort();
	if (!audit_line_write(&again, &again_text) || strcmp(again_text.data, text->data) != 0)
		abort();
	text_free(&again_text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text text = {0};
	struct audit_line line;

	for (int day_first = 0; day_first < 2; day_first++) {
		audit_line_parse(&line, (struct span){data, size}, day_first);
		inside(line.body, data, size);
		inside(line.node, data, size);
		if (line.milliseconds > 999 || line.seconds < 0 || line.lost < 0)
			abort();
		if (audit_line_write(&line, &text))
			check_written(&line, &text);
	}
	text_free(&text);
	return 0;
}
