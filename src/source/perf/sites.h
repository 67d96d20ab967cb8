/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PERF_SITES_H
#define CONNTRACE_SOURCE_PERF_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/** enum site_call - the system call that has returned there */
enum site_call {
	SITE_CONNECT,
	SITE_SOCKET,
	SITE_ACCEPT,
	SITE_ACCEPT4,
	SITE_GETSOCKOPT,
	SITE_CALL_NUM
};

/** enum site_path - a function of the C library may have one place for programs without threads and one for others */
enum site_path {
	/** it is not known which one the process takes; of a site: it is the only one */
	SITE_PATH_ANY,
	/** the process has never had a second thread */
	SITE_PATH_SINGLE,
	/** it has, or has had, more threads */
	SITE_PATH_THREADS,
};

/** struct site - @address: in the memory of the process; @call: enum site_call; @path: enum site_path */
struct site {
	uint64_t address;
	enum site_call call;
	enum site_path path;
};

/** A processor has this many breakpoints (x86-64). */
#define SITES_MAX 4

/**
 * struct sites - those of a process
 * @count: of them
 * @path: they are those of this path alone; SITE_PATH_ANY: of both
 * @is_partial: those of connect(2) are not among them: accept(2) on both paths takes all places
 */
struct sites {
	struct site list[SITES_MAX];
	size_t count;
	enum site_path path;
	bool is_partial;
};

/**
 * struct sites_wish - which calls, beside connect(2) and socket(2)
 * @accepts: accept(2) and accept4(2), those of them that the program and its libraries import
 * @one_accept: only that of both which the program takes first, so that there is room for getsockopt(2)
 * @outcomes: getsockopt(2), if a place is left
 * @path: that the process is known to take
 */
struct sites_wish {
	bool accepts;
	bool one_accept;
	bool outcomes;
	enum site_path path;
};

/**
 * sites_find() - the places in the memory of a process at which its calls return
 * @pid: the process
 * @wish: which calls
 * @sites: set on success
 * @err: the message of a failure
 *
 * From the files that it has mapped to execute them, which may be read by anybody who may read its maps. With accept(2)
 * there is room for one path only. It is that of a process with threads; else the C library's own flag shows it, which
 * may be read by who may attach to the process. Where that is not permitted, the sites are partial, and the first hit
 * shows the path.
 *
 * Return: 0, or a negative errno: -EACCES another user's process, -ENOENT no such place or more than one library.
 */
int sites_find(pid_t pid, const struct sites_wish *wish, struct sites *sites, struct err *err);

#endif
