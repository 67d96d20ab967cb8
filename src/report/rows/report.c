// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "report/rows/report_rows.h"
#include "report/rows/schema.h"

static void begin_printer(struct report *report, const struct report_options *options, size_t which, FILE *out)
{
	struct printer *printer = &report->printer;

	printer->out = out;
	printer->format = options->format;
	printer->style = STYLE_MACHINE;
	printer->style.terminal = options->format == REPORT_TABLE && options->width > 0;
	if (options->format == REPORT_TABLE || options->format == REPORT_RAW) {
		printer->style.human = options->human;
		printer->style.resolve = options->resolve;
		printer->style.time = options->time;
		printer->style.start_ns = options->start_ns;
	}
	printer->last = options->last_printer;
	printer->null = options->format == REPORT_CSV || options->format == REPORT_TSV ? options->null : NULL;
	printer->style.names = report->names;
	if (options->report_count > 1 || options->besides)
		printer->report = report->ops->title != NULL ? report->ops->title(report->spec) : report->ops->name;
	printer->header = options->header;
	printer->color = options->color && options->format == REPORT_TABLE;
	printer->width = options->width;
	/* Other reports are printed before this one. */
	printer->separate = options->besides || which > 0;
	report->start_unknown = options->start_ns < 0;
}

static void begin_columns(struct report *report, const struct report_options *options)
{
	struct printer *printer = &report->printer;
	bool is_own = printer->style.terminal && options->columns == NULL;

	report->joins = report->ops->joins && is_own;
	printer->fits = is_own;
	if (is_own && report->ops->streams)
		printer_fit_rows(printer);
	printer_init(printer);
}

int report_new(struct report **report, const struct report_options *options, size_t which, FILE *out, struct err *err)
{
	const struct report_choice *choice = &options->reports[which];
	const struct report_ops *ops = choice->ops;
	struct report *made = xcalloc(1, ops->size);
	int ret = 0;

	made->ops = ops;
	made->spec = choice->spec;
	made->limit = options->limit;
	made->peers_max = options->peers_max > 0 ? options->peers_max : PEERS_GROUPS_MAX;
	made->groups = options->groups;
	if (ops->columns != NULL)
		ret = select_keys(choice, options, &made->keys, err);
	if (ret == 0 && ops->columns != NULL)
		ret = select_columns(ops, &made->keys, options, &made->printer.columns, err);
	if (ret == 0 && ops->has_conns && options->format == REPORT_JSON)
		schema_apply((enum report_schema)options->schema, &made->printer.columns);
	if (ret == 0 && ops->columns != NULL)
		ret = select_sort(ops, &made->keys, options, &made->sort, err);
	if (ret < 0) {
		select_free(&made->printer.columns);
		free(made);
		return ret;
	}
	made->keys.groups = made->groups;
	made->names = names_new();
	names_know_groups(made->names, made->groups);
	begin_printer(made, options, which, out);
	if (ops->columns != NULL)
		begin_columns(made, options);
	if (ops->open != NULL)
		ops->open(made, options);
	*report = made;
	return 0;
}

void report_free(struct report *report)
{
	if (report == NULL)
		return;
	if (report->ops->close != NULL)
		report->ops->close(report);
	names_free(report->names);
	printer_clear(&report->printer);
	select_free(&report->sort);
	free(report);
}

void report_finished(struct report *report, const struct conn *conn)
{
	if (report->ops->finished != NULL)
		report->ops->finished(report, conn);
}

void report_message(struct report *report, const struct conn *conn, const struct message *message, int64_t time_ns)
{
	if (report->ops->message != NULL)
		report->ops->message(report, conn, message, time_ns);
}

void report_frame(struct report *report, const struct event *event)
{
	if (report->ops->frame != NULL)
		report->ops->frame(report, event);
}

void report_begin(struct report *report, bool has_packets)
{
	if (report->ops->begin != NULL)
		report->ops->begin(report, has_packets);
}

int64_t report_border_ns(const struct report *report, int64_t now_ns)
{
	return report->ops->border_ns != NULL ? report->ops->border_ns(report, now_ns) : INT64_MAX;
}

void report_counters(struct report *report, const struct conn *conn, int64_t time_ns)
{
	if (report->ops->counters != NULL)
		report->ops->counters(report, conn, time_ns);
}

void report_segment(struct report *report, const struct segment *segment, bool alone)
{
	if (report->ops->segment != NULL)
		report->ops->segment(report, segment, alone);
}

static const struct conn *next_none(void *context, const struct conn *previous)
{
	(void)context;
	(void)previous;
	return NULL;
}

int report_print(struct report *report, report_next *next_open, void *context, bool final, struct err *err)
{
	report->ops->print(report, next_open != NULL ? next_open : next_none, context, final);
	return report_error(report, err);
}

void report_titles(struct report *report, bool are_out)
{
	report->printer.header_done = are_out;
}

void report_slice(struct report *report, int64_t start_ns)
{
	report->ops->slice(report);
	names_set_slice(report->names, start_ns);
}

int report_error(const struct report *report, struct err *err)
{
	int error = report->printer.error;

	if (error == 0)
		return 0;
	return err_set(err, error, "the report %s could not be written: %s", report->ops->name, strerror(-error));
}

const char *report_left_out(const struct report *report)
{
	return report->printer.left_out.length > 0 ? report->printer.left_out.data : NULL;
}

uint64_t report_partial(const struct report *report)
{
	return report->ops->partial != NULL ? report->ops->partial(report) : 0;
}

uint64_t report_late(const struct report *report)
{
	return report->ops->late != NULL ? report->ops->late(report) : 0;
}

const char *report_nothing(const struct report *report)
{
	return report->streamed == 0 ? report->ops->nothing : NULL;
}

uint64_t report_unanswered(const struct report *report)
{
	return report->ops->unanswered != NULL ? report->ops->unanswered(report) : 0;
}

uint64_t report_refused(const struct report *report)
{
	return report->refused;
}
