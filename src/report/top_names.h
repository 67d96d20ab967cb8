/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_NAMES_H
#define CONNTRACE_REPORT_TOP_NAMES_H

#include "model/endpoint.h"

/**
 * struct top_names - names of hosts for a screen that does not wait
 *
 * The resolver may take seconds for a name, so a thread of its own asks it;
 * until it answers there is no name.
 */
struct top_names;

/** Most hosts that are asked for in a run. */
#define TOP_NAMES_MOST 4096

/** top_names_new() - nothing known yet; the thread is started with the first question */
struct top_names *top_names_new(void);

/** top_names_host() - the host's name, escaped already; NULL when it has none, or none yet. Valid until the end */
const char *top_names_host(struct top_names *names, const struct endpoint *endpoint);

/** top_names_free() - NULL is fine; does not wait for a resolver that is still busy */
void top_names_free(struct top_names *names);

#endif
