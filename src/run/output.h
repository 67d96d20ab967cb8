/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_OUTPUT_H
#define CONNTRACE_RUN_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/conn.h"
#include "cli/options.h"
#include "report/rows/summary.h"
#include "track/tracker.h"

/** struct output - the file and the reports of a run */
struct output;

/**
 * output_open() - prepare the file, which stays as it is until output_commit(), and begin the reports
 * @output: set on success
 * @options: must outlive it
 * @start_ns: when the run began
 * @err: the story of a failure
 *
 * Return: 0; -EINVAL for a word of the command line (exit status 2), or another negative errno.
 */
int output_open(struct output **output, const struct options *options, int64_t start_ns, struct err *err);

/** output_commit() - there is something to write: see outfile_commit(); Return: 0 or a negative errno */
int output_commit(struct output *output, struct err *err);

/** output_is_to_come() - see outfile_is_to_come() */
bool output_is_to_come(const struct output *output);

/**
 * output_reopen() - the file may have been renamed (logrotate(8)): go on in the one that has its name now
 *
 * Return: 0, or a negative errno with the reason in @err; the output goes on in the old file then.
 */
int output_reopen(struct output *output, struct err *err);

/** output_next_open - gives the open connections one after the other, NULL begins and ends */
typedef const struct conn *output_next_open(void *context, const struct conn *previous);

/**
 * struct output_walk - the open connections
 * @next: gives them as often as somebody asks
 * @last: gives them once more, each for the last time
 * @context: handed to both
 */
struct output_walk {
	output_next_open *next, *last;
	void *context;
};

/** output_selects() - is it one of those that --only and --suspicious show? All, when neither was given */
bool output_selects(const struct options *options, const struct conn *conn);

/**
 * output_handshakes() - now and then: tell events of the handshakes that have been decided
 * @next_open: gives the connections, as for output_print()
 *
 * Nothing unless they are asked for.
 */
void output_handshakes(struct output *output, output_next_open *next_open, void *context);

/** output_has_all() - have as many handshakes been told as there shall be (--events=handshakes with -c)? */
bool output_has_all(const struct output *output);

/** output_fd() - where the reports go: poll(2) tells by POLLERR that a pipe has no reader any more; -1 not open */
int output_fd(const struct output *output);

/** output_finished() - a connection ended; Return: does the filter want it? */
bool output_finished(struct output *output, const struct conn *conn);

/** output_wants_messages() - is a report of what applications say? */
bool output_wants_messages(const struct output *output);

/** output_message() - an application said something on a connection; Return: does the filter want it? */
bool output_message(struct output *output, const struct conn *conn, const struct message *message, int64_t time_ns);

/**
 * output_observer() - who is to be told what happens in connections, for these reports
 * @observer: filled
 *
 * Return: false when nobody has to be.
 */
bool output_observer(struct output *output, struct tracker_observer *observer);

/** output_counter() - who is to be told when that is false, because frames are counted; otherwise as above */
bool output_counter(struct output *output, struct tracker_observer *observer);

/** output_begin() - the run begins, with packets or without */
void output_begin(struct output *output, bool has_packets);

/** output_border_ns() - when the kernel's counters are to be looked at, since the epoch; INT64_MAX never */
int64_t output_border_ns(const struct output *output, int64_t now_ns);

/** enum output_when - how far the run is */
enum output_when {
	/** somebody wants to know what there is so far */
	OUTPUT_SO_FAR,
	/** a slice of it is over: see report_slice() */
	OUTPUT_SLICE,
	/** it is over */
	OUTPUT_FINAL
};

/** output_print() - print every report; Return: 0 or a negative errno with the story in @err */
int output_print(struct output *output, const struct output_walk *walk, enum output_when when, struct err *err);

/** output_nothing() - why a report has no rows although there are connections; NULL if each has rows */
const char *output_nothing(const struct output *output);

/** output_count_lost() - add to the accounts what the reports have lost so far */
void output_count_lost(const struct output *output, struct summary *summary);

/** output_count() - add to the accounts what the reports count, after the last output_print() */
void output_count(struct output *output, struct summary *summary);

/** output_summary() - print the accounts, where the format wants them, unless --quiet and nothing was lost */
int output_summary(struct output *output, const struct summary *summary, struct err *err);

/** output_error() - did writing fail so far? Return: 0 or a negative errno with the story in @err */
int output_error(const struct output *output, struct err *err);

/**
 * output_close() - end the reports and close the file
 *
 * Return: 0 or a negative errno: a full disk may show only now.
 */
int output_close(struct output *output, struct err *err);

#endif
