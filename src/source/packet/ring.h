/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_RING_H
#define CONNTRACE_SOURCE_PACKET_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/event.h"

/*
 * Events from the packet process to the main one, through memory that both
 * share: one writer, one reader, no lock. The reader does not trust the
 * writer, which handles hostile bytes: whatever it finds is copied once and
 * then judged.
 *
 * Each side keeps its own count and tells the other only now and then, because
 * a cache line that both write travels between the processors each time.
 */

/** Bytes of a slot: the packet process has no larger event to tell. */
#define RING_SLOT 112

/**
 * struct ring - lies in shared memory
 * @head: slots ever written; the writer's
 * @armed: the reader has found it empty and wants to be woken when so many wait; 0: it is awake
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

/** ring_publish() - let the reader see what was committed; writer only */
static inline void ring_publish(struct ring_end *end)
{
	atomic_store_explicit(&end->ring->head, end->head, memory_order_release);
}

/**
 * ring_reserve() - where the next event is to be written, RING_SLOT bytes; writer only
 *
 * Return: NULL when the ring is full; then all that was committed has been published.
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

/** ring_commit() - what was written where ring_reserve() said is an event; Return: how many are unpublished; writer */
static inline uint64_t ring_commit(struct ring_end *end)
{
	end->head++;
	return end->head - atomic_load_explicit(&end->ring->head, memory_order_relaxed);
}

/** ring_waiting() - events published and not read, as far as the reader says; writer only */
static inline uint64_t ring_waiting(const struct ring_end *end)
{
	return atomic_load_explicit(&end->ring->head, memory_order_relaxed) -
	       atomic_load_explicit(&end->ring->tail, memory_order_acquire);
}

/** ring_wants_reader() - does it want to be woken for @waiting events? If so that takes the wish back; writer only */
static inline bool ring_wants_reader(struct ring *ring, uint64_t waiting)
{
	uint32_t worth = atomic_load_explicit(&ring->armed, memory_order_relaxed);

	return worth != 0 && waiting >= worth && atomic_exchange(&ring->armed, 0) != 0;
}

/**
 * ring_take() - the oldest event, judged
 * @end: the reader's
 * @event: filled as far as event_size() of its type goes, on 1 only
 *
 * Return: 1, 0 when empty, -EPROTO when the writer left nonsense; reader only.
 */
int ring_take(struct ring_end *end, struct event *event);

/** ring_taken() - let the writer have the slots of what was taken; reader only */
static inline void ring_taken(struct ring_end *end)
{
	atomic_store_explicit(&end->ring->tail, end->tail, memory_order_release);
}

#endif
