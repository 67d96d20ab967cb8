// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/socket.h>

#include "source/ptrace/memory.h"
#include "source/ptrace/stop.h"

/*
 * After setsockopt(2) of SO_LINGER with a time of 0, close(2) resets the connection, and the kernel clears the counters
 * before the socket is destroyed (tcp_disconnect). Proxies call both directly after one another.
 */

/* Calls of the thread that are stopped for until close(2). A program that sets the option early is not slowed down. */
#define CALLS_MAX 4

void stop_linger_set(const struct stop *stop, struct tracee *tracee)
{
	const struct syscall *call = &tracee->call;
	struct linger linger;

	if (!stop->filtered || stop->closes || call->fd < 0 || call->length < sizeof(linger) ||
	    target_next_socket(tracee->target, call->fd) != call->fd ||
	    !memory_read(tracee->tid, call->address, &linger, sizeof(linger)))
		return;
	tracee->linger_fd = call->fd;
	tracee->linger_calls = linger.l_onoff != 0 && linger.l_linger == 0 ? CALLS_MAX : 0;
}

bool stop_linger_closes(struct tracee *tracee)
{
	if (tracee->linger_calls == 0)
		return false;
	tracee->linger_calls--;
	if (tracee->call.kind != SYSCALL_CLOSE || tracee->call.fd != tracee->linger_fd)
		return false;
	tracee->linger_calls = 0;
	return true;
}
