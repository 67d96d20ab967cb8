/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_EXPORT_METRICS_H
#define CONNTRACE_REPORT_EXPORT_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "report/rows/report.h"
#include "report/rows/summary.h"
#include "report/export/status.h"
#include "base/text.h"

/*
 * What those who watch from outside are told, again and again: the groups, and
 * a limited number of peers. A counter never goes down: what has been told
 * once stands, even if it turns out later that the whole is not known.
 */

/** struct metrics - the counters */
struct metrics;

/** Name of all peers that have no row of their own. */
#define METRICS_OTHER "other"

/**
 * metrics_new() - nothing counted yet
 * @groups: borrowed
 * @peers_max: rows of peer, direction and port; whoever comes later is in METRICS_OTHER
 */
struct metrics *metrics_new(const struct groups *groups, size_t peers_max);

/** metrics_free() - NULL is fine */
void metrics_free(struct metrics *metrics);

/** metrics_finished() - a connection is over; told once of each */
void metrics_finished(struct metrics *metrics, const struct conn *conn);

/**
 * metrics_status() - how the groups stand, for conntrace-stat(1)
 * @metrics: what has finished
 * @next_open: gives the open connections
 * @context: handed to @next_open
 * @status: its items are set
 */
void metrics_status(struct metrics *metrics, report_next *next_open, void *context, struct status *status);

/**
 * struct metrics_run - what is told besides
 * @version: of the program
 * @start_ns: when the run began, since the epoch
 * @summary: the accounts so far
 */
struct metrics_run {
	const char *version;
	int64_t start_ns;
	struct summary summary;
};

/** enum metrics_format - the two forms Prometheus reads */
enum metrics_format {
	/** text exposition format 0.0.4 */
	METRICS_PROMETHEUS,
	/** OpenMetrics 1.0: without peers, as an answer should be short */
	METRICS_OPENMETRICS,
};

/** metrics_write() - append all of it; @next_open and @context as for metrics_status() */
void metrics_write(struct metrics *metrics, report_next *next_open, void *context, const struct metrics_run *run,
		   enum metrics_format format, struct text *text);

#endif
