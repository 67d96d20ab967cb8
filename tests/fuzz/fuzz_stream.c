// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any payload, in any segments: each begins with four bytes: which of four
 * directions it is of and its flags, how far its sequence number is from the
 * last, how long it is, and how much of it was not captured.
 */
#include <stdlib.h>
#include <string.h>

#include "source/packet/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fields that inputs are likely to have. */
static const struct message_names wanted = {3, {"User-Agent", "Content-Length", "X"}};

struct count {
	unsigned int begun;
	unsigned int ended;
	struct message joined;
	const struct message *reported;
};

static void on_piece(void *context, const struct event *event)
{
	struct count *count = context;

	count->begun += event->message.first;
	if (event->message.length > EVENT_MESSAGE_TEXT)
		abort();
	if (!message_join(&count->joined, &event->message))
		return;
	count->ended++;
	if (strcmp(count->joined.target, count->reported->target) != 0 ||
	    strcmp(count->joined.host, count->reported->host) != 0 ||
	    strcmp(count->joined.fields, count->reported->fields) != 0)
		abort();
}

static void on_message(void *context, const struct stream_speaker *speaker, const struct message *message)
{
	struct count *count = context;

	if (speaker->local.port == 0 || speaker->time_ns != 1)
		abort();

	if (message->kind >= MESSAGE_KIND_NUM ||
	    (message->kind != MESSAGE_HTTP_RESPONSE && message->kind != MESSAGE_TLS_ANSWER && message->status != 0))
		abort();
	if (strlen(message->method) > MESSAGE_METHOD_MAX || strlen(message->target) > MESSAGE_TARGET_MAX ||
	    strlen(message->host) > MESSAGE_HOST_MAX || strlen(message->fields) > MESSAGE_FIELDS_MAX)
		abort();
	count->reported = message;
	message_split(message, on_piece, count);
	if (count->begun != count->ended)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stream *stream;
	static struct count count;
	struct event event = event_new(EVENT_SEGMENT, ORIGIN_WIRE, 1);
	uint32_t seq[4] = {0, 1, UINT32_MAX - 3, 1U << 31};

	/* Made once: it is large. */
	if (stream == NULL)
		stream = stream_new(&wanted);
	memset(&count, 0, sizeof(count));
	while (size >= 4) {
		unsigned int which = data[0] & 3;
		size_t length = data[2];

		data += 4;
		size -= 4;
		event.flow.local.port = (uint16_t)(which + 1);
		event.segment.flags = data[-4] >> 2;
		event.segment.seq = seq[which] + (uint32_t)(int8_t)data[-3];
		if (length > size)
			length = size;
		event.segment.payload = (uint32_t)length + data[-1] * 8u;
		stream_feed(stream, &event, (struct span){data, length}, on_message, &count);
		seq[which] = event.segment.seq + event.segment.payload;
		data += length;
		size -= length;
	}
	/* It forgets all directions. */
	stream_finish(stream, on_message, &count);
	return 0;
}
