// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/exit_sockets.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "system/diag.h"
#include "system/socket.h"
#include "system/procfs.h"
#include "source/ptrace/attach.h"
#include "source/ptrace/call_report.h"
#include "source/ptrace/uring.h"

/* ---- connections from before the trace ------------------------------------ */

static void take_attempt(void *context, const struct event *event)
{
	struct event *info = context;

	if (event->info.cookie == info->info.cookie)
		info->flow = event->flow;
}

void exit_sockets_existing(struct stop *stop, struct target *target, int fd)
{
	struct event info;
	struct event *event;
	struct err err;

	if (stop_read_socket(stop, target, fd, socket_read, &info) != 0)
		return;
	/* Never connected, refused, or reset: no connection, and a former one leaves no sign. */
	if (info.info.state == TCP_CLOSE)
		return;
	stop_describe(stop, target);
	/* getpeername(2) does not return the destination of an attempt; sock_diag does. */
	if (info.info.state == TCP_SYN_SENT && target->netns == stop->netns &&
	    diag_fallback_get(&stop->diag_fallback) != NULL)
		(void)diag_dump(diag_fallback_get(&stop->diag_fallback), 1U << TCP_SYN_SENT, take_attempt, &info, &err);
	if (info.info.state != TCP_LISTEN) {
		target_mark_socket(target, fd, true);
		event = stop_gather(stop, EVENT_OWNER, ORIGIN_CALLS);
		event->flow = info.flow;
		event->flow.netns = target->netns;
		event->owner.cookie = info.info.cookie;
		event->owner.pid = target->pid;
		event->owner.fd = fd;
		event->owner.uid = (uint32_t)-1;
	}
	event = stop_gather(stop, EVENT_INFO, ORIGIN_KERNEL);
	*event = info;
	event->info.reason = INFO_EXISTING;
	event->flow.netns = target->netns;
}

void exit_sockets_inherited(struct stop *stop, struct target *target)
{
	struct attach_sockets inherited = {NULL, 0, 0};

	attach_list_sockets(target->pid, &inherited);
	for (; inherited.at < inherited.count; inherited.at++) {
		stop_push(stop);
		exit_sockets_existing(stop, target, inherited.list[inherited.at].fd);
	}
	free(inherited.list);
}

/* ---- the end of a process -------------------------------------------------- */

/*
 * Return: true when the whole process ends. A thread that waits in its exit stop, or in any other, is woken when
 * another one ends the process, and may be gone without a report. Remaining threads therefore do not count when a
 * signal ends the process (the message shows it) or exit_group(2), in which its caller still is.
 */
static bool all_end(const struct tracee *tracee)
{
	struct call_report report;
	unsigned long status;

	return tracee->target->exiting == tracee->target->threads ||
	       (ptrace(PTRACE_GETEVENTMSG, tracee->tid, NULL, &status) == 0 && WIFSIGNALED((int)status)) ||
	       (call_report_current(&report, tracee->tid) && syscalls_is_exit_group(report.arch, report.entry.number));
}

struct search {
	struct stop *stop;
	struct tracee *tracee;
};

/* Descriptors that did not come by a traced call (passed without a stop, duplicated) can only be found now. */
/* Processes that are looked at for a socket, 4 us each; if there are more, it may be shared. */
#define LOOKS_MAX 256

static void mark_found(void *context, int fd, uint32_t inode)
{
	const struct search *search = context;

	(void)inode;
	if (target_next_socket(search->tracee->target, fd) != fd)
		stop_take(search->stop, search->tracee, fd);
}

/*
 * Whether another process that is not about to end has the socket, too, where fork(2) leaves it. It may close it
 * between the end of this one and the moment when that is known.
 */
static bool may_be_shared(struct stop *stop, const struct target *target, int fd, uint64_t cookie)
{
	unsigned int looks = 0;
	struct event event;

	for (const struct tracee *other = tracee_next(stop->table, NULL); other != NULL;
	     other = tracee_next(stop->table, other)) {
		if (other->target == target || other->tid != other->target->pid || other->target->exit_reported ||
		    target_next_socket(other->target, fd) != fd)
			continue;
		if (++looks > LOOKS_MAX || (stop_read_socket(stop, other->target, fd, socket_read, &event) == 0 &&
					    event.info.cookie == cookie))
			return true;
	}
	return false;
}

void exit_sockets_read(struct stop *stop, struct tracee *tracee)
{
	struct search search = {stop, tracee};
	struct target *target = tracee->target;

	if (target->exit_reported || !all_end(tracee))
		return;
	/* The end of the first thread may be unreported; this thread has the descriptors. */
	target->leader_ended = tracee->tid != target->pid;
	target->end_ns = tracee->begin_ns = stop->time_ns;
	uring_find(stop, tracee);
	(void)procfs_sockets(target_descriptors(target), mark_found, &search);
	for (int fd = target_next_socket(target, 0); fd >= 0; fd = target_next_socket(target, fd + 1)) {
		struct exit_socket *socket;
		struct event info;

		if (stop_read_socket(stop, target, fd, socket_read, &info) != 0)
			continue;
		target->exit_sockets =
			array_extend(target->exit_sockets, target->holding_count, sizeof(*target->exit_sockets));
		socket = &target->exit_sockets[target->holding_count++];
		socket->info = info;
		socket->fd = fd;
		socket->is_shared = may_be_shared(stop, target, fd, info.info.cookie);
	}
	/* A thread killed while an earlier stop of it was handled leaves its exit stop before that is reported. */
	target->exit_reported = tracee_is_at(tracee, PTRACE_EVENT_EXIT);
	if (!target->exit_reported)
		target->holding_count = 0;
}

int exit_sockets_end_fd(struct target *target)
{
	if (target->pidfd_tid != target->pid || target->pidfd < 0) {
		if (target->pidfd >= 0)
			close(target->pidfd);
		target->pidfd = socket_process(target->pid);
		target->pidfd_tid = target->pid;
	}
	return target->pidfd;
}

static bool is_held(struct stop *stop, const struct exit_socket *socket, const struct target *target)
{
	struct event event;

	struct diag *diag = diag_fallback_get(&stop->diag_fallback);

	if (diag != NULL && socket->info.flow.proto == IPPROTO_TCP && target->netns == stop->netns &&
	    flow_is_complete(&socket->info.flow))
		return diag_query(diag, &socket->info.flow, socket->info.info.cookie, &event) == 0 &&
		       event.info.inode != 0;
	return stop_is_shared(stop, target, socket->fd, socket->info.info.cookie);
}

void exit_sockets_report(struct stop *stop, struct tracee *tracee, int status)
{
	struct target *target = tracee->target;

	/* Killed during another stop, it passed its exit stop unreported: its open sockets are unknown. */
	if (!target->exit_reported && target_next_socket(target, 0) >= 0) {
		tracee->begin_ns = stop->time_ns;
		stop_gather_call(stop, tracee, CALL_EXIT, -1)->call.argument = status;
		return;
	}
	/* Events of one source are in order of time: a description of the process, too, has the time of its end. */
	tracee->begin_ns = stop->time_ns = target->end_ns;
	for (size_t i = 0; i < target->holding_count; i++) {
		const struct exit_socket *socket = &target->exit_sockets[i];
		struct event *event;

		if (is_held(stop, socket, target))
			continue;
		event = stop_gather_call(stop, tracee, CALL_EXIT, socket->fd);
		event->call.argument = status;
		/* The other process may have closed it since: the end of this one may have been before. */
		event->call.disputed = socket->is_shared;
		stop_gather_socket(stop, event, &socket->info, INFO_CLOSE);
		stop_push(stop);
	}
}
