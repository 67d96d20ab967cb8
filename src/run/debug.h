/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_DEBUG_H
#define CONNTRACE_RUN_DEBUG_H

#include "model/event.h"
#include "cli/options.h"
#include "run/sources.h"

/* What --debug tells, on standard error. */

/** debug_sources() - if asked for: which witnesses are heard, and what is therefore known and what is not */
void debug_sources(const struct options *options, const struct sources *sources);

/** debug_event() - an event as it is fed to the tracker, in the words of a recording */
void debug_event(const struct event *event);

#endif
