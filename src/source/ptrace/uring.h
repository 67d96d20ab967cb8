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

/** uring_made() - a process has created a ring, whose descriptor is @fd */
void uring_made(struct stop *stop, struct tracee *tracee, int fd);

/** uring_find() - report sockets it has got since the last sample; does nothing for a process without a ring */
void uring_find(struct stop *stop, struct tracee *tracee);

/** uring_free() - free it; NULL is allowed */
void uring_free(struct uring *uring);

#endif
