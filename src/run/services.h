/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_SERVICES_H
#define CONNTRACE_RUN_SERVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/conn.h"
#include "cli/options.h"
#include "run/output.h"
#include "run/sources.h"
#include "track/tracker.h"

/** struct services - outputs during the run: --control and --metrics */
struct services;

/**
 * struct services_run - state of the run
 * @tracker: has the open connections
 * @sources: for the summary
 * @output: likewise
 * @start_ns: when the run began, monotonic
 * @finished: number of finished connections
 * @writes: metrics are written; false before the first output
 */
struct services_run {
	struct tracker *tracker;
	struct sources *sources;
	const struct output *output;
	int64_t start_ns;
	uint64_t finished;
	bool writes;
};

/**
 * services_open() - open the requested services
 * @services: set on success; NULL when none was requested
 * @options: must outlive it
 * @err: the message of a failure
 *
 * Return: 0 or a negative errno.
 */
int services_open(struct services **services, const struct options *options, struct err *err);

/** services_finished() - a connection has ended; called once for each */
void services_finished(struct services *services, const struct conn *conn);

/** services_fd() - poll it for reading, -1 for none; NULL is allowed */
int services_fd(const struct services *services);

/** services_due() - true when services_serve() will write metrics, so sample open connections first; NULL is allowed */
bool services_due(const struct services *services, bool final);

/**
 * services_serve() - answer requests, and write metrics when due
 * @services: NULL is allowed
 * @run: state of the run
 * @final: the last call
 * @err: the message of the first failed write
 *
 * Return: 0 or a negative errno, once in a run.
 */
int services_serve(struct services *services, const struct services_run *run, bool final, struct err *err);

/** services_have_failed() - true when a write failed; NULL is allowed */
bool services_have_failed(const struct services *services);

/** services_close() - remove the socket; the metrics stay; NULL is allowed */
void services_close(struct services *services);

#endif
