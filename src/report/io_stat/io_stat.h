/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_IO_STAT_IO_STAT_H
#define CONNTRACE_REPORT_IO_STAT_IO_STAT_H

#include "report/rows/report.h"

/** Limit of one report: columns times rows. */
#define IO_CELLS (UINT64_C(1) << 22)

/**
 * io_stat_print() - print rows of a report_io_stat: frames, bytes and fields of segments per interval, or the kernel's
 *		     counters
 * @report: the report
 * @now_ns: current time, CLOCK_UNKNOWN to use the time of the last frame
 * @final: print all rows not printed yet; otherwise only complete ones
 *
 * Each row is printed once, except in REPORT_PLOT.
 */
void io_stat_print(struct report *report, int64_t now_ns, bool final);

#endif
