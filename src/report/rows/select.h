/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_SELECT_H
#define CONNTRACE_REPORT_ROWS_SELECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "report/rows/column.h"
#include "report/rows/report.h"

/**
 * struct selection - columns in an order
 * @columns: each of them
 * @descending: for sorting: the largest first
 * @count: their number
 */
struct selection {
	const struct column **columns;
	bool *descending;
	size_t count;
};

/**
 * select_keys() - the keys of a report's rows
 * @choice: the report
 * @options: has --by
 * @keys: set, to none where the report has no keys
 *
 * Return: 0, or -EINVAL with the reason in @err.
 */
int select_keys(const struct report_choice *choice, const struct report_options *options, struct peers_keys *keys,
		struct err *err);

/**
 * select_columns() - the columns that a report prints
 * @ops: the report
 * @keys: of its rows
 * @options: the requested columns
 * @selection: set on success only, to be freed with select_free()
 *
 * Return: 0, or -EINVAL with the message in @err.
 */
int select_columns(const struct report_ops *ops, const struct peers_keys *keys, const struct report_options *options,
		   struct selection *selection, struct err *err);

/** select_sort() - the columns a report is sorted by, requested ones first, then its own; as select_columns() */
int select_sort(const struct report_ops *ops, const struct peers_keys *keys, const struct report_options *options,
		struct selection *selection, struct err *err);

/**
 * select_join() - add columns to the default ones of a report, because a row has a value in them
 * @selection: gets each after the column it belongs to, if it has that
 * @rows: of the report peers or conns
 *
 * FAIL 0 alone would hide attempts that hang or whose SYN is retransmitted.
 *
 * Return: number of columns added.
 */
size_t select_join(struct selection *selection, struct names *names, const struct row *rows, size_t count);

/** select_append() - append a column */
void select_append(struct selection *selection, const struct column *column);

/** select_free() - free the members of a selection */
void select_free(struct selection *selection);

#endif
