/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_OUTPUT_STATE_H
#define CONNTRACE_RUN_OUTPUT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "report/rows/column.h"
#include "report/rows/report.h"
#include "report/rows/summary.h"
#include "run/local_side.h"

struct idmap;
struct expect;
struct interval_delta;
struct html;
struct ladder;
struct options;
struct outfile;

/**
 * struct output - the file and the reports of a run; for output.c and output_frames.c
 * @options: of the run
 * @report_options: the part that reports read
 * @fields: columns of the messages
 * @outfile: the file
 * @file: its stream
 * @reports: array of @count
 * @count: number of reports
 * @ladder: NULL when none was requested
 * @html: the page of --html, NULL when none was requested
 * @expect: the check of --expect, and --learn; NULL none
 * @counts_frames: a report with report_ops.counts_frames is among them
 * @frames_reported: frames are reported separately from segments
 * @outcomes: of the connections that were printed
 * @chosen: by --only and --suspicious
 * @local_side: addresses of these connections
 * @last_printer: see report_options
 * @hidden_frames: of connections that the filter or --only excludes
 * @delta: the changes in an interval of -I, NULL without intervals
 * @decided: struct decided of output.c; NULL: events are of connections, not of handshakes
 * @handshakes_reported: number of handshakes reported
 * @handshakes_ns: monotonic: time of the next search for handshakes
 */
struct output {
	const struct options *options;
	struct report_options report_options;
	struct column_fields fields;
	struct outfile *outfile;
	FILE *file;
	struct report *reports[REPORT_ALL];
	size_t count;
	struct ladder *ladder;
	struct html *html;
	struct expect *expect;
	bool counts_frames;
	bool frames_reported;
	struct summary_outcomes outcomes;
	struct summary_chosen chosen;
	struct local_side local_side;
	const void *last_printer;
	uint64_t hidden_frames;
	struct interval_delta *delta;
	struct idmap *decided;
	int64_t handshakes_reported;
	int64_t handshakes_ns;
};

#endif
