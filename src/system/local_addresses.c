// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/local_addresses.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/array.h"

/* A handful on any host, so they are simply compared one after the other. */
static struct endpoint *addresses;
static size_t address_count;

void local_addresses_load(void)
{
	struct ifaddrs *list;

	if (getifaddrs(&list) != 0)
		return;
	free(addresses);
	addresses = NULL;
	address_count = 0;
	for (const struct ifaddrs *entry = list; entry != NULL; entry = entry->ifa_next) {
		struct endpoint endpoint;

		if (entry->ifa_addr == NULL ||
		    endpoint_from_sockaddr(&endpoint, entry->ifa_addr, sizeof(struct sockaddr_in6)) != 0)
			continue;
		endpoint.port = 0;
		addresses = array_extend(addresses, address_count, sizeof(*addresses));
		addresses[address_count++] = endpoint;
	}
	freeifaddrs(list);
}

bool local_addresses_has(const struct endpoint *endpoint)
{
	if (endpoint_is_loopback(endpoint))
		return true;
	for (size_t i = 0; i < address_count; i++)
		if (endpoint_ip_equal(&addresses[i], endpoint))
			return true;
	return false;
}

void local_addresses_mark(struct event *event)
{
	event->segment.has &= (uint16_t) ~(SEGMENT_HAS_OUTGOING | SEGMENT_HAS_INCOMING);
	if (local_addresses_has(&event->flow.local))
		event->segment.has |= SEGMENT_HAS_OUTGOING;
	if (local_addresses_has(&event->flow.remote))
		event->segment.has |= SEGMENT_HAS_INCOMING;
}
