// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "system/tcp_info.h"

/* Numbers above 423 are the same on every architecture; the C library may be older than the kernel. */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#ifndef TCP_ZEROCOPY_RECEIVE
#define TCP_ZEROCOPY_RECEIVE 35
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif
#ifndef MPTCP_INFO
#define MPTCP_INFO 1
#endif

int socket_process(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0U);

	return fd < 0 ? -errno : (int)fd;
}

int socket_thread(pid_t tid)
{
	/* PIDFD_THREAD is O_EXCL */
	long fd = syscall(SYS_pidfd_open, tid, (unsigned int)O_EXCL);

	return fd < 0 ? -errno : (int)fd;
}

int socket_take(int pidfd, int fd)
{
	long taken = syscall(SYS_pidfd_getfd, pidfd, fd, 0U);

	return taken < 0 ? -errno : (int)taken;
}

bool socket_can_take(void)
{
	int pidfd = socket_process(getpid());
	int taken = pidfd >= 0 ? socket_take(pidfd, pidfd) : pidfd;

	if (taken >= 0)
		close(taken);
	if (pidfd >= 0)
		close(pidfd);
	errno = taken < 0 ? -taken : 0;
	return taken >= 0;
}

typedef int name_function(int socket, struct sockaddr *address, socklen_t *length);

/** read_name() - one end of the socket; left unknown when it has none (ENOTCONN) */
static int read_name(int socket, name_function *name, struct endpoint *endpoint)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (name(socket, (struct sockaddr *)&address, &length) != 0)
		return errno == ENOTCONN ? 0 : -errno;
	return endpoint_from_sockaddr(endpoint, &address, length);
}

/**
 * read_fin() - whether an ended socket (TCP_CLOSE) has received the peer's FIN
 *
 * A RST before and after the FIN leaves the same state, but bytes_received counts the FIN. TCP_ZEROCOPY_RECEIVE with no
 * memory to map fails with EIO if all is read and the FIN has come, and succeeds if it has not (an old kernel fails in
 * another way: unknown). With 16 bytes it changes nothing: it clears the pending error only for callers with room for
 * it (Linux 6.18; the program still gets its ECONNRESET or EPIPE).
 */
static void read_fin(int socket, struct event_info *info)
{
	struct {
		uint64_t address;
		uint32_t length;
		uint32_t recv_skip_hint;
	} request = {0};
	socklen_t length = sizeof(request);
	int unread;

	/* Payload only: the kernel takes the FIN off. */
	if (ioctl(socket, FIONREAD, &unread) != 0 || unread < 0)
		return;
	info->rqueue = unread;
	if (unread > 0)
		return;
	if (getsockopt(socket, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &request, &length) == 0)
		info->fin = FIN_NOT_RECEIVED;
	else if (errno == EIO)
		info->fin = FIN_RECEIVED;
}

/* Names have up to 15 bytes (TCP_CA_NAME_MAX). */
static void read_congestion(int socket, struct event_info *info)
{
	char name[17] = "";
	socklen_t length = sizeof(name) - 1;

	if (info->measures.known && getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name, &length) == 0)
		info->measures.congestion = measures_congestion_number(name);
}

static int read_counters_once(int socket, struct event_info *info)
{
	struct tcp_info_layout layout;
	socklen_t length = sizeof(layout);

	/* SOL_TCP is IPPROTO_TCP; every other kind of socket and of file refuses this call. */
	if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &layout, &length) != 0)
		return errno == ENOTSOCK || errno == EOPNOTSUPP || errno == ENOPROTOOPT ? -ENOTSUP : -errno;
	tcp_info_to_event(info, &layout, length);
	info->listener = tcp_info_had_peer(&layout, length) ? EVENT_UNKNOWN : 0;
	return 0;
}

/* A state changes a handful of times in a socket's life. */
#define READS_MAX 8

/**
 * read_counters() - state and counters of one moment
 *
 * The kernel reads the state first and the counters under a lock afterwards (tcp_get_info), so a FIN that comes in
 * between is counted though the state is ESTABLISHED. If the next reading has the same state, the counters before it
 * belong to it. Without received bytes there is no FIN.
 */
static int read_counters(int socket, struct event_info *info)
{
	int error = read_counters_once(socket, info);

	for (int i = 0; error == 0 && info->bytes_received > 0 && i < READS_MAX; i++) {
		struct event_info next = *info;

		error = read_counters_once(socket, &next);
		if (error == 0 && next.state == info->state)
			break;
		*info = next;
	}
	return error;
}

/**
 * read_wqueue() - bytes under way
 *
 * It is not among the counters, and an acknowledgement may come between the two calls, so the counters are read again:
 * if they are the same, they belong to it.
 */
static int read_wqueue(int socket, struct event_info *info)
{
	struct event_info before = *info;
	int queued;
	int error;

	if (ioctl(socket, SIOCOUTQ, &queued) != 0)
		return 0;
	error = read_counters(socket, info);
	if (error == 0 && queued >= 0 && info->bytes_acked == before.bytes_acked &&
	    info->bytes_sent == before.bytes_sent && info->notsent_bytes == before.notsent_bytes &&
	    info->state == before.state)
		info->wqueue = queued;
	return error;
}

/* The needed part of struct mptcp_info of linux/mptcp.h, which is younger than some C libraries. */
struct mptcp_layout {
	uint8_t counts[6];
	uint32_t flags;
	uint32_t token;
	uint64_t write_seq;
	uint64_t snd_una;
	uint64_t rcv_nxt;
	uint8_t more_counts[3];
	uint32_t retransmits;
	uint64_t bytes_retrans;
	uint64_t bytes_sent;
	uint64_t bytes_received;
};

_Static_assert(sizeof(struct mptcp_layout) == 72, "the layout of Linux 6.5");

static bool read_mptcp_info(int socket, struct mptcp_layout *layout)
{
	socklen_t length = sizeof(*layout);

	/* All ones where the kernel is older. */
	memset(layout, 0xff, sizeof(*layout));
	return getsockopt(socket, SOL_MPTCP, MPTCP_INFO, layout, &length) == 0;
}

/** has_mptcp_info() - whether the kernel (from 5.16 on) supports it; sockets that have fallen back do not */
static bool has_mptcp_info(void)
{
	struct mptcp_layout ignored;
	int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
	bool has = probe >= 0 && read_mptcp_info(probe, &ignored);

	if (probe >= 0)
		close(probe);
	return has;
}

/**
 * read_mptcp() - the counters of an MPTCP socket instead of those of its first subflow
 *
 * They count payload alone, each byte once. A socket that has fallen back to TCP keeps a single subflow, whose counters
 * are right then.
 */
static void read_mptcp(int socket, struct event *event)
{
	struct mptcp_layout layout;
	uint8_t state = event->info.state;
	int8_t listener = event->info.listener;
	uint64_t cookie = event->info.cookie;
	/* Read first: if no byte waits now, the later counters contain all written bytes. */
	int waiting = EVENT_UNKNOWN;
	bool asked = ioctl(socket, SIOCOUTQNSD, &waiting) == 0;

	event->flow.proto = FLOW_PROTO_MPTCP;
	if (!read_mptcp_info(socket, &layout) && has_mptcp_info())
		return;
	tcp_info_unknown(&event->info);
	event->info.reason = INFO_SAMPLE;
	event->info.state = state;
	event->info.listener = listener;
	event->info.cookie = cookie;
	/* The kernel copies the cookie of a listener, if it has one, to each connection, but the token is its own. */
	if (state != TCP_LISTEN && layout.token != 0 && layout.token != UINT32_MAX)
		event->info.cookie = EVENT_COOKIE_MADE_UP | UINT64_C(1) << 32 | layout.token;
	if (!asked || layout.bytes_sent > INT64_MAX || layout.bytes_received > INT64_MAX)
		return;
	event->info.notsent_bytes = waiting;
	event->info.bytes_sent = (int64_t)layout.bytes_sent;
	event->info.bytes_retrans = 0;
	event->info.bytes_received = (int64_t)layout.bytes_received;
}

/*
 * A TCP socket stays one, so one that is read several times is asked once. Cookies are unique on a host since
 * Linux 5.4, before MPTCP.
 */
#define PLAIN_COOKIES 1024

static int read_protocol(int socket, uint64_t cookie, int *protocol)
{
	static _Thread_local uint64_t plain[PLAIN_COOKIES];
	uint64_t *place = &plain[cookie % PLAIN_COOKIES];
	socklen_t length = sizeof(*protocol);

	*protocol = IPPROTO_TCP;
	if (*place == cookie)
		return 0;
	if (getsockopt(socket, SOL_SOCKET, SO_PROTOCOL, protocol, &length) != 0)
		return -errno;
	if (*protocol == IPPROTO_TCP)
		*place = cookie;
	return 0;
}

static int read_info(int socket, struct event *event)
{
	socklen_t length = sizeof(event->info.cookie);
	int protocol = 0;
	int error;

	*event = event_new(EVENT_INFO, ORIGIN_KERNEL, clock_now());
	tcp_info_unknown(&event->info);
	event->info.reason = INFO_SAMPLE;
	error = read_counters(socket, &event->info);
	if (error != 0)
		return error;
	read_congestion(socket, &event->info);
	if (getsockopt(socket, SOL_SOCKET, SO_COOKIE, &event->info.cookie, &length) != 0)
		return -errno;
	error = read_protocol(socket, event->info.cookie, &protocol);
	if (error != 0)
		return error;
	if (protocol != IPPROTO_TCP)
		read_mptcp(socket, event);
	if (protocol != IPPROTO_TCP)
		return 0;
	if (event->info.state == TCP_CLOSE)
		read_fin(socket, &event->info);
	else if (event->info.unacked > 0)
		error = read_wqueue(socket, &event->info);
	return error;
}

int socket_read_counters(int socket, struct event *event)
{
	struct event result;
	int error = read_info(socket, &result);

	if (error == 0)
		*event = result;
	return error;
}

int socket_read(int socket, struct event *event)
{
	struct event result;
	int error = read_info(socket, &result);

	if (error == 0)
		error = read_name(socket, getsockname, &result.flow.local);
	if (error == 0)
		error = read_name(socket, getpeername, &result.flow.remote);
	if (error == 0)
		*event = result;
	return error;
}

/* getpeername(2) refuses a socket in CLOSE, SO_PEERNAME does not, but its buffer must not exceed the address. */
static int past_peer(int socket, struct sockaddr *address, socklen_t *length)
{
	*length = sizeof(struct sockaddr_in6);
	if (getsockopt(socket, SOL_SOCKET, SO_PEERNAME, address, length) == 0)
		return 0;
	*length = sizeof(struct sockaddr_in);
	return getsockopt(socket, SOL_SOCKET, SO_PEERNAME, address, length);
}

bool socket_resets(int socket)
{
	struct linger linger = {0};
	socklen_t length = sizeof(linger);

	return getsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, &length) == 0 && linger.l_onoff != 0 &&
	       linger.l_linger == 0;
}

static enum info_delay read_deferral(int socket)
{
	socklen_t length = sizeof(int);
	int seconds = 0;

	if (getsockopt(socket, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, &length) != 0)
		return DELAY_UNKNOWN;
	return seconds > 0 ? DELAY_PERHAPS : DELAY_NONE;
}

static int take_of(pid_t pid, int fd)
{
	int pidfd = socket_process(pid);
	int socket = pidfd < 0 ? pidfd : socket_take(pidfd, fd);

	if (pidfd >= 0)
		close(pidfd);
	return socket;
}

enum info_delay socket_delay(pid_t pid, int fd)
{
	int socket = take_of(pid, fd);
	enum info_delay delay = socket < 0 ? DELAY_UNKNOWN : read_deferral(socket);

	if (socket >= 0)
		close(socket);
	return delay;
}

bool socket_is_exclusive(pid_t pid, int fd, uint64_t cookie)
{
	socklen_t length = sizeof(int), cookie_length = sizeof(uint64_t);
	int socket = take_of(pid, fd), shares = 1;
	uint64_t own = 0;
	bool is_exclusive = socket >= 0 && getsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &shares, &length) == 0 &&
			    getsockopt(socket, SOL_SOCKET, SO_COOKIE, &own, &cookie_length) == 0 && own == cookie &&
			    shares == 0;

	if (socket >= 0)
		close(socket);
	return is_exclusive;
}

int socket_read_accepted(int socket, struct event *event)
{
	int error = socket_read(socket, event);

	if (error == 0 && event->flow.remote.port == 0)
		(void)read_name(socket, past_peer, &event->flow.remote);
	return error;
}
