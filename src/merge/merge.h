/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MERGE_MERGE_H
#define CONNTRACE_MERGE_MERGE_H

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

/** Most streams a merge takes. */
#define MERGE_STREAMS 8

/**
 * merge_next() - the oldest event of all streams
 * @merge: the streams
 * @until_ns: an event of a later time stays, because another source may still bring an older one
 * @event: set on success
 *
 * Return: false when there is none of that age.
 */
bool merge_next(struct merge *merge, int64_t until_ns, struct event *event);

/** merge_is_empty() - does no event wait in any stream? */
bool merge_is_empty(struct merge *merge);

#endif
