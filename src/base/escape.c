// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/escape.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static size_t append(char *to, size_t size, size_t at, const char *piece, size_t length)
{
	if (at + length >= size)
		return 0;
	memcpy(to + at, piece, length);
	return length;
}

static size_t escape(char *to, size_t size, const char *from, bool keeps_words)
{
	size_t at = 0;

	if (size == 0)
		return 0;
	for (; *from != '\0'; from++) {
		unsigned char byte = (unsigned char)*from;
		char piece[8];
		size_t length = 1;

		if ((byte > 0x20 && byte < 0x7f && byte != '\\') || (keeps_words && (byte == ' ' || byte == '\\')))
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

size_t escape_text(char *to, size_t size, const char *from)
{
	return escape(to, size, from, false);
}

size_t escape_message(char *to, size_t size, const char *from)
{
	return escape(to, size, from, true);
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

/* The character of a valid sequence of @length bytes. */
static uint32_t utf8_decode(const unsigned char *from, size_t length)
{
	uint32_t character = from[0] & (0xffU >> (length + 1));

	for (size_t i = 1; i < length; i++)
		character = character << 6 | (from[i] & 0x3f);
	return character;
}

/* An invisible character: Unicode's categories Cc, Cf, Zl and Zp, and the noncharacters. */
static bool is_invisible(uint32_t character)
{
	static const struct {
		uint32_t low, high;
	} ranges[] = {{0x80, 0x9f},     {0xad, 0xad},     {0x600, 0x605},   {0x61c, 0x61c},    {0x6dd, 0x6dd},
		      {0x70f, 0x70f},   {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},  {0x2060, 0x206f},
		      {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe007f}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (character >= ranges[i].low && character <= ranges[i].high)
			return true;
	return false;
}

/* RFC 8259, 7: beyond the first 65536 by two surrogates. */
static size_t put_json_character(char piece[16], uint32_t character)
{
	if (character < 0x10000)
		return (size_t)snprintf(piece, 16, "\\u%04x", (unsigned int)character);
	character -= 0x10000;
	return (size_t)snprintf(piece, 16, "\\u%04x\\u%04x", (unsigned int)(0xd800 + (character >> 10)),
				(unsigned int)(0xdc00 + (character & 0x3ff)));
}

size_t escape_json(char *to, size_t size, const char *from)
{
	const unsigned char *byte = (const unsigned char *)from;
	size_t at = 0;

	if (size == 0)
		return 0;
	while (*byte != '\0') {
		size_t take = 1, length;
		char escaped[16];
		const char *piece = escaped;

		if (escape_is_plain_json(*byte)) {
			piece = (const char *)byte;
			length = 1;
		} else if (*byte == '"' || *byte == '\\') {
			length = (size_t)snprintf(escaped, sizeof(escaped), "\\%c", *byte);
		} else if ((take = utf8_length(byte)) > 0) {
			piece = (const char *)byte;
			length = take;
			if (is_invisible(utf8_decode(byte, take))) {
				length = put_json_character(escaped, utf8_decode(byte, take));
				piece = escaped;
			}
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
