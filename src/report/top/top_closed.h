/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_CLOSED_H
#define CONNTRACE_REPORT_TOP_TOP_CLOSED_H

#include "report/top/top.h"

/**
 * struct top_closed - the connections of the live screen that have closed and left its list
 *
 * They are folded: those of one process, with the same addresses, service, direction and result, are one row, so that
 * the sums and folds of the screen have them for little memory.
 */
struct top_closed;

/** Limit of rows; connections that would need a further one are in top_closed_rest(). */
#define TOP_CLOSED 20000

/** top_closed_new() - none */
struct top_closed *top_closed_new(void);

/** top_closed_free() - NULL is allowed */
void top_closed_free(struct top_closed *closed);

/** top_closed_add() - add a connection; @row is copied */
void top_closed_add(struct top_closed *closed, const struct top_row *row);

/**
 * top_closed_age() - time has passed
 * @span_ns: since the last call
 * @piece: number of the present period, see struct top_row
 */
void top_closed_age(struct top_closed *closed, int64_t span_ns, int64_t piece);

/** top_closed_rows() - the rows, in order of their first connection, valid until one is added; @count is set */
struct top_row *const *top_closed_rows(const struct top_closed *closed, size_t *count);

/** top_closed_rest() - fold the connections without a row into @to */
void top_closed_rest(const struct top_closed *closed, struct top_row *to);

/** top_past_shift() - shift @past so that its last value is that of @piece; @newest: the piece it was of, updated */
void top_past_shift(float *past, int64_t count, int64_t *newest, int64_t piece);

#endif
