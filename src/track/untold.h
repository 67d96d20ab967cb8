/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_UNTOLD_H
#define CONNTRACE_TRACK_UNTOLD_H

#include <stdint.h>

#include "model/message.h"

/*
 * What was said on a connection before anybody knew whose it is: the first
 * request may pass before accept(2) returns.
 */

/** struct untold - messages of one connection that wait, in the order they came */
struct untold;

/** struct untold_message - one of them */
struct untold_message;

/**
 * struct untold_limit - all that wait in a run; all zero at first
 * @oldest: the one that goes when there are too many, NULL none
 * @newest: the one that came last
 * @count: how many there are
 */
struct untold_limit {
	struct untold_message *oldest, *newest;
	unsigned int count;
};

/** typedef untold_function - gets a message that has waited */
typedef void untold_function(void *context, const struct message *message, int64_t time_ns);

/**
 * untold_add() - one more waits; the oldest of all makes room, and is counted
 * @untold: those of the connection, NULL for none so far
 * @limit: of the run
 *
 * Return: the new @untold, to be freed by untold_tell() or untold_free().
 */
struct untold *untold_add(struct untold *untold, struct untold_limit *limit, const struct message *message,
			  int64_t time_ns);

/** untold_tell() - hand each to @function, and free them all; Return: how many are forgotten */
uint64_t untold_tell(struct untold *untold, untold_function *function, void *context);

/** untold_free() - NULL is fine */
void untold_free(struct untold *untold);

#endif
