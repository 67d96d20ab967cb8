/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_EXPORT_METRICS_H
#define CONNTRACE_REPORT_EXPORT_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "report/rows/report.h"
#include "report/rows/summary.h"
#include "report/export/status.h"
#include "base/text.h"

/*
 * Counters for monitoring: the groups, and a limited number of peers, reported
 * repeatedly. A counter never goes down: a reported value stays, even if it
 * turns out later that the total is unknown.
 */

/** struct metrics - the counters */
struct metrics;

/** enum metrics_by - labels of the rows of processes; bits */
enum metrics_by {
	METRICS_BY_PROGRAM = 0x1,
	METRICS_BY_UNIT = 0x2,
};

/** Name of all peers, and processes, that have no row of their own. */
#define METRICS_OTHER "other"

/**
 * metrics_new() - nothing counted yet
 * @groups: borrowed
 * @peers_max: rows of peer, direction and port, and of processes; later ones are in METRICS_OTHER
 * @by: enum metrics_by, 0 no rows of processes
 */
struct metrics *metrics_new(const struct groups *groups, size_t peers_max, unsigned int by);

/** metrics_free() - NULL is allowed */
void metrics_free(struct metrics *metrics);

/** metrics_finished() - a connection has ended; called once for each */
void metrics_finished(struct metrics *metrics, const struct conn *conn);

/**
 * metrics_status() - the figures of the groups, for conntrace-stat(1)
 * @metrics: with the finished connections
 * @next_open: gives the open connections
 * @context: passed to @next_open
 * @status: its items are set
 */
void metrics_status(struct metrics *metrics, report_next *next_open, void *context, struct status *status);

/**
 * struct metrics_run - other values to report
 * @version: of the program
 * @start_ns: when the run began, since the epoch
 * @summary: the summary so far
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

/** metrics_write() - append all metrics; @next_open and @context as for metrics_status() */
void metrics_write(struct metrics *metrics, report_next *next_open, void *context, const struct metrics_run *run,
		   enum metrics_format format, struct text *text);

#endif
