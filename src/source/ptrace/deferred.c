// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/deferred.h"

#include <netinet/tcp.h>
#include <string.h>

#include "system/socket.h"

static void remove_at(struct target *target, size_t at)
{
	target->deferred_count--;
	memmove(&target->deferred[at], &target->deferred[at + 1],
		(target->deferred_count - at) * sizeof(target->deferred[0]));
}

static size_t find(const struct target *target, int fd)
{
	size_t at = 0;

	while (at < target->deferred_count && target->deferred[at] != fd)
		at++;
	return at;
}

bool deferred_is(const struct target *target, int fd)
{
	return find(target, fd) < target->deferred_count;
}

void deferred_remove(struct target *target, int fd)
{
	if (deferred_is(target, fd))
		remove_at(target, find(target, fd));
}

void deferred_add(struct target *target, int fd)
{
	deferred_remove(target, fd);
	/* The oldest one is the least likely to be sent on. */
	if (target->deferred_count == DEFERRED_MAX)
		remove_at(target, 0);
	target->deferred[target->deferred_count++] = fd;
}

void deferred_check(struct stop *stop, struct target *target)
{
	struct event info;

	for (size_t at = target->deferred_count; at-- > 0;)
		if (stop_read_socket(stop, target, target->deferred[at], socket_read_counters, &info) != 0 ||
		    info.info.state != TCP_SYN_SENT)
			remove_at(target, at);
}
