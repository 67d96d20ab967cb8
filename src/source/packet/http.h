/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_HTTP_H
#define CONNTRACE_SOURCE_PACKET_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "model/message.h"

/** Longest line that is parsed (servers refuse longer ones, too). */
#define HTTP_LINE_MAX 8192

/**
 * struct http - parser state of one direction of an HTTP/1.x connection (RFC 9112)
 *
 * @left: bytes of the body, or of the chunk, still to come
 * @line_length: received bytes of the current line
 * @state: enum http_state in http.c
 * @chunked: the body comes in chunks
 * @has_length: Content-Length was given
 * @body_begun: a byte of the body has arrived
 * @message: what is known from the head
 * @wanted: fields that go into it, NULL for none
 * @line: the current line
 */
struct http {
	uint64_t left;
	uint16_t line_length;
	uint8_t state;
	bool chunked;
	bool has_length;
	bool body_begun;
	struct message message;
	const struct message_names *wanted;
	char line[HTTP_LINE_MAX];
};

/** typedef http_function - gets each message when its head is complete */
typedef void http_function(void *context, const struct message *message);

/** http_begins() - whether a message may begin with these bytes; only a few of them are read */
bool http_begins(struct span data);

/** http_init() - at the beginning of a message; @wanted lists the wanted fields and outlives @http, NULL for none */
void http_init(struct http *http, const struct message_names *wanted);

/**
 * http_feed() - the next bytes of the direction
 * @http: the state
 * @data: any number of them
 * @function: called with @context for each complete head
 * @context: passed on
 *
 * A head that is cut by http_skip() is reported with what is known of it, once its first line is.
 *
 * Return: false when this is not HTTP/1.x, or no longer: what follows can't be parsed.
 */
bool http_feed(struct http *http, struct span data, http_function *function, void *context);

/** http_passes() - whether the loss of the next @count bytes would change nothing */
bool http_passes(const struct http *http, uint32_t count);

/** http_skip() - @count bytes were not captured; returns as http_feed() */
bool http_skip(struct http *http, uint32_t count, http_function *function, void *context);

#endif
