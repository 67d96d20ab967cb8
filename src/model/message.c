// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/message.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Position and maximum length of a part. */
static char *part_text(struct message *message, unsigned int part, size_t *room)
{
	switch (part) {
	case MESSAGE_METHOD:
		*room = MESSAGE_METHOD_MAX;
		return message->method;
	case MESSAGE_TARGET:
		*room = MESSAGE_TARGET_MAX;
		return message->target;
	case MESSAGE_HOST:
		*room = MESSAGE_HOST_MAX;
		return message->host;
	case MESSAGE_FIELDS:
		*room = MESSAGE_FIELDS_MAX;
		return message->fields;
	default:
		return NULL;
	}
}

bool message_join(struct message *message, const struct event_message *piece)
{
	size_t room, length = piece->length;
	char *text;

	if (piece->first)
		memset(message, 0, sizeof(*message));
	message->kind = piece->kind;
	message->status = piece->status;
	text = part_text(message, piece->part, &room);
	if (text != NULL && piece->offset < room) {
		if (length > room - piece->offset)
			length = room - piece->offset;
		if (length > sizeof(piece->text))
			length = sizeof(piece->text);
		memcpy(text + piece->offset, piece->text, length);
		text[piece->offset + length] = '\0';
	}
	return piece->last;
}

void message_split(const struct message *message, message_emit *emit, void *context)
{
	static const enum message_part order[] = {MESSAGE_METHOD, MESSAGE_TARGET, MESSAGE_HOST, MESSAGE_FIELDS};
	struct message copy = *message;
	struct event event = event_new(EVENT_MESSAGE, ORIGIN_WIRE, 0);
	bool waiting = false;

	event.message.kind = message->kind;
	event.message.status = message->status;
	event.message.first = 1;
	/* Each piece is emitted when the next is known to come, so that the last one can be marked. */
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		size_t room, at = 0;
		const char *text = part_text(&copy, order[i], &room);
		size_t length = text != NULL ? strlen(text) : 0;

		for (; at < length; at += event.message.length) {
			size_t take = length - at;

			if (waiting) {
				emit(context, &event);
				event.message.first = 0;
			}
			if (take > EVENT_MESSAGE_TEXT)
				take = EVENT_MESSAGE_TEXT;
			event.message.part = (uint8_t)order[i];
			event.message.offset = (uint16_t)at;
			event.message.length = (uint8_t)take;
			memcpy(event.message.text, text + at, take);
			waiting = true;
		}
	}
	event.message.last = 1;
	emit(context, &event);
}

/* ---- fields --------------------------------------------------------------------- */

/* RFC 9110, 5.6.2: characters of a name. */
static bool is_token(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && strchr("!#$%&'*+-.^_`|~", text[i]) == NULL)
			return false;
	return length > 0;
}

int message_names_parse(struct message_names *names, const char *text, struct err *err)
{
	*names = (struct message_names){0};
	for (const char *end; text != NULL; text = *end == ':' ? end + 1 : NULL) {
		size_t length = (size_t)((end = strchrnul(text, ':')) - text);
		bool is_known = false;

		if (length > MESSAGE_NAME_MAX || !is_token(text, length)) {
			return err_set(err, EINVAL,
				       ERR_QUOTED
				       " does not begin with the name of a header field, as messages:NAME:NAME "
				       "wants",
				       text);
		}
		for (unsigned int i = 0; i < names->count; i++)
			is_known |= strncasecmp(names->name[i], text, length) == 0 && names->name[i][length] == '\0';
		if (is_known)
			continue;
		if (names->count == MESSAGE_NAMES_MAX)
			return err_set(err, EINVAL, "messages takes no more than %d header fields", MESSAGE_NAMES_MAX);
		memcpy(names->name[names->count++], text, length);
	}
	return 0;
}

/* Where the value of a line begins if it is of the field @name, else NULL; @end is where it ends. */
static const char *value_of(const char *line, const char **end, const char *name)
{
	size_t length = strlen(name);
	const char *value = line + length + 1;

	if ((size_t)(*end - line) <= length || line[length] != ':' || strncasecmp(line, name, length) != 0)
		return NULL;
	while (value < *end && (*value == ' ' || *value == '\t'))
		value++;
	while (*end > value && ((*end)[-1] == ' ' || (*end)[-1] == '\t'))
		(*end)--;
	return value;
}

void message_keep_field(struct message *message, const struct message_names *names, const char *line, size_t length)
{
	const char *end = line + length;
	bool is_wanted = false;
	size_t at = strlen(message->fields);

	for (unsigned int i = 0; names != NULL && i < names->count; i++)
		is_wanted |=
			strcmp(names->name[i], MESSAGE_NAME_ALL) == 0 || value_of(line, &end, names->name[i]) != NULL;
	if (!is_wanted || at >= MESSAGE_FIELDS_MAX - 1)
		return;
	for (; line < end && at < MESSAGE_FIELDS_MAX - 1; line++)
		message->fields[at++] = *line != '\0' ? *line : '?';
	message->fields[at++] = '\n';
	message->fields[at] = '\0';
}

void message_values(const struct message *message, const struct message_names *names, struct message_values *values)
{
	char *to = values->text;

	for (unsigned int i = 0; i < names->count; i++) {
		values->value[i] = NULL;
		if (strcmp(names->name[i], MESSAGE_NAME_ALL) == 0 && message->fields[0] != '\0') {
			values->value[i] = to;
			to = stpcpy(to, message->fields);
			/* The last line has no line feed. */
			to[-1] = '\0';
			continue;
		}
		for (const char *line = message->fields, *next; *line != '\0'; line = next) {
			const char *line_end = strchrnul(line, '\n'), *end = line_end;
			const char *value = value_of(line, &end, names->name[i]);

			next = *line_end == '\n' ? line_end + 1 : line_end;
			if (value == NULL)
				continue;
			if (values->value[i] == NULL)
				values->value[i] = to;
			else
				to = stpcpy(to, ", ");
			to = mempcpy(to, value, (size_t)(end - value));
		}
		if (values->value[i] != NULL)
			*to++ = '\0';
	}
}
