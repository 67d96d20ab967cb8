// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/xalloc.h"

#define FIRST_CAPACITY 256

void text_grow(struct text *text, size_t more)
{
	size_t capacity = text->capacity > 0 ? text->capacity : FIRST_CAPACITY;

	while (capacity - text->length <= more)
		capacity *= 2;
	text->data = xreallocarray(text->data, capacity, 1);
	text->capacity = capacity;
}

void text_add_blanks(struct text *text, size_t count)
{
	char *to = text_room(text, count);

	memset(to, ' ', count);
	to[count] = '\0';
	text->length += count;
}

/*
 * Not snprintf(3), which takes half of the time of a long report; two digits at once to save divisions. Return: the
 * first digit.
 */
static char *put_digits(char *end, uint64_t number, unsigned int least)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
				    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	char *first = end;

	while (number >= 10) {
		first -= 2;
		memcpy(first, &pairs[number % 100 * 2], 2);
		number /= 100;
	}
	if (number > 0)
		*--first = (char)('0' + number);
	while (end - first < (ptrdiff_t)least)
		*--first = '0';
	return first;
}

void text_add_digits(struct text *text, uint64_t number, unsigned int least)
{
	char digits[24], *end = digits + sizeof(digits), *first = put_digits(end, number, least);

	text_add_bytes(text, first, (size_t)(end - first));
}

void text_add_unsigned(struct text *text, uint64_t number)
{
	text_add_digits(text, number, 1);
}

void text_add_number(struct text *text, int64_t number)
{
	/* Most counts have one digit. */
	if (number >= 0 && number < 10) {
		text_add_char(text, (char)('0' + number));
		return;
	}
	if (number < 0)
		text_add_char(text, '-');
	text_add_unsigned(text, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

/* Append @number / @step with @scale as its unit. Inline, so that divisions by constants become multiplications. */
static inline void add_scaled(struct text *text, int64_t number, uint64_t step, uint64_t scale, unsigned int decimals)
{
	uint64_t size = number < 0 ? -(uint64_t)number : (uint64_t)number;
	char digits[48], *end = digits + sizeof(digits), *first = end;

	if (step > 1)
		size = size / step + (size % step * 2 >= step);
	if (decimals > 0) {
		first = put_digits(end, size % scale, decimals);
		*--first = '.';
	}
	first = put_digits(first, size / scale, 1);
	if (number < 0 && size > 0)
		*--first = '-';
	text_add_bytes(text, first, (size_t)(end - first));
}

void text_add_decimal(struct text *text, int64_t number, int64_t unit, unsigned int decimals)
{
	uint64_t scale = 1;

	for (unsigned int i = 0; i < decimals; i++)
		scale *= 10;
	/* Most numbers are times of day and milliseconds. */
	if (unit == 1000000000 && decimals == 9)
		add_scaled(text, number, 1, 1000000000, 9);
	else if (unit == 1000000 && decimals == 3)
		add_scaled(text, number, 1000, 1000, 3);
	else
		add_scaled(text, number, (uint64_t)unit / scale, scale, decimals);
}

void text_add_field(struct text *text, const char *foreign)
{
	size_t size = strlen(foreign) * 4 + 1;

	text->length += escape_text(text_room(text, size), size, foreign);
}

void text_add_json(struct text *text, const char *foreign)
{
	size_t size = strlen(foreign) * 6 + 1;
	char *to = text_room(text, size + 2), *at = to;

	*at++ = '"';
	/* Most strings have only plain characters. */
	while (escape_is_plain_json((unsigned char)*foreign))
		*at++ = *foreign++;
	if (*foreign != '\0')
		at += escape_json(at, size - (size_t)(at - to - 1), foreign);
	*at++ = '"';
	*at = '\0';
	text->length += (size_t)(at - to);
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
