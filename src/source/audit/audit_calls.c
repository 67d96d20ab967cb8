// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_calls.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/table.h"
#include "base/xalloc.h"
#include "source/audit/audit_sockets.h"

/*
 * The time of an event of audit is that of the call's entry. When it returned is unknown: not before the entries of
 * the calls that are written before it, because the kernel writes records at the return.
 *
 * The records of a call have the process and not the thread.
 */

struct audit_calls {
	struct audit_sockets *sockets;
	void (*on_event)(void *context, const struct event *event);
	void *context;
	struct hash_key key;
	uint64_t cookies;
	int64_t newest_ns;
	uint32_t newest_node; /* the host of that time: clocks of several differ */
	struct audit_calls_stats stats;
};

static struct event call_new(const struct audit_call *call, enum call_kind kind, int64_t fd)
{
	struct event event = event_new(EVENT_CALL, ORIGIN_AUDIT, call->time_ns);

	event.call.kind = (uint8_t)kind;
	event.call.pid = call->pid;
	event.call.fd = fd >= 0 && fd <= INT32_MAX ? (int32_t)fd : EVENT_UNKNOWN;
	event.call.uid = call->euid >= 0 ? (uint32_t)call->euid : (uint32_t)-1;
	event.call.begin_ns = call->time_ns;
	return event;
}

static void push(struct audit_calls *calls, const struct event *event)
{
	calls->on_event(calls->context, event);
}

static uint64_t cookie_of(struct audit_calls *calls, const struct audit_call *call)
{
	return call->cookie != 0 ? call->cookie : EVENT_COOKIE_MADE_UP | ++calls->cookies;
}

static void push_text(struct audit_calls *calls, const struct audit_call *call, enum process_fact fact,
		      const char *text)
{
	size_t length = strlen(text);

	for (size_t offset = 0; offset < length; offset += EVENT_PROCESS_TEXT) {
		struct event event = event_new(EVENT_PROCESS, ORIGIN_AUDIT, call->time_ns);
		size_t piece = length - offset < EVENT_PROCESS_TEXT ? length - offset : EVENT_PROCESS_TEXT;

		event.process.pid = call->pid;
		event.process.uid = call->euid >= 0 ? (uint32_t)call->euid : (uint32_t)-1;
		event.process.fact = (uint8_t)fact;
		event.process.offset = (uint16_t)offset;
		event.process.length = (uint8_t)piece;
		memcpy(event.process.text, text + offset, piece);
		push(calls, &event);
	}
}

/* The names of threads differ, so only another program is another process. */
static void meet_process(struct audit_calls *calls, const struct audit_call *call)
{
	struct audit_process *process = audit_sockets_process(calls->sockets, call->node, call->pid);
	uint64_t hash = hash_bytes(&calls->key, call->exe, strlen(call->exe)) | 1;

	if (process->exe_hash == hash)
		return;
	process->exe_hash = hash;
	push_text(calls, call, PROCESS_COMM, call->comm);
	push_text(calls, call, PROCESS_EXE, call->exe);
}

/* ---- sockets ------------------------------------------------------------------------- */

static int32_t fd_of(uint64_t argument)
{
	return argument <= INT32_MAX ? (int32_t)argument : -1;
}

static struct audit_socket *find(struct audit_calls *calls, const struct audit_call *call, int32_t fd)
{
	return fd >= 0 && !call->is_uring ? audit_sockets_find(calls->sockets, call->node, call->pid, fd) : NULL;
}

static struct audit_socket *find_or_add(struct audit_calls *calls, const struct audit_call *call, int32_t fd)
{
	struct audit_socket *socket = find(calls, call, fd);

	if (socket == NULL && fd >= 0 && !call->is_uring)
		socket = audit_sockets_add(calls->sockets, call->node, call->pid, fd, call->time_ns);
	return socket;
}

static void made(struct audit_calls *calls, const struct audit_call *call)
{
	int32_t fd = call->result <= INT32_MAX ? (int32_t)call->result : -1;
	/* The flags SOCK_CLOEXEC and SOCK_NONBLOCK are in the same argument. */
	bool is_stream = (call->args[1] & 0xf) == SOCK_STREAM;
	bool is_tcp = (call->args[0] == AF_INET || call->args[0] == AF_INET6) && is_stream;

	if (call->args[0] == UINT64_MAX || call->args[1] == UINT64_MAX)
		return;
	audit_sockets_add(calls->sockets, call->node, call->pid, fd, call->time_ns)->kind =
		is_tcp ? AUDIT_SOCKET_TCP : AUDIT_SOCKET_OTHER;
}

static void bound(struct audit_calls *calls, const struct audit_call *call)
{
	struct audit_socket *socket;

	if (call->address_kind != AUDIT_ADDRESS_INTERNET)
		return;
	socket = find_or_add(calls, call, fd_of(call->args[0]));
	if (socket != NULL)
		socket->local = call->address;
}

/* Which of two ends accepts is known by it before accept(2) returns. */
static void listened(struct audit_calls *calls, const struct audit_call *call)
{
	struct audit_socket *socket =
		call->is_tcp ? find_or_add(calls, call, fd_of(call->args[0])) : find(calls, call, fd_of(call->args[0]));
	struct event event = event_new(EVENT_INFO, ORIGIN_AUDIT, call->time_ns);

	if (socket != NULL && call->is_tcp)
		socket->local = call->local;
	if (socket == NULL || socket->kind == AUDIT_SOCKET_OTHER || socket->local.port == 0)
		return;
	socket->kind = AUDIT_SOCKET_TCP;
	event.flow.local = socket->local;
	event.info.state = TCP_LISTEN;
	event.info.reason = INFO_EXISTING;
	push(calls, &event);
}

static void accepted(struct audit_calls *calls, const struct audit_call *call)
{
	const struct audit_socket *listener = find(calls, call, fd_of(call->args[0]));
	bool is_tcp = call->is_tcp || (listener != NULL && listener->kind == AUDIT_SOCKET_TCP);
	struct endpoint local = call->local.port == 0 && listener != NULL ? listener->local : call->local;
	struct audit_socket *socket;
	struct event event = call_new(call, CALL_ACCEPT, call->result);

	event.flow.local = local;
	if (call->result < 0) {
		event.call.error = (int32_t)-call->result;
		event.call.fd = fd_of(call->args[0]);
		if (is_tcp && event_is_accept_failure(event.call.error))
			push(calls, &event);
		return;
	}
	if (call->address_kind == AUDIT_ADDRESS_OTHER || (listener != NULL && listener->kind == AUDIT_SOCKET_OTHER))
		return;
	if (call->address_kind != AUDIT_ADDRESS_INTERNET && !is_tcp) {
		calls->stats.addressless++;
		return;
	}
	event.flow.remote = call->address;
	event.call.cookie = cookie_of(calls, call);
	/* It may have waited: the connection is not older than what is written before it. */
	if (calls->newest_ns > event.time_ns && calls->newest_node == call->node)
		event.time_ns = calls->newest_ns;
	socket = call->is_uring
			 ? NULL
			 : audit_sockets_add(calls->sockets, call->node, call->pid, event.call.fd, call->time_ns);
	if (socket != NULL) {
		socket->kind = AUDIT_SOCKET_TCP;
		socket->cookie = event.call.cookie;
		socket->local = local;
		socket->remote = call->address;
	}
	push(calls, &event);
}

/* Results of connect(2) that UDP does not have: it sends nothing, and waits for nothing. */
static bool is_of_tcp(int error)
{
	return error == EINPROGRESS || error == EALREADY || error == ECONNREFUSED || error == ECONNRESET ||
	       error == ETIMEDOUT || error == EISCONN || error == EINTR || error == EHOSTUNREACH;
}

/*
 * Is this call about the attempt that the one before began? Without close(2) in the log the descriptor may be that of
 * another socket.
 */
static bool goes_on(const struct audit_socket *socket, const struct audit_call *call, int error)
{
	bool was_open = socket->connect_error == EINPROGRESS || socket->connect_error == EALREADY ||
			socket->connect_error == EINTR;

	if (socket->cookie == 0 || socket->connect_error < 0 || !endpoint_equal(&socket->remote, &call->address))
		return false;
	return error == EALREADY || error == EISCONN || (was_open && error != EINPROGRESS);
}

static void disconnected(struct audit_calls *calls, const struct audit_call *call, struct audit_socket *socket)
{
	struct event event = call_new(call, CALL_DISCONNECT, fd_of(call->args[0]));

	if (socket == NULL || socket->cookie == 0 || call->result != 0)
		return;
	event.call.cookie = socket->cookie;
	event.flow.remote = socket->remote;
	event.flow.local = socket->local;
	socket->cookie = 0;
	socket->connect_error = -1;
	push(calls, &event);
}

static void push_connect(struct audit_calls *calls, const struct audit_call *call, uint64_t cookie,
			 const struct endpoint *local, int error)
{
	int32_t fd = call->is_uring ? -1 : fd_of(call->args[0]);
	struct event begin = call_new(call, CALL_CONNECT_BEGIN, fd), end = call_new(call, CALL_CONNECT_END, fd);

	begin.flow.remote = end.flow.remote = call->address;
	begin.flow.local = end.flow.local = *local;
	begin.call.cookie = end.call.cookie = cookie;
	end.call.error = error;
	push(calls, &begin);
	push(calls, &end);
}

static void connected(struct audit_calls *calls, const struct audit_call *call)
{
	int32_t fd = call->is_uring ? -1 : fd_of(call->args[0]);
	struct audit_socket *socket = find(calls, call, fd);
	int error = call->result < 0 && call->result > -4096 ? (int)-call->result : 0;
	struct endpoint none = {.port = 0};

	if (socket != NULL && call->is_tcp)
		socket->kind = AUDIT_SOCKET_TCP;
	if (call->address_kind == AUDIT_ADDRESS_UNSPEC)
		disconnected(calls, call, socket);
	calls->stats.addressless += call->address_kind == AUDIT_ADDRESS_NONE && error != EFAULT && error != EBADF &&
				    error != ENOTSOCK && error != EINVAL;
	if (call->address_kind != AUDIT_ADDRESS_INTERNET || call->is_other ||
	    (socket != NULL && socket->kind == AUDIT_SOCKET_OTHER))
		return;
	if (!call->is_tcp && (socket == NULL || socket->kind == AUDIT_SOCKET_UNKNOWN) && !is_of_tcp(error)) {
		/* getaddrinfo(3) sorts addresses by connecting UDP sockets, some of them to port 0. */
		if (call->address.port == 0)
			return;
		calls->stats.unsure++;
	}
	if (call->is_uring) {
		push_connect(calls, call, cookie_of(calls, call), &none, error);
		return;
	}
	socket = find_or_add(calls, call, fd);
	if (socket == NULL) /* no descriptor can have that number */
		return;
	if (!goes_on(socket, call, error)) {
		/* A connection before it was of another socket, whose close(2) is not in the log. */
		if (socket->cookie != 0 && socket->kind != AUDIT_SOCKET_TCP)
			socket = audit_sockets_add(calls->sockets, call->node, call->pid, fd, call->time_ns);
		socket->cookie = cookie_of(calls, call);
		socket->remote = call->address;
	}
	if (call->local.port != 0)
		socket->local = call->local;
	socket->connect_error = error;
	push_connect(calls, call, socket->cookie, &socket->local, error);
}

/* ---- ends ----------------------------------------------------------------------------- */

static void about_socket(struct audit_calls *calls, const struct audit_call *call, enum call_kind kind,
			 const struct audit_socket *socket, int32_t argument)
{
	struct event event = call_new(call, kind, socket->fd);

	if (socket->cookie == 0)
		return;
	event.call.cookie = socket->cookie;
	event.call.argument = argument;
	event.flow.local = socket->local;
	event.flow.remote = socket->remote;
	push(calls, &event);
}

static void closed(struct audit_calls *calls, const struct audit_call *call, int32_t fd)
{
	const struct audit_socket *socket = find(calls, call, fd);
	const struct audit_process *process;

	if (socket == NULL)
		return;
	process = audit_sockets_process(calls->sockets, call->node, call->pid);
	if (!socket->is_shared && process->forked_ns < socket->since_ns)
		about_socket(calls, call, CALL_CLOSE, socket, 0);
	audit_sockets_drop(calls->sockets, call->node, call->pid, fd);
}

static void duplicated(struct audit_calls *calls, const struct audit_call *call)
{
	struct audit_socket *socket = find(calls, call, fd_of(call->args[0]));
	int32_t to = call->result <= INT32_MAX ? (int32_t)call->result : -1;
	struct audit_socket copy;

	if (to < 0 || (uint64_t)to == call->args[0])
		return;
	if (socket != NULL)
		socket->is_shared = true;
	copy = socket != NULL ? *socket : (struct audit_socket){.pid = 0};
	closed(calls, call, to);
	if (copy.pid == 0)
		return;
	socket = audit_sockets_add(calls->sockets, call->node, call->pid, to, call->time_ns);
	copy.fd = to;
	*socket = copy;
}

static void shut_down(struct audit_calls *calls, const struct audit_call *call)
{
	const struct audit_socket *socket = find(calls, call, fd_of(call->args[0]));

	if (socket != NULL && call->args[1] <= SHUT_RDWR)
		about_socket(calls, call, CALL_SHUTDOWN, socket, (int32_t)call->args[1]);
}

static void forked(struct audit_calls *calls, const struct audit_call *call)
{
	audit_sockets_process(calls->sockets, call->node, call->pid)->forked_ns = call->time_ns;
}

/* Calls that matter only when they succeed. */
static void succeeded(struct audit_calls *calls, const struct audit_call *call)
{
	switch (call->call) {
	case AUDIT_CALL_SOCKET:
		made(calls, call);
		break;
	case AUDIT_CALL_BIND:
		bound(calls, call);
		break;
	case AUDIT_CALL_LISTEN:
		listened(calls, call);
		break;
	case AUDIT_CALL_SHUTDOWN:
		shut_down(calls, call);
		break;
	case AUDIT_CALL_CLOSE:
		closed(calls, call, fd_of(call->args[0]));
		break;
	case AUDIT_CALL_DUP:
		duplicated(calls, call);
		break;
	case AUDIT_CALL_FORK:
		forked(calls, call);
		break;
	default:
		break;
	}
}

void audit_calls_feed(void *context, const struct audit_call *call)
{
	struct audit_calls *calls = context;

	if (call->call == AUDIT_CALL_ACCEPT || call->call == AUDIT_CALL_CONNECT) {
		/* A rule on entry only, which kernels since 2.6.36 do not have, gives no result. */
		if (!call->has_result)
			return;
		meet_process(calls, call);
		if (call->call == AUDIT_CALL_ACCEPT)
			accepted(calls, call);
		else
			connected(calls, call);
	} else if (call->has_result && call->result >= 0) {
		succeeded(calls, call);
	}
	if (call->time_ns > calls->newest_ns || call->node != calls->newest_node) {
		calls->newest_ns = call->time_ns;
		calls->newest_node = call->node;
	}
}

struct audit_calls *audit_calls_new(void (*on_event)(void *context, const struct event *event), void *context)
{
	struct audit_calls *calls = xcalloc(1, sizeof(*calls));

	calls->sockets = audit_sockets_new();
	calls->on_event = on_event;
	calls->context = context;
	calls->newest_ns = CLOCK_UNKNOWN;
	hash_key_random(&calls->key);
	return calls;
}

struct audit_calls_stats audit_calls_stats(const struct audit_calls *calls)
{
	struct audit_calls_stats stats = calls->stats;

	stats.forgotten = audit_sockets_forgotten(calls->sockets);
	return stats;
}

void audit_calls_free(struct audit_calls *calls)
{
	if (calls == NULL)
		return;
	audit_sockets_free(calls->sockets);
	free(calls);
}
