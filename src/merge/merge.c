// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/merge.h"

#include <stdlib.h>

#include "base/xalloc.h"

/* Far more than comes between two looks; a source that is faster waits in its own store. */
#define STREAM_LIMIT (1 << 18)

struct merge {
	struct queue *streams[MERGE_STREAMS];
	unsigned int count;
};

struct merge *merge_new(void)
{
	return xcalloc(1, sizeof(struct merge));
}

void merge_free(struct merge *merge)
{
	if (merge == NULL)
		return;
	for (unsigned int i = 0; i < merge->count; i++)
		queue_free(merge->streams[i]);
	free(merge);
}

struct queue *merge_stream(struct merge *merge)
{
	if (merge->count == MERGE_STREAMS)
		abort(); /* a source was added without raising MERGE_STREAMS */
	merge->streams[merge->count] = queue_new(sizeof(struct event), STREAM_LIMIT);
	return merge->streams[merge->count++];
}

bool merge_is_empty(struct merge *merge)
{
	for (unsigned int i = 0; i < merge->count; i++)
		if (queue_peek(merge->streams[i]) != NULL)
			return false;
	return true;
}

bool merge_next(struct merge *merge, int64_t until_ns, struct event *event)
{
	struct queue *oldest = NULL;
	int64_t oldest_ns = until_ns;

	for (unsigned int i = 0; i < merge->count; i++) {
		const struct event *head = queue_peek(merge->streams[i]);

		if (head != NULL && (head->time_ns < oldest_ns || (oldest == NULL && head->time_ns == until_ns))) {
			oldest = merge->streams[i];
			oldest_ns = head->time_ns;
		}
	}
	return oldest != NULL && queue_pop(oldest, event);
}
