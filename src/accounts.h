/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_ACCOUNTS_H
#define CONNTRACE_ACCOUNTS_H

#include <stdint.h>

#include "report/report.h"
#include "sources.h"
#include "track/tracker.h"

/**
 * accounts_fill() - the accounts of a run so far
 * @summary: filled
 * @tracker: has the open connections
 * @sources: know what they lost and what they cost
 * @start_ns: when the run began, monotonic
 * @finished: connections that are over
 */
void accounts_fill(struct summary *summary, const struct tracker *tracker, struct sources *sources,
		   int64_t start_ns, uint64_t finished);

#endif
