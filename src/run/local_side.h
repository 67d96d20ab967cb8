/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_LOCAL_SIDE_H
#define CONNTRACE_RUN_LOCAL_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/options.h"
#include "model/conn.h"
#include "model/event.h"

/* Which side of captured connections is local (option --local), and whether a savefile needs that option. */

/**
 * local_side_mark() - mark the ends of an EVENT_SEGMENT that are local; recorded too
 *
 * If an end is in the networks of --local, these decide. Else a live run has the addresses of this host, and in a file
 * the marks stay as they are.
 */
void local_side_mark(const struct options *options, bool is_file, struct event *event);

/** Ports whose servers are compared. */
#define LOCAL_SIDE_PORTS 256

/**
 * struct local_side - addresses of the connections of a savefile; all zero before the first one
 * @connections: how many
 * @ends: addresses that every connection has had so far, without an address when there is none
 * @remote: connections in which that of @ends is the remote side only
 * @servers: servers by port, in an open hash table
 * @shared_port: a port with several servers, 0 none
 */
struct local_side {
	uint64_t connections;
	struct endpoint ends[2];
	uint64_t remote[2];
	struct endpoint servers[LOCAL_SIDE_PORTS];
	uint16_t shared_port;
};

/** local_side_count() - count a connection */
void local_side_count(struct local_side *side, const struct conn *conn);

/**
 * local_side_advice() - an option that gives each server of a savefile rows of its own
 * @text: "" when the rows have that already
 * @size: room there
 */
void local_side_advice(const struct local_side *side, const struct options *options, char *text, size_t size);

#endif
