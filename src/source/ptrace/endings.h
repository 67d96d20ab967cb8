/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_ENDINGS_H
#define CONNTRACE_SOURCE_PTRACE_ENDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/ptrace/stop.h"

/*
 * The end of a thread. The parent of a traced process that has ended can't wait for it until the tracer has reaped it.
 * A parent that learns of the end by a pidfd (poll(2)) and then waits without blocking (WNOHANG) finds no child in
 * between, and may never try again. A thread is therefore detached (PTRACE_DETACH) at its PTRACE_EVENT_EXIT stop, after
 * its sockets have been read: it makes no further call, and ends as if it had no tracer. A thread that is killed while
 * another stop of it is handled passes this stop unreported; its end is reported to the tracer and it is reaped there.
 *
 * Other holders of a connection show only when the process is gone. A process that had connections open is therefore
 * kept here, out of the table, until its pidfd is readable.
 */

/**
 * struct endings - processes that were detached and are not known to be gone
 * @first: the last thread of each, chained by next; each owns its target
 * @count: number of processes
 * @pause_ns: longest duration of the next wait for one of them
 * @oldest_ns: time of the earliest exit stop among them, if there are any
 */
struct endings {
	struct tracee *first;
	size_t count;
	int64_t pause_ns, oldest_ns;
};

/**
 * endings_let_go() - detach a thread at its exit stop, after its sockets were read
 *
 * Return: false when it can't be detached: it must be resumed, and its end is reported.
 */
bool endings_let_go(struct tracee *tracee);

/**
 * endings_gone() - a thread was detached or its end was reported: take it out of the table
 * @endings: keeps its process when the end of that is still to come
 * @stop: gathers events, and pushes them
 * @table: has the thread
 * @tracee: the thread; not valid afterwards
 */
void endings_gone(struct endings *endings, struct stop *stop, struct tracee_table *table, struct tracee *tracee);

/**
 * endings_check() - report the processes that are gone now
 * @endings: those that are not stay in it
 * @stop: gathers events, and pushes them
 * @wait: sleep until one is gone, for a short time at most
 */
void endings_check(struct endings *endings, struct stop *stop, bool wait);

/**
 * endings_settled_ns() - all ends up to this time have been reported; INT64_MAX when none is awaited
 *
 * The counters read at an exit stop show whether the peer's FIN had come, so the final counters of the sockets wait for
 * them. A process may take seconds to release its memory: no longer than a second.
 */
int64_t endings_settled_ns(const struct endings *endings);

/** endings_free() - forget them */
void endings_free(struct endings *endings);

#endif
