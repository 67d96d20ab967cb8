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
 */

/** Bytes of a slot: the packet process has no larger event to tell. */
#define RING_SLOT 104

/**
 * struct ring - lies in shared memory
 * @head: slots ever written; the writer's
 * @armed: the reader has found it empty and wants to be woken
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

/** ring_reserve() - where the next event is to be written, RING_SLOT bytes; NULL when the ring is full; writer only */
static inline struct event *ring_reserve(struct ring *ring, uint64_t count)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) >= count)
		return NULL;
	return (struct event *)(void *)(ring->slots + (head & (count - 1)) * RING_SLOT);
}

/** ring_commit() - what was written where ring_reserve() said is an event; writer only */
static inline void ring_commit(struct ring *ring)
{
	atomic_store_explicit(&ring->head, atomic_load_explicit(&ring->head, memory_order_relaxed) + 1,
			      memory_order_release);
}

/** ring_used() - events under way; either side */
static inline uint64_t ring_used(struct ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

	return atomic_load_explicit(&ring->head, memory_order_acquire) - tail;
}

/** ring_wants_reader() - does the reader want to be woken? Asking takes the wish back; writer only */
static inline bool ring_wants_reader(struct ring *ring)
{
	return atomic_load_explicit(&ring->armed, memory_order_relaxed) && atomic_exchange(&ring->armed, 0);
}

/**
 * ring_take() - the oldest event, judged
 * @ring: the ring
 * @count: its slots, as the reader knows it
 * @event: filled as far as event_size() of its type goes, on 1 only
 *
 * Return: 1, 0 when empty, -EPROTO when the writer left nonsense; reader only.
 */
int ring_take(struct ring *ring, uint64_t count, struct event *event);

#endif
