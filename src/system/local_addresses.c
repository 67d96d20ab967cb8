// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/local_addresses.h"

#include <errno.h>
#include <ifaddrs.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/clock.h"

/* Events are fed shortly after their time. An address that is gone for longer than this is not needed any more. */
#define GONE_NS (10 * CLOCK_NS_PER_SEC)

/* An address, and the time until which it was this host's: INT64_MAX while it still is. */
struct address {
	struct endpoint endpoint;
	int64_t until_ns;
};

/* A host has only a few, so a linear search is enough. */
static struct address *addresses;
static size_t address_count;
/* A bit for the last byte of each, so that the ends of most packets are not searched for. */
static uint64_t last_bytes;
/* Reports changes, NULL when not requested. */
static struct mnl_socket *changes;

static uint64_t last_byte(const struct endpoint *endpoint)
{
	return UINT64_C(1) << endpoint->ip.s6_addr[15] % 64;
}

static bool has(const struct endpoint *endpoint, int64_t time_ns)
{
	for (size_t i = 0; last_bytes & last_byte(endpoint) && i < address_count; i++)
		if (endpoint_ip_equal(&addresses[i].endpoint, endpoint) && time_ns < addresses[i].until_ns)
			return true;
	return false;
}

static void add(const struct endpoint *endpoint, int64_t until_ns)
{
	addresses = array_extend(addresses, address_count, sizeof(*addresses));
	addresses[address_count] = (struct address){*endpoint, until_ns};
	addresses[address_count++].endpoint.port = 0;
	last_bytes |= last_byte(endpoint);
}

static void load(void)
{
	struct address *before = addresses;
	size_t before_count = address_count;
	int64_t now_ns = clock_now();
	struct ifaddrs *list;

	if (getifaddrs(&list) != 0)
		return;
	addresses = NULL;
	address_count = 0;
	last_bytes = 0;
	for (const struct ifaddrs *entry = list; entry != NULL; entry = entry->ifa_next) {
		struct endpoint endpoint;

		if (entry->ifa_addr != NULL &&
		    endpoint_from_sockaddr(&endpoint, entry->ifa_addr, sizeof(struct sockaddr_in6)) == 0)
			add(&endpoint, INT64_MAX);
	}
	freeifaddrs(list);
	for (size_t i = 0; i < before_count; i++) {
		int64_t until_ns = clock_sooner(before[i].until_ns, now_ns);

		if (!has(&before[i].endpoint, now_ns) && now_ns - until_ns < GONE_NS)
			add(&before[i].endpoint, until_ns);
	}
	free(before);
}

void local_addresses_open(bool follow)
{
	struct mnl_socket *new = follow ? mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK) : NULL;

	if (new != NULL && mnl_socket_bind(new, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, MNL_SOCKET_AUTOPID) == 0)
		changes = new;
	else if (new != NULL)
		mnl_socket_close(new);
	load();
}

void local_addresses_refresh(void)
{
	bool is_more, have_changed = false;
	char message[1];
	ssize_t length;

	if (changes == NULL)
		return;
	/* The changes are read from the list. A lost message (ENOBUFS) is a change, too. */
	do {
		length = recv(mnl_socket_get_fd(changes), message, sizeof(message), MSG_TRUNC);
		is_more = length > 0 || (length < 0 && (errno == ENOBUFS || errno == EINTR));
		have_changed |= is_more;
	} while (is_more);
	if (have_changed)
		load();
}

void local_addresses_close(void)
{
	if (changes != NULL)
		mnl_socket_close(changes);
	changes = NULL;
	free(addresses);
	addresses = NULL;
	address_count = 0;
}

bool local_addresses_has(const struct endpoint *endpoint)
{
	return endpoint_is_loopback(endpoint) || has(endpoint, INT64_MAX - 1);
}

void local_addresses_mark(struct event *event)
{
	const struct endpoint *local = &event->flow.local, *remote = &event->flow.remote;

	event->segment.has &= (uint16_t) ~(SEGMENT_HAS_OUTGOING | SEGMENT_HAS_INCOMING);
	if (endpoint_is_loopback(local) || has(local, event->time_ns))
		event->segment.has |= SEGMENT_HAS_OUTGOING;
	if (endpoint_is_loopback(remote) || has(remote, event->time_ns))
		event->segment.has |= SEGMENT_HAS_INCOMING;
}
