// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/escape.h"

#include <stdio.h>
#include <string.h>

static size_t append(char *to, size_t size, size_t at, const char *piece, size_t length)
{
	if (at + length >= size)
		return 0;
	memcpy(to + at, piece, length);
	return length;
}

size_t escape_text(char *to, size_t size, const char *from)
{
	size_t at = 0;

	if (size == 0)
		return 0;
	for (; *from != '\0'; from++) {
		unsigned char byte = (unsigned char)*from;
		char piece[8];
		size_t length = 1;

		if (byte > 0x20 && byte < 0x7f && byte != '\\')
			piece[0] = (char)byte;
		else
			length = (size_t)snprintf(piece, sizeof(piece), "\\x%02x", byte);
		length = append(to, size, at, piece, length);
		if (length == 0)
			break;
		at += length;
	}
	to[at] = '\0';
	return at;
}

/* The length of the valid UTF-8 sequence at @from (RFC 3629: shortest form, no surrogates), 0 if there is none. */
static size_t utf8_length(const unsigned char *from)
{
	size_t length;
	unsigned int low = 0x80, high = 0xbf;

	if (from[0] >= 0xc2 && from[0] <= 0xdf)
		length = 2;
	else if (from[0] >= 0xe0 && from[0] <= 0xef)
		length = 3;
	else if (from[0] >= 0xf0 && from[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (from[0] == 0xe0)
		low = 0xa0;
	if (from[0] == 0xed)
		high = 0x9f;
	if (from[0] == 0xf0)
		low = 0x90;
	if (from[0] == 0xf4)
		high = 0x8f;
	if (from[1] < low || from[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((from[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

size_t escape_json(char *to, size_t size, const char *from)
{
	const unsigned char *byte = (const unsigned char *)from;
	size_t at = 0;

	if (size == 0)
		return 0;
	while (*byte != '\0') {
		size_t take = 1, length;
		char escaped[8];
		const char *piece = escaped;

		if (escape_is_plain_json(*byte)) {
			piece = (const char *)byte;
			length = 1;
		} else if (*byte == '"' || *byte == '\\') {
			length = (size_t)snprintf(escaped, sizeof(escaped), "\\%c", *byte);
		} else if ((take = utf8_length(byte)) > 0) {
			piece = (const char *)byte;
			length = take;
		} else {
			take = 1;
			length = (size_t)snprintf(escaped, sizeof(escaped), "\\u%04x", *byte);
		}
		length = append(to, size, at, piece, length);
		if (length == 0)
			break;
		at += length;
		byte += take;
	}
	to[at] = '\0';
	return at;
}
