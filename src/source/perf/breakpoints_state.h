/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PERF_BREAKPOINTS_STATE_H
#define CONNTRACE_SOURCE_PERF_BREAKPOINTS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/idmap.h"
#include "base/notices.h"
#include "source/perf/armed.h"
#include "source/perf/breakpoints.h"
#include "source/perf/connect_calls.h"
#include "source/perf/hit_rings.h"

/* What the files of the breakpoints share. */

/**
 * struct attempt - one whose socket has not been found in a sample, as far as is known here
 * @cookie: of its events
 * @time_ns: when connect(2) returned
 */
struct attempt {
	uint64_t cookie;
	int64_t time_ns;
};

/**
 * struct place - a site
 * @call: enum site_call
 * @path: enum site_path
 */
struct place {
	uint8_t call;
	uint8_t path;
};

/**
 * struct gap - connections of a process may be missing
 * @pid: the process
 * @why: the text of PROCESS_GAPS
 */
struct gap {
	pid_t pid;
	const char *why;
};

/**
 * struct path_taken - what is known of the code that a process runs (sites.h)
 * @pid: the process
 * @path: enum site_path; SITE_PATH_ANY: unknown
 * @is_narrow: only the sites of that path have breakpoints
 * @is_partial: those of connect(2) have none
 */
struct path_taken {
	pid_t pid;
	uint8_t path;
	bool is_narrow, is_partial;
};

/**
 * struct bare - a process that has called execve(2) and has not mapped its C library yet
 * @pid: the process
 * @since_ns: monotonic
 */
struct bare {
	pid_t pid;
	int64_t since_ns;
};

/* See breakpoints.h. */
struct breakpoints {
	struct breakpoints_config config;
	struct hit_rings *rings;
	struct armed *armed;
	struct connect_calls *calls;
	struct idmap *places; /* address of a site: struct place */
	struct idmap *paths;  /* PID: struct path_taken */
	struct idmap *named;  /* PID: its name has been reported */
	struct idmap *gaps;   /* PID: struct gap */
	int64_t searched_ns;  /* io_uring(7) is searched after this time, monotonic */
	struct idmap *bare;   /* PID: struct bare */
	pid_t *pids;          /* those named, config.pid_count of them */
	struct hit *hits;     /* not passed on yet */
	size_t hit_count, hit_size;
	struct attempt *attempts; /* in order of time */
	size_t attempt_first, attempt_count, attempt_size;
	int64_t epoch_ns; /* of the kernel's monotonic clock */
	int64_t last_ns, settled_ns;
	uint64_t seen, lost; /* hits that were read; records reported as lost */
	uint64_t nameless;   /* accepted connections whose listener is not known */
	pid_t changed_pid;   /* the first process whose sites were exchanged, 0 none */
	bool was_partial;    /* because its memory may not be read */
	int pushed;
	size_t execs;
	struct notices notices;
	bool has_bare, has_path; /* one was reported */
	bool lacks_outcomes;     /* a process has no breakpoint behind getsockopt(2) */
	bool has_waiting;        /* a connect(2) has not waited */
};

/* breakpoints_gaps.c */

/** breakpoints_gap() - connections of @pid may be missing, and why; a text that stays */
void breakpoints_gap(struct breakpoints *breakpoints, pid_t pid, const char *why);

/** breakpoints_gap_all() - of all processes */
void breakpoints_gap_all(struct breakpoints *breakpoints, const char *why);

/** breakpoints_gap_none() - @pid is another process now */
void breakpoints_gap_none(struct breakpoints *breakpoints, pid_t pid);

/** breakpoints_report_ring() - report that a process uses io_uring(7), if it does */
void breakpoints_report_ring(struct breakpoints *breakpoints, pid_t pid);

/** breakpoints_search_rings() - the same of all, from time to time, and always if @is_last */
void breakpoints_search_rings(struct breakpoints *breakpoints, bool is_last);

/* breakpoints_processes.c */

/** breakpoints_arm_all() - the processes that were named, and their children; Return: 0 or a negative errno */
int breakpoints_arm_all(struct breakpoints *breakpoints, struct err *err);

/** breakpoints_executed() - a process has called execve(2) */
void breakpoints_executed(struct breakpoints *breakpoints, pid_t pid);

/** breakpoints_mapped() - a process has mapped a file to execute it */
void breakpoints_mapped(struct breakpoints *breakpoints, pid_t pid);

/** breakpoints_created() - @parent has a new thread, @pid is the same then, or a new process @pid */
void breakpoints_created(struct breakpoints *breakpoints, pid_t pid, pid_t parent);

/** breakpoints_reached() - a thread of @pid was there: that shows which code its calls take */
void breakpoints_reached(struct breakpoints *breakpoints, pid_t pid, const struct place *place);

/** breakpoints_report_bare() - report a process that has no breakpoints although it should, the first one */
void breakpoints_report_bare(struct breakpoints *breakpoints);

/** breakpoints_report_path() - report that the sites of a process were exchanged, of the first one */
void breakpoints_report_path(struct breakpoints *breakpoints);

#endif
