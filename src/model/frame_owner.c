// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/frame_owner.h"

#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/number.h"
#include "base/table.h"
#include "model/conn.h"

#define BEGIN "conntrace:"

/* The longest word: a name of which each byte is escaped. */
#define WORD_SIZE (8 + 4 * FRAME_OWNER_COMM)

static const char *const ways[] = {NULL, "received", "sent"};
TABLE_COVERS(ways, FRAME_WAY_NUM);

int frame_owner_text(const struct frame_owner *owner, char text[FRAME_OWNER_TEXT])
{
	const char *dir = conn_dir_text((enum conn_dir)owner->dir);
	int length = snprintf(text, FRAME_OWNER_TEXT, "%s", BEGIN);

	if (owner->pid > 0)
		length += snprintf(text + length, (size_t)(FRAME_OWNER_TEXT - length), " pid=%d", (int)owner->pid);
	if (owner->comm[0] != '\0') {
		length += snprintf(text + length, (size_t)(FRAME_OWNER_TEXT - length), " comm=");
		length += (int)escape_text(text + length, (size_t)(FRAME_OWNER_TEXT - length), owner->comm);
	}
	if (dir != NULL)
		length += snprintf(text + length, (size_t)(FRAME_OWNER_TEXT - length), " dir=%s", dir);
	if (owner->way != FRAME_WAY_UNKNOWN)
		length += snprintf(text + length, (size_t)(FRAME_OWNER_TEXT - length), " %s", ways[owner->way]);
	return length;
}

static int hex_digit(char digit)
{
	const char *digits = "0123456789abcdef", *found = digit != '\0' ? strchr(digits, digit) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

/* The reverse of escape_text(). Return: false when it does not fit, or has another escape or a NUL. */
static bool unescape(const char *from, char to[FRAME_OWNER_COMM])
{
	size_t length = 0;

	while (*from != '\0') {
		int byte = (unsigned char)*from;

		if (byte == '\\') {
			int high = from[1] == 'x' ? hex_digit(from[2]) : -1;
			int low = high >= 0 ? hex_digit(from[3]) : -1;

			byte = low >= 0 ? high << 4 | low : 0;
			from += 3;
		}
		if (byte == 0 || length + 1 >= FRAME_OWNER_COMM)
			return false;
		to[length++] = (char)byte;
		from++;
	}
	to[length] = '\0';
	return length > 0;
}

/* The next word, of printable ASCII. Return: false at the end, and for another byte or a longer word. */
static bool take_word(struct span *text, char word[WORD_SIZE])
{
	size_t length = 0;
	uint8_t byte;

	while (span_take_u8(text, &byte) && byte != ' ') {
		if (byte < '!' || byte > '~' || length + 1 >= WORD_SIZE)
			return false;
		word[length++] = (char)byte;
	}
	word[length] = '\0';
	return length > 0;
}

static bool parse_word(const char *word, struct frame_owner *owner)
{
	int64_t number;

	if (strncmp(word, "pid=", 4) == 0) {
		if (number_parse(word + 4, 1, INT32_MAX, &number) != 0)
			return false;
		owner->pid = (int32_t)number;
		return true;
	}
	if (strncmp(word, "comm=", 5) == 0)
		return unescape(word + 5, owner->comm);
	if (strcmp(word, "dir=in") == 0)
		owner->dir = DIR_IN;
	else if (strcmp(word, "dir=out") == 0)
		owner->dir = DIR_OUT;
	else if (strcmp(word, ways[FRAME_SENT]) == 0)
		owner->way = FRAME_SENT;
	else if (strcmp(word, ways[FRAME_RECEIVED]) == 0)
		owner->way = FRAME_RECEIVED;
	return true;
}

bool frame_owner_parse(struct span text, struct frame_owner *owner)
{
	struct frame_owner parsed = {.dir = DIR_UNKNOWN, .way = FRAME_WAY_UNKNOWN};
	char word[WORD_SIZE];

	if (!take_word(&text, word) || strcmp(word, BEGIN) != 0)
		return false;
	while (text.length > 0)
		if (!take_word(&text, word) || !parse_word(word, &parsed))
			return false;
	*owner = parsed;
	return true;
}
