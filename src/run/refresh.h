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
 * refresh_read() - how far is a connection that has had no last word?
 * @diag: to ask the kernel, NULL when it can't be asked
 * @netns: the network namespace @diag asks in
 * @conn: its flow, cookie, process and descriptor
 * @event: an EVENT_INFO on success
 *
 * The kernel is asked first; a socket it does not list (another network
 * namespace, or dead but not closed) is looked at through its process.
 *
 * Return: 0, or -ENOENT when there is no such socket any more, as far as can be seen.
 */
int refresh_read(struct diag *diag, uint32_t netns, const struct conn *conn, struct event *event);

/**
 * struct refresh_known - what counters were when they belonged to their state
 * @cookie: whose; the first, because they are sorted by it
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
 * refresh_known_holds() - do the counters in @info belong to its state, as those in @known did?
 *
 * When no segment has come or gone, and nothing waits that did not wait, there has been no FIN in between.
 */
static inline bool refresh_known_holds(const struct refresh_known *known, const struct event_info *info)
{
	return known->state == info->state && known->segs_in == info->segs_in && known->segs_out == info->segs_out &&
	       known->bytes_received == info->bytes_received && known->bytes_acked == info->bytes_acked &&
	       known->wqueue == info->wqueue && known->notsent_bytes == info->notsent_bytes;
}

/**
 * struct refresh - whom to ask about all open connections
 * @diag: the kernel, NULL when it can't be asked
 * @netns: the network namespace it answers for
 * @tracker: whose connections
 * @feed: gets what was seen, after all was seen
 * @context: passed on
 * @reported: sockets in the last list of all of them; its own
 * @looks: since then; its own
 * @awaited: cookies of those that were gone at the last look, and may still have a last word; sorted, its own
 * @awaited_count: how many
 * @awaited_size: room there
 * @known: of the sockets that the last list told of; sorted, its own
 * @known_count: how many
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
 * refresh_all() - how far are the open connections, which have had no last word?
 * @tell_gone: those that are gone are told of as ended, nobody knows how (INFO_DESTROY without counters and state)
 *
 * Return: how many are gone.
 */
size_t refresh_all(struct refresh *refresh, bool tell_gone);

/** refresh_awaited() - how many that were gone at the last look may still have a last word? The kernel is not asked */
size_t refresh_awaited(const struct refresh *refresh);

/** refresh_free() - what it has of its own */
void refresh_free(struct refresh *refresh);

#endif
