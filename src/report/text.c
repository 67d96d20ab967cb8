// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/xalloc.h"

#define FIRST_CAPACITY 256

/* Room for @more characters and the NUL; Return: where they go. */
static char *room(struct text *text, size_t more)
{
	size_t capacity = text->capacity > 0 ? text->capacity : FIRST_CAPACITY;

	while (capacity - text->length <= more)
		capacity *= 2;
	if (capacity != text->capacity)
		text->data = xreallocarray(text->data, capacity, 1);
	text->capacity = capacity;
	return text->data + text->length;
}

static void add(struct text *text, const char *more, size_t length)
{
	char *to = room(text, length);

	memcpy(to, more, length);
	to[length] = '\0';
	text->length += length;
}

void text_add(struct text *text, const char *more)
{
	add(text, more, strlen(more));
}

void text_add_char(struct text *text, char more)
{
	add(text, &more, 1);
}

void text_add_blanks(struct text *text, size_t count)
{
	char *to = room(text, count);

	memset(to, ' ', count);
	to[count] = '\0';
	text->length += count;
}

void text_add_unsigned(struct text *text, uint64_t number)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, number);
	text_add(text, digits);
}

void text_add_number(struct text *text, int64_t number)
{
	if (number < 0)
		text_add_char(text, '-');
	text_add_unsigned(text, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void text_add_decimal(struct text *text, int64_t number, int64_t unit, unsigned int decimals)
{
	uint64_t size = number < 0 ? -(uint64_t)number : (uint64_t)number;
	uint64_t scale = 1, step;
	char fraction[24];

	for (unsigned int i = 0; i < decimals; i++)
		scale *= 10;
	step = (uint64_t)unit / scale;
	size = size / step + (size % step * 2 >= step && step > 1);
	if (number < 0 && size > 0)
		text_add_char(text, '-');
	text_add_unsigned(text, size / scale);
	if (decimals == 0)
		return;
	snprintf(fraction, sizeof(fraction), ".%0*" PRIu64, (int)decimals, size % scale);
	text_add(text, fraction);
}

void text_add_field(struct text *text, const char *foreign)
{
	size_t size = strlen(foreign) * 4 + 1;

	text->length += escape_text(room(text, size), size, foreign);
}

void text_add_json(struct text *text, const char *foreign)
{
	size_t size = strlen(foreign) * 6 + 1;

	text_add_char(text, '"');
	text->length += escape_json(room(text, size), size, foreign);
	text_add_char(text, '"');
}

void text_cut(struct text *text, size_t length)
{
	if (length >= text->length)
		return;
	text->length = length;
	text->data[length] = '\0';
}

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){0};
}
