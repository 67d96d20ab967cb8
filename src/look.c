// SPDX-License-Identifier: GPL-2.0-or-later
#include "look.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "source/diag/socket.h"
#include "source/diag/tcp_info.h"

/* A state changes a handful of times in a socket's life. */
#define ASKS_MAX 8

static int look_through_process(const struct conn *conn, struct event *event)
{
	const struct process *process = conn->last_process != NULL ? conn->last_process : conn->process;
	struct event seen;
	int pidfd, socket, rc;

	if (process == NULL || conn->fd < 0)
		return -ENOENT;
	pidfd = socket_process(process->pid);
	if (pidfd < 0)
		return -ENOENT;
	socket = socket_take(pidfd, conn->fd);
	close(pidfd);
	if (socket < 0)
		return -ENOENT;
	rc = socket_read(socket, &seen);
	close(socket);
	/* The descriptor, or even the PID, may be another's by now. */
	if (rc != 0 || seen.info.cookie != conn->cookie)
		return -ENOENT;
	*event = seen;
	event->flow = conn->flow;
	return 0;
}

/* The kernel takes the state before the counters: they belong together if the next answer has the same state. */
static int ask(struct diag *diag, const struct conn *conn, struct event *event)
{
	int rc = diag_query(diag, &conn->flow, conn->cookie, event);

	for (int i = 0; rc == 0 && i < ASKS_MAX; i++) {
		struct event next;

		rc = diag_query(diag, &conn->flow, conn->cookie, &next);
		if (rc == 0 && next.info.state == event->info.state)
			break;
		*event = next;
	}
	return rc;
}

int look_at(struct diag *diag, uint32_t netns, const struct conn *conn, struct event *event)
{
	bool is_here = conn->flow.netns == netns || conn->flow.netns == 0;

	if (conn->cookie == 0)
		return -ENOENT;
	if (diag != NULL && is_here && flow_is_complete(&conn->flow) && ask(diag, conn, event) == 0)
		/* A mini socket (TIME_WAIT) has no counters: the socket is gone, and its last word on the way. */
		return event->info.bytes_received >= 0 ? 0 : -ENOENT;
	return look_through_process(conn, event);
}

size_t look_at_all(struct diag *diag, uint32_t netns, struct tracker *tracker, bool tell_gone, struct event **looks,
		   size_t *gone)
{
	const struct conn *conn = NULL;
	size_t count = 0, size = 0;

	*looks = NULL;
	*gone = 0;
	while ((conn = tracker_next(tracker, conn)) != NULL) {
		struct event event;

		if (conn->cookie == 0 || !conn->open)
			continue;
		if (look_at(diag, netns, conn, &event) != 0) {
			(*gone)++;
			if (!tell_gone)
				continue;
			/* Its last word is lost: it has ended, and nobody knows with which numbers. */
			event = event_new(EVENT_INFO, ORIGIN_KERNEL, clock_now());
			tcp_info_unknown(&event.info);
			event.info.reason = INFO_DESTROY;
			event.info.cookie = conn->cookie;
			event.flow = conn->flow;
		}
		if (count == size) {
			size = size > 0 ? size * 2 : 64;
			*looks = xreallocarray(*looks, size, sizeof(**looks));
		}
		(*looks)[count++] = event;
	}
	return count;
}
