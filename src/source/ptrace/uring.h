/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_URING_H
#define CONNTRACE_SOURCE_PTRACE_URING_H

#include "source/ptrace/stop.h"

/*
 * What a process does by io_uring(7) is no system call of its own: no filter
 * and no stop sees its accept, connect and close. But nearly always it enters
 * the kernel (io_uring_enter(2)) between getting a socket and letting it go,
 * and there it is looked what sockets it has, with a descriptor or without
 * (direct descriptors). The rest, how much they moved and how they ended, the
 * kernel's counters tell. What comes and goes within one call, or beside them
 * (IORING_SETUP_SQPOLL), is not found so; of those accepted on a listener of
 * the process the last word tells all the same, without saying whose they were.
 */

/** uring_made() - a process has made a ring, whose descriptor is @fd */
void uring_made(struct stop *stop, struct tracee *tracee, int fd);

/** uring_find() - tell of sockets it has got since the last look; nothing for a process without a ring */
void uring_find(struct stop *stop, struct tracee *tracee);

/** uring_free() - forget it; NULL is fine */
void uring_free(struct uring *uring);

#endif
