/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PERF_SITES_H
#define CONNTRACE_SOURCE_PERF_SITES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/** enum site_call - the system call that has returned there */
enum site_call {
	SITE_CONNECT,
	SITE_SOCKET,
	SITE_CALL_NUM
};

/** struct site - @address: in the memory of the process; @call: enum site_call */
struct site {
	uint64_t address;
	enum site_call call;
};

/** A processor has this many breakpoints (x86-64). */
#define SITES_MAX 4

/** struct sites - those of a process; @count: of them */
struct sites {
	struct site list[SITES_MAX];
	size_t count;
};

/**
 * sites_find() - the places in the memory of a process at which its calls of connect(2) and socket(2) return
 * @pid: the process
 * @sites: set on success
 * @err: the message of a failure
 *
 * From the files that it has mapped to execute them, which may be read by anybody who may read its maps.
 *
 * Return: 0, or a negative errno: -EACCES another user's process, -ENOENT no such place or more than one library.
 */
int sites_find(pid_t pid, struct sites *sites, struct err *err);

#endif
