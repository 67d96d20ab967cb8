// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/options_needs.h"

#include <string.h>

#include "report/export/metrics.h"

/* Whether the operand of an option has one of the words. */
static bool has_word(const char *list, const char *const *words)
{
	for (; list != NULL && *words != NULL; words++)
		if (strcasestr(list, *words) != NULL)
			return true;
	return false;
}

/* Whether columns, keys or titles of the reports have one of the words. The title of a histogram has its column. */
static bool names_word(const struct options *options, const char *const *words)
{
	for (size_t i = 0; i < options->report_count; i++) {
		const struct report_choice *report = &options->reports[i];

		if ((report->ops->keys != NULL && has_word(report->ops->keys(report->spec), words)) ||
		    (report->ops->title != NULL && has_word(report->ops->title(report->spec), words)))
			return true;
	}
	return has_word(options->columns, words) || has_word(options->sort, words) || has_word(options->by, words);
}

#define NAMES(options, ...) names_word(options, (const char *const[]){__VA_ARGS__, NULL})

static bool has_all_columns(const struct options *options)
{
	if (options->record != NULL || (options->format == REPORT_JSON && options->events))
		return true;
	for (size_t i = 0; i < options->report_count; i++)
		if (options->format == REPORT_JSON && options->reports[i].ops->has_conns)
			return true;
	return false;
}

bool options_needs_payload(const struct options *options)
{
	for (size_t i = 0; i < options->report_count; i++)
		if (options->reports[i].ops->wants_messages)
			return true;
	return options->messages || options->ladder || options->html != NULL ||
	       NAMES(options, "host", "tls_", "name", "alpn");
}

/* A row of JSON has WHY in every report of connections. */
static bool needs_measures(const struct options *options)
{
	return options->record != NULL || options->format == REPORT_JSON || options->only != 0 || options->suspicious ||
	       options->ladder != 0 || options->top ||
	       NAMES(options, "mss", "cwnd", "rttvar", "rate_bps", "busy", "rwnd", "sndbuf", "notsent", "unread", "cc",
		     "why");
}

void options_needs(struct options *options)
{
	bool has_all = has_all_columns(options);

	/* Frames are long enough where rows have all columns, and where the future use of a recording is unknown. */
	options->payload = options->top || has_all || options_needs_payload(options);
	/* Answers of DNS come seldom, but their packets are none of a connection: they pass only if shown. */
	options->names = has_all || NAMES(options, "name");
	options->measures = needs_measures(options);
	options->details = has_all || (options->metrics_by & METRICS_BY_UNIT) != 0 ||
			   process_choice_needs_cgroup(&options->filter.processes) ||
			   NAMES(options, "parent", "ppid", "cmdline", "cgroup", "unit", "container");
	options->closers = has_all || options->format == REPORT_JSON || options->top || options->html != NULL ||
			   options->control != NULL || NAMES(options, "close");
}
