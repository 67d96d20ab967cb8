// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/load.h"

#define HIGH_EVENTS 32

bool load_is_high(struct load *load, int events, bool is_file)
{
	int64_t now_ns = clock_monotonic();

	if (is_file)
		return events >= HIGH_EVENTS;
	/* A wakeup for each event finds few at a time, so they are summed up. */
	if (now_ns - load->since_ns >= LOAD_NS) {
		load->since_ns = now_ns;
		load->events = 0;
	}
	load->events += events;
	return load->events >= HIGH_EVENTS;
}
