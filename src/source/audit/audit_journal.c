// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_journal.h"

#include <stdbool.h>

#include "base/table.h"

/*
 * A line of journalctl -o json is an object of strings (systemd.journal-fields(7), RFC 8259). Values of other kinds,
 * arrays and null, are of entries with several values, with bytes that are no text, or with too many bytes.
 */

enum key {
	KEY_MESSAGE,
	KEY_TYPE,
	KEY_SERIAL,
	KEY_TIME, /* microseconds */
	KEY_HOST,
	KEY_NUM,
};

static const char *const key_names[] = {
	[KEY_MESSAGE] = "MESSAGE",  [KEY_TYPE] = "_AUDIT_TYPE",
	[KEY_SERIAL] = "_AUDIT_ID", [KEY_TIME] = "_SOURCE_REALTIME_TIMESTAMP",
	[KEY_HOST] = "_HOSTNAME",
};
TABLE_COVERS(key_names, KEY_NUM);

static void skip_blanks(struct span *text)
{
	while (text->length > 0 && (text->data[0] == ' ' || text->data[0] == '\t'))
		(void)span_skip(text, 1);
}

/* The characters between the quotation marks, with their escapes. */
static bool take_string(struct span *text, struct span *string)
{
	size_t end = 1;

	if (text->length == 0 || text->data[0] != '"')
		return false;
	while (end < text->length && text->data[end] != '"')
		end += text->data[end] == '\\' ? 2 : 1;
	if (end >= text->length)
		return false;
	*string = (struct span){text->data + 1, end - 1};
	return span_skip(text, end + 1);
}

/* A value that is no string, up to the comma behind it. */
static bool skip_value(struct span *text)
{
	unsigned int depth = 0;
	struct span string;

	while (text->length > 0 && (depth > 0 || (text->data[0] != ',' && text->data[0] != '}'))) {
		if (text->data[0] == '"') {
			if (!take_string(text, &string))
				return false;
			continue;
		}
		depth += text->data[0] == '[' || text->data[0] == '{';
		if (text->data[0] == ']' || text->data[0] == '}')
			depth -= depth > 0;
		(void)span_skip(text, 1);
	}
	return text->length > 0;
}

static void take_pair(struct span name, struct span value, struct span values[KEY_NUM])
{
	for (size_t i = 0; i < KEY_NUM; i++)
		if (name.length == strlen(key_names[i]) && memcmp(name.data, key_names[i], name.length) == 0)
			values[i] = value;
}

static bool take_object(struct span text, struct span values[KEY_NUM])
{
	(void)span_skip(&text, 1);
	for (;;) {
		struct span name, value = {NULL, 0};

		skip_blanks(&text);
		if (!take_string(&text, &name))
			return false;
		skip_blanks(&text);
		if (text.length == 0 || text.data[0] != ':')
			return false;
		(void)span_skip(&text, 1);
		skip_blanks(&text);
		if (text.length > 0 && text.data[0] == '"' ? !take_string(&text, &value) : !skip_value(&text))
			return false;
		take_pair(name, value, values);
		skip_blanks(&text);
		if (text.length == 0 || text.data[0] != ',')
			return text.length > 0 && text.data[0] == '}';
		(void)span_skip(&text, 1);
	}
}

/* Escapes of other characters than quotation marks and backslashes are of no text that matters, and are blanks. */
static void add_string(struct text *to, struct span string)
{
	for (size_t i = 0; i < string.length; i++) {
		uint8_t byte = string.data[i];

		if (byte == '\\' && i + 1 < string.length) {
			byte = string.data[++i];
			i += byte == 'u' ? 4 : 0;
			byte = byte == '"' || byte == '\\' || byte == '/' ? byte : ' ';
		}
		text_add_char(to, (char)byte);
	}
}

static bool is_number(struct span text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	return text.length > 0;
}

/* The name of the type stands before the fields. */
static struct span fields_of(struct span message)
{
	const uint8_t *blank = message.length > 0 ? memchr(message.data, ' ', message.length) : NULL;

	(void)span_skip(&message, blank != NULL ? (size_t)(blank - message.data) + 1 : message.length);
	return message;
}

struct span audit_journal_line(struct span text, struct text *to)
{
	struct span values[KEY_NUM] = {{NULL, 0}}, time;

	if (text.length == 0 || text.data[0] != '{' || !take_object(text, values) || values[KEY_MESSAGE].length == 0)
		return text;
	to->length = 0;
	time = values[KEY_TIME];
	if (!is_number(values[KEY_TYPE]) || !is_number(values[KEY_SERIAL]) || !is_number(time) || time.length < 7) {
		add_string(to, values[KEY_MESSAGE]);
		return (struct span){(const uint8_t *)to->data, to->length};
	}
	if (values[KEY_HOST].length > 0) {
		text_add(to, "node=");
		add_string(to, values[KEY_HOST]);
		text_add_char(to, ' ');
	}
	text_add(to, "type=");
	add_string(to, values[KEY_TYPE]);
	text_add(to, " msg=audit(");
	text_add_bytes(to, (const char *)time.data, time.length - 6);
	text_add_char(to, '.');
	text_add_bytes(to, (const char *)time.data + time.length - 6, 3);
	text_add_char(to, ':');
	add_string(to, values[KEY_SERIAL]);
	text_add(to, "): ");
	add_string(to, fields_of(values[KEY_MESSAGE]));
	return (struct span){(const uint8_t *)to->data, to->length};
}
