// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "system/socket.h"
#include "system/procfs.h"
#include "source/ptrace/sealed_sockets.h"
#include "source/ptrace/standby.h"
#include "source/ptrace/stop.h"

/* A pidfd of the thread that has the descriptors, or a negative errno. */
static int pidfd_of(struct target *target)
{
	pid_t holder = target_descriptors(target);

	if (target->pidfd_tid != holder) {
		if (target->pidfd >= 0)
			close(target->pidfd);
		target->pidfd = holder == target->pid ? socket_process(holder) : socket_thread(holder);
		/* Before Linux 6.9 only while the first thread has not quite ended. */
		if (target->pidfd < 0)
			target->pidfd = socket_process(target->pid);
		target->pidfd_tid = holder;
	}
	return target->pidfd;
}

/* Whether the descriptors of a process may be read, one way or the other. */
static bool may_read(struct target *target)
{
	int pidfd = pidfd_of(target), socket = pidfd < 0 ? pidfd : standby_take(pidfd, STDIN_FILENO);
	char path[PATH_MAX];

	if (socket >= 0)
		standby_drop(socket);
	/* It is read under ptrace(2)'s rules, as the descriptors are, and every process has it. */
	return socket >= 0 || socket == -EBADF || procfs_exe(target_descriptors(target), path, sizeof(path)) > 0;
}

void stop_check_sealed(struct stop *stop, struct target *target)
{
	bool was_sealed = target->is_sealed;
	struct err why;

	target->is_sealed = !may_read(target);
	if (!target->is_sealed) {
		sealed_forget(target);
	} else if (!was_sealed) {
		(void)procfs_why_not_watchable(target->pid, why.text, sizeof(why.text));
		notices_add(stop->notices,
			    "%s; the connections that it makes from now on are shown without addresses and counters",
			    why.text);
	}
}

int stop_read_socket(struct stop *stop, struct target *target, int fd, stop_read *read, struct event *info)
{
	int pidfd = pidfd_of(target), socket = pidfd < 0 ? pidfd : standby_take(pidfd, fd);
	int rc;

	if (socket < 0) {
		rc = target->is_sealed ? -EACCES
				       : diag_fallback_read(&stop->diag_fallback, target_descriptors(target), fd, info);
		if (rc != 0 && rc != -ENOTSUP && socket != -EBADF && !target->is_sealed)
			stop_check_sealed(stop, target);
		return rc;
	}
	rc = read(socket, info);
	if (rc == 0 && stop->asks_linger) {
		stop->resets = socket_resets(socket);
		stop->asks_linger = false;
	}
	standby_drop(socket);
	return rc;
}

void stop_accept_failed(struct stop *stop, struct tracee *tracee, int error)
{
	struct event info;
	struct event *event;

	if (!event_is_accept_failure(error) ||
	    stop_read_socket(stop, tracee->target, tracee->call.fd, socket_read, &info) != 0 ||
	    info.info.state != TCP_LISTEN)
		return;
	event = stop_gather_call(stop, tracee, CALL_ACCEPT, tracee->call.fd);
	event->flow.local = info.flow.local;
	event->call.cookie = info.info.cookie;
	event->call.error = error;
}

void stop_listens(struct stop *stop, struct tracee *tracee)
{
	struct event info;
	struct event *event;

	if (stop_read_socket(stop, tracee->target, tracee->call.fd, socket_read, &info) != 0 ||
	    info.info.state != TCP_LISTEN)
		return;
	event = stop_gather(stop, EVENT_INFO, ORIGIN_KERNEL);
	*event = info;
	event->info.reason = INFO_EXISTING;
	event->flow.netns = tracee->target->netns;
}

/* A descriptor that came from another process, or was found in this one. */
void stop_take(struct stop *stop, struct tracee *tracee, int fd)
{
	struct event info;

	stop->lingers = true;
	if (stop_read_socket(stop, tracee->target, fd, socket_read, &info) != 0 || info.flow.remote.port == 0)
		return;
	target_mark_socket(tracee->target, fd, true);
	stop_gather_socket(stop, stop_gather_call(stop, tracee, CALL_TAKE, fd), &info, INFO_SAMPLE);
	stop_push(stop);
}
