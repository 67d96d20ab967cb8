// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/sealed.h"

#include <errno.h>
#include <stdlib.h>

#include "system/socket.h"
#include "source/ptrace/attach.h"

static uint64_t make_cookie(struct stop *stop)
{
	return EVENT_COOKIE_MADE_UP | ++stop->made_up;
}

/* ---- detection -------------------------------------------------------------- */

void sealed_stock(struct stop *stop, struct target *target)
{
	struct attach_sockets sockets = {NULL, 0, 0};
	struct event info;

	if (target->is_sealed)
		return;
	attach_list_sockets(target_descriptors(target), &sockets);
	for (; sockets.at < sockets.count; sockets.at++) {
		int fd = sockets.list[sockets.at].fd;

		if (stop_read_socket(stop, target, fd, socket_read, &info) == 0)
			sealed_add(target, fd, info.info.cookie, &info.flow.local);
	}
	free(sockets.list);
}

void sealed_executed(struct stop *stop, struct target *target)
{
	/* It is unknown which of its sockets were closed by that. */
	sealed_forget(target);
	stop_check_sealed(stop, target);
}

/* ---- calls -------------------------------------------------------------------- */

/* Whether another process, or this one under another descriptor, has it too. */
static bool is_elsewhere(struct stop *stop, uint64_t cookie)
{
	for (const struct tracee *other = tracee_next(stop->table, NULL); other != NULL;
	     other = tracee_next(stop->table, other)) {
		const struct sealed *sealed = other->target->sealed;

		for (size_t i = 0; other->tid == other->target->pid && sealed != NULL && i < sealed->count; i++)
			if (sealed->list[i].cookie == cookie)
				return true;
	}
	return false;
}

static void gather(struct stop *stop, struct tracee *tracee, enum call_kind kind, const struct sealed_socket *socket,
		   int error)
{
	struct event *event = stop_gather_call(stop, tracee, kind, socket->fd);

	event->call.cookie = kind == CALL_CONNECT_BEGIN ? 0 : socket->cookie;
	event->call.error = error;
	if (kind == CALL_ACCEPT)
		event->flow.local = socket->local;
	stop_push(stop);
}

static void closed(struct stop *stop, struct tracee *tracee, int fd)
{
	struct sealed_socket *known = sealed_find(tracee->target, fd), socket;

	if (known == NULL)
		return;
	socket = *known;
	sealed_remove(tracee->target, known);
	if (!is_elsewhere(stop, socket.cookie))
		gather(stop, tracee, CALL_CLOSE, &socket, 0);
}

void sealed_entered(struct stop *stop, struct tracee *tracee)
{
	const struct sealed_socket *socket = sealed_find(tracee->target, tracee->call.fd);

	tracee->begin_ns = stop->time_ns;
	if (tracee->call.kind == SYSCALL_CONNECT && socket != NULL)
		gather(stop, tracee, CALL_CONNECT_BEGIN, socket, 0);
}

static void returned_descriptor(struct stop *stop, struct tracee *tracee, int fd)
{
	static const struct endpoint unknown;
	const struct sealed_socket *socket;
	struct sealed_socket new;

	if (tracee->call.kind == SYSCALL_SOCKET) {
		sealed_add(tracee->target, fd, make_cookie(stop), &unknown);
		return;
	}
	socket = sealed_find(tracee->target,
			     tracee->call.kind == SYSCALL_CLOSE ? tracee->call.source_fd : tracee->call.fd);
	if (socket == NULL)
		return;
	new = (struct sealed_socket){fd, socket->cookie, socket->local};
	if (tracee->call.kind == SYSCALL_ACCEPT) {
		new.cookie = make_cookie(stop);
		gather(stop, tracee, CALL_ACCEPT, &new, 0);
	}
	sealed_add(tracee->target, fd, new.cookie, &new.local);
}

static void closed_range(struct stop *stop, struct tracee *tracee, uint32_t first, uint32_t last)
{
	const struct sealed *sealed = tracee->target->sealed;

	for (size_t i = sealed != NULL ? sealed->count : 0; i-- > 0;) {
		uint32_t fd = (uint32_t)sealed->list[i].fd;

		if (fd >= first && fd <= last)
			closed(stop, tracee, (int)fd);
	}
}

void sealed_returned(struct stop *stop, struct tracee *tracee, int64_t value)
{
	const struct syscall *call = &tracee->call;
	const struct sealed_socket *socket;

	switch (call->kind) {
	case SYSCALL_CONNECT:
		socket = sealed_find(tracee->target, call->fd);
		if (socket != NULL)
			gather(stop, tracee, CALL_CONNECT_END, socket, stop_error(value));
		break;
	case SYSCALL_SOCKET:
	case SYSCALL_ACCEPT:
	case SYSCALL_DUP:
		if (value >= 0)
			returned_descriptor(stop, tracee, (int)value);
		break;
	case SYSCALL_CLOSE:
		if (call->source_fd >= 0 && value < 0)
			break;
		/* close(2) releases the descriptor even if it returns an error. */
		if (value != -EBADF)
			closed(stop, tracee, call->fd);
		if (call->source_fd >= 0)
			returned_descriptor(stop, tracee, (int)value);
		break;
	case SYSCALL_CLOSE_RANGE:
		if (value == 0)
			closed_range(stop, tracee, (uint32_t)call->fd, call->last_fd);
		break;
	case SYSCALL_CREDENTIALS:
		stop_check_sealed(stop, tracee->target);
		break;
	default:
		break;
	}
}

void sealed_ended(struct stop *stop, struct tracee *tracee, int status)
{
	struct target *target = tracee->target;

	tracee->begin_ns = stop->time_ns;
	while (target->sealed != NULL && target->sealed->count > 0) {
		struct sealed_socket socket = target->sealed->list[0];

		sealed_remove(target, &target->sealed->list[0]);
		if (is_elsewhere(stop, socket.cookie))
			continue;
		stop_gather_call(stop, tracee, CALL_EXIT, socket.fd)->call.argument = status;
		stop->events[stop->count - 1].call.cookie = socket.cookie;
		stop_push(stop);
	}
}
