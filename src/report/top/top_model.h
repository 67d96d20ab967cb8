/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_MODEL_H
#define CONNTRACE_REPORT_TOP_TOP_MODEL_H

#include "report/top/top_order.h"

/**
 * struct top_model - the connections of the live screen, and their rates
 *
 * A tick is top_model_begin(), top_model_open() for each connection that is
 * open, top_model_end(). Between ticks top_model_finished() reports those that
 * ended, so none is missed, however short. Rows change in ticks only.
 */
struct top_model;

/** Limit of rows; open connections beyond it are counted only. Closed ones are dropped first. */
#define TOP_ROWS 200000

/** top_model_new() - an empty model; @start_ns: when the run, or the file, began */
struct top_model *top_model_new(int64_t start_ns);

/** top_model_free() - NULL is allowed */
void top_model_free(struct top_model *model);

/** top_model_begin() - begin a tick at @now_ns */
void top_model_begin(struct top_model *model, int64_t now_ns);

/** top_model_open() - add a connection that is open, or that has ended and is not reported as finished yet; copied */
void top_model_open(struct top_model *model, const struct conn *conn);

/** top_model_finished() - a connection has ended; copied. Called once for each, at any time */
void top_model_finished(struct top_model *model, const struct conn *conn);

/**
 * top_model_end() - end the tick: rates are valid
 * @keep_ns: rows of connections that ended longer ago are dropped
 * @pinned: except this conn.id; 0 none
 */
void top_model_end(struct top_model *model, int64_t keep_ns, uint64_t pinned);

/** top_model_rows() - all rows, valid until the next tick begins */
struct top_rows top_model_rows(const struct top_model *model);

/** top_model_totals() - the totals of all connections */
const struct top_totals *top_model_totals(const struct top_model *model);

#endif
