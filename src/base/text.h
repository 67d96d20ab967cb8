/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_TEXT_H
#define CONNTRACE_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/**
 * struct text - a string that grows; all zero is an empty one
 * @data: NUL-terminated after the first addition
 * @length: without the NUL
 * @capacity: room at @data
 */
struct text {
	char *data;
	size_t length;
	size_t capacity;
};

/** text_grow() - make room for @more characters and the NUL */
void text_grow(struct text *text, size_t more);

/** text_room() - room for @more characters and the NUL; the caller writes them and raises @length */
static inline char *text_room(struct text *text, size_t more)
{
	if (text->capacity - text->length <= more)
		text_grow(text, more);
	return text->data + text->length;
}

/** text_add_bytes() - append the @length characters at @more */
static inline void text_add_bytes(struct text *text, const char *more, size_t length)
{
	char *to = text_room(text, length);

	memcpy(to, more, length);
	to[length] = '\0';
	text->length += length;
}

/** text_add() - append a string */
static inline void text_add(struct text *text, const char *more)
{
	text_add_bytes(text, more, strlen(more));
}

/** text_add_char() - append one character */
static inline void text_add_char(struct text *text, char more)
{
	text_add_bytes(text, &more, 1);
}

/** text_add_blanks() - append @count blanks */
void text_add_blanks(struct text *text, size_t count);

/** text_add_number() - append a decimal number */
void text_add_number(struct text *text, int64_t number);

/** text_add_digits() - append a decimal number with leading zeros, at least @least digits, at most 24 */
void text_add_digits(struct text *text, uint64_t number, unsigned int least);

/** text_add_unsigned() - append a decimal number */
void text_add_unsigned(struct text *text, uint64_t number);

/**
 * text_add_decimal() - append @number / @unit with @decimals decimals, rounded to the nearest
 * @unit: a power of ten, at least 10 to the @decimals
 *
 * Integer arithmetic only: the result depends on neither the locale nor binary fractions.
 */
void text_add_decimal(struct text *text, int64_t number, int64_t unit, unsigned int decimals);

/** text_add_field() - append untrusted bytes as one field without blanks (escape_text() of base/escape.h) */
void text_add_field(struct text *text, const char *foreign);

/** text_add_json() - append untrusted bytes as a JSON string with its quotes */
void text_add_json(struct text *text, const char *foreign);

/** text_cut() - keep the first @length characters */
void text_cut(struct text *text, size_t length);

/** text_free() - free what it holds; it is empty then */
void text_free(struct text *text);

#endif
