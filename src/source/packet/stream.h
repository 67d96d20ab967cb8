/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_STREAM_H
#define CONNTRACE_SOURCE_PACKET_STREAM_H

#include "base/span.h"
#include "model/event.h"
#include "model/message.h"

/**
 * struct stream - directions that carry HTTP/1.x or TLS
 *
 * The heads of their messages are read from the payload in order, from the first segment on that may begin a message,
 * or is the first of its direction.
 */
struct stream;

/**
 * stream_new() - an empty, bounded table; reads random numbers, so not under confine()
 * @wanted: fields that messages shall have, NULL for none; must outlive the table
 *
 * Return: to be freed with stream_free().
 */
struct stream *stream_new(const struct message_names *wanted);

/** stream_free() - free it; NULL is allowed */
void stream_free(struct stream *stream);

/**
 * struct stream_speaker - the direction of a message
 * @local: its sender
 * @remote: its receiver
 * @time_ns: when the segment passed that ended its head
 */
struct stream_speaker {
	struct endpoint local;
	struct endpoint remote;
	int64_t time_ns;
};

/** typedef stream_function - gets a message; both are valid during the call */
typedef void stream_function(void *context, const struct stream_speaker *speaker, const struct message *message);

/**
 * stream_feed() - a segment was seen
 * @stream: the table
 * @event: the EVENT_SEGMENT; those without payload matter only with SYN, FIN or RST
 * @payload: the captured part of its payload
 * @function: called with @context for each message whose head is complete
 * @context: passed on
 *
 * Retransmitted segments are left out, and those out of order are held, a few of each direction; after a lost one
 * reading continues where the next message seems to begin.
 */
void stream_feed(struct stream *stream, const struct event *event, struct span payload, stream_function *function,
		 void *context);

/** stream_finish() - no more segments come: held ones are read without the missing ones */
void stream_finish(struct stream *stream, stream_function *function, void *context);

#endif
