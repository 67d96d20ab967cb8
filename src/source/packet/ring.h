/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_RING_H
#define CONNTRACE_SOURCE_PACKET_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/event.h"

/*
 * Events from the packet process to the main one, through memory that both share: one writer, one reader, no lock. The
 * reader does not trust the writer, which handles hostile bytes: each event is copied once and then checked.
 *
 * Each side keeps its own count and publishes it only now and then, because a cache line that both write travels
 * between the processors each time.
 */

/** Bytes of a slot: the packet process has no larger event. */
#define RING_SLOT 112

/**
 * struct ring - in shared memory
 * @head: slots ever written; the writer's
 * @armed: the reader has found it empty and wants to be woken when this many wait; 0: it is awake
 * @tail: slots ever read; the reader's
 * @starved: the writer has found it full and wants to be woken
 * @count: slots, a power of two; set before there are two processes
 * @slots: struct event, as far as event_size() goes
 */
struct ring {
	_Alignas(64) _Atomic uint64_t head;
	_Atomic uint32_t armed;
	_Alignas(64) _Atomic uint64_t tail;
	_Atomic uint32_t starved;
	_Alignas(64) uint64_t count;
	_Alignas(64) unsigned char slots[];
};

/** ring_size() - bytes of memory for a ring of @count slots */
size_t ring_size(uint64_t count);

/**
 * struct ring_end - one side's view of the ring, in memory of its own
 * @ring: the shared memory
 * @count: its slots
 * @head: slots written, as far as this side knows
 * @tail: slots read, as far as this side knows
 */
struct ring_end {
	struct ring *ring;
	uint64_t count;
	uint64_t head;
	uint64_t tail;
};

/** ring_end() - of a ring that nothing has been written to */
static inline struct ring_end ring_end(struct ring *ring, uint64_t count)
{
	return (struct ring_end){.ring = ring, .count = count};
}

/** ring_publish() - show committed events to the reader; writer only */
static inline void ring_publish(struct ring_end *end)
{
	atomic_store_explicit(&end->ring->head, end->head, memory_order_release);
}

/**
 * ring_reserve() - the place of the next event, RING_SLOT bytes; writer only
 *
 * Return: NULL when the ring is full; then all committed events have been published.
 */
static inline struct event *ring_reserve(struct ring_end *end)
{
	if (end->head - end->tail >= end->count) {
		ring_publish(end);
		end->tail = atomic_load_explicit(&end->ring->tail, memory_order_acquire);
		if (end->head - end->tail >= end->count)
			return NULL;
	}
	return (struct event *)(void *)(end->ring->slots + (end->head & (end->count - 1)) * RING_SLOT);
}

/** ring_commit() - the bytes at ring_reserve() are an event; Return: number of unpublished ones; writer only */
static inline uint64_t ring_commit(struct ring_end *end)
{
	end->head++;
	return end->head - atomic_load_explicit(&end->ring->head, memory_order_relaxed);
}

/** ring_waiting() - events published and not read, as far as the reader has published; writer only */
static inline uint64_t ring_waiting(const struct ring_end *end)
{
	return atomic_load_explicit(&end->ring->head, memory_order_relaxed) -
	       atomic_load_explicit(&end->ring->tail, memory_order_acquire);
}

/** ring_wants_reader() - whether it wants to be woken for @waiting events; if so the request is cleared; writer only */
static inline bool ring_wants_reader(struct ring *ring, uint64_t waiting)
{
	uint32_t worth = atomic_load_explicit(&ring->armed, memory_order_relaxed);

	return worth != 0 && waiting >= worth && atomic_exchange(&ring->armed, 0) != 0;
}

/**
 * ring_take() - the oldest event, checked
 * @end: the reader's
 * @event: filled as far as event_size() of its type goes, on 1 only
 *
 * Return: 1, 0 when empty, -EPROTO when the writer left invalid data; reader only.
 */
int ring_take(struct ring_end *end, struct event *event);

/** ring_taken() - give the slots of taken events back to the writer; reader only */
static inline void ring_taken(struct ring_end *end)
{
	atomic_store_explicit(&end->ring->tail, end->tail, memory_order_release);
}

#endif
