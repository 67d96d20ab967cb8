/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_INTERVAL_DELTA_H
#define CONNTRACE_TRACK_INTERVAL_DELTA_H

#include <stdbool.h>

#include "model/conn.h"

/**
 * struct interval_delta - the values of all connections at the end of the last slice of a run
 *
 * A slice contains the connections that existed in it. Traffic counts in the slice in which it passed and in no other.
 * An attempt counts in the slice in which it was decided.
 */
struct interval_delta;

/** interval_delta_new() - nothing has been reported yet */
struct interval_delta *interval_delta_new(void);

/** interval_delta_free() - NULL is fine */
void interval_delta_free(struct interval_delta *delta);

/**
 * interval_delta_part() - the part of a connection that has not been reported yet
 * @delta: NULL: all of it
 * @conn: as it is now
 * @part: room for it; borrows what @conn borrows
 *
 * Return: @conn or @part; NULL when its end has been reported already.
 */
const struct conn *interval_delta_part(const struct interval_delta *delta, const struct conn *conn, struct conn *part);

/** interval_delta_can_end() - whether an ended connection has all values that its final counters can supply */
bool interval_delta_can_end(const struct conn *conn);

/** interval_delta_keep() - record the reported values of @conn, for the next slice */
void interval_delta_keep(struct interval_delta *delta, const struct conn *conn);

/** interval_delta_pass() - nothing was reported of @conn in the slice that is over */
void interval_delta_pass(struct interval_delta *delta, const struct conn *conn);

/** interval_delta_next() - a new slice begins: connections that were neither kept nor passed have ended */
void interval_delta_next(struct interval_delta *delta);

#endif
