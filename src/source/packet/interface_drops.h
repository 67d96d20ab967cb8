/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_INTERFACE_DROPS_H
#define CONNTRACE_SOURCE_PACKET_INTERFACE_DROPS_H

#include <stdbool.h>
#include <stdint.h>

#include "source/packet/process.h"

/**
 * struct interface_drops - frames the network cards had no room for
 * @config: names the interfaces
 * @checked_ns: monotonic, when they were asked last
 * @base: what they had counted before the run
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

/** interface_drops_event() - ask them once a second, or @now; Return: true when @event tells of more of them */
bool interface_drops_event(struct interface_drops *drops, struct event *event, bool now);

#endif
