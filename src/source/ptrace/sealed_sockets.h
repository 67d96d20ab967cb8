/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_SEALED_SOCKETS_H
#define CONNTRACE_SOURCE_PTRACE_SEALED_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

#include "source/ptrace/tracee.h"

/* The TCP sockets of a process that may not be inspected, or may soon not be (sealed.h). */

/**
 * struct sealed_socket - one of them
 * @fd: its descriptor
 * @cookie: its cookie, or a generated one
 * @local: its own end, as far as that is known
 */
struct sealed_socket {
	int fd;
	uint64_t cookie;
	struct endpoint local;
};

/**
 * struct sealed - all of them
 * @list: owned
 * @count: number of entries
 */
struct sealed {
	struct sealed_socket *list;
	size_t count;
};

/** sealed_free() - free it; NULL is allowed */
void sealed_free(struct sealed *sealed);

/** sealed_forget() - nothing is known about the sockets of @target any more */
void sealed_forget(struct target *target);

/** sealed_find() - Return: its socket with descriptor @fd, or NULL */
struct sealed_socket *sealed_find(const struct target *target, int fd);

/** sealed_add() - @fd is another socket now */
void sealed_add(struct target *target, int fd, uint64_t cookie, const struct endpoint *local);

/** sealed_remove() - @socket, one of its sockets, is closed */
void sealed_remove(struct target *target, struct sealed_socket *socket);

/** sealed_inherit() - @child was created with the sockets of @parent */
void sealed_inherit(struct target *child, const struct target *parent);

#endif
