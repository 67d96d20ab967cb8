/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_OUTPUT_H
#define CONNTRACE_RUN_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/conn.h"
#include "cli/options.h"
#include "report/html/html.h"
#include "report/rows/summary.h"
#include "track/tracker.h"

/** struct output - the file and the reports of a run */
struct output;

/**
 * output_open() - prepare the file, which stays unchanged until output_commit(), and create the reports
 * @output: set on success
 * @options: must outlive it
 * @start_ns: when the run began
 * @err: the message of a failure
 *
 * Return: 0; -EINVAL for a word of the command line (exit status 2), or another negative errno.
 */
int output_open(struct output **output, const struct options *options, int64_t start_ns, struct err *err);

/** output_commit() - call it before the first write: see outfile_commit(); Return: 0 or a negative errno */
int output_commit(struct output *output, struct err *err);

/** output_is_to_come() - see outfile_is_to_come() */
bool output_is_to_come(const struct output *output);

/**
 * output_reopen() - reopen the file by name after a rename (logrotate(8))
 *
 * Return: 0, or a negative errno with the reason in @err; the old file stays in use then.
 */
int output_reopen(struct output *output, struct err *err);

/** output_next_open - iterates over the open connections, NULL begins and ends */
typedef const struct conn *output_next_open(void *context, const struct conn *previous);

/**
 * struct output_walk - the open connections
 * @next: iterates over them, any number of times
 * @last: iterates once more, each connection for the last time
 * @context: passed to both
 */
struct output_walk {
	output_next_open *next, *last;
	void *context;
};

/** output_selects() - true when --only and --suspicious select @conn; true for all when neither was given */
bool output_selects(const struct options *options, const struct conn *conn);

/**
 * output_handshakes() - call it regularly: print events of the handshakes with a result
 * @next_open: gives the connections, as for output_print()
 *
 * Does nothing unless they are requested.
 */
void output_handshakes(struct output *output, output_next_open *next_open, void *context);

/** output_has_all() - true when the requested number of handshakes is reported (--events=handshakes with -c) */
bool output_has_all(const struct output *output);

/** output_fd() - the output: POLLERR of poll(2) means that a pipe has no reader any more; -1 not open */
int output_fd(const struct output *output);

/** output_finished() - a connection has ended; Return: true when the filter selects it */
bool output_finished(struct output *output, const struct conn *conn);

/** output_wants_messages() - true when a report shows messages of applications */
bool output_wants_messages(const struct output *output);

/** output_message() - an application sent a message on a connection; Return: true when the filter selects it */
bool output_message(struct output *output, const struct conn *conn, const struct message *message, int64_t time_ns);

/**
 * output_observer() - get the observer of these reports for events of connections
 * @observer: filled
 *
 * Return: false when none is needed.
 */
bool output_observer(struct output *output, struct tracker_observer *observer);

/** output_counter() - the observer to use when that returns false, because frames are counted; otherwise as above */
bool output_counter(struct output *output, struct tracker_observer *observer);

/** output_begin() - the run begins, with packets or without */
void output_begin(struct output *output, bool has_packets);

/** output_border_ns() - when to read the kernel's counters, since the epoch; INT64_MAX never */
int64_t output_border_ns(const struct output *output, int64_t now_ns);

/** enum output_when - state of the run at a report */
enum output_when {
	/** a report so far is requested */
	OUTPUT_SO_FAR,
	/** a slice has ended: see report_slice() */
	OUTPUT_SLICE,
	/** the run has ended */
	OUTPUT_FINAL
};

/** output_print() - print every report; Return: 0 or a negative errno with the message in @err */
int output_print(struct output *output, const struct output_walk *walk, enum output_when when, struct err *err);

/** output_nothing() - why a report has no rows although there are connections; NULL if each has rows */
const char *output_nothing(const struct output *output);

/** output_count_lost() - add to the summary what the reports have lost so far */
void output_count_lost(const struct output *output, struct summary *summary);

/** output_count() - add the numbers that the reports count to the summary, after the last output_print() */
void output_count(struct output *output, struct summary *summary);

/** output_summary() - print the summary in the report's format, unless --quiet was given and nothing was lost */
int output_summary(struct output *output, const struct summary *summary, struct err *err);

/** output_error() - Return: 0 or the negative errno of a failed write with the message in @err */
int output_error(const struct output *output, struct err *err);

/**
 * output_close() - free the reports and close the file
 *
 * Return: 0 or a negative errno: a full disk may be reported only here.
 */
int output_close(struct output *output, struct err *err);

/** output_html() - what the page of --html shows, NULL without the option */
struct html *output_html(const struct output *output);

#endif
