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
 * Owners of connections that only packets have shown. The kernel is queried for the socket, and /proc for its holder. A
 * socket that is gone before the query belongs to the process that alone holds its listener (sole_listeners.h). Else,
 * or if several processes hold it, it stays unattributed.
 *
 * Where all interfaces are captured without a filter, the kernel is also queried once a second for attempts: a SYN that
 * this host itself drops (its packet filter) is in no packet.
 */

/** OWNER_LOOKUP_SOCKETS - sockets of this host whose holders are remembered, 48 bytes each */
#define OWNER_LOOKUP_SOCKETS 200000

/** struct owner_lookup - connections that wait for a lookup */
struct owner_lookup;

/**
 * owner_lookup_new() - look up the owners of connections
 * @diag: answers queries; the caller keeps ownership
 * @events: where events are appended; the caller keeps ownership
 * @sees_all: every attempt of this host may be queried for
 * @sockets_max: sockets whose holders are remembered (OWNER_LOOKUP_SOCKETS)
 */
struct owner_lookup *owner_lookup_new(struct diag *diag, struct queue *events, bool sees_all, size_t sockets_max);

/** owner_lookup_free() - free it; NULL is allowed */
void owner_lookup_free(struct owner_lookup *owner_lookup);

/** owner_lookup_add() - a connection began; flow.local is on this host */
void owner_lookup_add(struct owner_lookup *owner_lookup, const struct flow *flow);

/**
 * owner_lookup_packet() - a packet was captured; the owner of a connection is queried at its SYN and SYN/ACK
 * @context: the struct owner_lookup
 *
 * It is called before anything else, because a short connection is gone soon.
 */
void owner_lookup_packet(void *context, const struct event *event);

/** owner_lookup_destroyed() - a socket was destroyed, by an event with its final counters; NULL is allowed */
void owner_lookup_destroyed(struct owner_lookup *owner_lookup, const struct event *event);

/** owner_lookup_end() - the run ends: the next owner_lookup_run() finds what can be found; NULL is allowed */
void owner_lookup_end(struct owner_lookup *owner_lookup);

/** owner_lookup_run() - look up those that are due; NULL is allowed */
void owner_lookup_run(struct owner_lookup *owner_lookup);

/** owner_lookup_wait_ns() - from @now_ns, monotonic, until the next one is due; INT64_MAX if none waits, or for NULL */
int64_t owner_lookup_wait_ns(const struct owner_lookup *owner_lookup, int64_t now_ns);

#endif
