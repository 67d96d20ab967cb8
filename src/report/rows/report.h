/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_REPORT_H
#define CONNTRACE_REPORT_ROWS_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "model/conn.h"
#include "model/event.h"
#include "model/message.h"
#include "report/rows/histogram.h"
#include "report/io_stat/io_spec.h"
#include "track/groups.h"
#include "track/suspicious.h"

/** enum report_kind - which report */
enum report_kind {
	/** a row per group of connections */
	REPORT_PEERS,
	/** a row per connection, sorted */
	REPORT_CONNS,
	/** a row per group of --group */
	REPORT_GROUPS,
	/** HTTP requests by host, then by path */
	REPORT_HTTP_TREE,
	/** TLS ClientHellos by server name */
	REPORT_TLS_TREE,
	/** a row per power of two of a quantity: histogram */
	REPORT_HISTOGRAM,
	/** a row per interval: io,stat */
	REPORT_IO,
	/** a row per connection, as it finishes */
	REPORT_EVENTS,
	/** a row per message of an application, as it passes */
	REPORT_MESSAGES,
	REPORT_KIND_NUM
};

/** Reports of a run; REPORT_IO and REPORT_HISTOGRAM may come several times, the others once. */
#define REPORT_MOST 16

/** report_name() - the word --report takes */
const char *report_name(enum report_kind kind);

/** report_is_tree() - is it one of the trees of requests? */
static inline bool report_is_tree(enum report_kind kind)
{
	return kind == REPORT_HTTP_TREE || kind == REPORT_TLS_TREE;
}

/** report_wants_messages() - is it of what applications say? */
static inline bool report_wants_messages(enum report_kind kind)
{
	return report_is_tree(kind) || kind == REPORT_MESSAGES;
}

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
	/** a picture; of REPORT_IO only */
	REPORT_PLOT,
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
	/** seconds since the same column of the row before */
	REPORT_TIME_DELTA,
	REPORT_TIME_NUM
};

struct column_fields;

/**
 * struct report_options - what was asked for; all zero is peers as a table without a header
 *
 * Texts are those of the command line and are only read during report_new().
 *
 * @reports: all reports of the run in the order they are printed, REPORT_EVENTS or REPORT_MESSAGES (if asked for)
 *           first. A name in @columns or @sort is wrong only when none of them has it, and a report ignores what
 *           it has not
 * @report_count: how many; with more than one, rows in JSON say which report they are of
 * @besides: something else is printed before them, so rows in JSON must say which report they are of
 * @io: of the REPORT_IO that is to be made
 * @io_filters: of all of them
 * @histogram: the REPORT_HISTOGRAM that is to be made
 * @message_names: fields that REPORT_MESSAGES shows
 * @fields: and their columns; must live as long as the report
 * @follows: it is not the first report
 * @by: keys of peers, NULL for PEERS_KEYS_DEFAULT
 * @sort: "COL[:asc|:desc],...", NULL for the report's own order; ascending when it does not say; events have none
 * @columns: "COL,..." instead of, or "+COL,..." besides the report's own; NULL for these
 * @limit: rows that are printed at most, 0 for all; not of events
 * @groups: those of --group; borrowed for the report's life, NULL for none
 * @linger_ns: how long more of a connection is waited for after its end, before report_finished()
 * @start_ns: when the run began, for REPORT_TIME_RELATIVE; CONN_UNKNOWN: the earliest time in the first rows
 * @width: columns of the terminal that the output is, 0 when it is none
 * @format: how rows are written
 * @time: how points in time are shown
 * @slices: each report but the last is of the time since the one before, see report_slice()
 * @align: intervals of REPORT_IO begin when the clock shows a multiple of them
 * @header: print the names of the columns (not in JSON)
 * @human: shorten bytes to 1.2K (powers of 1024) in table and raw
 * @resolve: names of hosts and services instead of numbers, in table and raw
 * @color: mark failures red and resent segments yellow, in a table
 */
struct report_options {
	enum report_kind reports[REPORT_MOST];
	unsigned int report_count;
	bool besides;
	const struct io_spec *io;
	const struct io_filters *io_filters;
	const struct histogram_spec *histogram;
	const struct message_names *message_names;
	const struct column_fields *fields;
	bool follows;
	const char *by;
	const char *sort;
	const char *columns;
	uint64_t limit;
	struct groups *groups;
	int64_t linger_ns;
	int64_t start_ns;
	unsigned int width;
	enum report_format format;
	enum report_time time;
	bool slices;
	bool align;
	bool header;
	bool human;
	bool resolve;
	bool color;
};

/** REPORT_OPTIONS_DEFAULT - what holds when nobody chooses */
#define REPORT_OPTIONS_DEFAULT                                                                         \
	{                                                                                              \
		.reports = {REPORT_PEERS}, .report_count = 1, .start_ns = CONN_UNKNOWN, .header = true \
	}

/** struct report - one report of the run */
struct report;

/**
 * report_parse_kind() - the operand of --report: "peers", "conns" (alias "conv,tcp"), "groups"
 *
 * Return: 0 with @kind set, or -EINVAL with the story in @err.
 */
int report_parse_kind(const char *text, enum report_kind *kind, struct err *err);

/** report_parse_format() - the operand of --format; returns as report_parse_kind() */
int report_parse_format(const char *text, enum report_format *format, struct err *err);

/** report_parse_time() - the operand of --time; returns as report_parse_kind() */
int report_parse_time(const char *text, enum report_time *time, struct err *err);

/**
 * report_new() - begin a report
 * @report: set on success only
 * @kind: which one
 * @options: copied as far as needed
 * @out: where it is printed; stays the caller's
 * @err: says which word is wrong and what is allowed
 *
 * Return: 0 or -EINVAL.
 */
int report_new(struct report **report, enum report_kind kind, const struct report_options *options, FILE *out,
	       struct err *err);

/**
 * report_finished() - a connection is over; told once of each
 * @conn: borrowed for the call; what is needed of it is copied, and its process gets a reference
 *
 * REPORT_EVENTS prints and flushes its line here; a failure of that is kept
 * for report_error().
 */
void report_finished(struct report *report, const struct conn *conn);

/** report_message() - an application said something on a connection; REPORT_MESSAGES and the trees listen */
void report_message(struct report *report, const struct conn *conn, const struct message *message, int64_t time_ns);

/** report_frame() - a frame that is no segment; only REPORT_IO counts it */
void report_frame(struct report *report, const struct event *event);

/** report_begin() - the run begins, with packets or without; only REPORT_IO wants to know, see io_stat_begin() */
void report_begin(struct report *report, bool has_packets);

/** report_border_ns() - when the kernel's counters are to be looked at, see io_stat_border_ns() */
int64_t report_border_ns(const struct report *report, int64_t now_ns);

/** report_counters() - the kernel's counters of a connection came; only REPORT_IO counts them */
void report_counters(struct report *report, const struct conn *conn, int64_t time_ns);

/** report_segment() - a segment; only REPORT_IO counts it, see io_stat_segment() */
void report_segment(struct report *report, const struct segment *segment, bool alone);

/**
 * typedef report_next - gives the open connections, one after the other
 * @context: as handed to report_print()
 * @previous: NULL at first, then what it returned last
 *
 * Return: one that is valid until the next call, NULL at the end.
 */
typedef const struct conn *report_next(void *context, const struct conn *previous);

/**
 * report_print() - print the report so far, finished connections and open ones
 * @next_open: gives the open ones; NULL: there are none
 * @context: handed to @next_open
 * @final: nothing comes after it: REPORT_EVENTS prints the open ones too, which otherwise it does not
 *
 * What was gathered stays as it is, so it can be called again and again.
 *
 * Return: 0, or a negative errno of writing with the story in @err.
 */
int report_print(struct report *report, report_next *next_open, void *context, bool final, struct err *err);

/** report_is_sliced() - does a slice of the run have a report of its own? Events are none, and io,stat has its rows */
static inline bool report_is_sliced(enum report_kind kind)
{
	return kind != REPORT_EVENTS && kind != REPORT_MESSAGES && kind != REPORT_IO;
}

/** report_titles() - are the titles of the columns in the file already? A table printed as a whole has its own */
void report_titles(struct report *report, bool are_out);

/**
 * report_slice() - a slice of the run begins: what was gathered is forgotten
 * @report: where report_is_sliced()
 * @start_ns: when it begins
 */
void report_slice(struct report *report, int64_t start_ns);

/** report_error() - did writing fail so far? Return: 0, or a negative errno with the story in @err */
int report_error(const struct report *report, struct err *err);

/** report_refused() - connections that did not fit in the report's memory and are missing in what it prints */
uint64_t report_refused(const struct report *report);

/** report_left_out() - columns of its own that had no room on the terminal, comma separated; NULL none */
const char *report_left_out(const struct report *report);

/** report_partial() - rows that may lack what is in the row of all that there was no room for */
uint64_t report_partial(const struct report *report);

/** report_late() - what no row of REPORT_IO could count: too many rows, or it was printed already */
uint64_t report_late(const struct report *report);

/** report_free() - NULL is fine; the FILE stays open */
void report_free(struct report *report);

/**
 * struct summary_chosen - what --only and --suspicious showed
 * @is_asked: one of them was given; else nothing here counts
 * @shown: connections that were
 * @hidden: connections that were not
 * @why: by bit number of enum suspicious_reason: how many had it
 */
struct summary_chosen {
	bool is_asked;
	uint64_t shown;
	uint64_t hidden;
	uint64_t why[SUSPICIOUS_NUM];
};

/** enum summary_left - why the frame of a TCP segment counts in no row */
enum summary_left {
	SUMMARY_LEFT_COPY,
	SUMMARY_LEFT_LATE,
	SUMMARY_LEFT_FRAGMENT,
	SUMMARY_LEFT_MALFORMED,
	SUMMARY_LEFT_TUNNEL,
	SUMMARY_LEFT_FILTERED,
	SUMMARY_LEFT_UNCLAIMED,
	/** its connection is none that the options choose */
	SUMMARY_LEFT_HIDDEN,
	SUMMARY_LEFT_NUM
};

/** enum summary_lack - what a way to watch has no source of: such numbers are unknown, not 0 */
enum summary_lack {
	/** frames: packets, malformed, tcp_frames, and left_out as far as the packet process counts it */
	SUMMARY_LACKS_FRAMES = 0x01,
	/** segments, which a recording has as well: both_ends, and the rest of left_out */
	SUMMARY_LACKS_SEGMENTS = 0x02,
	/** a savefile, whose frames may be in any order: disordered */
	SUMMARY_LACKS_FILE = 0x04,
	/** system calls: accept_failed and accept_failures */
	SUMMARY_LACKS_CALLS = 0x08,
	/** deaths of sockets beside calls: unaccepted */
	SUMMARY_LACKS_DEATHS = 0x10,
	/** listeners that can be asked: accept_waiting and accept_queues_full */
	SUMMARY_LACKS_QUEUES = 0x20,
	/** lookups of owners: too_short */
	SUMMARY_LACKS_OWNERS = 0x40,
};

/** Kinds of failures of accept(2) that the accounts tell apart. */
#define SUMMARY_ACCEPTS 16

/**
 * struct summary_accepts - connections that programs did not take
 * @failed: how often accept(2) failed, not for want of a connection
 * @kinds: used of the following
 * @pid: process
 * @error: errno
 * @count: how often
 * @unaccepted: connections that came about at a target's listener and died without having been accepted by a target
 * @waiting: connections that wait to be accepted at targets' listeners now
 * @full: of targets' listeners, those whose queue was found full
 * @overflows: how often an accept queue of the network namespace was full, CONN_UNKNOWN unknown
 */
struct summary_accepts {
	uint64_t failed;
	unsigned int kinds;
	struct {
		int32_t pid;
		int32_t error;
		uint64_t count;
	} kind[SUMMARY_ACCEPTS];
	uint64_t unaccepted;
	uint64_t waiting;
	uint64_t full;
	int64_t overflows;
};

/**
 * struct summary_outcomes - what became of the connections that the reports count, whatever columns are shown
 * @results: by enum conn_result
 * @syn_resent: how many had a SYN or SYN/ACK resent
 * @syn_unknown: of how many that is not known
 * @unattributed: how many have no process
 * @older: how many are older than the run and have the kernel's counters, which are of their whole life
 * @end_unknown: how many came about and have ended, and nothing tells whether they were closed or reset
 * @unmatched: connections that the options leave out (--lport, --peer, --dir, ...); the others here do not count them
 */
struct summary_outcomes {
	uint64_t results[RESULT_NUM];
	uint64_t syn_resent;
	uint64_t syn_unknown;
	uint64_t unattributed;
	uint64_t older;
	uint64_t end_unknown;
	uint64_t unmatched;
};

/**
 * struct summary - the accounts of a run
 * @duration_ns: how long it ran, CONN_UNKNOWN unknown
 * @connections: how many were seen
 * @unattributed: how many of them have no process
 * @has_processes: there was somebody to tell the process, so that it is worth a word when one is unknown
 * @targets: processes that were given
 * @unwatched: how many of these are not watched
 * @unwatched_why: why the first of them is not; NULL none
 * @partial: rows that lack what is in the row of all others
 * @reason: why there are no rows, or fewer than expected; "" nothing to say
 * @too_short: how many of this host were too short to find out whose they were; they are not among @connections
 * @lost: by enum lost_where: how many; -1 some, their number is unknown
 * @evicted: connections that had to leave the table, or a report, before their time
 * @uncounted: frames or connections that no row of REPORT_IO could count, see report_late()
 * @cpu_ns: CPU time the run itself took, CONN_UNKNOWN unknown
 * @peak_bytes: the most memory it had resident at once, without the packet process; CONN_UNKNOWN unknown
 * @packet_peak_bytes: the most of the packet process, what both share too; 0 there is none, or none was told
 * @stops: how often a traced program was stopped
 * @packets: how many were captured or read
 * @malformed: how many of them were cut before the end of the TCP header, or say what cannot be
 * @accepts: connections that programs did not take
 * @outcomes: what became of them
 * @tcp_frames: how many of them carry TCP, as far as one can tell
 * @left_out: by enum summary_left: those of @tcp_frames that are in no RX_PKTS or TX_PKTS
 * @both_ends: those that are in two rows, because both ends are of interest
 * @disordered: how many of a savefile came behind younger ones
 * @chosen: how many of the connections were shown, and why
 * @lacks: enum summary_lack: what is unknown of all these
 */
struct summary {
	int64_t duration_ns;
	uint64_t connections;
	uint64_t unattributed;
	bool has_processes;
	uint64_t targets;
	uint64_t unwatched;
	const char *unwatched_why;
	uint64_t partial;
	char reason[256];
	uint64_t too_short;
	int64_t lost[LOST_WHERE_NUM];
	uint64_t evicted;
	uint64_t uncounted;
	int64_t cpu_ns;
	int64_t peak_bytes;
	int64_t packet_peak_bytes;
	uint64_t stops;
	uint64_t packets;
	uint64_t malformed;
	struct summary_accepts accepts;
	struct summary_outcomes outcomes;
	uint64_t tcp_frames;
	uint64_t left_out[SUMMARY_LEFT_NUM];
	uint64_t both_ends;
	uint64_t disordered;
	struct summary_chosen chosen;
	unsigned int lacks;
};

/** report_has_lost() - was anything lost, so that even --quiet must say so? */
bool report_has_lost(const struct summary *summary);

/** summary_lost_key() - the name of a place where something is lost: "capture_kernel", ... */
const char *summary_lost_key(enum lost_where where);

/**
 * report_summary() - print the line of accounts
 * @out: stdout when @format is REPORT_JSON, else stderr
 *
 * Return: 0 or a negative errno of writing.
 */
int report_summary(FILE *out, enum report_format format, const struct summary *summary);

/** report_list_columns() - print what --list-columns asks for; Return: 0 or a negative errno of writing */
int report_list_columns(FILE *out);

#endif
