/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_ORDER_H
#define CONNTRACE_REPORT_TOP_TOP_ORDER_H

#include "report/top/top_columns.h"

/**
 * struct top_list - the rows as they are shown; all zero is an empty one
 * @rows: in their order
 * @count: number of rows
 * @total: all of them folded into one
 * @other: all connections that could not be listed, without members if there are none; the last row
 *
 * Other fields are private.
 */
struct top_list {
	struct top_row **rows;
	size_t count;
	struct top_row total;
	struct top_row other;
	struct top_row **scratch;
	struct top_row *folded;
	size_t size;
};

/**
 * struct top_rows - what there is to show, of top_model.h
 * @rows: connections, in no order
 * @count: their number
 * @closed: connections that have left @rows, folded; sums and folds have them
 * @closed_count: number of rows of these
 * @other: all that could not be listed
 */
struct top_rows {
	struct top_row *const *rows;
	size_t count;
	struct top_row *const *closed;
	size_t closed_count;
	const struct top_row *other;
};

/**
 * top_order() - filter, fold and sort rows
 * @list: built again each time; valid as long as @rows are
 * @rows: what there is
 * @style: its state has the filter, the fold and the sort order
 *
 * In sums an unknown rate counts as 0, which @lacks of the row marks; an amount unknown of one
 * member is unknown for the row.
 */
void top_order(struct top_list *list, const struct top_rows *rows, const struct top_style *style);

/** The conn.id of the row of all that could not be listed. */
#define TOP_OTHER_ID UINT64_MAX

/** top_fold_begin() - make @to an empty row to fold others into; common values are taken from @first */
void top_fold_begin(struct top_row *to, const struct top_row *first);

/** top_fold_add() - fold a row into @to */
void top_fold_add(struct top_row *to, const struct top_row *row);

/** top_order_find() - the place of the row with this conn.id, or @count of the list */
size_t top_order_find(const struct top_list *list, uint64_t id);

/** top_order_free() - free its members */
void top_order_free(struct top_list *list);

#endif
