/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_INTERVAL_DELTA_H
#define CONNTRACE_TRACK_INTERVAL_DELTA_H

#include <stdbool.h>

#include "model/conn.h"

/**
 * struct interval_delta - what connections were when the last slice of a run ended, to tell what is new since then
 *
 * A slice has the connections that lived in it. What moved in it is counted in
 * it and in no other; an attempt counts in the slice in which it was decided.
 */
struct interval_delta;

/** interval_delta_new() - nothing was told yet */
struct interval_delta *interval_delta_new(void);

/** interval_delta_free() - NULL is fine */
void interval_delta_free(struct interval_delta *delta);

/**
 * interval_delta_part() - the part of a connection that has not been told yet
 * @delta: NULL: all of it
 * @conn: as it is now
 * @part: room for it; borrows what @conn borrows
 *
 * Return: @conn or @part; NULL when its end has been told already.
 */
const struct conn *interval_delta_part(const struct interval_delta *delta, const struct conn *conn, struct conn *part);

/** interval_delta_can_end() - it has ended; is all known that its last words can still tell? */
bool interval_delta_can_end(const struct conn *conn);

/** interval_delta_keep() - this is what has been told of @conn, in the slice that begins after all of them were kept */
void interval_delta_keep(struct interval_delta *delta, const struct conn *conn);

/** interval_delta_pass() - of @conn nothing has been told in the slice that is over */
void interval_delta_pass(struct interval_delta *delta, const struct conn *conn);

/** interval_delta_next() - a new slice begins: what was not kept or passed over has ended */
void interval_delta_next(struct interval_delta *delta);

#endif
