// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/savefile_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"

/* A heap of slots, the oldest frame on top. A slot keeps its memory for the next frame, unless it is large. */

#define KEPT_BYTES 2048

struct slot {
	struct dissect_record record;
	int64_t time_ns;   /* that of the frame before, if it has none */
	uint64_t sequence; /* of equal times the one that came first goes first */
	uint8_t *bytes;
	size_t size;
};

struct savefile_order {
	struct slot *slots; /* the heap, then the one that was popped, then free ones */
	size_t count, size, bytes;
	uint64_t sequence;
	int64_t last_ns, newest_ns;
};

struct savefile_order *savefile_order_new(void)
{
	struct savefile_order *order = xcalloc(1, sizeof(*order));

	order->newest_ns = INT64_MIN;
	return order;
}

static bool is_before(const struct slot *a, const struct slot *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->sequence < b->sequence;
}

static void swap(struct slot *a, struct slot *b)
{
	struct slot held = *a;

	*a = *b;
	*b = held;
}

static void grow(struct savefile_order *order)
{
	size_t size = order->size ? order->size * 2 : 64;

	order->slots = xreallocarray(order->slots, size, sizeof(*order->slots));
	memset(order->slots + order->size, 0, (size - order->size) * sizeof(*order->slots));
	order->size = size;
}

void savefile_order_push(struct savefile_order *order, const struct dissect_record *record)
{
	struct slot *slot;
	size_t at = order->count;

	if (at == order->size)
		grow(order);
	slot = &order->slots[at];
	if (slot->size < record->caplen || slot->size > KEPT_BYTES) {
		free(slot->bytes);
		slot->size = record->caplen > KEPT_BYTES ? record->caplen : KEPT_BYTES;
		slot->bytes = xmalloc(slot->size);
	}
	memcpy(slot->bytes, record->data, record->caplen);
	slot->record = *record;
	slot->record.data = slot->bytes;
	slot->time_ns = order->last_ns = record->time_ns >= 0 ? record->time_ns : order->last_ns;
	slot->sequence = order->sequence++;
	if (slot->time_ns > order->newest_ns)
		order->newest_ns = slot->time_ns;
	order->bytes += record->caplen;
	order->count++;
	for (; at > 0 && is_before(&order->slots[at], &order->slots[(at - 1) / 2]); at = (at - 1) / 2)
		swap(&order->slots[at], &order->slots[(at - 1) / 2]);
}

size_t savefile_order_count(const struct savefile_order *order)
{
	return order->count;
}

bool savefile_order_is_full(const struct savefile_order *order)
{
	return order->count >= SAVEFILE_ORDER_FRAMES || order->bytes >= SAVEFILE_ORDER_BYTES;
}

int64_t savefile_order_span_ns(const struct savefile_order *order)
{
	return order->count > 0 ? order->newest_ns - order->slots[0].time_ns : 0;
}

bool savefile_order_pop(struct savefile_order *order, struct dissect_record *record)
{
	size_t at = 0, last;

	if (order->count == 0)
		return false;
	last = --order->count;
	*record = order->slots[0].record;
	order->bytes -= record->caplen;
	/* The popped one is kept behind the heap, where the next push may reuse its memory. */
	swap(&order->slots[0], &order->slots[last]);
	for (;;) {
		size_t least = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < last; child++)
			if (is_before(&order->slots[child], &order->slots[least]))
				least = child;
		if (least == at)
			return true;
		swap(&order->slots[at], &order->slots[least]);
		at = least;
	}
}

void savefile_order_free(struct savefile_order *order)
{
	if (order == NULL)
		return;
	for (size_t i = 0; i < order->size; i++)
		free(order->slots[i].bytes);
	free(order->slots);
	free(order);
}
