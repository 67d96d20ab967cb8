/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_LOOK_H
#define CONNTRACE_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/conn.h"
#include "model/event.h"
#include "source/diag/diag.h"
#include "track/tracker.h"

/**
 * look_make_sure() - do counters and state of a socket belong together? Else a FIN might pass for a byte
 * @diag: to ask the kernel
 * @event: what it said of a socket; changed to its latest answer. Is the socket gone, its counters become unknown
 */
void look_make_sure(struct diag *diag, struct event *event);

/**
 * look_at() - how far is a connection that has had no last word?
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
int look_at(struct diag *diag, uint32_t netns, const struct conn *conn, struct event *event);

/**
 * struct look - whom to ask about all open connections
 * @diag: the kernel, NULL when it can't be asked
 * @netns: the network namespace it answers for
 * @tracker: whose connections
 * @feed: gets what was seen, after all was seen
 * @context: passed on
 * @told: sockets in the last list of all of them; its own
 * @looks: since then; its own
 * @awaited: cookies of those that were gone at the last look, and may still have a last word; sorted, its own
 * @awaited_count: how many
 * @awaited_size: room there
 */
struct look {
	struct diag *diag;
	uint32_t netns;
	struct tracker *tracker;
	void (*feed)(void *context, struct event *event);
	void *context;
	size_t told;
	unsigned int looks;
	uint64_t *awaited;
	size_t awaited_count, awaited_size;
};

/**
 * look_at_all() - how far are the open connections, which have had no last word?
 * @tell_gone: those that are gone are told of as ended, nobody knows how (INFO_DESTROY without counters and state)
 *
 * Return: how many are gone.
 */
size_t look_at_all(struct look *look, bool tell_gone);

/** look_awaited() - how many that were gone at the last look may still have a last word? The kernel is not asked */
size_t look_awaited(const struct look *look);

/** look_free() - what it has of its own */
void look_free(struct look *look);

#endif
