// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/frame_ring.h"

#include <errno.h>
#include <string.h>

/* A frame is in one piece: what is left before the end of the memory is skipped, which a head without a size marks. */

_Static_assert(sizeof(struct frame_head) % 8 == 0, "each head is aligned");

size_t frame_ring_size(uint64_t room)
{
	return sizeof(struct frame_ring) + (size_t)room;
}

static uint64_t place(const struct frame_ring_end *end, uint64_t count)
{
	return count & (end->room - 1);
}

/* Whether @size more bytes fit behind end->head. */
static bool has_room(struct frame_ring_end *end, uint64_t size)
{
	if (end->head - end->tail + size <= end->room)
		return true;
	end->tail = atomic_load_explicit(&end->ring->tail, memory_order_acquire);
	return end->head - end->tail + size <= end->room;
}

/* Of head and bytes. */
static uint64_t record_size(uint32_t caplen)
{
	return (sizeof(struct frame_head) + (uint64_t)caplen + 7) & ~UINT64_C(7);
}

bool frame_ring_is_too_small(const struct frame_ring_end *end, uint32_t caplen)
{
	return record_size(caplen) > end->room / 2;
}

bool frame_ring_put(struct frame_ring_end *end, struct frame_head *head, const uint8_t *data)
{
	uint64_t size = record_size(head->caplen);
	uint64_t left = end->room - place(end, end->head), skipped = left < size ? left : 0;
	unsigned char *at;

	if (frame_ring_is_too_small(end, head->caplen) || !has_room(end, skipped + size))
		return false;
	if (skipped >= sizeof(*head)) {
		struct frame_head none = {.size = 0};

		memcpy(end->ring->bytes + place(end, end->head), &none, sizeof(none));
	}
	end->head += skipped;
	head->size = (uint32_t)size;
	at = end->ring->bytes + place(end, end->head);
	memcpy(at, head, sizeof(*head));
	memcpy(at + sizeof(*head), data, head->caplen);
	end->head += size;
	atomic_store_explicit(&end->ring->head, end->head, memory_order_release);
	return true;
}

static bool is_sound(const struct frame_head *head, uint64_t left)
{
	return head->size >= sizeof(*head) && head->size % 8 == 0 && head->size <= left &&
	       head->caplen <= head->size - sizeof(*head) && memchr(head->name, '\0', sizeof(head->name)) != NULL;
}

int frame_ring_peek(struct frame_ring_end *end, struct frame_head *head, const uint8_t **data)
{
	uint64_t used, left;

	end->head = atomic_load_explicit(&end->ring->head, memory_order_acquire);
	used = end->head - end->tail;
	if (used > end->room || used % 8 != 0)
		return -EPROTO;
	left = end->room - place(end, end->tail);
	if (left > used)
		left = used;
	if (used >= sizeof(*head) && left >= sizeof(*head))
		memcpy(head, end->ring->bytes + place(end, end->tail), sizeof(*head));
	else
		head->size = 0;
	if (used > 0 && head->size == 0) {
		/* Only the end of the memory is skipped. */
		if (place(end, end->tail) + left != end->room || left == used)
			return -EPROTO;
		end->tail += left;
		return frame_ring_peek(end, head, data);
	}
	if (used == 0)
		return 0;
	if (!is_sound(head, left))
		return -EPROTO;
	*data = end->ring->bytes + place(end, end->tail) + sizeof(*head);
	return 1;
}

void frame_ring_drop(struct frame_ring_end *end, const struct frame_head *head)
{
	end->tail += head->size;
	atomic_store_explicit(&end->ring->tail, end->tail, memory_order_release);
}
