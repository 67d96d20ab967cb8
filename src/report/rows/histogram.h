/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_HISTOGRAM_H
#define CONNTRACE_REPORT_ROWS_HISTOGRAM_H

#include "base/err.h"
#include "report/rows/column.h"
#include "track/peers.h"

/** Longest BY of a histogram. */
#define HISTOGRAM_BY 128

/**
 * struct histogram_spec - quantity and keys of a histogram
 * @spread: the quantity
 * @by: keys as for --by, "" for one histogram of all
 */
struct histogram_spec {
	enum peers_spread spread;
	char by[HISTOGRAM_BY];
};

/**
 * struct histogram_bin - a row: the values from one power of two (of a microsecond) to the next
 * @group: its group
 * @from_ns: the smallest value in the row
 * @to_ns: the smallest value above the row
 * @count: number of values
 * @most: number of values in the fullest row of @group
 */
struct histogram_bin {
	struct peers_group *group;
	int64_t from_ns;
	int64_t to_ns;
	uint64_t count;
	uint64_t most;
};

/**
 * histogram_parse() - "COLUMN" or "COLUMN,KEY,...": HS_MS, QUEUE_MS or RTT_MS, in any case
 *
 * Return: 0 with @spec set, or -EINVAL with the message in @err.
 */
int histogram_parse(struct histogram_spec *spec, const char *text, struct err *err);

/**
 * histogram_bins() - the rows of one group, from the smallest value to the largest, those between them that are empty
 *		      too
 * @group: is not changed
 * @spread: the quantity
 * @count: set to the number of rows, 0 when no connection has a known value
 *
 * Return: to be freed, NULL for none.
 */
struct histogram_bin *histogram_bins(struct peers_group *group, enum peers_spread spread, size_t *count);

/** histogram_name() - the report's name in rows of JSON: "histogram,HS_MS" */
const char *histogram_name(const struct histogram_spec *spec);

/** histogram_columns() - FROM_MS, TO_MS, COUNT and BAR; @count is set */
const struct column *histogram_columns(size_t *count);

#endif
