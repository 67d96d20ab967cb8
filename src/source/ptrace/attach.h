/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_ATTACH_H
#define CONNTRACE_SOURCE_PTRACE_ATTACH_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "source/ptrace/tracee.h"

/**
 * struct attach_socket - a socket that a process held when it was attached to
 * @pid: the process
 * @fd: its descriptor there
 */
struct attach_socket {
	pid_t pid;
	int fd;
};

/**
 * struct attach_sockets - all of them
 * @list: owned; free with free(3)
 * @count: number of entries
 * @at: the next one to read
 */
struct attach_sockets {
	struct attach_socket *list;
	size_t count;
	size_t at;
};

/** attach_list_sockets() - append every socket that a process holds */
void attach_list_sockets(pid_t pid, struct attach_sockets *sockets);

/**
 * attach_process() - seize every thread of a process
 * @table: its threads are added
 * @pid: the process
 * @options: PTRACE_O_* bits
 * @sockets: the sockets it holds are appended
 * @err: the cause and the remedy on failure
 *
 * Each thread is interrupted once, so that its calls can be made to stop.
 *
 * Return: 0 or a negative errno.
 */
int attach_process(struct tracee_table *table, pid_t pid, long options, struct attach_sockets *sockets,
		   struct err *err);

#endif
