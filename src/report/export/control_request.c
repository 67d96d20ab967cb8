// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/export/control_request.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/table.h"

static const char *const formats[] = {
	[CONTROL_JSON] = "json",
	[CONTROL_TEXT] = "text",
	[CONTROL_GMETRIC] = "gmetric",
	[CONTROL_OPENMETRICS] = "openmetrics",
};

TABLE_COVERS(formats, CONTROL_FORMAT_NUM);

/* Take the bytes up to @end and move @span behind it. Return: false when there is no @end. */
static bool take_until(struct span *span, uint8_t end, struct span *taken)
{
	const uint8_t *at = span->length > 0 ? memchr(span->data, end, span->length) : NULL;

	return at != NULL && span_take(span, (size_t)(at - span->data), taken) && span_skip(span, 1);
}

/* The next word, up to a blank or the end. Return: true when another one follows. */
static bool take_word(struct span *span, struct span *word)
{
	if (take_until(span, ' ', word))
		return true;
	return !span_take(span, span->length, word);
}

static bool is_word(const struct span *span, const char *word)
{
	return span->length == strlen(word) && memcmp(span->data, word, span->length) == 0;
}

static int parse_format(const struct span *word, enum control_format *format)
{
	for (unsigned int i = 0; i < CONTROL_FORMAT_NUM; i++) {
		if (is_word(word, formats[i])) {
			*format = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_client(struct span word, char client[CONTROL_CLIENT_MAX + 1])
{
	uint8_t byte;
	size_t length = 0;

	if (word.length == 0 || word.length > CONTROL_CLIENT_MAX)
		return -EINVAL;
	while (span_take_u8(&word, &byte)) {
		if (byte >= 0x80 || (!isalnum(byte) && strchr("_-.", byte) == NULL) || byte == '\0')
			return -EINVAL;
		client[length++] = (char)byte;
	}
	client[length] = '\0';
	return 0;
}

int control_request_parse(struct span line, struct control_request *request)
{
	struct control_request parsed = {.format = CONTROL_JSON};
	struct span word;
	bool more = take_word(&line, &word);

	parsed.refresh = is_word(&word, "REFRESH");
	if (!parsed.refresh && !is_word(&word, "GET"))
		return -EINVAL;
	if (more) {
		more = take_word(&line, &word);
		if (parse_format(&word, &parsed.format) != 0)
			return -EINVAL;
	}
	if (more && (!parsed.refresh || parse_client(line, parsed.client) != 0))
		return -EINVAL;
	/* A counter of Prometheus may not restart with each request. */
	if (parsed.refresh && parsed.format == CONTROL_OPENMETRICS)
		return -EINVAL;
	*request = parsed;
	return 0;
}

bool control_request_end(struct span bytes, struct span *line)
{
	if (!take_until(&bytes, '\n', line))
		return false;
	if (line->length > 0 && line->data[line->length - 1] == '\r')
		line->length--;
	return true;
}
