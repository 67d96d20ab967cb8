/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_REPORT_OPTIONS_H
#define CONNTRACE_REPORT_ROWS_REPORT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/** Operands of --report in a run. */
#define REPORT_MOST 16

/** Reports in a run: --events is one more. */
#define REPORT_ALL (REPORT_MOST + 1)

/** enum report_format - how rows are written */
enum report_format {
	/** aligned columns */
	REPORT_TABLE,
	/** single blanks */
	REPORT_RAW,
	/** JSON Lines */
	REPORT_JSON,
	/** RFC 4180 */
	REPORT_CSV,
	/** tabs */
	REPORT_TSV,
	/** a plot; of report_io_stat only */
	REPORT_PLOT,
	/** sequence diagrams of Mermaid; of a ladder only */
	REPORT_MERMAID,
	REPORT_FORMAT_NUM
};

/** enum report_time - how points in time are shown in table and raw; other formats always have seconds of the epoch */
enum report_time {
	/** 09:11:00.725104, local */
	REPORT_TIME_CLOCK,
	/** 1700000000.725104331 */
	REPORT_TIME_EPOCH,
	/** 2023-11-14T22:13:20.725104+01:00, local */
	REPORT_TIME_ISO,
	/** seconds since the run's start */
	REPORT_TIME_RELATIVE,
	/** seconds since the same column of the previous row */
	REPORT_TIME_DELTA,
	REPORT_TIME_NUM
};

/** enum report_schema - whose names */
enum report_schema {
	REPORT_SCHEMA_NONE,
	/** conn.log of Zeek; the originator is the side that opened */
	REPORT_SCHEMA_ZEEK,
	/** Elastic Common Schema; the source is the side that opened */
	REPORT_SCHEMA_ECS,
	/** semantic conventions of OpenTelemetry */
	REPORT_SCHEMA_OTEL,
	REPORT_SCHEMA_NUM
};

struct column_fields;
struct groups;
struct io_filters;
struct message_names;
struct report_ops;

/**
 * struct report_choice - one report of the run
 * @ops: its kind
 * @spec: parsed from the text after the name, see report_ops.parse(); NULL none. Owned by the caller of the parser
 */
struct report_choice {
	const struct report_ops *ops;
	void *spec;
};

/**
 * struct report_options - options of reports; all zero means no report and no header
 *
 * Texts are those of the command line and are only read during report_new().
 *
 * @reports: all reports of the run in the order they are printed, that of --events (if given) first. A name in
 *           @columns or @sort is wrong only when none of them has it, and a report ignores names that it does not have
 * @report_count: their number; with more than one, rows in JSON name their report
 * @besides: other output is printed before them, so rows in JSON must name their report
 * @io_filters: packet filters of all of them
 * @message_names: fields that report_messages shows
 * @fields: and their columns; must outlive the report
 * @by: keys of peers, NULL for PEERS_KEYS_DEFAULT
 * @sort: "COL[:asc|:desc],...", NULL for the report's own order; ascending by default; events have none
 * @sorts_elsewhere: whether a word of @sort is of other output than reports; NULL for none
 * @columns: "COL,..." instead of, or "+COL,..." in addition to the default columns; NULL for the default
 * @limit: limit of printed rows, 0 for all; not for events
 * @peers_max: limit of groups in a table of peers, the others are one row; 0 for PEERS_GROUPS_MAX
 * @groups: those of --group; borrowed for the report's life, NULL for none
 * @linger_ns: wait for late packets after the end of a connection, before report_finished()
 * @start_ns: when the run began, for REPORT_TIME_RELATIVE; CONN_UNKNOWN: the earliest time in the first rows
 * @width: columns of the terminal, 0 when the output is not a terminal
 * @format: format of rows
 * @time: form of points in time
 * @slices: each report except the last covers the time since the previous one, see report_slice()
 * @align: intervals of report_io_stat begin when the clock shows a multiple of them
 * @header: print the names of the columns (not in JSON)
 * @last_printer: the report whose rows are the last ones so far, shared by all of them; NULL when there is only one.
 *                A table that follows another one begins with a blank line and its titles
 * @null: unknown values in csv and tsv
 * @schema: enum report_schema: names of the columns of connections in JSON
 * @why: only connections with reasons are chosen: WHY is a default column
 * @human: shorten bytes to 1.2K (powers of 1024) in table and raw
 * @resolve: names of hosts and services instead of numbers, in table and raw
 * @color: mark failures red and retransmitted segments yellow, in a table
 */
struct report_options {
	struct report_choice reports[REPORT_ALL];
	size_t report_count;
	bool besides;
	const struct io_filters *io_filters;
	const struct message_names *message_names;
	const struct column_fields *fields;
	const char *by;
	const char *sort;
	bool (*sorts_elsewhere)(const char *word);
	const char *columns;
	uint64_t limit;
	size_t peers_max;
	struct groups *groups;
	int64_t linger_ns;
	int64_t start_ns;
	unsigned int width;
	enum report_format format;
	enum report_time time;
	const void **last_printer;
	const char *null;
	bool slices;
	bool align;
	bool header;
	bool why;
	unsigned int schema;
	bool human;
	bool resolve;
	bool color;
};

/** report_parse_format() - the operand of --format; Return: 0 with @format set, or -EINVAL with the reason in @err */
int report_parse_format(const char *text, enum report_format *format, struct err *err);

/** report_parse_time() - the operand of --time; returns as report_parse_format() */
int report_parse_time(const char *text, enum report_time *time, struct err *err);

#endif
