// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * connect(2) returns the same for a datagram socket as for a stream, so socket(2) is watched, too: it gives the kind of
 * each descriptor. A descriptor that was not made by it within the run has an unknown kind. Then a connect(2) is an
 * attempt only if its errno is one that TCP alone gives.
 *
 * The address is read from the stack that comes with the hit, which is as it was at that moment. An address elsewhere
 * is unknown: it could be read only later, when it may be another one.
 */
#include "source/perf/connect_calls.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/idmap.h"
#include "base/xalloc.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* With more sockets than this all kinds are forgotten. */
#define SOCKETS_MAX 1000000
/* Processes without execve(2) between them whose descriptors are the same. */
#define FOREBEARS_MAX 8
/* Low bits of socket(2)'s type (include/linux/net.h). */
#define TYPE_MASK 0xf

enum socket_kind {
	KIND_UNKNOWN,
	KIND_TCP,
	KIND_OTHER,
};

/**
 * struct maker - a process
 * @since: when it was created, 0 before the run
 * @parent: 0 unknown
 * @turn: how often its number has been given to a new process
 */
struct maker {
	uint64_t since;
	pid_t parent;
	uint32_t turn;
};

/**
 * struct made_socket - a descriptor
 * @time: of its socket(2), 0 before the run
 * @cookie: of the attempt on it, 0 none
 * @error: of that attempt
 * @listener: what it listens at
 */
struct made_socket {
	uint64_t time;
	uint64_t cookie;
	enum socket_kind kind;
	int error;
	struct known_listener listener;
};

struct connect_calls {
	struct idmap *makers, *sockets;
	uint64_t cookies;
	uint64_t unclear, nameless;
};

struct connect_calls *connect_calls_new(void)
{
	struct connect_calls *calls = xcalloc(1, sizeof(*calls));

	calls->makers = idmap_new(sizeof(struct maker));
	calls->sockets = idmap_new(sizeof(struct made_socket));
	return calls;
}

void connect_calls_free(struct connect_calls *calls)
{
	if (calls == NULL)
		return;
	idmap_free(calls->makers);
	idmap_free(calls->sockets);
	free(calls);
}

uint64_t connect_calls_unclear(const struct connect_calls *calls)
{
	return calls->unclear;
}

uint64_t connect_calls_nameless(const struct connect_calls *calls)
{
	return calls->nameless;
}

void connect_calls_fork(struct connect_calls *calls, pid_t pid, pid_t parent, uint64_t time)
{
	struct maker *maker = idmap_put(calls->makers, (uint64_t)pid);

	maker->since = time;
	maker->parent = parent;
	maker->turn++;
}

/* PIDs have 22 bits at most (PID_MAX_LIMIT). */
static uint64_t socket_key(const struct connect_calls *calls, pid_t pid, int fd)
{
	const struct maker *maker = idmap_find(calls->makers, (uint64_t)pid);
	uint64_t turn = maker != NULL ? maker->turn : 0;

	return turn << 54 | (uint64_t)pid << 32 | ((uint32_t)fd + 1);
}

static enum socket_kind kind_of(uint64_t domain, uint64_t type, uint64_t protocol)
{
	if ((domain != AF_INET && domain != AF_INET6) || (type & TYPE_MASK) != SOCK_STREAM)
		return KIND_OTHER;
	return protocol == 0 || protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP ? KIND_TCP : KIND_OTHER;
}

/* The descriptor that a process may have from its parent; NULL unknown. */
static const struct made_socket *inherited(const struct connect_calls *calls, pid_t pid, int fd)
{
	for (int i = 0; i < FOREBEARS_MAX; i++) {
		const struct maker *maker = idmap_find(calls->makers, (uint64_t)pid);
		const struct made_socket *socket;

		if (maker == NULL || maker->parent == 0)
			return NULL;
		socket = idmap_find(calls->sockets, socket_key(calls, maker->parent, fd));
		if (socket != NULL)
			return socket->time < maker->since ? socket : NULL;
		pid = maker->parent;
	}
	return NULL;
}

static struct made_socket *socket_of(struct connect_calls *calls, pid_t pid, int fd)
{
	uint64_t key = socket_key(calls, pid, fd);
	struct made_socket *socket = idmap_find(calls->sockets, key);
	const struct made_socket *origin;
	struct made_socket made = {.kind = KIND_UNKNOWN};

	if (socket != NULL)
		return socket;
	if (idmap_count(calls->sockets) >= SOCKETS_MAX) {
		idmap_free(calls->sockets);
		calls->sockets = idmap_new(sizeof(struct made_socket));
	}
	origin = inherited(calls, pid, fd);
	if (origin != NULL)
		made = (struct made_socket){.kind = origin->kind, .listener = origin->listener};
	socket = idmap_put(calls->sockets, key);
	*socket = made;
	return socket;
}

struct known_listener *connect_calls_listener(struct connect_calls *calls, pid_t pid, int fd)
{
	return &socket_of(calls, pid, fd)->listener;
}

static struct event call_event(const struct hit *hit, int fd, enum call_kind kind, int64_t time_ns)
{
	struct event event = event_new(EVENT_CALL, ORIGIN_PERF, time_ns);

	event.call.kind = kind;
	event.call.begin_ns = CLOCK_UNKNOWN;
	event.call.uid = (uint32_t)-1;
	event.call.pid = hit->pid;
	event.call.tid = hit->tid;
	event.call.fd = fd;
	return event;
}

/* The descriptor has another socket now, so that of the earlier attempt was closed at some time. */
static size_t end_attempt(struct made_socket *socket, const struct hit *hit, int fd, int64_t time_ns,
			  struct event *event)
{
	if (socket->cookie == 0)
		return 0;
	*event = call_event(hit, fd, CALL_GONE, time_ns);
	event->call.cookie = socket->cookie;
	socket->cookie = 0;
	return 1;
}

static size_t take_socket(struct connect_calls *calls, const struct hit *hit, int64_t time_ns, struct event *events)
{
	int fd = (int)hit->result;
	struct made_socket *socket;
	size_t count;

	if (fd < 0)
		return 0;
	socket = socket_of(calls, hit->pid, fd);
	count = end_attempt(socket, hit, fd, time_ns, events);
	*socket = (struct made_socket){
		.time = hit->time,
		.kind = kind_of(hit->arguments[0], hit->arguments[1], hit->arguments[2]),
	};
	return count;
}

/* @length: of the address; AF_UNSPEC 0, -1 unknown; @remote is set for IP addresses. */
static int read_address(const struct hit *hit, size_t length, struct endpoint *remote)
{
	const void *address;
	sa_family_t family;

	if (length > sizeof(struct sockaddr_in6))
		length = sizeof(struct sockaddr_in6);
	address = length >= sizeof(family) ? hit_records_memory(hit, hit->arguments[1], length) : NULL;
	if (address == NULL)
		return -1;
	memcpy(&family, address, sizeof(family));
	if ((family == AF_INET || family == AF_INET6) && endpoint_from_sockaddr(remote, address, length) != 0)
		return -1;
	return family;
}

/* Datagram sockets never give these. */
static bool is_of_tcp(int family, int error)
{
	static const int errors[] = {EINPROGRESS, EALREADY, ECONNREFUSED, ECONNRESET, ETIMEDOUT, EADDRINUSE, EISCONN};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]) && (family == AF_INET || family == AF_INET6); i++)
		if (errors[i] == error)
			return true;
	return false;
}

static bool is_open(int error)
{
	return error == EINPROGRESS || error == EALREADY || error == EINTR;
}

/* connect(2) again on the socket of an attempt: it only asks for the outcome. */
static size_t take_again(struct made_socket *socket, struct event *event)
{
	bool was_open = is_open(socket->error);
	int error = event->call.error;

	if (is_open(error) || (error == EISCONN && !was_open))
		return 0;
	if (error == EISCONN)
		error = 0;
	event->call.error = error;
	event->call.kind = error == 0 ? CALL_OUTCOME : CALL_SO_ERROR;
	event->call.cookie = error == 0 ? socket->cookie : 0;
	socket->error = error;
	if (error != 0)
		socket->cookie = 0;
	return 1;
}

static size_t take_attempt(struct connect_calls *calls, struct made_socket *socket, const struct hit *hit, int family,
			   struct event *event, struct event *events)
{
	int error = event->call.error;
	size_t count;

	if (family == AF_UNSPEC && error == 0) {
		count = end_attempt(socket, hit, event->call.fd, event->time_ns, &events[0]);
		return count;
	}
	if (family > 0 && family != AF_INET && family != AF_INET6)
		return 0;
	if (socket->kind == KIND_UNKNOWN && is_of_tcp(family, error))
		socket->kind = KIND_TCP;
	if (socket->kind == KIND_UNKNOWN)
		calls->unclear++;
	if (socket->kind != KIND_TCP)
		return 0;
	if (socket->cookie != 0 && (is_open(socket->error) || error == EISCONN)) {
		events[0] = *event;
		return take_again(socket, &events[0]);
	}
	/* It was connected before the run. */
	if (error == EISCONN || error == EALREADY)
		return 0;
	count = end_attempt(socket, hit, event->call.fd, event->time_ns, &events[0]);
	event->call.cookie = socket->cookie = EVENT_COOKIE_MADE_UP | ++calls->cookies;
	socket->error = error;
	if (error != 0 && !is_open(error))
		socket->cookie = 0;
	events[count++] = *event;
	return count;
}

static size_t take_connect(struct connect_calls *calls, const struct hit *hit, int64_t time_ns, struct event *events)
{
	int fd = (int)hit->arguments[0], error = (int)-hit->result;
	struct event event = call_event(hit, fd, CALL_CONNECT_END, time_ns);
	int family;

	/* No socket has this descriptor. */
	if (hit->result > 0 || error == EBADF || error == ENOTSOCK || fd < 0)
		return 0;
	event.call.error = error;
	family = read_address(hit, (uint32_t)hit->arguments[2], &event.flow.remote);
	return take_attempt(calls, socket_of(calls, hit->pid, fd), hit, family, &event, events);
}

/* The kernel has written the address, and its length where the program wanted that. */
static int read_peer(const struct hit *hit, struct endpoint *remote)
{
	const void *at = hit_records_memory(hit, hit->arguments[2], sizeof(socklen_t));
	socklen_t length;

	if (at == NULL)
		return -1;
	memcpy(&length, at, sizeof(length));
	return read_address(hit, length, remote);
}

static size_t take_accept(struct connect_calls *calls, const struct hit *hit, int64_t time_ns, struct event *events)
{
	int fd = (int)hit->result, family;
	struct event event = call_event(hit, fd, CALL_ACCEPT, time_ns);
	struct made_socket *socket;
	size_t count;

	if (fd < 0)
		return 0;
	family = read_peer(hit, &event.flow.remote);
	socket = socket_of(calls, hit->pid, fd);
	count = end_attempt(socket, hit, fd, time_ns, events);
	*socket = (struct made_socket){.time = hit->time, .kind = family > 0 ? KIND_OTHER : KIND_UNKNOWN};
	calls->nameless += family < 0;
	if (family > 0 && event.flow.remote.port == 0)
		return count;
	if (family > 0)
		socket->kind = KIND_TCP;
	events[count++] = event;
	return count;
}

/*
 * What a program that does not wait asks for. Only this errno is of the handshake alone: a connection gets the others
 * later, too. A program may ask before there is an outcome, so 0 proves nothing.
 */
static size_t take_sockopt(const struct connect_calls *calls, const struct hit *hit, int64_t time_ns,
			   struct event *events)
{
	int fd = (int)hit->arguments[0], error;
	struct made_socket *socket = idmap_find(calls->sockets, socket_key(calls, hit->pid, fd));
	const void *at = hit_records_memory(hit, hit->arguments[3], sizeof(error));

	if (hit->result != 0 || hit->arguments[1] != SOL_SOCKET || hit->arguments[2] != SO_ERROR || at == NULL ||
	    socket == NULL || socket->cookie == 0 || !is_open(socket->error))
		return 0;
	memcpy(&error, at, sizeof(error));
	if (error != ECONNREFUSED)
		return 0;
	events[0] = call_event(hit, fd, CALL_SO_ERROR, time_ns);
	events[0].call.error = error;
	return take_again(socket, &events[0]);
}

size_t connect_calls_take(struct connect_calls *calls, const struct hit *hit, enum site_call call, int64_t time_ns,
			  struct event events[CONNECT_CALLS_MAX])
{
	switch (call) {
	case SITE_SOCKET:
		return take_socket(calls, hit, time_ns, events);
	case SITE_CONNECT:
		return take_connect(calls, hit, time_ns, events);
	case SITE_GETSOCKOPT:
		return take_sockopt(calls, hit, time_ns, events);
	default:
		return take_accept(calls, hit, time_ns, events);
	}
}
