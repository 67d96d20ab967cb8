// SPDX-License-Identifier: GPL-2.0-or-later
#include "mkconn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#define FASTOPEN_QUEUE 16
/* Room for an address that accept(2) has to cut. */
#define SHORT_ADDRESS 4

static int type_flags(const struct scenario *scenario)
{
	return (scenario->nonblock ? SOCK_NONBLOCK : 0) | (scenario->cloexec ? SOCK_CLOEXEC : 0);
}

static int protocol(const struct scenario *scenario)
{
	return scenario->mptcp ? IPPROTO_MPTCP : 0;
}

/* --- the calls, made in one way or another -------------------------------------------------------------------- */

#ifdef SYS_socketcall
static int socketcall(int call, const long *arguments)
{
	return (int)syscall(SYS_socketcall, call, arguments);
}
#else
static int socketcall(int call, const long *arguments)
{
	(void)call;
	(void)arguments;
	errno = ENOSYS;
	die("socketcall");
}
#endif

static int call_connect(const struct scenario *scenario, int fd, const struct sockaddr *address, socklen_t length)
{
	const long arguments[] = {fd, (long)(uintptr_t)address, (long)length};

	if (scenario->by == BY_SYSCALL)
		return (int)syscall(SYS_connect, fd, address, length);
	if (scenario->by == BY_SOCKETCALL)
		return socketcall(3, arguments);
	return connect(fd, address, length);
}

static int call_accept(const struct scenario *scenario, bool four, struct sockaddr *address, socklen_t *length)
{
	const long arguments[] = {scenario->listener, (long)(uintptr_t)address, (long)(uintptr_t)length,
				  type_flags(scenario)};

	if (scenario->by == BY_SOCKETCALL)
		return socketcall(four ? 18 : 5, arguments);
	if (scenario->by == BY_SYSCALL) {
#ifdef SYS_accept
		if (!four)
			return (int)syscall(SYS_accept, scenario->listener, address, length);
#endif
		return (int)syscall(SYS_accept4, scenario->listener, address, length, four ? type_flags(scenario) : 0);
	}
	return four ? accept4(scenario->listener, address, length, type_flags(scenario))
		    : accept(scenario->listener, address, length);
}

/* TCP Fast Open: data goes with the SYN if a cookie is known. Return: as connect(2) */
static int call_fast(struct scenario *scenario, struct connection *connection, struct sockaddr *address,
		     socklen_t length)
{
	static char zeros[1024];
	struct iovec data = {zeros,
			     scenario->fast_bytes < sizeof(zeros) ? (size_t)scenario->fast_bytes : sizeof(zeros)};
	struct mmsghdr message = {
		.msg_hdr = {.msg_name = address, .msg_namelen = length, .msg_iov = &data, .msg_iovlen = 1}};
	const int flags = MSG_FASTOPEN | MSG_NOSIGNAL;
	ssize_t sent;
	int on = 1;

	if (strcmp(scenario->fast, "connect") == 0) {
		if (setsockopt(connection->fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)) < 0)
			die("TCP_FASTOPEN_CONNECT");
		return connect(connection->fd, address, length);
	}
	if (strcmp(scenario->fast, "sendto") == 0) {
		sent = scenario->by == BY_SYSCALL
			       ? syscall(SYS_sendto, connection->fd, zeros, data.iov_len, flags, address, length)
			       : sendto(connection->fd, zeros, data.iov_len, flags, address, length);
	} else if (strcmp(scenario->fast, "sendmsg") == 0) {
		sent = sendmsg(connection->fd, &message.msg_hdr, flags);
	} else {
		sent = sendmmsg(connection->fd, &message, 1, flags);
		if (sent == 1)
			sent = message.msg_len;
	}
	if (sent < 0)
		return -1;
	connection->tx_bytes += (unsigned long long)sent;
	return 0;
}

/* --- words that make sockets ------------------------------------------------------------------------------ */

void do_listen(struct scenario *scenario, const char *where)
{
	union address address;
	socklen_t length = address_parse(&address, where);
	int fd = socket(address.sa.sa_family, SOCK_STREAM, protocol(scenario)), on = 1, off = 0;
	int queue = FASTOPEN_QUEUE;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (scenario->reuseport)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (scenario->fastopen && setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue)) < 0)
		die("TCP_FASTOPEN");
	if (address.sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, &address.sa, length) < 0 || listen(fd, scenario->backlog) < 0)
		die("listen %s", where);
	scenario->listener = fd;
}

void do_port_file(const struct scenario *scenario, const char *name)
{
	char temporary[4096];
	union address address;
	socklen_t length = sizeof(address);
	FILE *file;

	if (getsockname(scenario->listener, &address.sa, &length) < 0)
		die("port-file: no listener");
	snprintf(temporary, sizeof(temporary), "%s.%d", name, (int)getpid());
	file = fopen(temporary, "we");
	/* The port stands at the same place in both families. */
	if (!file || fprintf(file, "%u\n", ntohs(((struct sockaddr_in *)&address)->sin_port)) < 0 ||
	    fclose(file) != 0 || rename(temporary, name) < 0)
		die("%s", name);
}

/* The own listener; one on any address is reached on the loopback address of its family. */
static socklen_t own_address(const struct scenario *scenario, union address *address)
{
	socklen_t length = sizeof(*address);
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
	struct sockaddr_in *four = (struct sockaddr_in *)address;

	if (getsockname(scenario->listener, &address->sa, &length) < 0)
		die("connect=self: no listener");
	if (address->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr))
		six->sin6_addr = in6addr_loopback;
	else if (address->sa.sa_family == AF_INET && four->sin_addr.s_addr == INADDR_ANY)
		four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return length;
}

/* A connect that has no answer yet goes on in the background. */
static bool is_undecided(int error)
{
	return error == EINPROGRESS || error == EINTR || error == EALREADY;
}

void do_connect(struct scenario *scenario, const char *where)
{
	union address address;
	socklen_t length =
		strcmp(where, "self") == 0 ? own_address(scenario, &address) : address_parse(&address, where);
	struct connection *connection;
	bool fast = scenario->fast[0] != '\0';
	int fd = scenario->again, error;

	if (fd < 0)
		fd = socket(address.sa.sa_family, SOCK_STREAM | type_flags(scenario), protocol(scenario));
	scenario->again = -1;
	if (fd < 0)
		die("socket");
	if (scenario->bind_length && bind(fd, &scenario->bind.sa, scenario->bind_length) < 0)
		die("bind");
	scenario->bind_length = 0;
	connection = connection_new(fd, "out");
	connection->remote = address;
	if (fast)
		error = call_fast(scenario, connection, &address.sa, length) < 0 ? errno : 0;
	else
		error = call_connect(scenario, fd, &address.sa, length) < 0 ? errno : 0;
	connection->call_ns = now_ns();
	/* With Fast Open success may only mean that the data will go with the SYN. */
	if (!is_undecided(error) &&
	    !(error == 0 && fast && (scenario->nonblock || strcmp(scenario->fast, "connect") == 0)))
		connection_outcome(connection, error);
	scenario->fast[0] = '\0';
	connection_names(connection);
	scenario->connection = connection;
}

void do_connect_again(struct scenario *scenario)
{
	struct connection *connection = current(scenario, "connect-again");
	union address address = connection->remote;
	int error = call_connect(scenario, connection->fd, &address.sa, sizeof(address)) < 0 ? errno : 0;

	if (strcmp(connection->result, "pending") == 0 && !is_undecided(error))
		connection_outcome(connection, error == EISCONN ? 0 : error);
	connection_names(connection);
}

void do_disconnect(struct scenario *scenario)
{
	struct connection *connection = current(scenario, "disconnect");
	const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

	connection_ended(connection, "local");
	if (strcmp(connection->result, "pending") == 0)
		connection->result = "abort";
	scenario->again = connection->fd;
	if (call_connect(scenario, connection->fd, &nowhere, sizeof(nowhere)) < 0)
		die("disconnect");
	forget(scenario, "disconnect");
}

void do_accept(struct scenario *scenario, const char *word)
{
	bool four = word[strlen("accept")] == '4', address = !strstr(word, "-null"), cut = strstr(word, "-short");
	union address peer;
	socklen_t length;
	struct connection *connection = connection_new(-1, "in");

	do {
		length = cut ? SHORT_ADDRESS : sizeof(peer);
		connection->begin_ns = now_ns();
		connection->fd = call_accept(scenario, four, address ? &peer.sa : NULL, address ? &length : NULL);
	} while (connection->fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (connection->fd < 0)
		die("accept");
	connection->reported_fd = connection->fd;
	connection->call_ns = now_ns();
	connection_outcome(connection, 0);
	/* Once it has been reset, only accept still knows who it was. */
	if (address && !cut)
		connection->remote = peer;
	connection_names(connection);
	scenario->connection = connection;
}

void do_move(struct scenario *scenario, const char *how)
{
	struct connection *connection = current(scenario, "moved");
	int old = connection->fd, fd = -1, process;

	if (strcmp(how, "dup") == 0) {
		fd = dup(old);
	} else if (strcmp(how, "dup2") == 0 || strcmp(how, "dup3") == 0) {
		/* Over a descriptor that is in use already. */
		fd = open("/dev/null", O_RDONLY);
		fd = how[3] == '2' ? dup2(old, fd) : dup3(old, fd, O_CLOEXEC);
	} else if (strcmp(how, "fcntl") == 0) {
		fd = fcntl(old, F_DUPFD, 30);
	} else if (strcmp(how, "fcntl-cloexec") == 0) {
		fd = fcntl(old, F_DUPFD_CLOEXEC, 30);
	} else if (strcmp(how, "pidfd") == 0) {
		process = (int)syscall(SYS_pidfd_open, getpid(), 0U);
		fd = (int)syscall(SYS_pidfd_getfd, process, old, 0U);
		close(process);
	}
	if (fd < 0)
		die("moved=%s", how);
	close(old);
	connection->fd = fd;
}

static void on_interrupt(int number)
{
	(void)number;
}

void do_interrupt(int ms, bool restart)
{
	const struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = restart ? SA_RESTART : 0};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	const struct itimerspec when = {.it_value = {ms / 1000, ms % 1000 * 1000000L}};
	timer_t timer;

	if (sigaction(SIGUSR1, &action, NULL) < 0 || timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 ||
	    timer_settime(timer, 0, &when, NULL) < 0)
		die("interrupt");
}

/* A connect(2) on a socket that is not TCP. */
void do_other(int family, const char *where)
{
	int fd = socket(family, family == AF_UNIX ? SOCK_STREAM : SOCK_DGRAM, 0);
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	union address address;

	if (fd < 0)
		die("socket");
	if (family == AF_UNIX) {
		snprintf(path.sun_path, sizeof(path.sun_path), "%s", where);
		(void)!connect(fd, (struct sockaddr *)&path, sizeof(path));
	} else if (connect(fd, &address.sa, address_parse(&address, where)) < 0) {
		die("udp=%s", where);
	}
	close(fd);
}
