// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/message.h"

#include <stddef.h>
#include <string.h>

/* Where a part is kept, and how much of it. */
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
	static const enum message_part order[] = {MESSAGE_METHOD, MESSAGE_TARGET, MESSAGE_HOST};
	struct message copy = *message;
	struct event event = event_new(EVENT_MESSAGE, ORIGIN_WIRE, 0);
	bool waiting = false;

	event.message.kind = message->kind;
	event.message.status = message->status;
	event.message.first = 1;
	/* Each piece is given when the next is known to come, so that the last one can say it is. */
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		size_t room, at = 0;
		const char *text = part_text(&copy, order[i], &room);
		size_t length = strlen(text);

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
