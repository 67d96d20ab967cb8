// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/report.h"
#include "run/output.h"
#include "run/output_state.h"

/* Events of open connections for reports and ladders: frames, segments and the kernel's counters. */

/* Whether frames of no connection count too: nothing limits the run to some connections. */
static bool counts_all_frames(const struct output *output)
{
	const struct options *options = output->options;

	return !options_has_target(options) && conn_filter_is_empty(&options->filter);
}

/* @conn, @first: NULL without a filter, unless there is a ladder; a segment of two ends is marked all the same */
static void on_entry(void *context, const struct conn *conn, const struct conn *first,
		     const struct timeline_entry *entry)
{
	struct output *output = context;
	struct timeline_entry own = *entry;
	bool alone;

	if (!conn_filter_is_empty(&output->options->filter) && !conn_filter_match(&output->options->filter, conn))
		return;
	/* Both ends are of interest: what the other one has had counts here if that one does not pass the filter. */
	if (first != NULL && !conn_filter_match(&output->options->filter, first)) {
		if (entry->kind == TIMELINE_SEGMENT)
			own.segment.judged &= (uint16_t)~SEGMENT_REPORTED;
	} else if (first != NULL && entry->kind != TIMELINE_SEGMENT) {
		return;
	}
	entry = &own;
	if (output->html != NULL)
		html_entry(output->html, conn, entry);
	if (output->ladder != NULL)
		ladder_entry(output->ladder, conn, entry);
	if (!output->counts_frames || entry->kind != TIMELINE_SEGMENT || entry->segment.judged & SEGMENT_REPORTED)
		return;
	output->frames_reported |= entry->segment.judged & SEGMENT_FRAME;
	/* A fragment's frame is counted already, because its connection was not known. */
	alone = entry->segment.judged & SEGMENT_FRAME || !output->frames_reported || !counts_all_frames(output);
	for (size_t i = 0; i < output->count; i++)
		report_segment(output->reports[i], &entry->segment, alone);
}

static void on_counters(void *context, const struct conn *conn, int64_t time_ns)
{
	struct output *output = context;

	for (size_t i = 0; i < output->count && conn_filter_match(&output->options->filter, conn); i++)
		report_counters(output->reports[i], conn, time_ns);
}

static void on_frame(void *context, const struct event *event)
{
	struct output *output = context;

	output->frames_reported = true;
	for (size_t i = 0; i < output->count && counts_all_frames(output); i++)
		report_frame(output->reports[i], event);
}

bool output_observer(struct output *output, struct tracker_observer *observer)
{
	const struct options *options = output->options;

	/* On the live screen the user may select any connection. */
	if (output->ladder == NULL && output->html == NULL && !options->top)
		return false;
	*observer = (struct tracker_observer){
		.context = output,
		.keep = true,
		.full = options->ladder & LADDER_FULL,
		.around = (unsigned int)options->context,
		.bytes = output->ladder == NULL && !options->top ? HTML_TIMELINE_BYTES : 0,
		.frame = output->counts_frames ? on_frame : NULL,
		.entry = output->counts_frames || output->html != NULL || options->ladder & LADDER_LIVE ? on_entry
													: NULL,
		.counters = output->counts_frames && !options_has_packets(options) ? on_counters : NULL,
	};
	return true;
}

bool output_counter(struct output *output, struct tracker_observer *observer)
{
	if (!output->counts_frames)
		return false;
	*observer = (struct tracker_observer){
		.context = output,
		/* Settling takes longer than counting, and only a filter reads the result. */
		.unsettled = conn_filter_is_empty(&output->options->filter),
		.frame = on_frame,
		.entry = on_entry,
		.counters = options_has_packets(output->options) ? NULL : on_counters,
	};
	return true;
}

void output_begin(struct output *output, bool has_packets)
{
	for (size_t i = 0; i < output->count; i++)
		report_begin(output->reports[i], has_packets);
}

int64_t output_border_ns(const struct output *output, int64_t now_ns)
{
	int64_t border_ns = INT64_MAX;

	for (size_t i = 0; i < output->count; i++) {
		int64_t of_report = report_border_ns(output->reports[i], now_ns);

		if (of_report < border_ns)
			border_ns = of_report;
	}
	return border_ns;
}

struct html *output_html(const struct output *output)
{
	return output->html;
}
