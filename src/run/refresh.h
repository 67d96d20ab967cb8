/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_REFRESH_H
#define CONNTRACE_RUN_REFRESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/conn.h"
#include "model/event.h"
#include "system/diag.h"
#include "track/tracker.h"

/**
 * struct refresh_known - counters that belonged to their state
 * @cookie: of the socket; first, because they are sorted by it
 * @bytes_received: see struct event_info, as the others
 * @bytes_acked: of the socket
 * @segs_in: of the socket, never unknown
 * @segs_out: of the socket
 * @wqueue: of the socket
 * @notsent_bytes: of the socket
 * @state: that state
 */
struct refresh_known {
	uint64_t cookie;
	int64_t bytes_received;
	int64_t bytes_acked;
	int32_t segs_in;
	int32_t segs_out;
	int32_t wqueue;
	int32_t notsent_bytes;
	uint8_t state;
};

/**
 * refresh_known_holds() - true when the counters in @info belong to its state, as those in @known did
 *
 * When no segment was received or sent, and the queues did not grow, there was no FIN in between.
 */
static inline bool refresh_known_holds(const struct refresh_known *known, const struct event_info *info)
{
	return known->state == info->state && known->segs_in == info->segs_in && known->segs_out == info->segs_out &&
	       known->bytes_received == info->bytes_received && known->bytes_acked == info->bytes_acked &&
	       known->wqueue == info->wqueue && known->notsent_bytes == info->notsent_bytes;
}

/**
 * struct refresh - the means to query all open connections
 * @diag: the kernel, NULL when it cannot be queried
 * @netns: the network namespace of @diag
 * @tracker: has the connections
 * @feed: gets the results, after all queries
 * @context: passed on
 * @reported: sockets in the last full list; private
 * @looks: queries since then; private
 * @awaited: cookies of sockets that were gone at the last query, and whose final counters may arrive; sorted, private
 * @awaited_count: their number
 * @awaited_size: allocated number
 * @known: of the sockets in the last list; sorted, private
 * @known_count: their number
 */
struct refresh {
	struct diag *diag;
	uint32_t netns;
	struct tracker *tracker;
	void (*feed)(void *context, struct event *event);
	void *context;
	size_t reported;
	unsigned int looks;
	uint64_t *awaited;
	size_t awaited_count, awaited_size;
	struct refresh_known *known;
	size_t known_count;
};

/**
 * refresh_all() - read the current counters of all open connections without final counters
 * @tell_gone: report sockets that are gone as ended in an unknown way (INFO_DESTROY without counters and state)
 *
 * Return: number of those that are gone.
 */
size_t refresh_all(struct refresh *refresh, bool tell_gone);

/** refresh_awaited() - number of those gone at the last query whose final counters may still arrive; without a query */
size_t refresh_awaited(const struct refresh *refresh);

/** refresh_free() - free its private fields */
void refresh_free(struct refresh *refresh);

#endif
