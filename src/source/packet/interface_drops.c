// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/interface_drops.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define EVERY_NS CLOCK_NS_PER_SEC

/* Frames the cards had no room for, as far as they count them. */
static uint64_t count_now(const struct packet_config *config)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < config->interface_count; i++) {
		unsigned long long value;
		char path[128];
		FILE *file;

		if (strchr(config->interfaces[i], '/') != NULL)
			continue;
		snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/rx_missed_errors", config->interfaces[i]);
		file = fopen(path, "re");
		if (file == NULL)
			continue;
		if (fscanf(file, "%llu", &value) == 1)
			sum += value;
		fclose(file);
	}
	return sum;
}

void interface_drops_begin(struct interface_drops *drops, const struct packet_config *config)
{
	*drops = (struct interface_drops){config, clock_monotonic(), count_now(config), 0};
}

bool interface_drops_event(struct interface_drops *drops, struct event *event, bool now)
{
	int64_t time_ns = clock_monotonic();
	uint64_t sum;

	if (drops->config->savefile_count > 0 || (!now && time_ns - drops->checked_ns < EVERY_NS))
		return false;
	drops->checked_ns = time_ns;
	sum = count_now(drops->config) - drops->base;
	if (sum <= drops->sum || sum > INT64_MAX)
		return false;
	*event = event_new(EVENT_LOST, ORIGIN_WIRE, clock_now());
	event->lost.where = LOST_CAPTURE_INTERFACE;
	event->lost.count = (int64_t)(sum - drops->sum);
	drops->sum = sum;
	return true;
}
