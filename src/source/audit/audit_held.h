/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_HELD_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "model/event.h"
#include "source/audit/audit_feed.h"

/*
 * A record comes a moment after its call, and has neither the socket nor its local end. So the socket is read through a
 * duplicate of the descriptor. In that moment the program may have closed it, and opened another one under the same
 * number. A call with a socket waits here until it is certain that this has not happened: a record of a call that began
 * after the socket was read has come, and none before it that gave the number to another socket. The kernel writes
 * records at the return of a call and sends them in order.
 */

/** struct audit_held - calls that wait, in order */
struct audit_held;

/** audit_held_release - a call; @sample: the counters of its socket, NULL none */
typedef void audit_held_release(void *context, const struct audit_call *call, const struct event *sample);

/** audit_held_new() - none; @release is called with each call and @context */
struct audit_held *audit_held_new(audit_held_release *release, void *context);

/** audit_held_free() - drop them; NULL is allowed */
void audit_held_free(struct audit_held *held);

/**
 * audit_held_add() - the next call
 * @held: the calls
 * @call: it; the ends and the cookie are completed by its socket
 * @pidfd: of its process, below 0 none
 */
void audit_held_add(struct audit_held *held, const struct audit_call *call, int pidfd);

/** audit_held_flush() - all records until now have come: release all */
void audit_held_flush(struct audit_held *held);

/** audit_held_oldest_ns() - time of the oldest call that waits; CLOCK_UNKNOWN: none waits */
int64_t audit_held_oldest_ns(const struct audit_held *held);

#endif
