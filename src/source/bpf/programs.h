/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_BPF_PROGRAMS_H
#define CONNTRACE_SOURCE_BPF_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/queue.h"
#include "model/process_choice.h"

struct source_ops;

/** struct programs - the BPF programs in the kernel, and the ring of their records */
struct programs;

/**
 * struct programs_config - whom to watch
 * @pids: processes
 * @pid_count: their number; 0 with @all
 * @follow: watch their children, too
 * @all: watch every process but this one and its children
 * @measures: read what struct measures has
 * @states: report each change of a state, for time lines
 * @choice: with @all, those that it wants; the first events of a process may come before that is known. NULL all; the
 *	    caller keeps it
 */
struct programs_config {
	const pid_t *pids;
	size_t pid_count;
	bool follow;
	bool all;
	bool measures;
	bool states;
	const struct process_choice *choice;
};

/** programs_built_in() - whether this conntrace was built with libbpf */
bool programs_built_in(void);

/** programs_version() - "1.1", the version of libbpf; "" without it */
const char *programs_version(void);

/**
 * programs_open() - load and attach them, and list the sockets that exist
 * @programs: set on success
 * @config: whom to watch; not needed afterwards
 * @err: the message of a failure
 *
 * The kernel removes the programs when this process ends, whichever way.
 *
 * Return: 0, or a negative errno: -ENOTSUP when not built in or the kernel is not fit, -EPERM without the rights.
 */
int programs_open(struct programs **programs, const struct programs_config *config, struct err *err);

/**
 * programs_check() - try to load them
 * @config: keep what was loaded for programs_open() with the same, which need not load it again; NULL: keep nothing
 * @err: the message of a failure
 *
 * Return: as programs_open().
 */
int programs_check(const struct programs_config *config, struct err *err);

/** programs_fd() - readable (poll(2)) when records wait */
int programs_fd(const struct programs *programs);

/** programs_sleep() - poll(2) follows; Return: false when to read again at once */
bool programs_sleep(struct programs *programs);

/** programs_read() - append the events of the records that wait to @events; Return: how many, or SOURCE_END */
int programs_read(struct programs *programs, struct queue *events);

/** programs_drain() - the run has ended: the losses are read once more */
void programs_drain(struct programs *programs);

/** programs_is_drained() - whether all records from before programs_drain() have been read */
bool programs_is_drained(const struct programs *programs);

/** programs_settled_ns() - events up to this time have been appended */
int64_t programs_settled_ns(const struct programs *programs);

/** programs_refused() - the @index-th of the processes given that is not watched, and why; NULL behind the last */
const char *programs_refused(const struct programs *programs, size_t index);

/** programs_others() - watched processes that run, as source_ops.others() */
size_t programs_others(const struct programs *programs, pid_t *pids, size_t room);

/** programs_close() - remove them; NULL is fine */
void programs_close(struct programs *programs);

/** programs_source - they as a source of the run's loop */
extern const struct source_ops programs_source;

#endif
