/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_STOP_H
#define CONNTRACE_SOURCE_PTRACE_STOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/queue.h"
#include "model/event.h"
#include "source/ptrace/outside.h"
#include "source/ptrace/remarks.h"
#include "source/ptrace/tracee.h"

/*
 * What a stopped thread tells. While it is stopped its sockets are looked at
 * and events are gathered; after it has been resumed they are pushed, so that
 * it never waits for a queue.
 */

/* A description takes at most 1 + 35 (an exe of 4096 bytes in pieces), a look 2; loops push after each look. */
#define STOP_EVENTS 64

/**
 * struct stop - events gathered at one stop
 * @queue: where they go
 * @time_ns: when the stop was seen
 * @count: how many wait in @events
 * @events: them
 * @remarks: what the user should know
 * @outside: looks at sockets where they can't be duplicated
 */
struct stop {
	struct queue *queue;
	int64_t time_ns;
	size_t count;
	struct event events[STOP_EVENTS];
	struct remarks *remarks;
	struct outside outside;
};

/** stop_push() - hand the gathered events over; Return: whether there were any */
bool stop_push(struct stop *stop);

/**
 * stop_entry() - a thread enters a call
 * @stop: gathers events
 * @tracee: its @call is set
 * @arch: AUDIT_ARCH_*
 * @number: system call number
 * @arguments: its six arguments
 * @closes: closing is watched
 *
 * Return: does the return of the call matter?
 */
bool stop_entry(struct stop *stop, struct tracee *tracee, uint32_t arch, uint64_t number, const uint64_t arguments[6],
		bool closes);

/** stop_return() - the call that stop_entry() wanted to see returned with @value (negative errno on failure) */
void stop_return(struct stop *stop, struct tracee *tracee, int64_t value);

/** stop_last_thread() - a process is about to end, its descriptors still open; @status as wait(2) will tell it */
void stop_last_thread(struct stop *stop, struct tracee *tracee, int status);

/** stop_existing() - look at descriptor @fd of a process that was attached to */
void stop_existing(struct stop *stop, const struct tracee *tracee, int fd);

/** stop_executed() - a process has executed a program */
void stop_executed(struct stop *stop, const struct tracee *tracee);

/** stop_describe() - tell name and user of a process, unless told since its last exec */
void stop_describe(struct stop *stop, struct target *target);

#endif
