/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_SUMMARY_H
#define CONNTRACE_REPORT_ROWS_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/text.h"
#include "model/conn.h"
#include "model/event.h"
#include "model/log_lines.h"
#include "report/rows/report_options.h"
#include "track/suspicious.h"

/**
 * struct summary_chosen - connections that --only and --suspicious showed
 * @is_asked: one of them was given; otherwise the other fields are meaningless
 * @shown: connections shown
 * @hidden: connections not shown
 * @why: by bit number of enum suspicious_reason: connections with that reason
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
	SUMMARY_LEFT_EARLY,
	/** the options exclude its connection */
	SUMMARY_LEFT_HIDDEN,
	SUMMARY_LEFT_NUM
};

/** enum summary_lack - sources that the run lacks: their numbers are unknown, not 0 */
enum summary_lack {
	/** frames: packets, malformed, tcp_frames, and left_out as far as the packet process counts it */
	SUMMARY_LACKS_FRAMES = 0x01,
	/** segments, which a recording has as well: both_ends, and the rest of left_out */
	SUMMARY_LACKS_SEGMENTS = 0x02,
	/** a savefile, whose frames may be in any order: disordered, timeless */
	SUMMARY_LACKS_FILE = 0x04,
	/** system calls: accept_failed and accept_failures */
	SUMMARY_LACKS_CALLS = 0x08,
	/** destroyed sockets besides calls: unaccepted */
	SUMMARY_LACKS_DEATHS = 0x10,
	/** listeners that can be queried: accept_waiting, accept_queues_full and accept_shared */
	SUMMARY_LACKS_QUEUES = 0x20,
	/** lookups of owners: too_short */
	SUMMARY_LACKS_OWNERS = 0x40,
	/** a log of calls: lines */
	SUMMARY_LACKS_LOG = 0x80,
};

/** Kinds of failures of accept(2) that the summary distinguishes. */
#define SUMMARY_ACCEPTS 16

/**
 * struct summary_accepts - connections that programs did not take
 * @failed: how often accept(2) failed, except for an empty queue
 * @kinds: number of used elements of the following array
 * @pid: process
 * @error: errno
 * @count: how often
 * @unaccepted: connections established at a watched process's listener and destroyed without being accepted by one
 * @waiting: connections that wait in the accept queues of watched processes' listeners now
 * @full: watched processes' listeners whose queue was found full
 * @shared: most connections at once that waited at listeners that may be another process's (SO_REUSEPORT)
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
	uint64_t shared;
	int64_t overflows;
};

/**
 * struct summary_outcomes - results of the connections that the reports count, independent of the columns shown
 * @results: by enum conn_result
 * @syn_resent: connections with a retransmitted SYN or SYN/ACK
 * @syn_unknown: connections of which that is unknown
 * @unattributed: connections without a process
 * @older: connections older than the run with the kernel's counters, which cover their whole life
 * @end_unknown: established connections that ended, closed or reset: unknown which
 * @inexact: connections of which RX_BYTES or TX_BYTES is unknown, although RX_LEAST or TX_LEAST is known, or the
 *	     kernel's counters were read and the connection was established and has ended
 * @unmatched: connections that the options exclude (--lport, --peer, --dir, ...); the others here do not count them
 * @unchosen: of these, connections of a process about which --comm, --unit, --cgroup or --container cannot decide
 */
struct summary_outcomes {
	uint64_t results[RESULT_NUM];
	uint64_t syn_resent;
	uint64_t syn_unknown;
	uint64_t unattributed;
	uint64_t older;
	uint64_t end_unknown;
	uint64_t inexact;
	uint64_t unmatched;
	uint64_t unchosen;
};

/**
 * struct summary - the summary of a run
 * @duration_ns: duration, CONN_UNKNOWN unknown
 * @connections: connections seen
 * @unattributed: of these, those without a process
 * @has_processes: the run had a source of processes, so an unknown process is worth reporting
 * @targets: processes given by the user
 * @unwatched: of these, those not watched
 * @unwatched_why: reason for the first of them; NULL none
 * @inexact_remedy: option by which their bytes would be exact; NULL none
 * @partial: rows that may be incomplete, because the row of all others may contain a part of them
 * @reason: why there are no rows, or fewer than expected; "" none
 * @advice: an option that would show more in this file; "" none
 * @too_short: connections of this host too short to find their owner; they are not among @connections
 * @failed: of these, attempts that failed, or resets; @failed_with: the other end of the last one, port 0 unknown
 * @gaps: processes of which connections may be missing (SEEN_GAPS)
 * @unfound: accepted connections without a row, because neither a sample nor final counters have shown their sockets
 * @unreported: connections accepted without the breakpoint that was set there (SEEN_GAPS)
 * @lost: by enum lost_where: the number lost; -1 an unknown number
 * @evicted: connections evicted early from the table, or from a report
 * @uncounted: frames or connections that no row of report_io_stat could count, see report_late()
 * @cpu_ns: CPU time of the run itself, CONN_UNKNOWN unknown
 * @peak_bytes: its highest resident memory, without the packet process; CONN_UNKNOWN unknown
 * @packet_peak_bytes: that of the packet process, with shared memory; 0 there is none, or it is unknown
 * @stops: stops of traced programs
 * @packets: packets captured or read
 * @malformed: of these, those cut before the end of the TCP header, or with impossible content
 * @accepts: connections that programs did not take
 * @outcomes: results of connections
 * @tcp_frames: packets that carry TCP, as far as that is known
 * @left_out: by enum summary_left: those of @tcp_frames that are in no RX_PKTS or TX_PKTS
 * @both_ends: those that are in two rows, because both ends are of interest
 * @disordered: packets of a savefile that follow a later one
 * @timeless: packets of a savefile without a usable time
 * @lines: lines of a log of calls, and those not used
 * @chosen: connections shown, and why
 * @checks: there are rules of --expect
 * @broken: connections that broke one
 * @unproven: connections whose values are not known well enough to say
 * @lacks: enum summary_lack: which of these numbers are unknown
 */
struct summary {
	int64_t duration_ns;
	uint64_t connections;
	uint64_t unattributed;
	bool has_processes;
	uint64_t targets;
	uint64_t unwatched;
	const char *unwatched_why;
	const char *inexact_remedy;
	uint64_t partial;
	char reason[256];
	char advice[160];
	uint64_t too_short;
	uint64_t failed;
	struct endpoint failed_with;
	uint64_t gaps;
	uint64_t unfound;
	uint64_t unreported;
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
	uint64_t timeless;
	struct log_lines lines;
	struct summary_chosen chosen;
	bool checks;
	uint64_t broken;
	uint64_t unproven;
	unsigned int lacks;
};

/** report_has_lost() - true when something was lost, which even --quiet reports */
bool report_has_lost(const struct summary *summary);

/** summary_add_failed() - append how many of the connections that were too short failed, in parentheses; or
 * nothing */
void summary_add_failed(struct text *line, const struct summary *summary);

/** summary_lost_key() - the key of a place of loss: "capture_kernel", ... */
const char *summary_lost_key(enum lost_where where);

/**
 * report_summary() - print the summary line
 * @out: stdout when @format is REPORT_JSON, else stderr
 *
 * Return: 0 or a negative errno of writing.
 */
int report_summary(FILE *out, enum report_format format, const struct summary *summary);

#endif
