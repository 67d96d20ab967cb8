/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_TRACKING_H
#define CONNTRACE_RUN_TRACKING_H

#include "model/event.h"
#include "cli/options.h"
#include "run/sources.h"
#include "track/tracker.h"

/** tracking_config() - the configuration of the tracker in this run */
struct tracker_config tracking_config(const struct options *options, const struct sources *sources);

/**
 * tracking_run() - the event with that configuration in a recording: the first of a run
 *
 * Its time is when the processes are watched, which is now. Of a command that is @begin_ns, the begin of the run.
 */
struct event tracking_run(const struct options *options, const struct sources *sources,
			  const struct tracker_config *config, int64_t begin_ns);

/** tracking_captures_all() - whether packets of all interfaces come, and no capture filter leaves any out */
bool tracking_captures_all(const struct options *options);

#endif
