// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_unrecorded.h"

#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/xalloc.h"
#include "model/event.h"
#include "system/procfs.h"
#include "system/socket.h"

/** struct process - the inodes of its sockets when the run began */
struct process {
	pid_t pid;
	uint32_t *inodes;
	size_t count, room;
};

struct audit_unrecorded {
	struct process *processes;
	size_t count, room;
};

struct audit_unrecorded *audit_unrecorded_new(void)
{
	return xcalloc(1, sizeof(struct audit_unrecorded));
}

static void drop(struct audit_unrecorded *unrecorded, size_t place)
{
	free(unrecorded->processes[place].inodes);
	unrecorded->processes[place] = unrecorded->processes[--unrecorded->count];
}

void audit_unrecorded_free(struct audit_unrecorded *unrecorded)
{
	if (unrecorded == NULL)
		return;
	while (unrecorded->count > 0)
		drop(unrecorded, 0);
	free(unrecorded->processes);
	free(unrecorded);
}

static void note_inode(void *context, int fd, uint32_t inode)
{
	struct process *process = context;

	(void)fd;
	process->inodes = array_reserve(process->inodes, process->count, &process->room, sizeof(*process->inodes));
	process->inodes[process->count++] = inode;
}

static int compare(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return (one > other) - (one < other);
}

void audit_unrecorded_add(struct audit_unrecorded *unrecorded, pid_t pid)
{
	struct process process = {.pid = pid};

	(void)procfs_sockets(pid, note_inode, &process);
	if (process.count > 0)
		qsort(process.inodes, process.count, sizeof(*process.inodes), compare);
	unrecorded->processes = array_reserve(unrecorded->processes, unrecorded->count, &unrecorded->room,
					      sizeof(*unrecorded->processes));
	unrecorded->processes[unrecorded->count++] = process;
}

void audit_unrecorded_drop(struct audit_unrecorded *unrecorded, pid_t pid)
{
	for (size_t i = 0; i < unrecorded->count; i++)
		if (unrecorded->processes[i].pid == pid) {
			drop(unrecorded, i);
			return;
		}
}

/* ---- the end ---------------------------------------------------------------------------- */

/** struct search - for a connection that was not there when the run began */
struct search {
	const struct process *process;
	int pidfd;
	bool has_new;
};

static void look_at(void *context, int fd, uint32_t inode)
{
	struct search *search = context;
	const struct process *process = search->process;
	struct event socket;
	int taken;

	if (search->has_new || (process->count > 0 && bsearch(&inode, process->inodes, process->count,
							      sizeof(*process->inodes), compare) != NULL))
		return;
	taken = socket_take(search->pidfd, fd);
	if (taken < 0)
		return;
	search->has_new =
		socket_read(taken, &socket) == 0 && socket.info.state != TCP_LISTEN && socket.info.state != TCP_CLOSE;
	close(taken);
}

char *audit_unrecorded_next(struct audit_unrecorded *unrecorded)
{
	struct search search = {.process = unrecorded->processes};
	pid_t pid;

	if (unrecorded->count == 0)
		return NULL;
	pid = search.process->pid;
	search.pidfd = socket_process(pid);
	if (search.pidfd >= 0) {
		(void)procfs_sockets(pid, look_at, &search);
		close(search.pidfd);
	}
	drop(unrecorded, 0);
	if (search.has_new)
		return xasprintf(
			"PID %d is not audited: it has connections that are new, and no record of it came; it was "
			"started before audit was first switched on since boot: start it again, or boot with audit=1",
			(int)pid);
	return xasprintf(
		"no record of audit came of PID %d: it made no connection, or it was started before audit was first "
		"switched on since boot, and is not audited until it is started again",
		(int)pid);
}
