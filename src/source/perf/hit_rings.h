/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PERF_HIT_RINGS_H
#define CONNTRACE_SOURCE_PERF_HIT_RINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "source/perf/hit_records.h"

/** struct hit_rings - two ring buffers for each processor, into which the kernel writes the records of all events */
struct hit_rings;

/** hit_rings_open() - make them; Return: 0, or a negative errno with the reason in @err */
int hit_rings_open(struct hit_rings **rings, struct err *err);

/** hit_rings_close() - NULL is fine */
void hit_rings_close(struct hit_rings *rings);

/** hit_rings_count() - how many processors there are */
size_t hit_rings_count(const struct hit_rings *rings);

/** hit_rings_cpu() - the number of the @index-th processor */
int hit_rings_cpu(const struct hit_rings *rings, size_t index);

/**
 * hit_rings_add() - have an event of the @index-th processor write there
 * @rings: the rings
 * @index: the processor
 * @fd: the event
 * @is_urgent: its records are to be read at once
 *
 * Return: 0 or a negative errno.
 */
int hit_rings_add(const struct hit_rings *rings, size_t index, int fd, bool is_urgent);

/**
 * hit_rings_fd() - readable (poll(2)) when a record is urgent, when much waits, or 20 ms after the last reading
 */
int hit_rings_fd(const struct hit_rings *rings);

/** hit_rings_read() - call @callback with each record that waits, by rings, the urgent ones first */
void hit_rings_read(struct hit_rings *rings, void (*callback)(void *context, const struct hit *hit), void *context);

#endif
