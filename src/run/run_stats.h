/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_RUN_STATS_H
#define CONNTRACE_RUN_RUN_STATS_H

#include <stdint.h>

#include "cli/options.h"
#include "run/output.h"
#include "report/rows/summary.h"
#include "run/sources.h"
#include "track/tracker.h"

/**
 * run_stats_fill() - the summary of a run so far
 * @summary: filled
 * @tracker: has the open connections
 * @sources: have their losses and costs
 * @options: determine what the sources cover
 * @start_ns: when the run began, monotonic
 * @finished: number of finished connections
 */
void run_stats_fill(struct summary *summary, const struct tracker *tracker, struct sources *sources,
		    const struct options *options, int64_t start_ns, uint64_t finished);

/**
 * run_stats_explain() - explain at the end what a reader of the tables must know of the run
 * @summary: that of run_stats_fill(); completed
 * @output: has printed all reports
 * @options: of the run
 * @sources: queried for processes that were not watched; these are reported on standard error
 */
void run_stats_explain(struct summary *summary, struct output *output, const struct options *options,
		       struct sources *sources);

#endif
