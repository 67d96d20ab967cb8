/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_STREAM_H
#define CONNTRACE_SOURCE_PACKET_STREAM_H

#include "base/span.h"
#include "model/event.h"
#include "model/message.h"

/**
 * struct stream - directions that speak HTTP/1.x or TLS
 *
 * What these say at the head of their messages is read from the payload in
 * order, from the first segment on that looks like the beginning of a message,
 * or is the first of its direction.
 */
struct stream;

/**
 * stream_new() - an empty, bounded table; asks for random numbers, so not under confine()
 * @wanted: fields that messages shall have, NULL for none; must outlive the table
 *
 * Return: to be freed with stream_free().
 */
struct stream *stream_new(const struct message_names *wanted);

/** stream_free() - NULL is fine */
void stream_free(struct stream *stream);

/**
 * struct stream_speaker - whose message it is
 * @local: who sent it
 * @remote: to whom
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
 * @event: the EVENT_SEGMENT; those without payload are of interest only with SYN, FIN or RST
 * @payload: what was captured of its payload
 * @function: called with @context for each message whose head is over
 * @context: passed on
 *
 * Segments that come again are left out, and those that come before their turn
 * are held, a few of each direction; after a lost one reading goes on where the
 * next message seems to begin.
 */
void stream_feed(struct stream *stream, const struct event *event, struct span payload, stream_function *function,
		 void *context);

/** stream_finish() - nothing more will come: what is held for something that is missing is read without that */
void stream_finish(struct stream *stream, stream_function *function, void *context);

#endif
