/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_SINCE_H
#define CONNTRACE_TRACK_SINCE_H

#include <stdbool.h>

#include "model/conn.h"

/**
 * struct since - what connections were when the last slice of a run ended, to tell what is new since then
 *
 * A slice has the connections that lived in it. What moved in it is counted in
 * it and in no other; an attempt counts in the slice in which it was decided.
 */
struct since;

/** since_new() - nothing was told yet */
struct since *since_new(void);

/** since_free() - NULL is fine */
void since_free(struct since *since);

/**
 * since_part() - the part of a connection that has not been told yet
 * @since: NULL: all of it
 * @conn: as it is now
 * @part: room for it; borrows what @conn borrows
 *
 * Return: @conn or @part; NULL when its end has been told already.
 */
const struct conn *since_part(const struct since *since, const struct conn *conn, struct conn *part);

/** since_can_end() - it has ended; is all known that its last words can still tell? */
bool since_can_end(const struct conn *conn);

/** since_keep() - this is what has been told of @conn, in the slice that begins after all of them were kept */
void since_keep(struct since *since, const struct conn *conn);

/** since_pass() - of @conn nothing has been told in the slice that is over */
void since_pass(struct since *since, const struct conn *conn);

/** since_next() - a new slice begins: what was not kept or passed over has ended */
void since_next(struct since *since);

#endif
