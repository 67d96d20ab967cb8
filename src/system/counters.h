/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_COUNTERS_H
#define CONNTRACE_SYSTEM_COUNTERS_H

/*
 * Consistent state and counters of a socket.
 *
 * tcp_get_info() and inet_sk_diag_fill() read the state before the counters, without the socket's lock. A FIN that
 * comes in between is a byte in the counters and is not in the state. They are consistent if the next answer has the
 * same state.
 */

#include "model/event.h"
#include "system/diag.h"

/** Up to this many sockets are queried one by one; for more, another list without counters is faster. */
#define COUNTERS_SINGLE_MAX 256

/**
 * counters_settle() - query a socket again until two answers have the same state
 * @diag: the connection to the kernel
 * @event: the first answer; replaced by the last one
 *
 * Return: 0, or the negative errno of diag_query(), -ENOENT when the socket is gone.
 */
int counters_settle(struct diag *diag, struct event *event);

/**
 * counters_settle_or_unknown() - counters_settle(); where that fails, the counters become unknown
 * @diag: the connection to the kernel
 * @event: the first answer; state, cookie, inode and uid of the first answer stay
 */
void counters_settle_or_unknown(struct diag *diag, struct event *event);

#endif
