/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_MERGE_H
#define CONNTRACE_SOURCE_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/queue.h"
#include "model/event.h"

/**
 * struct merge - puts the sources' streams into one order
 *
 * Each stream is in order already, so only their heads are compared: two to five of them.
 */
struct merge;

/** merge_new() - without streams */
struct merge *merge_new(void);

/** merge_free() - free it and its queues with their events; NULL is allowed */
void merge_free(struct merge *merge);

/** merge_stream() - a queue for one more source, owned by the merge; at most MERGE_STREAMS */
struct queue *merge_stream(struct merge *merge);

/**
 * merge_await() - make the order independent of which source is read first
 * @merge: the streams
 * @stream: from merge_stream()
 * @is_awaited: while it is empty merge_run() gives no events of the others; false again when it has ended
 *
 * For files: their events have no hold time, and each can be read until it has one.
 */
void merge_await(struct merge *merge, const struct queue *stream, bool is_awaited);

/** merge_await_none() - no stream is awaited any more: the present events are given */
void merge_await_none(struct merge *merge);

/** Maximum number of streams. */
#define MERGE_STREAMS 8

/** Longest run of events that merge_run() gives at once. */
#define MERGE_RUN 128

/**
 * merge_run() - the oldest events of all streams
 * @merge: the streams
 * @until_ns: an event of a later time stays, because another source may still bring an older one
 * @count: set to the length of the run, up to MERGE_RUN
 *
 * Return: the first of them, or NULL when there is none of that age. The caller may change them until merge_drop() or
 * the next merge_run().
 */
struct event *merge_run(struct merge *merge, int64_t until_ns, size_t *count);

/** merge_drop() - the first @count events of the last merge_run() have been processed */
void merge_drop(struct merge *merge, size_t count);

/** merge_clear() - drop all waiting events */
void merge_clear(struct merge *merge);

/** merge_is_empty() - whether no event waits in any stream */
bool merge_is_empty(struct merge *merge);

#endif
