/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_INTERVAL_H
#define CONNTRACE_RUN_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"

/**
 * struct interval - when a report is due (-I)
 * @interval_ns: length of a slice, 0 for none
 * @is_aligned: slices begin when the local clock shows a multiple of that
 * @next_ns: monotonic, when the next report is due
 */
struct interval {
	int64_t interval_ns;
	bool is_aligned;
	int64_t next_ns;
};

/** interval_begin() - the run has begun at @start_ns, monotonic */
void interval_begin(struct interval *interval, const struct options *options, int64_t start_ns);

/** interval_wait_ns() - time until the next report; INT64_MAX none */
int64_t interval_wait_ns(const struct interval *interval, int64_t clock_ns);

/**
 * interval_due() - true when a slice has ended; reported once, several missed ones count as one
 * @interval: the interval
 * @clock_ns: monotonic
 * @end_ns: when the run ends, 0 unknown: the last slice is in the report at the end
 */
bool interval_due(struct interval *interval, int64_t clock_ns, int64_t end_ns);

#endif
