/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_IO_STAT_IO_CELLS_H
#define CONNTRACE_REPORT_IO_STAT_IO_CELLS_H

#include "base/idmap.h"
#include "report/io_stat/io_ends.h"
#include "report/io_stat/io_plot.h"

/**
 * struct io_cells - the numbers of a report io,stat, row after row
 * @spec: what is counted
 * @cells: @rows times the columns of @spec
 * @rows: number of rows
 * @room: number of rows that memory is allocated for
 * @most: limit of @rows
 * @printed: number of rows printed; these do not change any more
 * @start_ns: when the first row begins, CLOCK_UNKNOWN not yet
 * @begin_ns: when the run, or the file, begins: within the first row
 * @last_ns: the last time something was counted at
 * @refused: values for which no row could be made
 * @timeless: something had no time
 * @align: rows begin when the clock shows a multiple of the interval
 * @counters: without frames: the kernel's counters are counted
 * @conns: what has been counted of each connection; NULL when no column needs it
 * @ends: finds the other end of a connection, as long as @conns is not NULL
 */
struct io_cells {
	struct io_spec spec;
	struct io_cell *cells;
	size_t rows;
	size_t room;
	size_t most;
	size_t printed;
	int64_t start_ns;
	int64_t begin_ns;
	int64_t last_ns;
	uint64_t refused;
	bool timeless;
	bool align;
	bool counters;
	struct idmap *conns;
	struct io_ends *ends;
};

/** Bytes of a value of @conns. */
#define IO_CELLS_CONN (11 * sizeof(int64_t))

/** io_cells_start() - the first row begins at @time_ns or, aligned, before */
void io_cells_start(struct io_cells *cells, int64_t time_ns);

/** io_cells_row() - number of the row that time falls into */
size_t io_cells_row(const struct io_cells *cells, int64_t time_ns);

/** io_cells_begin_ns() - when a row begins; INT64_MAX when that is beyond the range of time */
int64_t io_cells_begin_ns(const struct io_cells *cells, size_t row);

/** io_cells_grow() - make @rows rows; Return: false when that is too many */
bool io_cells_grow(struct io_cells *cells, size_t rows);

/** io_cells_at() - the cells of the row that time falls into; NULL, and counted, when the row is refused or printed */
struct io_cell *io_cells_at(struct io_cells *cells, int64_t time_ns);

/** io_cells_count() - count one more value; a negative one is unknown */
void io_cells_count(struct io_cell *cell, int64_t value);

/** io_cells_counters() - the counters of a connection at @time_ns; does nothing where frames are counted */
void io_cells_counters(struct io_cells *cells, const struct conn *conn, int64_t time_ns);

/** io_cells_conn() - count a connection: an open one before rows are printed, or one that has ended */
void io_cells_conn(struct io_cells *cells, const struct conn *conn);

/**
 * io_cells_doubt() - mark rows that may be incomplete as unknown, before they are printed
 * @cells: the numbers
 * @until: rows before this one
 * @sure_ns: a connection that was not sampled since then may have moved more
 */
void io_cells_doubt(struct io_cells *cells, size_t until, int64_t sure_ns);

#endif
