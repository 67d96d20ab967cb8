/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_INTERFACE_DROPS_H
#define CONNTRACE_SOURCE_PACKET_INTERFACE_DROPS_H

#include <stdbool.h>
#include <stdint.h>

#include "source/packet/process.h"

/**
 * struct interface_drops - frames the network cards had no room for
 * @config: names the interfaces
 * @checked_ns: monotonic, when their counters were last read
 * @base: their counters before the run
 * @sum: frames since
 */
struct interface_drops {
	const struct packet_config *config;
	int64_t checked_ns;
	uint64_t base;
	uint64_t sum;
};

/** interface_drops_begin() - the run begins; @config must live as long */
void interface_drops_begin(struct interface_drops *drops, const struct packet_config *config);

/** interface_drops_event() - read the counters once a second, or @now; Return: true when @event reports more drops */
bool interface_drops_event(struct interface_drops *drops, struct event *event, bool now);

#endif
