/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_PERF_CHOICE_H
#define CONNTRACE_RUN_PERF_CHOICE_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/options.h"

/* Whether breakpoints (--via=perf) do for a run. */

/** perf_choice_asks_calls() - whether TID or FD is asked for, which only calls show */
bool perf_choice_asks_calls(const struct options *options);

/**
 * perf_choice_suits() - whether --via=perf can be taken by itself
 * @options: with processes to attach to
 * @why: why not, to be read after "--via=perf"
 *
 * The breakpoints are set for a moment.
 */
bool perf_choice_suits(const struct options *options, struct err *why);

#endif
