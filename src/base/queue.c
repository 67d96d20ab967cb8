// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/queue.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/*
 * Only `next` and `filled` of a block are shared: the writer publishes a value by raising `filled` (release), the
 * reader loads it with acquire. A block is freed by the reader once the writer has linked the next one, because from
 * then on the writer never touches it again.
 */
#define BLOCK_VALUES 256

struct block {
	_Atomic(struct block *) next;
	atomic_size_t filled;
	_Alignas(8) unsigned char values[];
};

struct queue {
	size_t size;
	size_t limit;
	struct block *write_block; /* writer's */
	struct block *read_block;  /* reader's */
	size_t read_at;            /* reader's */
	atomic_size_t pushed;
	atomic_size_t popped;
	_Atomic uint64_t refused;
};

static struct block *block_new(size_t size)
{
	struct block *block = xmalloc(sizeof(*block) + size * BLOCK_VALUES);

	atomic_init(&block->next, NULL);
	atomic_init(&block->filled, 0);
	return block;
}

struct queue *queue_new(size_t size, size_t limit)
{
	struct queue *queue = xcalloc(1, sizeof(*queue));

	queue->size = size;
	queue->limit = limit;
	queue->write_block = queue->read_block = block_new(size);
	return queue;
}

void queue_free(struct queue *queue)
{
	if (queue == NULL)
		return;
	while (queue->read_block != NULL) {
		struct block *next = atomic_load(&queue->read_block->next);

		free(queue->read_block);
		queue->read_block = next;
	}
	free(queue);
}

size_t queue_room(const struct queue *queue)
{
	size_t pushed = atomic_load_explicit(&queue->pushed, memory_order_relaxed);

	return queue->limit - (pushed - atomic_load_explicit(&queue->popped, memory_order_relaxed));
}

void *queue_reserve(struct queue *queue)
{
	struct block *block = queue->write_block;
	size_t filled = atomic_load_explicit(&block->filled, memory_order_relaxed);

	if (queue_room(queue) == 0)
		return NULL;
	if (filled == BLOCK_VALUES) {
		struct block *next = block_new(queue->size);

		atomic_store_explicit(&block->next, next, memory_order_release);
		queue->write_block = block = next;
		filled = 0;
	}
	return block->values + filled * queue->size;
}

void queue_commit(struct queue *queue)
{
	struct block *block = queue->write_block;

	atomic_store_explicit(&block->filled, atomic_load_explicit(&block->filled, memory_order_relaxed) + 1,
			      memory_order_release);
	atomic_store_explicit(&queue->pushed, atomic_load_explicit(&queue->pushed, memory_order_relaxed) + 1,
			      memory_order_release);
}

bool queue_push(struct queue *queue, const void *value)
{
	void *slot = queue_reserve(queue);

	if (slot == NULL) {
		atomic_fetch_add_explicit(&queue->refused, 1, memory_order_relaxed);
		return false;
	}
	memcpy(slot, value, queue->size);
	queue_commit(queue);
	return true;
}

void *queue_peek_all(struct queue *queue, size_t *count)
{
	struct block *block = queue->read_block;

	*count = 0;
	if (queue->read_at == BLOCK_VALUES) {
		struct block *next = atomic_load_explicit(&block->next, memory_order_acquire);

		if (next == NULL)
			return NULL;
		free(block);
		queue->read_block = block = next;
		queue->read_at = 0;
	}
	*count = atomic_load_explicit(&block->filled, memory_order_acquire) - queue->read_at;
	return *count > 0 ? block->values + queue->read_at * queue->size : NULL;
}

const void *queue_peek(struct queue *queue)
{
	size_t count;

	return queue_peek_all(queue, &count);
}

void queue_drop(struct queue *queue, size_t count)
{
	queue->read_at += count;
	atomic_fetch_add_explicit(&queue->popped, count, memory_order_relaxed);
}

bool queue_pop(struct queue *queue, void *value)
{
	const void *oldest = queue_peek(queue);

	if (oldest == NULL)
		return false;
	memcpy(value, oldest, queue->size);
	queue_drop(queue, 1);
	return true;
}

size_t queue_pushed(const struct queue *queue)
{
	return atomic_load_explicit(&queue->pushed, memory_order_acquire);
}

uint64_t queue_refused(const struct queue *queue)
{
	return atomic_load_explicit(&queue->refused, memory_order_relaxed);
}
