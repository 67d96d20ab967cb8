/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_IO_STAT_IO_STAT_H
#define CONNTRACE_REPORT_IO_STAT_IO_STAT_H

#include "report/rows/report.h"

/** What is kept of one report: columns times rows. */
#define IO_CELLS (UINT64_C(1) << 22)

/**
 * io_stat_print() - print rows of a report_io_stat: frames, bytes and fields of segments per interval, or the kernel's
 *		     counters
 * @report: the report
 * @now_ns: how far time is, CLOCK_UNKNOWN for as far as frames came
 * @final: all rows that were not printed yet; else those that are over
 *
 * Each row is printed once, but in REPORT_PLOT.
 */
void io_stat_print(struct report *report, int64_t now_ns, bool final);

#endif
