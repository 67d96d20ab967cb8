/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SOURCE_H
#define CONNTRACE_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/queue.h"

struct log_lines;

/*
 * A source turns one kind of evidence into a stream of events. The loop of a
 * run knows it by its struct source_ops only. How it is opened differs: each
 * has NAME_open() with a struct NAME_config of its own, called by
 * run/sources_open.c.
 */

/** SOURCE_END - returned by read() once everything has been read and nothing more will come */
#define SOURCE_END (-0x10000)

/** enum source_role - what the end of a source means for the run */
enum source_role {
	/** it reports on others' behalf and ends no run */
	SOURCE_AUXILIARY,
	/** the processes to watch: the run ends with it */
	SOURCE_TARGET,
	/** packets or files: without a target the run ends with the last of them */
	SOURCE_INPUT,
};

/** enum source_failure - what a failure of read() means */
enum source_failure {
	/** the exit status says so; the source is read on, and says SOURCE_END itself */
	SOURCE_GOES_ON,
	/** the exit status says so, and the source has ended */
	SOURCE_ENDS,
	/** a notice says so, and the source is closed: the run does not depend on it */
	SOURCE_IS_OPTIONAL,
};

/**
 * struct source_ops - a source, as the loop of a run uses it
 *
 * Members may be NULL where the text says what that means. @source is what
 * NAME_open() gave.
 *
 * @name: for debugging
 * @role: enum source_role
 * @on_failure: enum source_failure
 * @fd: readable (poll(2)) when read() has something; -1 none now. NULL: it has none
 * @sleep: poll(2) on fd() follows; @is_patient: the caller reads again within a moment even without it. Return: false
 *	   when events wait already. NULL: there is nothing to prepare
 * @read: never blocks; appends struct event values in the order of their time_ns, to @events or where its
 *	  configuration says. Return: how many, 0 for none now, SOURCE_END, or a negative errno with the reason in @err
 * @drain_read: called instead of read() once the run is being drained, also after SOURCE_END; NULL: read() goes on
 * @settled_ns: events up to this time have been appended, and what others report of later times waits. NULL: events are
 *		late by no more than sources_hold_ns()
 * @notice: the next line for the user, valid until the next call; NULL: there is none, or there never is
 * @lines: what it has read of a log of calls; whole at its end. NULL: it reads none; its result: unknown yet
 * @refused: the @index-th of the processes given that is not watched, and why; NULL: none
 * @others: how many watched processes run; the first @room of them are written to @pids, and each gets the signal
 *	    @number unless it is 0. NULL: it watches none
 * @drain: the run is over: begin to deliver what has happened until now. NULL: nothing is held back
 * @is_drained: has that been read? NULL: drain() itself takes all
 * @drain_ns: longest time for it
 * @abandon: the time is over: end at once, and count what is lost. NULL: the loop goes on without it
 * @close: let go of what is watched, unharmed, and free the source
 */
struct source_ops {
	const char *name;
	enum source_role role;
	enum source_failure on_failure;
	int (*fd)(const void *source);
	bool (*sleep)(void *source, bool is_patient);
	int (*read)(void *source, struct queue *events, struct err *err);
	int (*drain_read)(void *source, struct queue *events, struct err *err);
	int64_t (*settled_ns)(const void *source);
	const char *(*notice)(void *source);
	const struct log_lines *(*lines)(const void *source);
	const char *(*refused)(const void *source, size_t index);
	size_t (*others)(void *source, int number, pid_t *pids, size_t room);
	void (*drain)(void *source);
	bool (*is_drained)(const void *source);
	int64_t drain_ns;
	void (*abandon)(void *source);
	void (*close)(void *source);
};

#endif
