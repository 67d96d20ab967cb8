/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_SLICES_H
#define CONNTRACE_RUN_SLICES_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"

/**
 * struct slices - when a report is due (-I)
 * @interval_ns: how long a slice is, 0 for none
 * @is_aligned: slices begin when the local clock shows a multiple of that
 * @next_ns: monotonic, when the next report is due
 */
struct slices {
	int64_t interval_ns;
	bool is_aligned;
	int64_t next_ns;
};

/** slices_begin() - the run has begun at @start_ns, monotonic */
void slices_begin(struct slices *slices, const struct options *options, int64_t start_ns);

/** slices_wait_ns() - how long it is until the next report; INT64_MAX for ever */
int64_t slices_wait_ns(const struct slices *slices, int64_t clock_ns);

/**
 * slices_due() - is a slice over? Each is told once, and several that have passed unseen are one
 * @slices: when
 * @clock_ns: monotonic
 * @end_ns: when the run ends, 0 unknown: the last slice is told by the report at the end
 */
bool slices_due(struct slices *slices, int64_t clock_ns, int64_t end_ns);

#endif
