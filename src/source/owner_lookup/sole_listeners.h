/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_OWNER_LOOKUP_SOLE_LISTENERS_H
#define CONNTRACE_SOURCE_OWNER_LOOKUP_SOLE_LISTENERS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/endpoint.h"
#include "system/diag.h"
#include "system/procfs_owners.h"

/*
 * Listening sockets that one process alone holds.
 *
 * A connection that ended before its socket could be queried was accepted by the process that holds its listener, if
 * that process alone held it before the connection began and after it had ended, had no children in between, and no
 * other listener can have taken connections for that address (SO_REUSEPORT, SO_BINDTODEVICE, IPV6_V6ONLY). If there are
 * processes whose descriptors may not be read, the listener must have been created by the user of that process.
 */

/** struct sole_listeners - the listening sockets of this network namespace, as of the last reading */
struct sole_listeners;

/**
 * struct sole_holder - the process that alone holds the listeners for an address
 * @pid: the process
 * @identity: see procfs_identity()
 * @since_ns: it has been so since this time of clock_now()
 */
struct sole_holder {
	pid_t pid;
	uint64_t identity;
	int64_t since_ns;
};

/** sole_listeners_new() - none; the caller keeps ownership of @diag, which must live longer */
struct sole_listeners *sole_listeners_new(struct diag *diag);

/** sole_listeners_free() - free it; NULL is allowed */
void sole_listeners_free(struct sole_listeners *sole);

/** sole_listeners_refresh() - list the listeners, read @owners of all processes, and find who holds which */
void sole_listeners_refresh(struct sole_listeners *sole, struct procfs_owners *owners);

/** sole_listeners_read_ns() - when the last refresh began, by clock_now(); 0 before the first */
int64_t sole_listeners_read_ns(const struct sole_listeners *sole);

/** sole_listeners_has() - whether the last refresh has found a listener for connections to @local */
bool sole_listeners_has(const struct sole_listeners *sole, const struct endpoint *local);

/**
 * sole_listeners_judge() - the process that accepts connections to @local
 *
 * Return: true when there is one: @holder is set, and right from @holder->since_ns to sole_listeners_read_ns().
 */
bool sole_listeners_judge(struct sole_listeners *sole, const struct endpoint *local, struct sole_holder *holder);

#endif
