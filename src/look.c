// SPDX-License-Identifier: GPL-2.0-or-later
#include "look.h"

#include <errno.h>
#include <unistd.h>

#include "source/diag/socket.h"

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

int look_at(struct diag *diag, uint32_t netns, const struct conn *conn, struct event *event)
{
	bool is_here = conn->flow.netns == netns || conn->flow.netns == 0;

	if (conn->cookie == 0)
		return -ENOENT;
	if (diag != NULL && is_here && flow_is_complete(&conn->flow) &&
	    diag_query(diag, &conn->flow, conn->cookie, event) == 0)
		/* A mini socket (TIME_WAIT) has no counters: the socket itself is gone, and its last word on the way.
		 */
		return event->info.bytes_received >= 0 ? 0 : -ENOENT;
	return look_through_process(conn, event);
}
