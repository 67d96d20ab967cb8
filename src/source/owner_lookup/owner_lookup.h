/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_OWNER_LOOKUP_OWNER_LOOKUP_H
#define CONNTRACE_SOURCE_OWNER_LOOKUP_OWNER_LOOKUP_H

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

/** struct owner_lookup - connections that wait to be looked for */
struct owner_lookup;

/**
 * owner_lookup_new() - look up the owners of connections
 * @diag: where the kernel is queried; stays the caller's
 * @events: where events are appended; stays the caller's
 * @sees_all: every attempt of this host may be one that is asked for
 */
struct owner_lookup *owner_lookup_new(struct diag *diag, struct queue *events, bool sees_all);

/** owner_lookup_free() - NULL is fine */
void owner_lookup_free(struct owner_lookup *owner_lookup);

/** owner_lookup_add() - a connection was born; flow.local is on this host */
void owner_lookup_add(struct owner_lookup *owner_lookup, const struct flow *flow);

/**
 * owner_lookup_packet() - a packet was captured; the owner of a connection is asked for at its SYN and SYN/ACK
 * @context: the struct owner_lookup
 *
 * Before anything else, because a short connection is gone soon.
 */
void owner_lookup_packet(void *context, const struct event *event);

/** owner_lookup_run() - look for those whose time has come; NULL is fine */
void owner_lookup_run(struct owner_lookup *owner_lookup);

/** owner_lookup_wait_ns() - from @now_ns, monotonic, until one's time comes; INT64_MAX if none waits, or for NULL */
int64_t owner_lookup_wait_ns(const struct owner_lookup *owner_lookup, int64_t now_ns);

#endif
