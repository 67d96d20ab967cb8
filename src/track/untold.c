// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/untold.h"

#include <stdlib.h>

#include "base/xalloc.h"

/* More than passes on a connection until a call, or a look, claims it. */
#define OF_ONE_MOST 256

/* Of connections that are nobody's they wait in vain: some megabytes of all. */
#define OF_ALL_MOST 8192

struct waiting {
	struct waiting *next;
	int64_t time_ns;
	struct message message;
};

struct untold {
	struct untold_limit *limit;
	struct waiting *first, **end;
	unsigned int count;
	uint64_t refused;
};

struct untold *untold_add(struct untold *untold, struct untold_limit *limit, const struct message *message,
			  int64_t time_ns)
{
	struct waiting *waiting;

	if (untold == NULL) {
		untold = xcalloc(1, sizeof(*untold));
		untold->limit = limit;
		untold->end = &untold->first;
	}
	if (untold->count == OF_ONE_MOST || limit->count == OF_ALL_MOST) {
		untold->refused++;
		return untold;
	}
	waiting = xmalloc(sizeof(*waiting));
	*waiting = (struct waiting){.time_ns = time_ns, .message = *message};
	*untold->end = waiting;
	untold->end = &waiting->next;
	untold->count++;
	limit->count++;
	return untold;
}

uint64_t untold_tell(struct untold *untold, untold_function *function, void *context)
{
	uint64_t refused = untold->refused;

	for (const struct waiting *waiting = untold->first; waiting != NULL; waiting = waiting->next)
		function(context, &waiting->message, waiting->time_ns);
	untold_free(untold);
	return refused;
}

void untold_free(struct untold *untold)
{
	if (untold == NULL)
		return;
	for (struct waiting *waiting = untold->first, *next; waiting != NULL; waiting = next) {
		next = waiting->next;
		free(waiting);
	}
	untold->limit->count -= untold->count;
	free(untold);
}
