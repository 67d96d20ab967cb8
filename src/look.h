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
 * look_at_all() - look at all open connections
 * @diag: as for look_at()
 * @netns: the same
 * @tracker: has the connections; nothing is fed to it here
 * @tell_gone: those that are gone get a last word without numbers
 * @looks: set to what was seen, each an EVENT_INFO; to be freed by the caller
 * @gone: set to how many are gone
 *
 * Return: how many @looks there are.
 */
size_t look_at_all(struct diag *diag, uint32_t netns, struct tracker *tracker, bool tell_gone, struct event **looks,
		   size_t *gone);

#endif
