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
 * @count: how many
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
 * select_columns() - which columns a report prints
 * @ops: the report
 * @keys: of its rows
 * @options: what was asked for
 * @selection: set on success only, to be freed with select_free()
 *
 * Return: 0, or -EINVAL with the story in @err.
 */
int select_columns(const struct report_ops *ops, const struct peers_keys *keys, const struct report_options *options,
		   struct selection *selection, struct err *err);

/** select_sort() - by which columns a report is sorted, its own order behind what was asked for; as select_columns() */
int select_sort(const struct report_ops *ops, const struct peers_keys *keys, const struct report_options *options,
		struct selection *selection, struct err *err);

/**
 * select_join() - columns that join those of a report's own because a row has something in them
 * @selection: gets them behind the column they belong to, if it has that
 * @rows: of the report peers or conns
 *
 * FAIL 0 does not say that nothing is wrong while attempts hang or their SYN is resent.
 *
 * Return: how many joined.
 */
size_t select_join(struct selection *selection, struct names *names, const struct row *rows, size_t count);

/** select_append() - one more column */
void select_append(struct selection *selection, const struct column *column);

/** select_free() - free what a selection holds */
void select_free(struct selection *selection);

#endif
