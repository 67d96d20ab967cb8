/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_QUEUE_H
#define CONNTRACE_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct queue - values from one thread to one other, without a lock
 *
 * A list of blocks that grows: the writer never waits for the reader, so a reader whose output is stuck in a pipe
 * cannot stop a traced program. Values beyond the limit of the queue are refused and counted.
 */
struct queue;

/** queue_new() - a queue of values of @size bytes, at most @limit of them */
struct queue *queue_new(size_t size, size_t limit);

/** queue_free() - free it with its values; both threads must have finished; NULL is fine */
void queue_free(struct queue *queue);

/** queue_push() - append a copy of @value; writer only. Return: false when it was refused */
bool queue_push(struct queue *queue, const void *value);

/**
 * queue_reserve() - room for the next value, to write it without a copy; writer only
 *
 * Return: room for one value, which queue_commit() makes one of the queue, or NULL when it is full.
 */
void *queue_reserve(struct queue *queue);

/** queue_room() - how many values can be appended before one is refused; writer only */
size_t queue_room(const struct queue *queue);

/** queue_commit() - append the value that was written at queue_reserve(); writer only */
void queue_commit(struct queue *queue);

/** queue_pop() - take the oldest into @value; reader only. Return: false when empty */
bool queue_pop(struct queue *queue, void *value);

/** queue_peek() - the oldest, still in the queue until queue_pop(); reader only; NULL when empty */
const void *queue_peek(struct queue *queue);

/**
 * queue_peek_all() - the oldest values, still in the queue until queue_drop(); reader only, who may change them
 * @queue: the queue
 * @count: set to the number of contiguous values; there may be more after them
 *
 * Return: the oldest one, or NULL when the queue is empty.
 */
void *queue_peek_all(struct queue *queue, size_t *count);

/** queue_drop() - remove the @count oldest values; at most as many as queue_peek_all() returned */
void queue_drop(struct queue *queue, size_t count);

/** queue_pushed() - number of values pushed so far; any thread, the writer may be adding one */
size_t queue_pushed(const struct queue *queue);

/** queue_refused() - number of values refused so far; any thread */
uint64_t queue_refused(const struct queue *queue);

#endif
