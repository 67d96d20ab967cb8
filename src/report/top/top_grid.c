// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/top/top_grid.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* The lowest of eight bars (Unicode block elements). */
#define BAR_LOWEST 0x2581

void top_grid_resize(struct top_grid *grid, unsigned int width, unsigned int height)
{
	size_t size;

	if (width > TOP_WIDTH_MOST)
		width = TOP_WIDTH_MOST;
	size = (size_t)width * height;
	if (size > grid->size) {
		grid->chars = xreallocarray(grid->chars, size, sizeof(*grid->chars));
		grid->size = size;
	}
	grid->width = width;
	grid->height = height;
}

void top_grid_free(struct top_grid *grid)
{
	free(grid->chars);
	memset(grid, 0, sizeof(*grid));
}

static struct top_char *line_of(struct top_grid *grid, unsigned int y)
{
	return grid->chars + (size_t)y * grid->width;
}

/* A character of UTF-8 as top_columns.c makes it: ASCII, or one of three bytes. */
static uint16_t next_code(const char **at)
{
	const unsigned char *bytes = (const unsigned char *)*at;

	if (bytes[0] >= 0xe0 && bytes[1] != '\0' && bytes[2] != '\0') {
		*at += 3;
		return (uint16_t)((bytes[0] & 0x0f) << 12 | (bytes[1] & 0x3f) << 6 | (bytes[2] & 0x3f));
	}
	*at += 1;
	return bytes[0] >= ' ' && bytes[0] < 0x7f ? bytes[0] : '?';
}

unsigned int top_grid_put(struct top_grid *grid, unsigned int y, unsigned int x, const char *ascii,
			  unsigned int attributes)
{
	while (*ascii != '\0' && x < grid->width && y < grid->height) {
		line_of(grid, y)[x].code = next_code(&ascii);
		line_of(grid, y)[x++].attributes = (uint8_t)attributes;
	}
	return x;
}

unsigned int top_grid_places(const char *text)
{
	unsigned int count = 0;

	while (*text != '\0') {
		(void)next_code(&text);
		count++;
	}
	return count;
}

void top_grid_paint(struct top_grid *grid, unsigned int y, unsigned int from, unsigned int to, unsigned int attributes)
{
	for (unsigned int x = from; x < to && x < grid->width; x++)
		line_of(grid, y)[x].attributes |= (uint8_t)attributes;
}

void top_grid_spark(struct top_grid *grid, unsigned int y, unsigned int x, unsigned int width, const float *values,
		    unsigned int count, float full, bool utf8)
{
	static const char ascii[] = " .:-=+*#@";

	for (unsigned int i = 0; i < width && x + i < grid->width; i++) {
		/* A narrow field shows the newest only; in a wide one the oldest begin further right. */
		float value = i + count >= width ? values[i + count - width] : 0;
		unsigned int bar = full > 0 && value > 0 ? (unsigned int)(value / full * 7.999F) + 1 : 0;
		struct top_char *at = &line_of(grid, y)[x + i];

		if (bar > 8)
			bar = 8;
		at->code = (uint16_t)(!utf8 ? (unsigned int)ascii[bar] : bar == 0 ? ' ' : BAR_LOWEST + bar - 1);
	}
}

void top_grid_plain(struct text *text, const struct top_grid *grid, unsigned int y)
{
	const struct top_char *line = grid->chars + (size_t)y * grid->width;
	unsigned int length = grid->width;

	while (length > 0 && line[length - 1].code == ' ')
		length--;
	for (unsigned int x = 0; x < length; x++) {
		unsigned int code = line[x].code;

		if (code < 0x80) {
			text_add_char(text, (char)code);
			continue;
		}
		text_add_char(text, (char)(0xe0 | code >> 12));
		text_add_char(text, (char)(0x80 | (code >> 6 & 0x3f)));
		text_add_char(text, (char)(0x80 | (code & 0x3f)));
	}
	text_add_char(text, '\n');
}
