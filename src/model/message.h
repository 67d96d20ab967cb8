/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_MESSAGE_H
#define CONNTRACE_MODEL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/event.h"

/** Longest part of a message that is kept; what is longer is cut here. */
#define MESSAGE_TARGET_MAX 1024
#define MESSAGE_HOST_MAX 255
#define MESSAGE_METHOD_MAX 31
#define MESSAGE_FIELDS_MAX 2047

/** Fields that may be asked for at most, and how long the name of one may be. */
#define MESSAGE_NAMES_MAX 16
#define MESSAGE_NAME_MAX 63

/** Stands for all fields; none has this name. */
#define MESSAGE_NAME_ALL "*"

/**
 * struct message_names - which fields of a head are wanted, besides Host
 * @count: how many
 * @name: each of them, as it was asked for; upper and lower case are the same (RFC 9110, 5.1). MESSAGE_NAME_ALL is
 *        all fields of the head
 */
struct message_names {
	unsigned int count;
	char name[MESSAGE_NAMES_MAX][MESSAGE_NAME_MAX + 1];
};

/** message_names_parse() - "NAME:NAME..."; Return: 0, or -EINVAL with the story in @err */
int message_names_parse(struct message_names *names, const char *text, struct err *err);

/**
 * struct message - what an application said at the head of a message
 *
 * The texts are the peer's own bytes, NUL-terminated and without NUL inside;
 * "" is unknown.
 *
 * @kind: enum message_kind
 * @status: of an HTTP response, else 0
 * @method: of an HTTP request
 * @target: of an HTTP request, as in its first line (RFC 9112, 3.2)
 * @host: the Host field of an HTTP request, or the server name of a TLS ClientHello
 * @fields: the wanted fields, "Name: value\n" each as it was sent, in the order they came
 */
struct message {
	uint8_t kind;
	uint16_t status;
	char method[MESSAGE_METHOD_MAX + 1];
	char target[MESSAGE_TARGET_MAX + 1];
	char host[MESSAGE_HOST_MAX + 1];
	char fields[MESSAGE_FIELDS_MAX + 1];
};

/**
 * struct message_values - the wanted fields of a message
 * @value: by number of struct message_names; NULL: it had none of that name. Of several they are joined by ", "
 *         (RFC 9110, 5.3); of MESSAGE_NAME_ALL they are the lines, joined by "\n"
 * @text: where they lie: no longer than the lines they are made of, and those once more
 */
struct message_values {
	const char *value[MESSAGE_NAMES_MAX];
	char text[2 * (MESSAGE_FIELDS_MAX + 1)];
};

/** message_values() - find them in @message */
void message_values(const struct message *message, const struct message_names *names, struct message_values *values);

/** message_keep_field() - a field of the head, if it is one of @names; NULL wants none. What has no room is cut */
void message_keep_field(struct message *message, const struct message_names *names, const char *line, size_t length);

/**
 * message_join() - put the pieces of a message together again
 * @message: all zero before the first one; the piece that begins a message forgets the one before
 * @piece: the next of one witness
 *
 * Return: true when @message is whole.
 */
bool message_join(struct message *message, const struct event_message *piece);

/** typedef message_emit - takes a piece; time and flow of the event are to be filled in */
typedef void message_emit(void *context, const struct event *event);

/** message_split() - the pieces of a message, in the order message_join() wants them */
void message_split(const struct message *message, message_emit *emit, void *context);

#endif
