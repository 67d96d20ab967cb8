// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as one direction of HTTP/1.x, whole and in pieces: what a request
 * says must not depend on where its segments end. The first byte says how long
 * the pieces are, and whether some of them were not captured.
 */
#include <stdlib.h>
#include <string.h>

#include "source/packet/http.h"

#define NOT_CAPTURED 0x80
#define PIECE 0x3f

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fields that inputs are likely to have. */
static const struct message_names wanted = {4, {"User-Agent", "Content-Length", "X", "*"}};

/* A sum of all that was reported; and whether a response was among it. */
struct reported {
	uint64_t sum;
	unsigned int count;
	bool response;
};

static void add(struct reported *reported, const char *text, size_t longest)
{
	if (strlen(text) > longest)
		abort();
	for (; *text != '\0'; text++)
		reported->sum = (reported->sum ^ (uint8_t)*text) * 1099511628211u;
	reported->sum = (reported->sum ^ 0x100) * 1099511628211u;
}

static void on_message(void *context, const struct message *message)
{
	struct reported *reported = context;
	struct message_values values;

	if (message->kind == MESSAGE_HTTP_RESPONSE ? message->status > 999 : message->status != 0)
		abort();
	reported->response |= message->kind == MESSAGE_HTTP_RESPONSE;
	reported->count++;
	add(reported, message->method, MESSAGE_METHOD_MAX);
	add(reported, message->target, MESSAGE_TARGET_MAX);
	add(reported, message->host, MESSAGE_HOST_MAX);
	add(reported, message->fields, MESSAGE_FIELDS_MAX);
	message_values(message, &wanted, &values);
	for (unsigned int i = 0; i < wanted.count; i++)
		add(reported, values.value[i] != NULL ? values.value[i] : "", strlen(message->fields));
}

/* Return: as http_feed() of the last piece. */
static bool feed(struct http *http, struct reported *reported, struct span data, size_t piece, bool leave_out)
{
	bool goes_on = true;
	size_t number = 0;

	http_init(http, &wanted);
	while (data.length > 0 && goes_on) {
		size_t length = data.length < piece ? data.length : piece;
		uint8_t *copy = malloc(length);
		bool skipped = leave_out && ++number % 4 == 0;

		/* Of exactly this size, so that a sanitizer sees one byte too far. */
		memcpy(copy, data.data, length);
		goes_on = skipped ? http_skip(http, (uint32_t)length, on_message, reported)
				  : http_feed(http, (struct span){copy, length}, on_message, reported);
		free(copy);
		span_skip(&data, length);
	}
	return goes_on;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http http;
	struct reported whole = {0}, pieces = {0};
	struct span rest = {data + 1, size - 1};
	bool goes_on;

	if (size < 2)
		return 0;
	goes_on = feed(&http, &whole, rest, rest.length, false);
	if (feed(&http, &pieces, rest, 1 + (data[0] & PIECE), data[0] & NOT_CAPTURED) == goes_on &&
	    pieces.count == whole.count && pieces.sum == whole.sum)
		return 0;
	/* Where a segment of answers begins tells a body from the head that follows an answer to HEAD. */
	if (!(data[0] & NOT_CAPTURED) && !whole.response && !pieces.response)
		abort();
	return 0;
}
