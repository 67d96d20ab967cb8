/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_IO_STAT_IO_STAT_H
#define CONNTRACE_REPORT_IO_STAT_IO_STAT_H

#include "report/io_stat/io_spec.h"
#include "report/rows/report.h"
#include "track/timeline.h"

/** What is kept of one report: columns times rows. */
#define IO_CELLS (UINT64_C(1) << 22)

/** struct io_stat - a report io,stat: frames, bytes and fields of segments per interval, or the kernel's counters */
struct io_stat;

/**
 * io_stat_new() - begin one
 * @spec: copied
 * @filters: of the run; read only now
 * @options: as for report_new()
 * @out: stays the caller's
 */
struct io_stat *io_stat_new(const struct io_spec *spec, const struct io_filters *filters,
			    const struct report_options *options, FILE *out);

/** io_stat_free() - NULL is fine */
void io_stat_free(struct io_stat *io);

/** io_stat_begin() - will frames come? If not, the kernel's counters are what is counted; told once, before all else */
void io_stat_begin(struct io_stat *io, bool has_frames);

/** io_stat_border_ns() - when the counters are to be looked at next, since the epoch; INT64_MAX never */
int64_t io_stat_border_ns(const struct io_stat *io, int64_t now_ns);

/** io_stat_counters() - the kernel's counters of a connection came at @time_ns; nothing where frames are counted */
void io_stat_counters(struct io_stat *io, const struct conn *conn, int64_t time_ns);

/** io_stat_conn() - a connection is open, as it was found before rows are printed, or has ended */
void io_stat_conn(struct io_stat *io, const struct conn *conn);

/** io_stat_frame() - a frame that is no segment */
void io_stat_frame(struct io_stat *io, const struct event *event);

/**
 * io_stat_segment() - a segment
 * @io: the report
 * @segment: what it was
 * @alone: its frame was not told as one that belongs to no connection, see struct event_frame
 */
void io_stat_segment(struct io_stat *io, const struct segment *segment, bool alone);

/**
 * io_stat_print() - print rows
 * @io: the report
 * @now_ns: how far time is, CLOCK_UNKNOWN for as far as frames came
 * @final: all rows that were not printed yet; else those that are over
 *
 * Each row is printed once, but in REPORT_PLOT.
 */
void io_stat_print(struct io_stat *io, int64_t now_ns, bool final);

/** io_stat_refused() - what came when no row could be made for it any more, or after it was printed */
uint64_t io_stat_refused(const struct io_stat *io);

/** io_stat_titles() - as report_titles() */
void io_stat_titles(struct io_stat *io, bool are_out);

/** io_stat_error() - the first failure of writing, a negative errno, or 0 */
int io_stat_error(const struct io_stat *io);

#endif
