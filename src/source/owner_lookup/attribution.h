/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_OWNER_LOOKUP_ATTRIBUTION_H
#define CONNTRACE_SOURCE_OWNER_LOOKUP_ATTRIBUTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/queue.h"
#include "model/event.h"
#include "model/flow.h"
#include "system/diag.h"

/*
 * Whose are the connections that only packets told of? The kernel is asked for
 * the socket, and /proc for its holder. A socket that is gone before it could
 * be asked for, or that several processes are found with, stays unattributed.
 *
 * Where all interfaces are captured without a filter, the kernel is asked once
 * a second for attempts, too: a SYN that this host itself drops (its packet
 * filter) is in no packet.
 */

/** struct attribution - connections that wait to be looked for */
struct attribution;

/**
 * attribution_new() - look up the owners of connections
 * @diag: where the kernel is queried; stays the caller's
 * @events: where events are appended; stays the caller's
 * @sees_all: every attempt of this host may be one that is asked for
 */
struct attribution *attribution_new(struct diag *diag, struct queue *events, bool sees_all);

/** attribution_free() - NULL is fine */
void attribution_free(struct attribution *attribution);

/** attribution_add() - a connection was born; flow.local is on this host */
void attribution_add(struct attribution *attribution, const struct flow *flow);

/**
 * attribution_packet() - a packet was captured; the owner of a connection is asked for at its SYN and SYN/ACK
 * @context: the struct attribution
 *
 * Before anything else, because a short connection is gone soon.
 */
void attribution_packet(void *context, const struct event *event);

/** attribution_look() - look for those whose time has come; NULL is fine */
void attribution_look(struct attribution *attribution);

/** attribution_wait_ns() - from @now_ns, monotonic, until one's time comes; INT64_MAX if none waits, or for NULL */
int64_t attribution_wait_ns(const struct attribution *attribution, int64_t now_ns);

#endif
