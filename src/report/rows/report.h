/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_REPORT_H
#define CONNTRACE_REPORT_ROWS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "model/conn.h"
#include "model/event.h"
#include "model/message.h"
#include "report/rows/report_options.h"
#include "track/segment.h"

struct column;

/** struct report - one report of the run; report/rows/report_rows.h has the fields that all reports share */
struct report;

/**
 * typedef report_next - iterates over the open connections
 * @context: as passed to report_print()
 * @previous: NULL at first, then the previous return value
 *
 * Return: a connection valid until the next call, NULL at the end.
 */
typedef const struct conn *report_next(void *context, const struct conn *previous);

/**
 * struct report_ops - a kind of report
 *
 * Each is defined in a file of its own and listed in report/reports.h. A function that is NULL does nothing, or
 * returns the value given below.
 *
 * @name: operand of --report, and the report's name in JSON
 * @alias: tshark's name for it, NULL none
 * @help: the operand as shown in messages, NULL: the report has an option of its own
 * @size: of its object, which begins with a struct report
 * @spec_size: of struct report_choice.spec; 0: nothing may follow the name. With a spec it may be given several times
 *
 * @columns: all its columns; the last one is SLICE unless @has_fields. NULL: it has columns and options of its own
 * @more_columns: further columns where @columns has none of the name; NULL none
 * @has_fields: the columns of report_options.fields come in between, and rows in JSON have only the chosen columns
 * @has_keys: the columns of its keys come first
 * @defaults: columns after the keys when --columns is not given, NULL for all in their order
 * @sort: its own order, "COL" or "COL:desc", then its keys; NULL: rows stay in the order they are added
 *
 * @uses_by: --by applies to it
 * @nothing: why it has no rows where there are connections, for a report that streams
 * @wants_messages: its rows are messages of applications, which need packets
 * @counts_frames: it counts frames and segments, or without packets the kernel's counters
 * @is_sliced: an interval of -I has a report of its own
 * @has_all: --only and --suspicious do not apply
 * @has_conns: a row is a connection
 * @has_events: a row is the end of a connection, or with --events=handshakes its handshake
 * @streams: rows are printed as they come, so columns on a terminal have fixed widths
 * @joins: columns of select_join() that have values are added to its default ones
 * @plots: it can be plotted (--format=plot)
 *
 * @parse: parses the text after the name into a spec that is all zero; filters are added to
 *         @filters. Return: 0, or -EINVAL with the reason in @err
 * @title: its name in JSON where @spec is part of it; NULL: @name
 * @keys: keys for its rows in place of those of --by, as text, "" for none; NULL: those of --by
 * @interval_ns: length of its intervals, 0 for a single one; NULL: it has none
 *
 * @open: report_new() has filled struct report
 * @begin: see report_begin()
 * @finished: see report_finished()
 * @message: see report_message()
 * @frame: see report_frame()
 * @segment: see report_segment()
 * @counters: see report_counters()
 * @border_ns: see report_border_ns()
 * @print: see report_print()
 * @slice: an interval of -I begins: drop all rows
 * @partial: see report_partial(); 0
 * @late: see report_late(); 0
 * @unanswered: see report_unanswered(); 0
 * @close: frees what the report owns, except struct report itself
 */
struct report_ops {
	const char *name;
	const char *alias;
	const char *help;
	size_t size;
	size_t spec_size;

	const struct column *(*columns)(size_t *count);
	const struct column *(*more_columns)(size_t *count);
	bool has_fields;
	bool has_keys;
	const char *defaults;
	const char *sort;

	bool uses_by;
	const char *nothing;
	bool wants_messages;
	bool counts_frames;
	bool is_sliced;
	bool has_all;
	bool has_conns;
	bool has_events;
	bool streams;
	bool joins;
	bool plots;

	int (*parse)(void *spec, const char *text, struct io_filters *filters, struct err *err);
	const char *(*title)(const void *spec);
	const char *(*keys)(const void *spec);
	int64_t (*interval_ns)(const void *spec);

	void (*open)(struct report *report, const struct report_options *options);
	void (*begin)(struct report *report, bool has_packets);
	void (*finished)(struct report *report, const struct conn *conn);
	void (*message)(struct report *report, const struct conn *conn, const struct message *message, int64_t time_ns);
	void (*frame)(struct report *report, const struct event *event);
	void (*segment)(struct report *report, const struct segment *segment, bool alone);
	void (*counters)(struct report *report, const struct conn *conn, int64_t time_ns);
	int64_t (*border_ns)(const struct report *report, int64_t now_ns);
	void (*print)(struct report *report, report_next *next_open, void *context, bool final);
	void (*slice)(struct report *report);
	uint64_t (*partial)(const struct report *report);
	uint64_t (*late)(const struct report *report);
	uint64_t (*unanswered)(const struct report *report);
	void (*close)(struct report *report);
};

/**
 * report_new() - create a report
 * @report: set on success only
 * @options: of the run; its specs, groups and fields must outlive the report
 * @which: index in @options->reports
 * @out: where it is printed; stays the caller's
 * @err: names the wrong word and the allowed ones
 *
 * Return: 0 or -EINVAL.
 */
int report_new(struct report **report, const struct report_options *options, size_t which, FILE *out, struct err *err);

/**
 * report_finished() - a connection has ended; called once for each
 * @conn: borrowed for the call; the report copies what it needs and takes a reference to the process
 *
 * A report that streams prints and flushes its row here; report_error() gives a failure.
 */
void report_finished(struct report *report, const struct conn *conn);

/** report_message() - an application sent a message on a connection */
void report_message(struct report *report, const struct conn *conn, const struct message *message, int64_t time_ns);

/** report_frame() - a frame that is not a TCP segment */
void report_frame(struct report *report, const struct event *event);

/** report_begin() - the run begins, with packets or without; called once, before all other calls */
void report_begin(struct report *report, bool has_packets);

/** report_border_ns() - time at which to read the kernel's counters next, since the epoch; INT64_MAX never */
int64_t report_border_ns(const struct report *report, int64_t now_ns);

/** report_counters() - the kernel's counters of a connection were read */
void report_counters(struct report *report, const struct conn *conn, int64_t time_ns);

/**
 * report_segment() - a segment
 * @alone: its frame was not passed to report_frame()
 */
void report_segment(struct report *report, const struct segment *segment, bool alone);

/**
 * report_print() - print the report so far, finished connections and open ones
 * @next_open: gives the open ones; NULL: there are none
 * @context: passed to @next_open
 * @final: the last call: report_events prints the open ones only then
 *
 * The collected data stays unchanged, so it can be called repeatedly.
 *
 * Return: 0, or a negative errno of writing with the reason in @err.
 */
int report_print(struct report *report, report_next *next_open, void *context, bool final, struct err *err);

/** report_titles() - tell whether the file has the column titles already; a table printed as a whole has its own */
void report_titles(struct report *report, bool are_out);

/**
 * report_slice() - an interval of -I begins: drop the collected data
 * @report: of a kind with report_ops.is_sliced
 * @start_ns: when it begins
 */
void report_slice(struct report *report, int64_t start_ns);

/** report_error() - Return: 0, or the negative errno of a failed write with the reason in @err */
int report_error(const struct report *report, struct err *err);

/** report_refused() - connections that did not fit in the report's memory and are missing in its output */
uint64_t report_refused(const struct report *report);

/** report_left_out() - default columns that did not fit on the terminal, comma separated; NULL none */
const char *report_left_out(const struct report *report);

/** report_partial() - rows that may be incomplete, because the row "other" may contain a part of them */
uint64_t report_partial(const struct report *report);

/** report_unanswered() - requests whose answers count nowhere, because too many connections await answers */
uint64_t report_unanswered(const struct report *report);

/** report_nothing() - why the report has no rows although there are connections; NULL if it has rows */
const char *report_nothing(const struct report *report);

/** report_late() - values that no row of intervals counts: too many rows, or the row was printed already */
uint64_t report_late(const struct report *report);

/** report_free() - NULL is allowed; the FILE stays open */
void report_free(struct report *report);

/** report_list_columns() - print the list of --list-columns; Return: 0 or a negative errno of writing */
int report_list_columns(FILE *out);

#endif
