/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_PENDING_MESSAGES_H
#define CONNTRACE_TRACK_PENDING_MESSAGES_H

#include <stdint.h>

#include "model/message.h"

/* Messages on a connection that came before its owner is known: the first request may pass before accept(2) returns. */

/** struct pending_messages - messages of one connection that wait, in the order they came */
struct pending_messages;

/** struct pending_message - one of them */
struct pending_message;

/**
 * struct pending_limit - all messages that wait in a run; all zero at first
 * @oldest: the one that is dropped when there are too many, NULL none
 * @newest: the one that came last
 * @count: how many there are
 */
struct pending_limit {
	struct pending_message *oldest, *newest;
	unsigned int count;
};

/** typedef pending_messages_function - receives a message that has waited */
typedef void pending_messages_function(void *context, const struct message *message, int64_t time_ns);

/**
 * pending_messages_add() - add a message; with too many the oldest of all is dropped and counted
 * @pending_messages: those of the connection, NULL for none so far
 * @limit: of the run
 *
 * Return: the new @pending_messages, to be freed by pending_messages_report() or pending_messages_free().
 */
struct pending_messages *pending_messages_add(struct pending_messages *pending_messages, struct pending_limit *limit,
					      const struct message *message, int64_t time_ns);

/** pending_messages_report() - pass each to @function, and free them all; Return: how many were dropped */
uint64_t pending_messages_report(struct pending_messages *pending_messages, pending_messages_function *function,
				 void *context);

/** pending_messages_free() - NULL is fine */
void pending_messages_free(struct pending_messages *pending_messages);

#endif
