/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_URING_H
#define CONNTRACE_SOURCE_PTRACE_URING_H

#include "source/ptrace/stop.h"

/*
 * Operations by io_uring(7) are no system calls: no filter and no stop sees its accept, connect and close. But a
 * process nearly always enters the kernel (io_uring_enter(2)) between getting a socket and closing it. Its sockets are
 * sampled there, with a descriptor or without (direct descriptors). The kernel's counters give the rest: how much was
 * moved and how the connection ended. A connection that comes and goes within one call, or beside the calls
 * (IORING_SETUP_SQPOLL), is not found so. For those accepted on a listener of the process the final counters are still
 * reported, without an owner.
 */

/** Number of rings of a process: it has one, or one for each thread. */
#define URING_RINGS 64

/**
 * struct uring_socket - a socket of the process
 * @inode: its inode
 * @fd: its descriptor, -1 a direct one
 */
struct uring_socket {
	uint32_t inode;
	int fd;
};

/**
 * struct uring - the rings of a process and the sockets it had at the last sample
 * @rings: their descriptors
 * @ring_count: their number
 * @known: sockets that need no further report, by inode
 * @known_count: their number
 * @next_ns: no sample before this time
 */
struct uring {
	int rings[URING_RINGS];
	size_t ring_count;
	struct uring_socket *known;
	size_t known_count;
	int64_t next_ns;
};

/** uring_made() - a process has created a ring, whose descriptor is @fd */
void uring_made(struct stop *stop, struct tracee *tracee, int fd);

/** uring_find() - report sockets it has got since the last sample; does nothing for a process without a ring */
void uring_find(struct stop *stop, struct tracee *tracee);

/** uring_free() - free it; NULL is allowed */
void uring_free(struct uring *uring);

#endif
