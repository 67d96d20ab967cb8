/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_FRAME_RING_H
#define CONNTRACE_SOURCE_PACKET_FRAME_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/flow.h"

/*
 * Frames from the packet process to the main one, beside the ring of events: one writer, one reader, no lock. A frame
 * stays in the ring until the main process knows whether it is to be written to a file, so the ring is also the buffer
 * of frames that are not decided yet. The reader does not trust the writer: it copies and checks the head of each
 * frame, and interprets no byte of its content.
 */

/** Room for the name of an interface (IFNAMSIZ of net/if.h). */
#define FRAME_RING_NAME 16

/**
 * struct frame_head - a frame in the ring; its bytes follow
 * @time_ns: since the epoch, CLOCK_UNKNOWN: not recorded
 * @flow: the connection; local is the sender
 * @flow_hash: its flow_hash() under the key of the run
 * @size: of head and bytes, a multiple of 8
 * @caplen: captured bytes
 * @length: of the frame on the wire
 * @link_type: DLT_* of its interface
 * @interface: number of its interface within the run
 * @name: of the interface, "" unknown
 */
struct frame_head {
	int64_t time_ns;
	struct flow flow;
	uint32_t flow_hash;
	uint32_t size;
	uint32_t caplen;
	uint32_t length;
	int32_t link_type;
	uint16_t interface;
	char name[FRAME_RING_NAME];
};

/** struct frame_ring - in shared memory; see struct ring of source/packet/ring.h */
struct frame_ring {
	_Alignas(64) _Atomic uint64_t head;
	_Alignas(64) _Atomic uint64_t tail;
	_Atomic uint32_t starved;
	_Alignas(64) unsigned char bytes[];
};

/**
 * struct frame_ring_end - one side's view of the ring, in memory of its own
 * @ring: the shared memory, NULL: there is none
 * @room: its bytes, a power of two
 * @head: bytes written, as far as this side knows
 * @tail: bytes read, as far as this side knows
 */
struct frame_ring_end {
	struct frame_ring *ring;
	uint64_t room;
	uint64_t head;
	uint64_t tail;
};

/** frame_ring_size() - bytes of memory for a ring of @room bytes */
size_t frame_ring_size(uint64_t room);

/** frame_ring_is_too_small() - whether a frame of @caplen bytes never fits */
bool frame_ring_is_too_small(const struct frame_ring_end *end, uint32_t caplen);

/** frame_ring_put() - add a frame; @head: its size is set; Return: false when there is no room; writer only */
bool frame_ring_put(struct frame_ring_end *end, struct frame_head *head, const uint8_t *data);

/**
 * frame_ring_peek() - the oldest frame
 * @end: the reader's
 * @head: set on 1
 * @data: set on 1: head.caplen bytes, valid until frame_ring_drop()
 *
 * Return: 1, 0 when there is none, -EPROTO when the writer left invalid data; reader only.
 */
int frame_ring_peek(struct frame_ring_end *end, struct frame_head *head, const uint8_t **data);

/** frame_ring_drop() - give the room of the frame that frame_ring_peek() gave back to the writer; reader only */
void frame_ring_drop(struct frame_ring_end *end, const struct frame_head *head);

/** frame_ring_used() - bytes that are occupied, as far as the reader knows; reader only */
static inline uint64_t frame_ring_used(const struct frame_ring_end *end)
{
	return end->head - end->tail;
}

#endif
