// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_held.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/queue.h"
#include "base/xalloc.h"
#include "system/socket.h"

/* More do not wait: then the ends stay unknown. */
#define HELD_MAX 65536

/**
 * struct item - a call
 * @taken_ns: when its socket was read, CLOCK_UNKNOWN not
 * @fd: its descriptor then, -1 none
 */
struct item {
	struct audit_call call;
	struct event sample;
	int64_t taken_ns;
	int32_t fd;
};

struct audit_held {
	audit_held_release *release;
	void *context;
	struct queue *items;
	int64_t newest_ns; /* of the calls */
};

struct audit_held *audit_held_new(audit_held_release *release, void *context)
{
	struct audit_held *held = xcalloc(1, sizeof(*held));

	held->release = release;
	held->context = context;
	held->items = queue_new(sizeof(struct item), HELD_MAX);
	held->newest_ns = CLOCK_UNKNOWN;
	return held;
}

void audit_held_free(struct audit_held *held)
{
	if (held == NULL)
		return;
	queue_free(held->items);
	free(held);
}

/* ---- the socket ------------------------------------------------------------------------- */

static int32_t fd_of(uint64_t number)
{
	return number <= INT32_MAX ? (int32_t)number : -1;
}

/* A duplicate of @fd is read. Return: 0, -ENOTSUP when it is no TCP socket, or another negative errno. */
static int read_socket(int pidfd, int32_t fd, bool is_accepted, struct event *sample)
{
	int taken = pidfd >= 0 && fd >= 0 ? socket_take(pidfd, fd) : -EBADF;
	int rc = taken;

	if (taken >= 0) {
		rc = is_accepted ? socket_read_accepted(taken, sample) : socket_read(taken, sample);
		close(taken);
	}
	return rc;
}

/* The peer's address and port make an accepted socket the one of this call. */
static bool is_accepted_one(const struct audit_call *call, const struct event *sample)
{
	return sample->info.state != TCP_LISTEN &&
	       (call->address_kind == AUDIT_ADDRESS_NONE || endpoint_equal(&call->address, &sample->flow.remote));
}

/* A listener has at least the local port. */
static void take_listener(struct audit_call *call, int pidfd)
{
	struct event listener;

	if (read_socket(pidfd, fd_of(call->args[0]), false, &listener) != 0 || listener.info.state != TCP_LISTEN)
		return;
	call->is_tcp = true;
	call->local = listener.flow.local;
}

static void take_accepted(struct item *item, int pidfd)
{
	struct audit_call *call = &item->call;

	item->fd = fd_of((uint64_t)call->result);
	if (read_socket(pidfd, item->fd, true, &item->sample) != 0 || !is_accepted_one(call, &item->sample)) {
		take_listener(call, pidfd);
		return;
	}
	item->taken_ns = clock_now();
	call->address = item->sample.flow.remote;
	call->address_kind = AUDIT_ADDRESS_INTERNET;
	call->local = item->sample.flow.local;
	call->cookie = item->sample.info.cookie;
	call->is_tcp = true;
}

static bool is_opened_one(const struct audit_call *call, const struct event *sample)
{
	const struct endpoint *remote = &sample->flow.remote;

	return sample->info.state != TCP_LISTEN && (remote->port == 0 || endpoint_equal(&call->address, remote));
}

static void take_opened(struct item *item, int pidfd)
{
	struct audit_call *call = &item->call;
	int rc;

	item->fd = fd_of(call->args[0]);
	rc = read_socket(pidfd, item->fd, false, &item->sample);
	if (rc == -ENOTSUP)
		call->is_other = true;
	if (rc == -ENOTSUP || (rc == 0 && is_opened_one(call, &item->sample)))
		item->taken_ns = clock_now();
	if (rc != 0 || item->taken_ns < 0)
		return;
	call->local = item->sample.flow.local;
	call->cookie = item->sample.info.cookie;
	call->is_tcp = true;
}

/* What was read may be of another socket. */
static void doubt(struct item *item)
{
	item->taken_ns = CLOCK_UNKNOWN;
	item->call.is_tcp = item->call.is_other = false;
	item->call.cookie = 0;
	item->call.local = (struct endpoint){.port = 0};
}

/* ---- waiting ---------------------------------------------------------------------------- */

/* The descriptor that a call gave to a socket; -1 none. */
static int32_t given_fd(const struct audit_call *call)
{
	bool gives = call->call == AUDIT_CALL_SOCKET || call->call == AUDIT_CALL_ACCEPT || call->call == AUDIT_CALL_DUP;

	return gives && call->has_result && call->result >= 0 ? fd_of((uint64_t)call->result) : -1;
}

/* Attempts before @call on a descriptor that it gave to another socket. An accepted socket has proved itself. */
static void doubt_earlier(struct audit_held *held, const struct audit_call *call)
{
	int32_t fd = given_fd(call);
	size_t count;
	struct item *items = fd >= 0 ? queue_peek_all(held->items, &count) : NULL;

	for (size_t i = 0; items != NULL && i < count; i++)
		if (items[i].fd == fd && items[i].call.pid == call->pid && items[i].call.call == AUDIT_CALL_CONNECT &&
		    items[i].taken_ns >= 0)
			doubt(&items[i]);
}

static void release(struct audit_held *held, bool all)
{
	struct item *item;
	size_t count;

	while ((item = queue_peek_all(held->items, &count)) != NULL) {
		if (!all && item->taken_ns >= 0 && item->taken_ns >= held->newest_ns)
			return;
		held->release(held->context, &item->call,
			      item->taken_ns >= 0 && item->call.cookie != 0 ? &item->sample : NULL);
		queue_drop(held->items, 1);
	}
}

void audit_held_add(struct audit_held *held, const struct audit_call *call, int pidfd)
{
	struct item item = {.call = *call, .taken_ns = CLOCK_UNKNOWN, .fd = -1};
	bool has_socket = call->has_result && !call->is_uring && call->result > -4096;

	doubt_earlier(held, call);
	if (call->call == AUDIT_CALL_ACCEPT && has_socket && call->result >= 0)
		take_accepted(&item, pidfd);
	else if (call->call == AUDIT_CALL_CONNECT && has_socket && call->address_kind == AUDIT_ADDRESS_INTERNET)
		take_opened(&item, pidfd);
	else if (call->call == AUDIT_CALL_LISTEN && has_socket && call->result == 0)
		take_listener(&item.call, pidfd);
	if (call->time_ns > held->newest_ns)
		held->newest_ns = call->time_ns;
	if (!queue_push(held->items, &item)) {
		release(held, true);
		(void)queue_push(held->items, &item);
	}
	release(held, false);
}

void audit_held_flush(struct audit_held *held)
{
	release(held, true);
}

int64_t audit_held_oldest_ns(const struct audit_held *held)
{
	const struct item *oldest = queue_peek(held->items);

	return oldest != NULL ? oldest->call.time_ns : CLOCK_UNKNOWN;
}
