// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/text.h"

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

void text_add_bytes(struct text *text, const char *more, size_t length)
{
	char *to = room(text, length);

	memcpy(to, more, length);
	to[length] = '\0';
	text->length += length;
}

void text_add(struct text *text, const char *more)
{
	text_add_bytes(text, more, strlen(more));
}

void text_add_char(struct text *text, char more)
{
	text_add_bytes(text, &more, 1);
}

void text_add_blanks(struct text *text, size_t count)
{
	char *to = room(text, count);

	memset(to, ' ', count);
	to[count] = '\0';
	text->length += count;
}

/* Not snprintf(3), which would take half of the time that a long report takes. Return: the first digit. */
static char *put_digits(char *end, uint64_t number, unsigned int least)
{
	char *first = end;

	while (number > 0 || end - first < (ptrdiff_t)least) {
		*--first = (char)('0' + number % 10);
		number /= 10;
	}
	return first;
}

void text_add_unsigned(struct text *text, uint64_t number)
{
	char digits[24], *end = digits + sizeof(digits), *first = put_digits(end, number, 1);

	text_add_bytes(text, first, (size_t)(end - first));
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
	char fraction[24], *end = fraction + sizeof(fraction), *first;

	for (unsigned int i = 0; i < decimals; i++)
		scale *= 10;
	step = (uint64_t)unit / scale;
	size = size / step + (size % step * 2 >= step && step > 1);
	if (number < 0 && size > 0)
		text_add_char(text, '-');
	text_add_unsigned(text, size / scale);
	if (decimals == 0)
		return;
	first = put_digits(end, size % scale, decimals);
	*--first = '.';
	text_add_bytes(text, first, (size_t)(end - first));
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
