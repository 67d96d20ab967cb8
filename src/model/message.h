/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_MESSAGE_H
#define CONNTRACE_MODEL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/event.h"

/** Longest part of a message that is kept; what is longer is cut here. */
#define MESSAGE_TARGET_MAX 1024
#define MESSAGE_HOST_MAX 255
#define MESSAGE_METHOD_MAX 31

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
 */
struct message {
	uint8_t kind;
	uint16_t status;
	char method[MESSAGE_METHOD_MAX + 1];
	char target[MESSAGE_TARGET_MAX + 1];
	char host[MESSAGE_HOST_MAX + 1];
};

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
