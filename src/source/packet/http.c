// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/http.h"

#include <string.h>
#include <strings.h>

/*
 * The heads of HTTP/1.x messages in one direction; of the bodies only their end is found. A capture may begin in the
 * middle, lose segments and cut them, so the parser gives up readily. It starts again where the next message seems to
 * begin.
 */

enum http_state {
	HTTP_START,
	HTTP_FIELDS,
	HTTP_BODY,
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK,
	HTTP_CHUNK_END,
	HTTP_TRAILER,
	/** the body ends with the connection */
	HTTP_UNTIL_CLOSE,
	HTTP_LOST,
};

/* RFC 9112, 4: "HTTP/1.1 200 OK" */
#define VERSION "HTTP/1."
#define VERSION_LENGTH 7
#define STATUS_AT 9

static bool starts_with(struct span data, const char *word, size_t length)
{
	return data.length >= length && memcmp(data.data, word, length) == 0;
}

/* Methods are case-sensitive and all registered ones are upper case (RFC 9110, 9 and 16.1.1). */
bool http_begins(struct span data)
{
	size_t at = 0;

	while (at < data.length && at < MESSAGE_METHOD_MAX &&
	       ((data.data[at] >= 'A' && data.data[at] <= 'Z') || data.data[at] == '-' || data.data[at] == '_'))
		at++;
	if (at == 0)
		return false;
	/* Of either, only a beginning may have arrived. */
	return at == data.length || data.data[at] == ' ' ||
	       memcmp(data.data, VERSION, data.length < VERSION_LENGTH ? data.length : VERSION_LENGTH) == 0;
}

void http_init(struct http *http, const struct message_names *wanted)
{
	memset(http, 0, offsetof(struct http, line));
	http->wanted = wanted;
}

/* Text of a line, as far as it fits; a NUL byte is replaced, because it would end the text. */
static void copy(char *to, size_t room, const char *from, size_t length)
{
	if (length > room)
		length = room;
	for (size_t i = 0; i < length; i++)
		to[i] = from[i] != '\0' ? from[i] : '?';
	to[length] = '\0';
}

static bool start_response(struct http *http)
{
	const char *line = http->line;
	unsigned int status = 0;

	if (http->line_length < STATUS_AT + 3 || line[STATUS_AT - 1] != ' ')
		return false;
	for (int i = STATUS_AT; i < STATUS_AT + 3; i++) {
		if (line[i] < '0' || line[i] > '9')
			return false;
		status = status * 10 + (unsigned int)(line[i] - '0');
	}
	http->message.kind = MESSAGE_HTTP_RESPONSE;
	http->message.status = (uint16_t)status;
	return true;
}

/* method SP request-target SP HTTP-version; the target of careless clients may contain blanks. */
static bool start_request(struct http *http)
{
	const char *line = http->line, *end = line + http->line_length;
	const char *method_end = memchr(line, ' ', http->line_length);
	const char *version = end - (VERSION_LENGTH + 1);

	if (method_end == NULL || version - 1 <= method_end || version[-1] != ' ' ||
	    memcmp(version, VERSION, VERSION_LENGTH) != 0)
		return false;
	http->message.kind = MESSAGE_HTTP_REQUEST;
	copy(http->message.method, MESSAGE_METHOD_MAX, line, (size_t)(method_end - line));
	copy(http->message.target, MESSAGE_TARGET_MAX, method_end + 1, (size_t)(version - 1 - (method_end + 1)));
	return true;
}

static void start_line(struct http *http)
{
	struct span line = {(const uint8_t *)http->line, http->line_length};
	bool is_response = starts_with(line, VERSION, VERSION_LENGTH);

	/* RFC 9112, 2.2: an empty line before a request is ignored. */
	if (http->line_length == 0)
		return;
	http->state = (is_response ? start_response(http) : start_request(http)) ? HTTP_FIELDS : HTTP_LOST;
}

/* The value of the field called @name, or NULL. */
static const char *field_value(const struct http *http, const char *name, size_t *length)
{
	size_t name_length = strlen(name);
	const char *value = http->line + name_length + 1;
	const char *end = http->line + http->line_length;

	if (http->line_length <= name_length || http->line[name_length] != ':' ||
	    strncasecmp(http->line, name, name_length) != 0)
		return NULL;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*length = (size_t)(end - value);
	return value;
}

/* Digits of @base; false when there are none or too many. */
static bool parse_size(const char *text, size_t length, unsigned int base, uint64_t *size)
{
	uint64_t value = 0;
	size_t at = 0;

	for (; at < length; at++) {
		char c = text[at];
		unsigned int digit = c >= '0' && c <= '9'   ? (unsigned int)(c - '0')
				     : c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a') + 10
				     : c >= 'A' && c <= 'F' ? (unsigned int)(c - 'A') + 10
							    : base;

		if (digit >= base)
			break;
		if (value > UINT64_MAX / 32)
			return false;
		value = value * base + digit;
	}
	*size = value;
	return at > 0;
}

static void field_line(struct http *http)
{
	const char *value;
	size_t length;

	value = field_value(http, "host", &length);
	if (value != NULL && http->message.kind == MESSAGE_HTTP_REQUEST && http->message.host[0] == '\0')
		copy(http->message.host, MESSAGE_HOST_MAX, value, length);
	value = field_value(http, "content-length", &length);
	if (value != NULL)
		http->has_length = parse_size(value, length, 10, &http->left);
	value = field_value(http, "transfer-encoding", &length);
	/* RFC 9112, 6.1: chunked is the last coding. */
	if (value != NULL && length >= 7 && strncasecmp(value + length - 7, "chunked", 7) == 0)
		http->chunked = true;
	message_keep_field(&http->message, http->wanted, http->line, http->line_length);
}

/* Finds how the body is delimited (RFC 9112, 6.3). */
static enum http_state body_state(const struct http *http)
{
	unsigned int status = http->message.status;

	if (http->message.kind == MESSAGE_HTTP_REQUEST) {
		if (strcmp(http->message.method, "CONNECT") == 0)
			return HTTP_LOST;
	} else {
		if (status == 101)
			return HTTP_LOST;
		if (status < 200 || status == 204 || status == 304)
			return HTTP_START;
	}
	if (http->chunked)
		return HTTP_CHUNK_SIZE;
	if (http->has_length)
		return http->left > 0 ? HTTP_BODY : HTTP_START;
	return http->message.kind == MESSAGE_HTTP_REQUEST ? HTTP_START : HTTP_UNTIL_CLOSE;
}

static void begin_message(struct http *http)
{
	memset(&http->message, 0, sizeof(http->message));
	http->left = 0;
	http->chunked = http->has_length = http->body_begun = false;
	http->state = HTTP_START;
}

static void head_over(struct http *http, http_function *function, void *context)
{
	enum http_state next = body_state(http);

	function(context, &http->message);
	if (next == HTTP_START)
		begin_message(http);
	http->state = (uint8_t)next;
}

static void line_over(struct http *http, http_function *function, void *context)
{
	if (http->line_length > 0 && http->line[http->line_length - 1] == '\r')
		http->line_length--;
	switch ((enum http_state)http->state) {
	case HTTP_START:
		start_line(http);
		break;
	case HTTP_FIELDS:
		if (http->line_length == 0)
			head_over(http, function, context);
		else
			field_line(http);
		break;
	case HTTP_CHUNK_SIZE:
		if (!parse_size(http->line, http->line_length, 16, &http->left))
			http->state = HTTP_LOST;
		else
			http->state = http->left > 0 ? HTTP_CHUNK : HTTP_TRAILER;
		break;
	case HTTP_CHUNK_END:
		http->state = http->line_length == 0 ? HTTP_CHUNK_SIZE : HTTP_LOST;
		break;
	case HTTP_TRAILER:
		if (http->line_length == 0)
			begin_message(http);
		break;
	default:
		break;
	}
	http->line_length = 0;
}

/* Take a line, or the part of it that has arrived. */
static void feed_line(struct http *http, struct span *data, http_function *function, void *context)
{
	const uint8_t *end = memchr(data->data, '\n', data->length);
	size_t length = end != NULL ? (size_t)(end - data->data) : data->length;
	size_t room = (size_t)HTTP_LINE_MAX - http->line_length, kept = length < room ? length : room;

	/* A request line must be whole; of a field line (some cookies are long) the beginning is enough. */
	if (kept < length && http->state == HTTP_START) {
		http->state = HTTP_LOST;
		return;
	}
	memcpy(http->line + http->line_length, data->data, kept);
	http->line_length = (uint16_t)(http->line_length + kept);
	/* An early end allows an early restart. An empty line may precede the first. */
	if (http->state == HTTP_START && http->line_length > 0 && http->line[0] != '\r' &&
	    !http_begins((struct span){(const uint8_t *)http->line, http->line_length})) {
		http->state = HTTP_LOST;
		return;
	}
	(void)span_skip(data, length + (end != NULL));
	if (end != NULL)
		line_over(http, function, context);
}

/* Continue in a body. */
static void pass_body(struct http *http, uint64_t count)
{
	http->body_begun = true;
	http->left -= count;
	if (http->left > 0)
		return;
	if (http->state == HTTP_CHUNK)
		http->state = HTTP_CHUNK_END;
	else
		begin_message(http);
}

bool http_feed(struct http *http, struct span data, http_function *function, void *context)
{
	while (data.length > 0 && http->state != HTTP_LOST && http->state != HTTP_UNTIL_CLOSE) {
		bool in_body = http->state == HTTP_BODY || http->state == HTTP_CHUNK;

		/* The answer to HEAD announces a body and has none. */
		if (!http->body_begun && (http->state == HTTP_BODY || http->state == HTTP_CHUNK_SIZE) &&
		    http->line_length == 0 && http->message.kind == MESSAGE_HTTP_RESPONSE &&
		    starts_with(data, VERSION, VERSION_LENGTH)) {
			begin_message(http);
		} else if (in_body) {
			uint64_t count = data.length < http->left ? data.length : http->left;

			pass_body(http, count);
			(void)span_skip(&data, (size_t)count);
		} else {
			feed_line(http, &data, function, context);
		}
	}
	return http->state != HTTP_LOST;
}

bool http_passes(const struct http *http, uint32_t count)
{
	if (http->state == HTTP_BODY || http->state == HTTP_CHUNK)
		return count <= http->left;
	return http->state == HTTP_UNTIL_CLOSE || count == 0;
}

bool http_skip(struct http *http, uint32_t count, http_function *function, void *context)
{
	if (http_passes(http, count)) {
		if (http->state == HTTP_BODY || http->state == HTTP_CHUNK)
			pass_body(http, count);
		return http->state != HTTP_LOST;
	}
	if (http->state == HTTP_FIELDS)
		function(context, &http->message);
	http->state = HTTP_LOST;
	return false;
}
