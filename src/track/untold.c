// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/untold.h"

#include <stdlib.h>

#include "base/xalloc.h"

/* Of all connections; those of other programs wait in vain, so the oldest make room. Some 3 KiB each. */
#define MOST 4096

struct untold_message {
	struct untold_message *next; /* of the same connection */
	struct untold_message *older, *newer;
	struct untold *connection;
	int64_t time_ns;
	struct message message;
};

struct untold {
	struct untold_limit *limit;
	struct untold_message *first, **end;
	uint64_t forgotten;
};

/* It is the first of its connection: they come and go in one order. */
static void forget_first(struct untold *untold)
{
	struct untold_message *first = untold->first;
	struct untold_limit *limit = untold->limit;

	untold->first = first->next;
	if (untold->first == NULL)
		untold->end = &untold->first;
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

struct untold *untold_add(struct untold *untold, struct untold_limit *limit, const struct message *message,
			  int64_t time_ns)
{
	struct untold_message *added = xmalloc(sizeof(*added));

	if (untold == NULL) {
		untold = xcalloc(1, sizeof(*untold));
		untold->limit = limit;
		untold->end = &untold->first;
	}
	*added = (struct untold_message){
		.older = limit->newest, .connection = untold, .time_ns = time_ns, .message = *message};
	*untold->end = added;
	untold->end = &added->next;
	if (limit->newest != NULL)
		limit->newest->newer = added;
	else
		limit->oldest = added;
	limit->newest = added;
	if (++limit->count > MOST) {
		limit->oldest->connection->forgotten++;
		forget_first(limit->oldest->connection);
	}
	return untold;
}

uint64_t untold_tell(struct untold *untold, untold_function *function, void *context)
{
	uint64_t forgotten = untold->forgotten;

	for (const struct untold_message *told = untold->first; told != NULL; told = told->next)
		function(context, &told->message, told->time_ns);
	untold_free(untold);
	return forgotten;
}

void untold_free(struct untold *untold)
{
	while (untold != NULL && untold->first != NULL)
		forget_first(untold);
	free(untold);
}
