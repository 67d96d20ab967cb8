/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_LOAD_H
#define CONNTRACE_RUN_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * While the load is low, main wakes for each event, because a destroyed socket
 * is stamped when its message is read. When many events came within LOAD_NS, in
 * any number of reads, it waits for that time, which leaves the processors to the
 * traced program and its peers, and then reads all events at once.
 */
#define LOAD_NS (10 * CLOCK_NS_PER_MS)

/**
 * struct load - recent load; initialized to zero
 * @since_ns: monotonic: start of the count of @events
 * @number of events: events
 */
struct load {
	int64_t since_ns;
	int64_t events;
};

/**
 * load_is_high() - count @events; Return: true when the load is high
 * @is_file: @events alone decide, because reading a file delays no process
 */
bool load_is_high(struct load *load, int events, bool is_file);

#endif
