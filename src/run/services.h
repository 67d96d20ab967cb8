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

/** struct services - those who are told while the run goes on: --control and --metrics */
struct services;

/**
 * struct services_run - how things stand
 * @tracker: has the open connections
 * @sources: for the accounts
 * @output: likewise
 * @start_ns: when the run began, monotonic
 * @finished: connections that are over
 * @writes: metrics are written; not before there is something to write
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
 * services_open() - open what was asked for
 * @services: set on success; NULL when nothing was asked for
 * @options: must outlive it
 * @err: the story of a failure
 *
 * Return: 0 or a negative errno.
 */
int services_open(struct services **services, const struct options *options, struct err *err);

/** services_finished() - a connection is over; told once of each */
void services_finished(struct services *services, const struct conn *conn);

/** services_fd() - to be watched for reading, -1 for none; NULL is fine */
int services_fd(const struct services *services);

/** services_due() - will services_serve() write metrics, so that open connections should be looked at? NULL is fine */
bool services_due(const struct services *services, bool final);

/**
 * services_serve() - answer who asks, and write what is due
 * @services: NULL is fine
 * @run: how things stand
 * @final: nothing comes after it
 * @err: the story, when something could not be written that could be before
 *
 * Return: 0 or a negative errno, once in a run.
 */
int services_serve(struct services *services, const struct services_run *run, bool final, struct err *err);

/** services_have_failed() - was there something that could not be written? NULL is fine */
bool services_have_failed(const struct services *services);

/** services_close() - remove the socket; the metrics stay; NULL is fine */
void services_close(struct services *services);

#endif
