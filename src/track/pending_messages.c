// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/pending_messages.h"

#include <stdlib.h>

#include "base/xalloc.h"

/* Maximum that waits, 3 KiB each. Messages of other programs are never claimed, so the oldest are dropped. */
#define MOST 4096

struct pending_message {
	struct pending_message *next; /* of the same connection */
	struct pending_message *older, *newer;
	struct pending_messages *connection;
	int64_t time_ns;
	struct message message;
};

struct pending_messages {
	struct pending_limit *limit;
	struct pending_message *first, **end;
	uint64_t forgotten;
};

/* The oldest message is the first of its connection, because both lists have the same order. */
static void forget_first(struct pending_messages *pending_messages)
{
	struct pending_message *first = pending_messages->first;
	struct pending_limit *limit = pending_messages->limit;

	pending_messages->first = first->next;
	if (pending_messages->first == NULL)
		pending_messages->end = &pending_messages->first;
	if (first->older != NULL)
		first->older->newer = first->newer;
	else
		limit->oldest = first->newer;
	if (first->newer != NULL)
		first->newer->older = first->older;
	else
		limit->newest = first->older;
	limit->count--;
	free(first);
}

struct pending_messages *pending_messages_add(struct pending_messages *pending_messages, struct pending_limit *limit,
					      const struct message *message, int64_t time_ns)
{
	struct pending_message *added = xmalloc(sizeof(*added));

	if (pending_messages == NULL) {
		pending_messages = xcalloc(1, sizeof(*pending_messages));
		pending_messages->limit = limit;
		pending_messages->end = &pending_messages->first;
	}
	*added = (struct pending_message){
		.older = limit->newest, .connection = pending_messages, .time_ns = time_ns, .message = *message};
	*pending_messages->end = added;
	pending_messages->end = &added->next;
	if (limit->newest != NULL)
		limit->newest->newer = added;
	else
		limit->oldest = added;
	limit->newest = added;
	if (++limit->count > MOST) {
		limit->oldest->connection->forgotten++;
		forget_first(limit->oldest->connection);
	}
	return pending_messages;
}

uint64_t pending_messages_report(struct pending_messages *pending_messages, pending_messages_function *function,
				 void *context)
{
	uint64_t forgotten;

	/* @function may add messages to another list, which removes the oldest of all. */
	while (pending_messages->first != NULL) {
		struct message message = pending_messages->first->message;
		int64_t time_ns = pending_messages->first->time_ns;

		forget_first(pending_messages);
		function(context, &message, time_ns);
	}
	forgotten = pending_messages->forgotten;
	pending_messages_free(pending_messages);
	return forgotten;
}

void pending_messages_free(struct pending_messages *pending_messages)
{
	while (pending_messages != NULL && pending_messages->first != NULL)
		forget_first(pending_messages);
	free(pending_messages);
}
