/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_SAVEFILE_ORDER_H
#define CONNTRACE_SOURCE_PACKET_SAVEFILE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/packet/dissect.h"

/** Maximum number of frames held back, */
#define SAVEFILE_ORDER_FRAMES 16384

/** or of their bytes. */
#define SAVEFILE_ORDER_BYTES ((size_t)16 << 20)

/**
 * struct savefile_order - frames of several interfaces, put in order of time
 *
 * A program that captures on several interfaces writes the frames of each in turn. Frames are held back, within bounds,
 * until older ones have come.
 */
struct savefile_order;

/** savefile_order_new() - nothing held back; allocates little */
struct savefile_order *savefile_order_new(void);

/** savefile_order_push() - hold back a copy of @record, which needs room: see savefile_order_is_full() */
void savefile_order_push(struct savefile_order *order, const struct dissect_record *record);

/** savefile_order_count() - number of frames held back */
size_t savefile_order_count(const struct savefile_order *order);

/** savefile_order_is_full() - whether the oldest one has to go before the next one comes */
bool savefile_order_is_full(const struct savefile_order *order);

/** savefile_order_span_ns() - time from the oldest to the newest frame held back */
int64_t savefile_order_span_ns(const struct savefile_order *order);

/** savefile_order_pop() - the oldest one; its data is valid until the next push or pop. Return: false: there is none */
bool savefile_order_pop(struct savefile_order *order, struct dissect_record *record);

/** savefile_order_free() - free it; NULL is allowed */
void savefile_order_free(struct savefile_order *order);

#endif
