// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/sealed.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/xalloc.h"
#include "system/socket.h"
#include "system/procfs.h"
#include "source/ptrace/attach.h"

/* A process with more sockets than this loses the oldest from its list. */
#define SOCKETS_MAX 65536

/**
 * struct sealed_socket - one of them
 * @fd: its descriptor
 * @cookie: its cookie, or a generated one
 * @local: its own end, as far as that is known
 */
struct sealed_socket {
	int fd;
	uint64_t cookie;
	struct endpoint local;
};

struct sealed {
	struct sealed_socket *list;
	size_t count;
};

void sealed_free(struct sealed *sealed)
{
	if (sealed != NULL)
		free(sealed->list);
	free(sealed);
}

static struct sealed_socket *find(const struct target *target, int fd)
{
	for (size_t i = 0; target->sealed != NULL && i < target->sealed->count; i++)
		if (target->sealed->list[i].fd == fd)
			return &target->sealed->list[i];
	return NULL;
}

static void remove_socket(struct target *target, struct sealed_socket *socket)
{
	*socket = target->sealed->list[--target->sealed->count];
}

static void add(struct target *target, int fd, uint64_t cookie, const struct endpoint *local)
{
	struct sealed_socket *known = find(target, fd);
	struct sealed *sealed;

	if (known != NULL)
		remove_socket(target, known);
	if (target->sealed == NULL)
		target->sealed = xcalloc(1, sizeof(*target->sealed));
	sealed = target->sealed;
	if (sealed->count == SOCKETS_MAX)
		remove_socket(target, &sealed->list[0]);
	sealed->list = array_extend(sealed->list, sealed->count, sizeof(*sealed->list));
	sealed->list[sealed->count++] = (struct sealed_socket){fd, cookie, *local};
}

static uint64_t make_cookie(struct stop *stop)
{
	return EVENT_COOKIE_MADE_UP | ++stop->made_up;
}

void sealed_inherit(struct target *child, const struct target *parent)
{
	child->is_sealed = parent->is_sealed;
	for (size_t i = 0; parent->sealed != NULL && i < parent->sealed->count; i++) {
		const struct sealed_socket *socket = &parent->sealed->list[i];

		add(child, socket->fd, socket->cookie, &socket->local);
	}
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
			add(target, fd, info.info.cookie, &info.flow.local);
	}
	free(sockets.list);
}

static void forget(struct target *target)
{
	sealed_free(target->sealed);
	target->sealed = NULL;
}

void sealed_check(struct stop *stop, struct target *target)
{
	bool was_sealed = target->is_sealed;
	struct err why;

	target->is_sealed = !stop_may_read_socket(target);
	if (!target->is_sealed) {
		forget(target);
	} else if (!was_sealed) {
		(void)procfs_why_not_watchable(target->pid, why.text, sizeof(why.text));
		notices_add(stop->notices,
			    "%s; the connections that it makes from now on are shown without addresses and counters",
			    why.text);
	}
}

void sealed_executed(struct stop *stop, struct target *target)
{
	/* It is unknown which of its sockets were closed by that. */
	forget(target);
	sealed_check(stop, target);
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
	struct sealed_socket *known = find(tracee->target, fd), socket;

	if (known == NULL)
		return;
	socket = *known;
	remove_socket(tracee->target, known);
	if (!is_elsewhere(stop, socket.cookie))
		gather(stop, tracee, CALL_CLOSE, &socket, 0);
}

void sealed_entered(struct stop *stop, struct tracee *tracee)
{
	const struct sealed_socket *socket = find(tracee->target, tracee->call.fd);

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
		add(tracee->target, fd, make_cookie(stop), &unknown);
		return;
	}
	socket = find(tracee->target, tracee->call.kind == SYSCALL_CLOSE ? tracee->call.source_fd : tracee->call.fd);
	if (socket == NULL)
		return;
	new = (struct sealed_socket){fd, socket->cookie, socket->local};
	if (tracee->call.kind == SYSCALL_ACCEPT) {
		new.cookie = make_cookie(stop);
		gather(stop, tracee, CALL_ACCEPT, &new, 0);
	}
	add(tracee->target, fd, new.cookie, &new.local);
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
		socket = find(tracee->target, call->fd);
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
		sealed_check(stop, tracee->target);
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

		remove_socket(target, &target->sealed->list[0]);
		if (is_elsewhere(stop, socket.cookie))
			continue;
		stop_gather_call(stop, tracee, CALL_EXIT, socket.fd)->call.argument = status;
		stop->events[stop->count - 1].call.cookie = socket.cookie;
		stop_push(stop);
	}
}
