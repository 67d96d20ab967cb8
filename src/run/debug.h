/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_DEBUG_H
#define CONNTRACE_RUN_DEBUG_H

#include "model/event.h"
#include "cli/options.h"
#include "run/sources.h"

/* The output of --debug on standard error. */

/** debug_sources() - with --debug=sources: print which sources are open, and what is therefore known or not */
void debug_sources(const struct options *options, const struct sources *sources);

/** debug_event() - with --debug=events: print an event as it is fed to the tracker, in the format of a recording */
void debug_event(const struct event *event);

#endif
