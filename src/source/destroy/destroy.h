/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_DESTROY_DESTROY_H
#define CONNTRACE_SOURCE_DESTROY_DESTROY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/queue.h"
#include "source/source.h"

struct source_ops;

/**
 * struct destroy - the source of the final counters of TCP sockets (see destroy.c)
 *
 * Needs no privilege. It receives events of the network namespace it was opened in, and of sockets that were destroyed
 * after it was opened.
 */
struct destroy;

/**
 * struct destroy_config - how to receive them
 * @netns: inode number of conntrace's network namespace, written into every flow; 0 when unknown
 * @buffer: bytes of receive buffer wanted, 0 for the default (16 MiB); without CAP_NET_ADMIN the kernel
 *	    grants no more than net.core.rmem_max. An event occupies 1280 bytes of the double of it (Linux 6.18): 4
 *	    MiB hold 6500 events
 * @disconnected: also report sockets that have no remote end when they are destroyed: listeners, sockets
 *	    that were never connected, and those the kernel disconnected itself: connect(2) failed, or closed with
 *	    SO_LINGER and no time (RST). The kernel has cleared their remote end and counters by then, so only the
 *	    cookie identifies them, and every counter is unknown.
 */
struct destroy_config {
	uint32_t netns;
	int buffer;
	bool disconnected;
};

/** destroy_open() - see source/source.h; -ENOENT or -EPROTONOSUPPORT when the kernel has no sock_diag */
int destroy_open(struct destroy **source, const struct destroy_config *config, struct err *err);

/** destroy_source - destroy events in the loop of a run */
extern const struct source_ops destroy_source;

/** destroy_fd() - see source/source.h; to be read at least every 100 ms on a busy host even without polling */
int destroy_fd(const struct destroy *source);

/** Maximum number of events of one destroy_read(); fewer mean that there were no more. */
#define DESTROY_READ_MAX 4096

/**
 * destroy_read() - see source/source.h
 *
 * Appends EVENT_INFO with reason INFO_DESTROY, at the time of the reading, and
 * after an overrun or destroy_abandon() an EVENT_LOST with LOST_NETLINK. Reads at most
 * DESTROY_READ_MAX events; when it returned any there may be more.
 */
int destroy_read(struct destroy *source, struct queue *events, struct err *err);

/**
 * destroy_mark() - begin to wait for all sockets destroyed until now
 *
 * The kernel reports destroyed sockets from a work queue of each processor, which a busy host may delay for long. A
 * socket of conntrace is therefore destroyed on each processor that this thread may run on: once it is reported, so are
 * those destroyed there before.
 */
void destroy_mark(struct destroy *source);

/** destroy_has_caught_up() - whether the mark has been read by destroy_read(); an overrun may have dropped it */
bool destroy_has_caught_up(const struct destroy *source);

/** destroy_abandon() - do not wait for the mark any more: the next destroy_read() reports an unknown loss */
void destroy_abandon(struct destroy *source);

/** destroy_buffer() - bytes of receive buffer the kernel granted (in its own accounting, twice the requested size) */
int destroy_buffer(const struct destroy *source);

/** destroy_close() - see source/source.h */
void destroy_close(struct destroy *source);

#endif
