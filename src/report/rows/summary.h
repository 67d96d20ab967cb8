/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_SUMMARY_H
#define CONNTRACE_REPORT_ROWS_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "model/conn.h"
#include "model/event.h"
#include "report/rows/report_options.h"
#include "track/suspicious.h"

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
	/** listeners that can be asked: accept_waiting, accept_queues_full and accept_shared */
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
 * @uncounted: frames or connections that no row of report_io_stat could count, see report_late()
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

#endif
