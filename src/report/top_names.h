/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_NAMES_H
#define CONNTRACE_REPORT_TOP_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "model/endpoint.h"

/**
 * struct top_names - names of hosts for a screen that does not wait
 *
 * The resolver may take seconds for a name, so a thread of its own asks it;
 * until it answers there is no name.
 */
struct top_names;

/** Most hosts that are asked for in a run. */
#define TOP_NAMES_MOST 8192

/** top_names_new() - nothing known yet; the threads are started with the first question */
struct top_names *top_names_new(void);

/** top_names_host() - the host's name, escaped already; NULL when it has none, or none yet. Valid until the end */
const char *top_names_host(struct top_names *names, const struct endpoint *endpoint);

/**
 * top_names_await() - as top_names_host(), but wait for an answer
 * @names: the names
 * @endpoint: the host
 * @most_ns: for so long at most; 0 asks and waits for nothing
 * @known: set to whether it was answered
 */
const char *top_names_await(struct top_names *names, const struct endpoint *endpoint, int64_t most_ns, bool *known);

/** top_names_free() - NULL is fine; does not wait for a resolver that is still busy */
void top_names_free(struct top_names *names);

#endif
