/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_MESSAGE_H
#define CONNTRACE_MODEL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/event.h"

/** Maximum length of a part of a message; a longer one is truncated. */
#define MESSAGE_TARGET_MAX 1024
#define MESSAGE_HOST_MAX 255
#define MESSAGE_METHOD_MAX 31
#define MESSAGE_FIELDS_MAX 2047

/** Maximum number of requested fields, and maximum length of a name. */
#define MESSAGE_NAMES_MAX 16
#define MESSAGE_NAME_MAX 63

/** Requests all fields; no field has this name. */
#define MESSAGE_NAME_ALL "*"

/**
 * struct message_names - requested fields of a head, besides Host
 * @count: how many
 * @name: each name as requested; case does not matter (RFC 9110, 5.1). MESSAGE_NAME_ALL is all fields of the head
 */
struct message_names {
	unsigned int count;
	char name[MESSAGE_NAMES_MAX][MESSAGE_NAME_MAX + 1];
};

/** message_names_parse() - "NAME:NAME..."; Return: 0, or -EINVAL with the message in @err */
int message_names_parse(struct message_names *names, const char *text, struct err *err);

/**
 * struct message - the head of an application's message
 *
 * The texts are untrusted bytes of the peer, NUL-terminated and without NUL inside; "" is unknown.
 *
 * @kind: enum message_kind
 * @status: of an HTTP response, version of a MESSAGE_TLS_ANSWER, else 0
 * @method: of an HTTP request
 * @target: of an HTTP request, as in its first line (RFC 9112, 3.2); of a MESSAGE_TLS_ANSWER the chosen protocol
 * @host: the Host field of an HTTP request, or the server name of a TLS ClientHello
 * @fields: the requested fields, "Name: value\n" each as it was sent, in the order of arrival
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
 * struct message_values - the requested fields of a message
 * @value: by number of struct message_names; NULL: no such field. Several are joined by ", " (RFC 9110, 5.3); for
 *         MESSAGE_NAME_ALL the lines are joined by "\n"
 * @text: their memory: at most twice the length of the lines
 */
struct message_values {
	const char *value[MESSAGE_NAMES_MAX];
	char text[2 * (MESSAGE_FIELDS_MAX + 1)];
};

/** message_values() - find them in @message */
void message_values(const struct message *message, const struct message_names *names, struct message_values *values);

/** message_keep_field() - keep a field of the head that is one of @names, NULL none; truncated to fit */
void message_keep_field(struct message *message, const struct message_names *names, const char *line, size_t length);

/**
 * message_join() - join the pieces of a message
 * @message: all zero before the first one; the piece that begins a message drops the one before
 * @piece: the next piece of one source
 *
 * Return: true when @message is whole.
 */
bool message_join(struct message *message, const struct event_message *piece);

/** typedef message_emit - takes a piece; time and flow of the event are to be filled in */
typedef void message_emit(void *context, const struct event *event);

/** message_split() - split a message into pieces, in the order of message_join() */
void message_split(const struct message *message, message_emit *emit, void *context);

#endif
