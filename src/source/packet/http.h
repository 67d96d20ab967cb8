/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_HTTP_H
#define CONNTRACE_SOURCE_PACKET_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "model/message.h"

/** Longest line that is understood (servers refuse longer ones, too). */
#define HTTP_LINE_MAX 8192

/**
 * struct http - where one direction of an HTTP/1.x connection stands (RFC 9112)
 *
 * @left: bytes of the body, or of the chunk, still to come
 * @line_length: how much of the line at hand has come
 * @state: enum http_state in http.c
 * @chunked: the body comes in chunks
 * @has_length: Content-Length was given
 * @body_begun: a byte of the body has come
 * @message: what the head said so far
 * @wanted: fields that go into it, NULL for none
 * @line: the line at hand
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

/** typedef http_function - gets each message when its head is over */
typedef void http_function(void *context, const struct message *message);

/** http_begins() - may a message begin with these bytes? Few of them are looked at */
bool http_begins(struct span data);

/** http_init() - at the beginning of a message; @wanted, which outlives @http, is which fields are, NULL for none */
void http_init(struct http *http, const struct message_names *wanted);

/**
 * http_feed() - the next bytes of the direction
 * @http: the state
 * @data: as many as there are
 * @function: called with @context for each head that is over
 * @context: passed on
 *
 * A head that is cut by http_skip() is told with what is known of it, once
 * its first line is.
 *
 * Return: false when this is no HTTP/1.x, or no more: nothing can be made of
 * what follows.
 */
bool http_feed(struct http *http, struct span data, http_function *function, void *context);

/** http_passes() - would the loss of the next @count bytes change nothing? */
bool http_passes(const struct http *http, uint32_t count);

/** http_skip() - @count bytes were not captured; returns as http_feed() */
bool http_skip(struct http *http, uint32_t count, http_function *function, void *context);

#endif
