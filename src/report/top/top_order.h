/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_ORDER_H
#define CONNTRACE_REPORT_TOP_TOP_ORDER_H

#include "report/top/top_columns.h"

/**
 * struct top_list - the rows as they are shown; all zero is an empty one
 * @rows: in their order
 * @count: how many
 * @total: all of them folded into one
 * @other: what could not be listed, without members if that is none; set before top_order(), and is the last row
 *
 * The rest is its own.
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
 * top_order() - filter, fold and sort rows
 * @list: made anew; valid as long as @rows are
 * @rows: in no order
 * @count: how many
 * @style: its state says which filter, what to fold by, and what to sort by
 *
 * In sums a rate that is not known yet counts as nothing, which @lacks of the row says; an amount that is unknown of
 * a member is unknown of all.
 */
void top_order(struct top_list *list, struct top_row *const *rows, size_t count, const struct top_style *style);

/** The conn.id of the row of all that could not be listed. */
#define TOP_OTHER_ID UINT64_MAX

/** top_fold_begin() - make @to an empty row into which others can be folded; what members share is taken from @first */
void top_fold_begin(struct top_row *to, const struct top_row *first);

/** top_fold_add() - fold a row into @to */
void top_fold_add(struct top_row *to, const struct top_row *row);

/** top_order_matches() - does the row contain every word of @filter, and none that begins with '!'? In any case */
bool top_order_matches(const struct top_row *row, const char *filter, const struct top_style *style);

/** top_order_find() - the place of the row with this conn.id, or @count of the list */
size_t top_order_find(const struct top_list *list, uint64_t id);

/** top_order_free() - free what it holds */
void top_order_free(struct top_list *list);

#endif
