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
 * Each stream is in order already, so only their heads are compared: two to
 * five of them.
 */
struct merge;

/** merge_new() - without streams */
struct merge *merge_new(void);

/** merge_free() - free it, its queues and what is in them; NULL is fine */
void merge_free(struct merge *merge);

/** merge_stream() - a queue for one more source, owned by the merge; at most MERGE_STREAMS */
struct queue *merge_stream(struct merge *merge);

/**
 * merge_await() - the order must not depend on which source is read first
 * @merge: the streams
 * @stream: from merge_stream()
 * @is_awaited: while it is empty merge_run() gives nothing of the others; false again when it has ended
 *
 * For files: their events have no hold time, and each can be read until it has one.
 */
void merge_await(struct merge *merge, const struct queue *stream, bool is_awaited);

/** merge_await_none() - nothing more is waited for: what is there is given */
void merge_await_none(struct merge *merge);

/** Most streams a merge takes. */
#define MERGE_STREAMS 8

/** Longest run of events that merge_run() gives at once. */
#define MERGE_RUN 128

/**
 * merge_run() - the oldest events of all streams
 * @merge: the streams
 * @until_ns: an event of a later time stays, because another source may still bring an older one
 * @count: set to how many there are one after the other, up to MERGE_RUN
 *
 * Return: the first of them, or NULL when there is none of that age. They are the caller's to change until
 * merge_drop() or the next merge_run().
 */
struct event *merge_run(struct merge *merge, int64_t until_ns, size_t *count);

/** merge_drop() - the first @count events of the last merge_run() have been dealt with */
void merge_drop(struct merge *merge, size_t count);

/** merge_clear() - forget all that waits */
void merge_clear(struct merge *merge);

/** merge_is_empty() - does no event wait in any stream? */
bool merge_is_empty(struct merge *merge);

#endif
