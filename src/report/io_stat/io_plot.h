/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_IO_STAT_IO_PLOT_H
#define CONNTRACE_REPORT_IO_STAT_IO_PLOT_H

#include "report/rows/column.h"
#include "report/io_stat/io_spec.h"
#include "base/text.h"

/** The number of values is unknown. */
#define IO_CELL_UNKNOWN UINT64_MAX

/**
 * struct io_cell - what a column has counted in an interval
 * @count: number of values; IO_CELL_UNKNOWN when not all are known
 * @sum: of them
 * @min: smallest
 * @max: largest
 */
struct io_cell {
	uint64_t count;
	uint64_t sum;
	int64_t min;
	int64_t max;
};

/**
 * io_plot_value() - the number that a column shows
 * @column: the column
 * @cell: what it has counted
 * @bytes: the second column of IO_BOTH
 *
 * Return: for an average in thousandths; CONN_UNKNOWN when there is no value.
 */
int64_t io_plot_value(const struct io_column *column, const struct io_cell *cell, bool bytes);

/**
 * struct io_plot - a column to be drawn over time
 * @name: the title
 * @column: what it counts
 * @cells: of the first row
 * @stride: cells from one row to the next
 * @rows: how many rows
 * @bytes: the second column of IO_BOTH
 * @type: enum column_type: how its values are written
 * @interval_ns: of a row, 0 for the whole run
 * @start_ns: when the first row begins
 * @end_ns: when the last one ends
 * @width: columns of the terminal, 0 for none
 */
struct io_plot {
	const char *name;
	const struct io_column *column;
	const struct io_cell *cells;
	size_t stride;
	size_t rows;
	bool bytes;
	enum column_type type;
	int64_t interval_ns;
	int64_t start_ns;
	int64_t end_ns;
	unsigned int width;
};

/** io_plot_draw() - append the plot; with more rows than columns, each column merges several rows */
void io_plot_draw(struct text *text, const struct io_plot *plot);

#endif
