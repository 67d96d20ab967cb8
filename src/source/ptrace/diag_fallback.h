/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_DIAG_FALLBACK_H
#define CONNTRACE_SOURCE_PTRACE_DIAG_FALLBACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/event.h"

struct diag;

/**
 * struct diag_fallback - looks at sockets of other processes without duplicating their descriptors
 * @diag: asks the kernel for counters; NULL until needed, or not possible
 * @netns: the network namespace @diag knows, set with it
 * @opened: @diag was tried
 *
 * For where pidfd_getfd(2) is not to be had: before Linux 5.6, in a container
 * that forbids it, when the leader of a process has ended, or when this
 * process has no descriptor left. /proc tells which socket it is and between
 * whom; with these ends the kernel tells counters and cookie (sock_diag(7)),
 * as far as the socket lives in our own network namespace. Zeroed is new.
 */
struct diag_fallback {
	struct diag *diag;
	uint32_t netns;
	bool opened;
};

/**
 * diag_fallback_read() - what can be known of a TCP socket
 * @diag_fallback: whose eyes
 * @tid: process, or one of its threads
 * @fd: descriptor there
 * @event: as of socket_read(), except that cookie and counters may be unknown; set on success only
 *
 * Return: 0, -ENOTSUP when it is no TCP socket, -EBADF when it is not open,
 * -ENOTCONN when it is one of which nothing can be told (not connected, or no
 * more), or another negative errno.
 */
int diag_fallback_read(struct diag_fallback *diag_fallback, pid_t tid, int fd, struct event *event);

/** diag_fallback_get() - for other questions about our own network namespace; NULL where the kernel has no sock_diag */
struct diag *diag_fallback_get(struct diag_fallback *diag_fallback);

/** diag_fallback_close() - let go of what it holds */
void diag_fallback_close(struct diag_fallback *diag_fallback);

#endif
