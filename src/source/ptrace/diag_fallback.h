/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_DIAG_FALLBACK_H
#define CONNTRACE_SOURCE_PTRACE_DIAG_FALLBACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/event.h"

struct diag;

/**
 * struct diag_fallback - reads sockets of other processes without duplicating their descriptors
 * @diag: queries the kernel for counters; NULL until needed, or when it is not possible
 * @netns: the network namespace of @diag, set with it
 * @opened: opening @diag was tried
 *
 * It is used where pidfd_getfd(2) is not available: before Linux 5.6, in a container that forbids it, when the leader
 * of a process has ended, or when this process has no free descriptor. /proc gives the socket and its ends. With these
 * ends the kernel gives counters and cookie (sock_diag(7)) if the socket is in conntrace's network namespace. A zeroed
 * struct is valid.
 */
struct diag_fallback {
	struct diag *diag;
	uint32_t netns;
	bool opened;
};

/**
 * diag_fallback_read() - what can be known of a TCP socket
 * @diag_fallback: the fallback
 * @tid: process, or one of its threads
 * @fd: descriptor there
 * @event: as of socket_read(), except that cookie and counters may be unknown; set on success only
 *
 * Return: 0, -ENOTSUP when it is no TCP socket, -EBADF when it is not open, -ENOTCONN when nothing is known of it (not
 * connected, or no longer), or another negative errno.
 */
int diag_fallback_read(struct diag_fallback *diag_fallback, pid_t tid, int fd, struct event *event);

/** diag_fallback_get() - for other queries about this network namespace; NULL where the kernel has no sock_diag */
struct diag *diag_fallback_get(struct diag_fallback *diag_fallback);

/** diag_fallback_close() - release what it holds */
void diag_fallback_close(struct diag_fallback *diag_fallback);

#endif
