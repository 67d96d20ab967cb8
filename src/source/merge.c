// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"

/* Far more than arrives between two reads; a faster source waits in its own store. */
#define STREAM_LIMIT (1 << 18)

struct merge {
	struct queue *streams[MERGE_STREAMS];
	bool awaited[MERGE_STREAMS];
	unsigned int count;
	struct queue *run_stream; /* the queue of the last run */
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

void merge_await(struct merge *merge, const struct queue *stream, bool is_awaited)
{
	for (unsigned int i = 0; i < merge->count; i++)
		if (merge->streams[i] == stream)
			merge->awaited[i] = is_awaited;
}

void merge_await_none(struct merge *merge)
{
	memset(merge->awaited, 0, sizeof(merge->awaited));
}

bool merge_is_empty(struct merge *merge)
{
	for (unsigned int i = 0; i < merge->count; i++)
		if (queue_peek(merge->streams[i]) != NULL)
			return false;
	return true;
}

/* Return: the stream with the oldest event up to @until_ns, the first of equals; @until_ns becomes the limit for it. */
static struct queue *oldest_stream(const struct merge *merge, int64_t *until_ns)
{
	struct queue *oldest = NULL;
	int64_t oldest_ns = 0, limit_ns = *until_ns;

	for (unsigned int i = 0; i < merge->count; i++) {
		const struct event *head = queue_peek(merge->streams[i]);

		if (head == NULL && merge->awaited[i])
			return NULL;
		if (head == NULL || head->time_ns > *until_ns)
			continue;
		if (oldest == NULL || head->time_ns < oldest_ns) {
			/* A stream before it goes first where times are equal. */
			if (oldest != NULL)
				limit_ns = clock_sooner(limit_ns, clock_after(oldest_ns, -1));
			oldest = merge->streams[i];
			oldest_ns = head->time_ns;
		} else if (head->time_ns < limit_ns) {
			limit_ns = head->time_ns;
		}
	}
	*until_ns = limit_ns;
	return oldest;
}

struct event *merge_run(struct merge *merge, int64_t until_ns, size_t *count)
{
	struct event *events;
	size_t room, run = 1;

	merge->run_stream = oldest_stream(merge, &until_ns);
	if (merge->run_stream == NULL)
		return NULL;
	events = queue_peek_all(merge->run_stream, &room);
	while (run < room && run < MERGE_RUN && events[run].time_ns <= until_ns)
		run++;
	*count = run;
	return events;
}

void merge_drop(struct merge *merge, size_t count)
{
	queue_drop(merge->run_stream, count);
}

void merge_clear(struct merge *merge)
{
	size_t count;

	while (merge_run(merge, INT64_MAX, &count) != NULL)
		merge_drop(merge, count);
}
