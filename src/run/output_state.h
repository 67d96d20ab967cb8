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

struct idmap;
struct interval_delta;
struct ladder;
struct options;
struct outfile;

/**
 * struct output - the file and the reports of a run; for output.c and output_frames.c
 * @options: of the run
 * @report_options: what reports read of them
 * @fields: columns of the messages
 * @outfile: the file
 * @file: its stream
 * @reports: as many as @count
 * @count: reports
 * @ladder: NULL when none was asked for
 * @counts_frames: a report with report_ops.counts_frames is among them
 * @frames_reported: frames come apart from segments
 * @outcomes: of the connections that were printed
 * @chosen: by --only and --suspicious
 * @hidden_frames: of connections that the filter or the choice leaves out
 * @delta: what is new in an interval of -I, NULL in a run without
 * @decided: struct decided of output.c; NULL: events are of connections, not of handshakes
 * @handshakes_reported: how many
 * @handshakes_ns: monotonic: when they are looked for next
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
	bool counts_frames;
	bool frames_reported;
	struct summary_outcomes outcomes;
	struct summary_chosen chosen;
	uint64_t hidden_frames;
	struct interval_delta *delta;
	struct idmap *decided;
	int64_t handshakes_reported;
	int64_t handshakes_ns;
};

#endif
