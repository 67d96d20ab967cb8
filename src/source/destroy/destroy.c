// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When a TCP socket is freed the kernel sends its ends, cookie, queues and counters to all members of the groups
 * SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY (Linux 4.3). These final counters are the only complete ones.
 * No privilege is needed. The message comes from a work queue a little after the fact and has no time stamp. Listeners
 * are reported too, and so are sockets that never got beyond SYN_SENT.
 *
 * tcp_disconnect() in the kernel removes the remote end and sets the counters to zero. It runs when connect(2) fails
 * and when close(2) resets (SO_LINGER with no time), not when close(2) resets because of unread data. The message about
 * such a socket shows only that it is destroyed.
 *
 * The full socket is freed when it is no longer needed: on entering TIME_WAIT (a mini socket takes over). The side that
 * closes first is therefore reported when its FIN is answered and not a minute later.
 */
#include "source/destroy/destroy.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "model/event.h"
#include "system/message.h"
#include "system/tcp_info.h"

#define DEFAULT_BUFFER (16 << 20)
/* A message is 436 bytes on Linux 6.18; struct tcp_info grows by some bytes a year. */
#define MESSAGE_SIZE 2048
#define BATCH 64
/* So that one reader cannot keep the others waiting. */
#define BATCHES_PER_READ (DESTROY_READ_MAX / BATCH)

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

struct destroy {
	struct mnl_socket *socket;
	uint32_t netns;
	bool disconnected;
	/** an overrun was reported and its losses were not yet */
	int overrun;
	/** losses reported up to now, in the kernel's counting */
	uint32_t dropped;
	/** cookies of conntrace's sockets that were destroyed and are not reported yet */
	uint64_t marks[CPU_SETSIZE];
	size_t mark_count;
	/** marks were given up, which is not reported yet */
	bool is_abandoned;
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	uint8_t buffers[BATCH][MESSAGE_SIZE] __attribute__((aligned(8)));
};

/*
 * Where inet_diag and tcp_diag are modules, the kernel loads both for a query of TCP sockets. For a member of the
 * groups it loads inet_diag at most, and without tcp_diag it silently drops the final counters of each socket. The
 * query names a socket that does not exist. Its answer is not read: the modules are loaded before the send returns.
 */
static void load_modules(void)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (size_t i = 0; socket != NULL && i < sizeof(families); i++) {
		uint8_t buffer[NLMSG_SPACE(sizeof(struct inet_diag_req_v2))] __attribute__((aligned(8)));
		struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
		struct inet_diag_req_v2 *request = mnl_nlmsg_put_extra_header(header, sizeof(*request));

		header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
		header->nlmsg_flags = NLM_F_REQUEST;
		request->sdiag_family = families[i];
		request->sdiag_protocol = IPPROTO_TCP;
		request->id.idiag_cookie[0] = request->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
		(void)mnl_socket_sendto(socket, header, header->nlmsg_len);
	}
	if (socket != NULL)
		mnl_socket_close(socket);
}

static int set_up(struct destroy *source, int buffer)
{
	static const int groups[] = {SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY};
	int fd = mnl_socket_get_fd(source->socket);

	/* Without CAP_NET_ADMIN the first is refused and the second limited to net.core.rmem_max. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) != 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)) != 0)
		return -errno;
	if (mnl_socket_bind(source->socket, 0, MNL_SOCKET_AUTOPID) != 0)
		return -errno;
	load_modules();
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(source->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) != 0)
			return -errno;
	}
	return 0;
}

int destroy_open(struct destroy **source, const struct destroy_config *config, struct err *err)
{
	struct destroy *new = xcalloc(1, sizeof(*new));
	int error;

	new->netns = config->netns;
	new->disconnected = config->disconnected;
	for (size_t i = 0; i < BATCH; i++) {
		new->vectors[i].iov_base = new->buffers[i];
		new->vectors[i].iov_len = MESSAGE_SIZE;
		new->messages[i].msg_hdr.msg_iov = &new->vectors[i];
		new->messages[i].msg_hdr.msg_iovlen = 1;
	}
	new->socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC | SOCK_NONBLOCK);
	error = new->socket == NULL ? -errno : set_up(new, config->buffer > 0 ? config->buffer : DEFAULT_BUFFER);
	if (error != 0) {
		destroy_close(new);
		return err_set(err, error, "cannot listen for the end of sockets (NETLINK_SOCK_DIAG): %s; %s",
			       strerror(-error), message_remedy(error));
	}
	*source = new;
	return 0;
}

int destroy_fd(const struct destroy *source)
{
	return mnl_socket_get_fd(source->socket);
}

int destroy_buffer(const struct destroy *source)
{
	int size = 0;
	socklen_t length = sizeof(size);

	if (getsockopt(destroy_fd(source), SOL_SOCKET, SO_RCVBUF, &size, &length) != 0)
		return -errno;
	return size;
}

/** report_losses() - report how many events the kernel could not store since the last report */
static int report_losses(struct destroy *source, struct queue *events)
{
	struct event event = event_new(EVENT_LOST, ORIGIN_KERNEL, clock_now());
	uint32_t memory[SK_MEMINFO_VARS] = {0};
	socklen_t length = sizeof(memory);

	event.lost.where = LOST_NETLINK;
	event.lost.count = EVENT_UNKNOWN;
	/* SO_MEMINFO is of Linux 4.12; netlink counts every message it found no room for. */
	if (getsockopt(destroy_fd(source), SOL_SOCKET, SO_MEMINFO, memory, &length) == 0 &&
	    length > SK_MEMINFO_DROPS * sizeof(memory[0])) {
		event.lost.count = (uint32_t)(memory[SK_MEMINFO_DROPS] - source->dropped);
		source->dropped = memory[SK_MEMINFO_DROPS];
	}
	source->overrun = 0;
	/* A second overrun may have been counted with the first. */
	if (event.lost.count == 0)
		return 0;
	queue_push(events, &event);
	return 1;
}

static void leave_mark(struct destroy *source)
{
	uint64_t cookie;
	socklen_t length = sizeof(cookie);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0)
		source->marks[source->mark_count++] = cookie;
	close(fd);
}

void destroy_mark(struct destroy *source)
{
	cpu_set_t allowed, one;

	source->mark_count = 0;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
		leave_mark(source);
		return;
	}
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (CPU_ISSET(cpu, &allowed) && sched_setaffinity(0, sizeof(one), &one) == 0)
			leave_mark(source);
	}
	(void)sched_setaffinity(0, sizeof(allowed), &allowed);
}

bool destroy_has_caught_up(const struct destroy *source)
{
	return source->mark_count == 0 && !source->is_abandoned;
}

void destroy_abandon(struct destroy *source)
{
	source->is_abandoned |= source->mark_count > 0;
	source->mark_count = 0;
}

/* Report that the kernel has not reported all; how many are missing is unknown. */
static int report_missing(struct destroy *source, struct queue *events)
{
	struct event event = event_new(EVENT_LOST, ORIGIN_KERNEL, clock_now());

	if (!source->is_abandoned)
		return 0;
	source->is_abandoned = false;
	event.lost.where = LOST_NETLINK;
	event.lost.count = EVENT_UNKNOWN;
	queue_push(events, &event);
	return 1;
}

static bool take_mark(struct destroy *source, uint64_t cookie)
{
	for (size_t i = 0; i < source->mark_count; i++) {
		if (source->marks[i] != cookie)
			continue;
		source->marks[i] = source->marks[--source->mark_count];
		return true;
	}
	return false;
}

static int read_message(struct destroy *source, const struct mmsghdr *message, int64_t now, struct queue *events)
{
	const struct nlmsghdr *header = message->msg_hdr.msg_iov->iov_base;
	struct event event;

	if (!mnl_nlmsg_ok(header, (int)message->msg_len) || message_to_event(&event, header, now) != 0) {
		/* Cut because it was larger than the buffer, or from an unknown kernel: lost all the same. */
		event = event_new(EVENT_LOST, ORIGIN_KERNEL, now);
		event.lost.where = LOST_NETLINK;
		event.lost.count = 1;
		queue_push(events, &event);
		return 1;
	}
	if (source->mark_count > 0 && take_mark(source, event.info.cookie))
		return 0;
	if (event.flow.remote.port == 0) {
		uint64_t cookie = event.info.cookie;
		uint8_t state = event.info.state;
		int8_t listener = event.info.listener;

		if (!source->disconnected)
			return 0;
		tcp_info_unknown(&event.info);
		event.info.cookie = cookie;
		event.info.state = state;
		event.info.listener = listener;
	}
	event.info.reason = INFO_DESTROY;
	event.flow.netns = source->netns;
	queue_push(events, &event);
	return 1;
}

int destroy_read(struct destroy *source, struct queue *events, struct err *err)
{
	int fd = destroy_fd(source);
	int count = report_missing(source, events);

	for (int batch = 0; batch < BATCHES_PER_READ; batch++) {
		int received = recvmmsg(fd, source->messages, BATCH, MSG_DONTWAIT, NULL);
		int64_t now = clock_now();

		if (received < 0) {
			if (errno == EINTR)
				continue;
			if (errno == ENOBUFS) {
				source->overrun = 1;
				continue;
			}
			if (errno != EAGAIN)
				return err_set(err, errno, "the kernel's socket events cannot be read: %s",
					       strerror(errno));
			if (!source->overrun)
				return count;
			/* It may have dropped a mark, too. */
			if (source->mark_count > 0)
				destroy_mark(source);
			/* The kernel drops messages until the queue is empty, so only now the count is final. */
			return count + report_losses(source, events);
		}
		for (int i = 0; i < received; i++)
			count += read_message(source, &source->messages[i], now, events);
	}
	return count;
}

void destroy_close(struct destroy *source)
{
	if (source == NULL)
		return;
	if (source->socket != NULL)
		mnl_socket_close(source->socket);
	free(source);
}
