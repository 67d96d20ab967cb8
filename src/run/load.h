/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_LOAD_H
#define CONNTRACE_RUN_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * As long as little happens main wakes for each event, because a socket's last
 * word is stamped when it is read. When LOAD_NS have brought much, in however many
 * looks, it waits for so long, so that the traced program and its peers have the
 * processors, then takes everything at once.
 */
#define LOAD_NS (10 * CLOCK_NS_PER_MS)

/**
 * struct load - how much came lately; zeroed to begin with
 * @since_ns: by the monotonic clock, since when @events were counted
 * @events: events
 */
struct load {
	int64_t since_ns;
	int64_t events;
};

/**
 * load_is_high() - so many events have come: is that much?
 * @is_file: by themselves, because nobody is held up by the reading of a file
 */
bool load_is_high(struct load *load, int events, bool is_file);

#endif
