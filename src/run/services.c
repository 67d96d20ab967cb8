// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/services.h"

#include <stdlib.h>

#include "run/run_stats.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "config.h"
#include "report/export/control.h"
#include "report/export/metrics.h"
#include "report/export/metrics_file.h"

/* Default without -I; scrapers come every 15 to 60 seconds. */
#define METRICS_INTERVAL_NS (10 * CLOCK_NS_PER_SEC)

struct services {
	const struct options *options;
	const struct services_run *run; /* while it serves */
	struct metrics *metrics;
	struct control *control;
	struct metrics_file *file; /* of the metrics */
	int64_t start_ns;
	int64_t due_ns; /* monotonic */
	bool failed;
};

/* ---- reporting --------------------------------------------------------- */

static const struct conn *next_wanted(void *context, const struct conn *previous)
{
	const struct services *services = context;
	const struct conn *conn = previous;

	do {
		conn = tracker_next(services->run->tracker, conn);
	} while (conn != NULL && !conn_filter_match(&services->options->filter, conn));
	return conn;
}

static void fill_run_stats(const struct services *services, struct summary *summary)
{
	const struct services_run *run = services->run;

	run_stats_fill(summary, run->tracker, run->sources, services->options, run->start_ns, run->finished);
	output_count_lost(run->output, summary);
}

static void tell_status(void *context, struct status *status)
{
	struct services *services = context;
	bool has_packets = services->options->interface_count > 0 || services->options->read != NULL;
	struct summary summary;

	fill_run_stats(services, &summary);
	status->from_ns = services->start_ns;
	status->to_ns = clock_now();
	status->packets = has_packets ? (int64_t)summary.packets : -1;
	status->dropped = has_packets ? summary.lost[LOST_CAPTURE_KERNEL] : -1;
	status->interface_dropped = has_packets ? summary.lost[LOST_CAPTURE_INTERFACE] : -1;
	metrics_status(services->metrics, next_wanted, services, status);
}

static void write_metrics(struct services *services, enum metrics_format format, struct text *text)
{
	struct metrics_run run = {.version = PACKAGE_VERSION, .start_ns = services->start_ns};

	fill_run_stats(services, &run.summary);
	metrics_write(services->metrics, next_wanted, services, &run, format, text);
}

static void tell_openmetrics(void *context, struct text *text)
{
	write_metrics(context, METRICS_OPENMETRICS, text);
}

static int save_metrics(struct services *services, struct err *err)
{
	struct text text = {0};
	int rc;

	write_metrics(services, METRICS_PROMETHEUS, &text);
	rc = metrics_file_save(services->file, &text, err);
	text_free(&text);
	return rc;
}

/* ---- opening ---------------------------------------------------------------- */

int services_open(struct services **opened, const struct options *options, struct err *err)
{
	struct services *services;
	struct control_source asked;
	int rc = 0;

	*opened = NULL;
	if (options->control == NULL && options->metrics == NULL)
		return 0;
	services = xcalloc(1, sizeof(*services));
	services->options = options;
	services->start_ns = clock_now();
	services->due_ns = clock_monotonic();
	services->metrics = metrics_new(options->groups, (size_t)options->metrics_peers, options->metrics_by);
	asked = (struct control_source){services, tell_status, tell_openmetrics};
	if (options->metrics != NULL)
		rc = metrics_file_open(&services->file, options->metrics, "the metrics", 0, err);
	if (rc == 0 && options->control != NULL)
		rc = control_open(&services->control, options->control, &asked, err);
	if (rc != 0) {
		services_close(services);
		return rc;
	}
	*opened = services;
	return 0;
}

/* ---- serving ---------------------------------------------------------------- */

void services_finished(struct services *services, const struct conn *conn)
{
	if (services != NULL && conn_filter_match(&services->options->filter, conn))
		metrics_finished(services->metrics, conn);
}

int services_fd(const struct services *services)
{
	return services != NULL && services->control != NULL ? control_fd(services->control) : -1;
}

bool services_due(const struct services *services, bool final)
{
	return services != NULL && services->file != NULL && (final || clock_monotonic() >= services->due_ns);
}

int services_serve(struct services *services, const struct services_run *run, bool final, struct err *err)
{
	int rc = 0;

	if (services == NULL)
		return 0;
	services->run = run;
	if (services->control != NULL)
		control_serve(services->control);
	if (run->writes && services_due(services, final)) {
		int64_t interval_ns = services->options->interval_ns;

		services->due_ns = clock_monotonic() + (interval_ns > 0 ? interval_ns : METRICS_INTERVAL_NS);
		rc = save_metrics(services, err);
	}
	/* A full disk may have room next time, so the error is reported once and writing is tried again. */
	if (services->failed)
		return 0;
	services->failed = rc != 0;
	return rc;
}

bool services_have_failed(const struct services *services)
{
	return services != NULL && services->failed;
}

void services_close(struct services *services)
{
	if (services == NULL)
		return;
	control_close(services->control);
	metrics_free(services->metrics);
	metrics_file_close(services->file);
	free(services);
}
