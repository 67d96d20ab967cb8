// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/stop.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/socket.h"
#include "system/procfs.h"
#include "source/ptrace/call_report.h"
#include "source/ptrace/deferred.h"
#include "source/ptrace/memory.h"
#include "source/ptrace/signal_hold.h"
#include "source/ptrace/sealed.h"
#include "source/ptrace/untraced.h"
#include "source/ptrace/uring.h"

static bool read_memory(void *context, uint64_t address, void *to, size_t length)
{
	const struct tracee *tracee = context;

	return memory_read(tracee->tid, address, to, length);
}

static void entered_connect(struct stop *stop, struct tracee *tracee)
{
	struct event info;
	struct event *event;

	event = stop_gather_call(stop, tracee, CALL_CONNECT_BEGIN, tracee->call.fd);
	event->flow.remote = tracee->remote;
	tracee->entry_cookie = 0;
	if ((tracee->interrupted || !target_is_alone(tracee->target)) &&
	    stop_read_socket(stop, tracee->target, tracee->call.fd, socket_read_counters, &info) == 0)
		tracee->entry_cookie = info.info.cookie;
	/* Whether this is the same attempt again, or the first one of another socket. */
	if (tracee->interrupted)
		event->call.cookie = tracee->entry_cookie;
	if (tracee->call.is_send)
		signal_hold_begin(tracee);
}

/*
 * Reads the destination of connect(2). An address of another family, or one the kernel will refuse, makes it
 * SYSCALL_OTHER.
 */
static enum syscall_kind read_destination(struct stop *stop, struct tracee *tracee)
{
	unsigned char address[sizeof(struct sockaddr_in6)] = {0};
	size_t length = tracee->call.length;
	sa_family_t family;

	if (length > sizeof(address))
		length = sizeof(address);
	if (length < sizeof(family))
		return SYSCALL_OTHER;
	if (!read_memory(tracee, tracee->call.address, address, length)) {
		stop_check_sealed(stop, tracee->target);
		return SYSCALL_OTHER;
	}
	memcpy(&family, address, sizeof(family));
	if (family == AF_UNSPEC)
		return SYSCALL_DISCONNECT;
	if (length >= sizeof(struct sockaddr_in) && endpoint_from_sockaddr(&tracee->remote, address, length) == 0)
		return SYSCALL_CONNECT;
	return SYSCALL_OTHER;
}

/*
 * The peer address that accept(2) writes shows whether the descriptor has become another one before it is read. Where
 * that is impossible it is not read: reading the program's memory costs as much as all queries to the socket.
 */
static void entered_accept(struct tracee *tracee)
{
	struct syscall *call = &tracee->call;
	uint32_t room = 0;

	if (call->length != 0 && !(target_is_alone(tracee->target) && tracee->target->pidfd >= 0))
		(void)read_memory(tracee, call->length, &room, sizeof(room));
	call->length = room;
}

static void reported_shutdown(struct stop *stop, struct tracee *tracee)
{
	struct event info;
	struct event *event;

	if (stop_read_socket(stop, tracee->target, tracee->call.fd, socket_read_counters, &info) != 0)
		return;
	event = stop_gather_call(stop, tracee, CALL_SHUTDOWN, tracee->call.fd);
	event->call.argument = (int)tracee->call.address;
	stop_gather_socket(stop, event, &info, INFO_SHUTDOWN);
}

/* Before the call, while the counters exist. Return: true when there is a connection that it will end. */
static bool reported_disconnect(struct stop *stop, struct tracee *tracee)
{
	struct event info;
	struct event *event;

	if (stop_read_socket(stop, tracee->target, tracee->call.fd, socket_read_counters, &info) != 0 ||
	    info.info.state == TCP_CLOSE || info.info.state == TCP_LISTEN)
		return false;
	event = stop_gather_call(stop, tracee, CALL_CLOSE, tracee->call.fd);
	event->call.argument = 1;
	stop_gather_socket(stop, event, &info, INFO_CLOSE);
	return true;
}

static void returned_disconnect(struct stop *stop, struct tracee *tracee)
{
	struct event info;

	if (stop_read_socket(stop, tracee->target, tracee->call.fd, socket_read_counters, &info) == 0)
		stop_gather_call(stop, tracee, CALL_DISCONNECT, tracee->call.fd)->call.cookie = info.info.cookie;
}

static bool is_marked(const struct target *target, int fd)
{
	return fd >= 0 && target_next_socket(target, fd) == fd;
}

bool stop_is_shared(struct stop *stop, const struct target *target, int fd, uint64_t cookie)
{
	struct event event;

	for (const struct tracee *other = tracee_next(stop->table, NULL); other != NULL;
	     other = tracee_next(stop->table, other)) {
		if (other->target == target || other->tid != other->target->pid || !is_marked(other->target, fd))
			continue;
		if (stop_read_socket(stop, other->target, fd, socket_read_counters, &event) == 0 &&
		    event.info.cookie == cookie)
			return true;
	}
	return false;
}

static void reported_close(struct stop *stop, struct tracee *tracee, int fd)
{
	struct event info;

	target_mark_socket(tracee->target, fd, false);
	if (stop_read_socket(stop, tracee->target, fd, socket_read_counters, &info) != 0)
		return;
	/* Where no destroy event will come, the last close(2) is the end, and no other. */
	if ((tracee->target->netns != stop->netns || info.flow.proto != IPPROTO_TCP) &&
	    stop_is_shared(stop, tracee->target, fd, info.info.cookie))
		return;
	stop_gather_socket(stop, stop_gather_call(stop, tracee, CALL_CLOSE, fd), &info, INFO_CLOSE);
}

static bool entered_send(struct tracee *tracee)
{
	if (!deferred_is(tracee->target, tracee->call.fd))
		return false;
	signal_hold_begin(tracee);
	return true;
}

/* Uncommon ways to get descriptors, and threads. Return: as entered(). */
static bool entered_other(struct stop *stop, struct tracee *tracee)
{
	const struct syscall *call = &tracee->call;

	switch (call->kind) {
	case SYSCALL_TAKE:
	case SYSCALL_URING_SETUP:
		return true;
	case SYSCALL_URING_ENTER:
		/* A ring created before the run is found now. */
		if (call->fd >= 0)
			uring_made(stop, tracee, call->fd);
		uring_find(stop, tracee);
		return true;
	case SYSCALL_SEND:
		return entered_send(tracee);
	case SYSCALL_CLONE_UNTRACED:
		if (stop->follows)
			untraced_take(tracee);
		return stop->follows;
	case SYSCALL_RECEIVE:
		return stop_takes_control(tracee);
	case SYSCALL_DUP:
		return is_marked(tracee->target, call->fd);
	default:
		return false;
	}
}

static bool decode(struct tracee *tracee, const struct call_report *report)
{
	struct syscall *call = &tracee->call;

	if (syscalls_decode(call, report->arch, report->entry.number, report->entry.arguments, read_memory, tracee) ==
	    SYSCALL_OTHER)
		call->kind = SYSCALL_OTHER;
	return call->kind != SYSCALL_OTHER;
}

/* Return: true when the result of the call matters. */
static bool entered(struct stop *stop, struct tracee *tracee, const struct call_report *report)
{
	struct syscall *call = &tracee->call;

	if (!decode(tracee, report))
		return false;
	if (tracee->target->is_sealed) {
		sealed_entered(stop, tracee);
		return true;
	}
	tracee->begin_ns = stop->time_ns;
	if (call->kind == SYSCALL_CONNECT)
		call->kind = read_destination(stop, tracee);
	switch (call->kind) {
	case SYSCALL_CREDENTIALS:
		sealed_stock(stop, tracee->target);
		return true;
	case SYSCALL_ACCEPT:
		entered_accept(tracee);
		return true;
	case SYSCALL_LISTEN:
	case SYSCALL_SO_ERROR:
	case SYSCALL_PTRACE:
		return true;
	case SYSCALL_CONNECT:
		entered_connect(stop, tracee);
		return true;
	case SYSCALL_DISCONNECT:
		if (reported_disconnect(stop, tracee))
			return true;
		break;
	case SYSCALL_SHUTDOWN:
		/* Before the call: the socket's state at that time is what matters. */
		reported_shutdown(stop, tracee);
		break;
	case SYSCALL_LINGER:
		stop_linger_set(stop, tracee);
		break;
	case SYSCALL_CLOSE:
		if (is_marked(tracee->target, call->fd))
			reported_close(stop, tracee, call->fd);
		if (is_marked(tracee->target, call->source_fd))
			return true;
		break;
	case SYSCALL_CLOSE_RANGE:
		for (int fd = target_next_socket(tracee->target, call->fd); fd >= 0 && (uint32_t)fd <= call->last_fd;
		     fd = target_next_socket(tracee->target, fd + 1)) {
			reported_close(stop, tracee, fd);
			stop_push(stop);
		}
		break;
	default:
		if (entered_other(stop, tracee))
			return true;
		break;
	}
	call->kind = SYSCALL_OTHER;
	return false;
}

/* The peer that accept(2) wrote, as far as the program had room for it. Return: false when there is none. */
static bool read_accepted(struct tracee *tracee, struct endpoint *remote)
{
	unsigned char address[sizeof(struct sockaddr_in6)];
	size_t room = tracee->call.length < sizeof(address) ? tracee->call.length : sizeof(address);

	return room >= sizeof(struct sockaddr_in) && read_memory(tracee, tracee->call.address, address, room) &&
	       endpoint_from_sockaddr(remote, address, room) == 0;
}

/*
 * Between a call's return in the kernel and the sample another thread may have closed the descriptor and reused its
 * number for another socket. The address given to the program and that of the socket then differ, and it is unknown
 * which is right: the event has the address given to the program, and is marked as disputed.
 */
static bool is_disputed(const struct endpoint *given, const struct endpoint *found)
{
	if (given->port == 0 || found->port == 0)
		return false;
	/* The unspecified address is this host. */
	if (!endpoint_has_ip(given))
		return given->port != found->port;
	return !endpoint_equal(given, found);
}

static void gather_disputed(struct stop *stop, struct tracee *tracee, enum call_kind kind, const struct endpoint *given)
{
	struct event *event = stop_gather_call(stop, tracee, kind, tracee->call.fd);

	event->flow.remote = *given;
	event->call.disputed = 1;
}

/* The new socket is gone or can't be read: the address given to the program, and the listener, are left. */
static void gather_unread(struct stop *stop, struct tracee *tracee, int fd, const struct endpoint *given)
{
	struct event listener;
	struct event *event;
	bool listens = stop_read_socket(stop, tracee->target, tracee->call.fd, socket_read, &listener) == 0 &&
		       listener.info.state == TCP_LISTEN;

	if (!listens && given->port == 0)
		return;
	event = stop_gather_call(stop, tracee, CALL_ACCEPT, fd);
	event->flow.remote = *given;
	if (listens)
		event->flow.local = listener.flow.local;
}

static void returned_accept(struct stop *stop, struct tracee *tracee, int fd)
{
	struct endpoint given = {.port = 0};
	struct event info;
	struct event *event;
	int rc;

	if (fd < 0) {
		stop_accept_failed(stop, tracee, -fd);
		return;
	}
	stop_linger_ask(stop, tracee);
	rc = stop_read_socket(stop, tracee->target, fd, socket_read_accepted, &info);
	if (rc == -ENOTSUP)
		return;
	(void)read_accepted(tracee, &given);
	if (rc != 0) {
		gather_unread(stop, tracee, fd, &given);
		return;
	}
	/* Read from another process, a connection that was reset in the queue has no remote end any more. */
	if (info.flow.remote.port == 0)
		info.flow.remote = given;
	stop_linger_got(stop, tracee);
	tracee->call.fd = fd;
	target_mark_socket(tracee->target, fd, true);
	if (is_disputed(&given, &info.flow.remote)) {
		gather_disputed(stop, tracee, CALL_ACCEPT, &given);
		return;
	}
	event = stop_gather_call(stop, tracee, CALL_ACCEPT, fd);
	stop_gather_socket(stop, event, &info, INFO_ACCEPT);
}

/*
 * The kernel may connect to another address than it was given: a program at the cgroup rewrites it (bpf(2),
 * BPF_CGROUP_INET4_CONNECT). That it is still the same socket is shown by its cookie, or follows when no other thread
 * could have changed the descriptor.
 */
static bool is_other_socket(const struct tracee *tracee, const struct event *found, int error)
{
	if (tracee->entry_cookie != 0)
		return tracee->entry_cookie != found->info.cookie;
	/* The end that the socket has already may differ from the one requested now. */
	return error != EISCONN && error != EALREADY && !target_is_alone(tracee->target) &&
	       is_disputed(&tracee->remote, &found->flow.remote);
}

static void returned_connect(struct stop *stop, struct tracee *tracee, int error)
{
	struct event info;
	struct event *event;
	int fd = tracee->call.fd;
	int rc;

	stop_linger_ask(stop, tracee);
	rc = stop_read_socket(stop, tracee->target, fd, socket_read, &info);
	if (rc == -ENOTSUP || error == EBADF || error == ENOTSOCK) {
		stop_gather_call(stop, tracee, CALL_CONNECT_OTHER, fd)->flow.remote = tracee->remote;
		return;
	}
	/* A signal came: the program gets EINTR or the call is restarted, and the handshake continues either way. */
	tracee->interrupted = error == EINTR;
	/* Success without an answer yet: Fast Open has put the data, or will put it, into the SYN. */
	if (rc == 0 && error == 0 && info.info.state == TCP_SYN_SENT) {
		if (!tracee->call.is_send)
			deferred_add(tracee->target, fd);
		error = EINPROGRESS;
	}
	if (rc == 0 && is_other_socket(tracee, &info, error)) {
		gather_disputed(stop, tracee, CALL_CONNECT_END, &tracee->remote);
		return;
	}
	event = stop_gather_call(stop, tracee, CALL_CONNECT_END, fd);
	event->flow.remote = tracee->remote;
	event->call.error = error;
	if (rc != 0)
		return;
	target_mark_socket(tracee->target, fd, true);
	stop_linger_got(stop, tracee);
	stop_gather_socket(stop, event, &info, INFO_CONNECT);
}

static void returned_so_error(struct stop *stop, struct tracee *tracee)
{
	struct event info;
	struct event *event;
	int error, rc;

	if (!read_memory(tracee, tracee->call.address, &error, sizeof(error)))
		return;
	rc = stop_read_socket(stop, tracee->target, tracee->call.fd, socket_read_counters, &info);
	if (rc != 0 && rc != -ENOTCONN)
		return;
	event = stop_gather_call(stop, tracee, CALL_SO_ERROR, tracee->call.fd);
	event->call.error = error;
	if (rc == 0)
		stop_gather_socket(stop, event, &info, INFO_SAMPLE);
}

/* Of the calls that report nothing when they fail. */
static void succeeded(struct stop *stop, struct tracee *tracee)
{
	if (tracee->call.kind == SYSCALL_LISTEN)
		stop_listens(stop, tracee);
	else if (tracee->call.kind == SYSCALL_SO_ERROR)
		returned_so_error(stop, tracee);
	else
		returned_disconnect(stop, tracee);
}

static void returned(struct stop *stop, struct tracee *tracee, int64_t value)
{
	if (tracee->target->is_sealed || tracee->call.kind == SYSCALL_CREDENTIALS) {
		sealed_returned(stop, tracee, value);
		tracee->call.kind = SYSCALL_OTHER;
		return;
	}
	switch (tracee->call.kind) {
	case SYSCALL_ACCEPT:
		returned_accept(stop, tracee, (int)value);
		break;
	case SYSCALL_CONNECT:
		signal_hold_end(tracee);
		returned_connect(stop, tracee, stop_error(value));
		break;
	case SYSCALL_SEND:
		signal_hold_end(tracee);
		deferred_remove(tracee->target, tracee->call.fd);
		break;
	case SYSCALL_LISTEN:
	case SYSCALL_SO_ERROR:
	case SYSCALL_DISCONNECT:
		if (value == 0)
			succeeded(stop, tracee);
		break;
	case SYSCALL_PTRACE:
		if (value == -EPERM)
			stop_refused_ptrace(stop, tracee);
		break;
	case SYSCALL_RECEIVE:
		if (value >= 0)
			stop_received(stop, tracee, value);
		break;
	case SYSCALL_TAKE:
		if (value >= 0)
			stop_take(stop, tracee, (int)value);
		break;
	case SYSCALL_URING_SETUP:
		if (value >= 0)
			uring_made(stop, tracee, (int)value);
		break;
	case SYSCALL_URING_ENTER:
		uring_find(stop, tracee);
		break;
	case SYSCALL_CLONE_UNTRACED:
		untraced_give_back(tracee);
		break;
	case SYSCALL_DUP:
		if (value >= 0)
			target_mark_socket(tracee->target, (int)value, true);
		break;
	case SYSCALL_CLOSE:
		/* dup2(2) or dup3(2) */
		if (value >= 0)
			target_mark_socket(tracee->target, (int)value, true);
		break;
	default:
		break;
	}
	tracee->call.kind = SYSCALL_OTHER;
}

/* Under the filter, a thread stops at the entry of every call only because of deferred connects or SO_LINGER. */
static void entered_deferred(struct stop *stop, struct tracee *tracee, const struct call_report *report)
{
	deferred_check(stop, tracee->target);
	(void)decode(tracee, report);
	if (stop_linger_closes(tracee))
		reported_close(stop, tracee, tracee->call.fd);
	if (tracee->call.kind != SYSCALL_SEND || !entered_send(tracee))
		tracee->call.kind = SYSCALL_OTHER;
}

void stop_at_call(struct stop *stop, struct tracee *tracee, bool by_filter)
{
	struct call_report report = {0};
	bool is_reported = by_filter && tracee->in_call && tracee->target->is_sealed;

	/* The filter stops behind the entry stop, if there was one. */
	if (by_filter && !is_reported)
		tracee->in_call = false;
	if (is_reported || !call_report_read(&report, tracee->tid, tracee->in_call))
		return;
	if (report.op == CALL_REPORT_EXIT) {
		if (tracee->in_call)
			returned(stop, tracee, report.exit.value);
		tracee->in_call = false;
		stop_linger_add(stop, tracee);
	} else if (report.op == CALL_REPORT_ENTRY && stop->filtered && !by_filter && !tracee->target->is_sealed) {
		entered_deferred(stop, tracee, &report);
		tracee->in_call = true;
	} else if (report.op == CALL_REPORT_ENTRY || report.op == CALL_REPORT_SECCOMP) {
		tracee->in_call = entered(stop, tracee, &report) || !stop->filtered || tracee->target->is_sealed;
	}
}
