// SPDX-License-Identifier: GPL-2.0-or-later
#include "mkconn_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* How often a condition that has no descriptor to poll is looked at. */
#define LOOK_NS 1000000L

void die(const char *format, ...)
{
	int error = errno;
	va_list arguments;

	va_start(arguments, format);
	fputs("mkconn: ", stderr);
	vfprintf(stderr, format, arguments);
	fprintf(stderr, ": %s\n", strerror(error));
	va_end(arguments);
	_exit(2);
}

int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void look_again(void)
{
	nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
}

/* The file is renamed into its place, so that once there it is whole. */
static unsigned int port_from_file(const char *name)
{
	unsigned int port;
	FILE *file;

	while (!(file = fopen(name, "re"))) {
		if (errno != ENOENT)
			die("%s", name);
		look_again();
	}
	if (fscanf(file, "%u", &port) != 1)
		die("%s: no port", name);
	fclose(file);
	return port;
}

socklen_t address_parse(union address *address, const char *text)
{
	const char *colon = strrchr(text, ':');
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
	struct sockaddr_in *four = (struct sockaddr_in *)address;
	char ip[INET6_ADDRSTRLEN];
	unsigned int port;
	size_t length;

	errno = EINVAL;
	/* A file's name may have colons of its own. */
	if (strstr(text, ":@"))
		colon = strstr(text, ":@");
	if (!colon)
		die("%s: ADDRESS:PORT expected", text);
	length = (size_t)(colon - text);
	if (text[0] == '[' && length >= 2) {
		text++;
		length -= 2;
	}
	if (length >= sizeof(ip))
		die("%s: address too long", text);
	memcpy(ip, text, length);
	ip[length] = '\0';
	port = colon[1] == '@' ? port_from_file(colon + 2) : (unsigned int)strtoul(colon + 1, NULL, 10);

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, ip, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		return sizeof(*four);
	}
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET6, ip, &six->sin6_addr) != 1)
		die("%s: not an address", ip);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)port);
	return sizeof(*six);
}

/* The own PID in the PID namespace of the mounted /proc, which may be another one. */
static void own_ids(int *pid, int *tid)
{
	char link[64];
	ssize_t length = readlink("/proc/thread-self", link, sizeof(link) - 1);

	link[length > 0 ? length : 0] = '\0';
	if (sscanf(link, "%d/task/%d", pid, tid) == 2)
		return;
	*pid = (int)getpid();
	*tid = (int)syscall(SYS_gettid);
}

struct connection *connection_new(int fd, const char *dir)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		die("memory");
	connection->fd = fd;
	connection->reported_fd = fd;
	own_ids(&connection->pid, &connection->tid);
	connection->dir = dir;
	connection->result = "pending";
	connection->begin_ns = now_ns();
	return connection;
}

unsigned int address_port(const union address *address)
{
	if (address->sa.sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&address->sa)->sin_port);
	return address->sa.sa_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)&address->sa)->sin6_port) : 0;
}

void connection_names(struct connection *connection)
{
	socklen_t length = sizeof(connection->local);
	union address remote;

	if (getsockname(connection->fd, &connection->local.sa, &length) < 0)
		connection->local.sa.sa_family = AF_UNSPEC;
	length = sizeof(remote);
	/* A connect that failed has no peer to ask for; what was asked for stands already. */
	if (getpeername(connection->fd, &remote.sa, &length) == 0)
		connection->remote = remote;
}

void connection_outcome(struct connection *connection, int error)
{
	connection->outcome_ns = now_ns();
	connection->error = error;
	switch (error) {
	case 0:
		connection->result = "ok";
		break;
	case ECONNREFUSED:
		connection->result = "refused";
		break;
	case ETIMEDOUT:
		connection->result = "timeout";
		break;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EACCES: /* what a route of type prohibit says */
		connection->result = "unreach";
		break;
	default:
		connection->result = "failed";
		break;
	}
}

void connection_ended(struct connection *connection, const char *who)
{
	if (!connection->first_end)
		connection->first_end = who;
	if (!connection->eof_ns && strncmp(who, "remote", strlen("remote")) == 0)
		connection->eof_ns = now_ns();
}

/* After a failed transfer. Return: try again? A socket that is not ready is waited for. */
static bool transfer_failed(struct connection *connection, short events)
{
	struct pollfd ready = {.fd = connection->fd, .events = events};

	if (errno == EINTR)
		return true;
	if (errno == EAGAIN)
		return poll(&ready, 1, -1) >= 0 || errno == EINTR;
	if (!connection->io_error)
		connection->io_error = errno;
	if (errno == ECONNRESET || errno == EPIPE)
		connection_ended(connection, "remote-reset");
	return false;
}

void connection_send(struct connection *connection, unsigned long long count)
{
	static const char zeros[65536];

	while (count > 0) {
		size_t part = count < sizeof(zeros) ? (size_t)count : sizeof(zeros);
		ssize_t sent = send(connection->fd, zeros, part, MSG_NOSIGNAL);

		if (sent < 0) {
			if (transfer_failed(connection, POLLOUT))
				continue;
			return;
		}
		connection->tx_bytes += (unsigned long long)sent;
		count -= (unsigned long long)sent;
	}
}

void connection_receive(struct connection *connection, unsigned long long count)
{
	char bytes[65536];

	while (count > 0) {
		size_t part = count < sizeof(bytes) ? (size_t)count : sizeof(bytes);
		ssize_t received = recv(connection->fd, bytes, part, 0);

		if (received < 0) {
			if (transfer_failed(connection, POLLIN))
				continue;
			return;
		}
		if (received == 0) {
			connection_ended(connection, "remote");
			return;
		}
		connection->rx_bytes += (unsigned long long)received;
		count -= (unsigned long long)received;
	}
}

void connection_wait_bytes(const struct connection *connection, int count)
{
	int waiting = 0;

	while (ioctl(connection->fd, FIONREAD, &waiting) == 0 && waiting < count)
		look_again();
}

void connection_poll(struct connection *connection, short events)
{
	struct pollfd ready = {.fd = connection->fd, .events = events};

	while (poll(&ready, 1, -1) < 0)
		if (errno != EINTR)
			die("poll");
	if (events & POLLOUT && strcmp(connection->result, "pending") == 0) {
		connection->outcome_ns = now_ns();
		/* Which failure, only SO_ERROR says. */
		connection->result = ready.revents & POLLERR ? "failed" : "ok";
		connection_names(connection);
	} else if (events & POLLRDHUP) {
		connection_ended(connection, ready.revents & POLLERR ? "remote-reset" : "remote");
	}
}

void connection_so_error(struct connection *connection, bool raw)
{
	int64_t outcome_ns = connection->outcome_ns;
	int error, rc;
	socklen_t length = sizeof(error);

	if (raw)
		rc = (int)syscall(SYS_getsockopt, connection->fd, SOL_SOCKET, SO_ERROR, &error, &length);
	else
		rc = getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &length);
	if (rc < 0)
		die("getsockopt");
	connection_outcome(connection, error);
	connection->asked_ns = connection->outcome_ns;
	if (outcome_ns)
		connection->outcome_ns = outcome_ns;
}

static const char *errno_name(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{ECONNREFUSED, "ECONNREFUSED"},
		{ETIMEDOUT, "ETIMEDOUT"},
		{EHOSTUNREACH, "EHOSTUNREACH"},
		{ENETUNREACH, "ENETUNREACH"},
		{EACCES, "EACCES"},
		{EINPROGRESS, "EINPROGRESS"},
		{ECONNRESET, "ECONNRESET"},
		{EPIPE, "EPIPE"},
		{ECONNABORTED, "ECONNABORTED"},
		{EPERM, "EPERM"},
		{EADDRNOTAVAIL, "EADDRNOTAVAIL"},
		{EINTR, "EINTR"},
		{EINVAL, "EINVAL"},
		{ENOTCONN, "ENOTCONN"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].error == error)
			return names[i].name;
	return "other";
}

/* Appends the address as "X":"...","Y":port or both null, IPv4-mapped addresses as IPv4. Return: length */
static int address_json(char *text, size_t size, const union address *address, char side)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *four = (const struct sockaddr_in *)address;
	char ip[INET6_ADDRSTRLEN];
	unsigned int port;

	if (address->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &four->sin_addr, ip, sizeof(ip));
		port = ntohs(four->sin_port);
	} else if (address->sa.sa_family == AF_INET6) {
		if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
			inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], ip, sizeof(ip));
		else
			inet_ntop(AF_INET6, &six->sin6_addr, ip, sizeof(ip));
		port = ntohs(six->sin6_port);
	} else {
		return snprintf(text, size, "\"%caddr\":null,\"%cport\":null,", side, side);
	}
	return snprintf(text, size, "\"%caddr\":\"%s\",\"%cport\":%u,", side, ip, side, port);
}

void connection_truth(const struct connection *c, const char *file, const char *how)
{
	char local[128], remote[128], ended[32] = "null", line[1024];
	int fd, length, last_pid, last_tid;

	if (!file)
		return;
	own_ids(&last_pid, &last_tid);
	address_json(local, sizeof(local), &c->local, 'l');
	address_json(remote, sizeof(remote), &c->remote, 'r');
	if (c->first_end)
		snprintf(ended, sizeof(ended), "\"%s\"", c->first_end);
	length = snprintf(line, sizeof(line),
			  "{\"pid\":%d,\"last_pid\":%d,\"tid\":%d,\"fd\":%d,\"dir\":\"%s\",%s%s\"result\":\"%s\","
			  "\"errno\":\"%s\","
			  "\"io_errno\":\"%s\",\"rx_bytes\":%llu,\"tx_bytes\":%llu,\"first_end\":%s,\"how\":\"%s\","
			  "\"begin_ns\":%lld,\"call_ns\":%lld,\"outcome_ns\":%lld,\"asked_ns\":%lld,\"eof_ns\":%lld,"
			  "\"end_ns\":%lld}\n",
			  c->pid, last_pid, c->tid, c->reported_fd, c->dir, local, remote, c->result,
			  c->error ? errno_name(c->error) : "", c->io_error ? errno_name(c->io_error) : "", c->rx_bytes,
			  c->tx_bytes, ended, how, (long long)c->begin_ns, (long long)c->call_ns,
			  (long long)c->outcome_ns, (long long)c->asked_ns, (long long)c->eof_ns, (long long)now_ns());
	fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, line, (size_t)length) != length)
		die("%s", file);
	close(fd);
}
