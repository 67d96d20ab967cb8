// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * uring - connections by io_uring(7) alone whose scenario is known
 *
 *   uring truth=FILE serve ADDRESS PORTFILE COUNT fd|direct [ready=FILE]
 *   uring truth=FILE call ADDRESS PORTFILE COUNT fd|direct [hold=PREFIX]
 *
 * COUNT connections, one after the other: the caller sends 10 bytes and its
 * FIN, the server answers with 20 and closes. Accept, connect, send, receive,
 * shutdown and close are io_uring's, one submission each; with "direct" the
 * sockets have no descriptor but a place in the ring's table. The truth is
 * reported as mkconn does; a direct one has descriptor -1 and, where it was
 * opened, no local end. With ready the server makes FILE and waits for a line
 * before it accepts; with hold each connection waits for the file
 * PREFIX.LPORT-RPORT, its ports, as mkconn's do: a direct one, which does not
 * know its own port, for any of its other end.
 *
 * Exit status: 0, 2 when the scenario could not be played, 77 without io_uring.
 */
#include "mkconn_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES 4
#define EXIT_NO_URING 77
#define LIMIT_SEC 150

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array;
	unsigned int *cq_head, *cq_tail, *cq_mask;
	struct io_uring_cqe *cqes;
	struct io_uring_sqe *sqes;
};

static void ring_open(struct ring *ring)
{
	struct io_uring_params params = {0};
	struct io_uring_rsrc_register table = {.nr = 8, .flags = IORING_RSRC_REGISTER_SPARSE};
	size_t size;
	char *queues;

	ring->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &params);
	if (ring->fd < 0) {
		fprintf(stderr, "uring: io_uring_setup: %s\n", strerror(errno));
		exit(EXIT_NO_URING);
	}
	size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	queues = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, params.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED,
			  ring->fd, IORING_OFF_SQES);
	if (!(params.features & IORING_FEAT_SINGLE_MMAP) || queues == MAP_FAILED || ring->sqes == MAP_FAILED)
		die("mmap");
	ring->sq_tail = (unsigned int *)(queues + params.sq_off.tail);
	ring->sq_mask = (unsigned int *)(queues + params.sq_off.ring_mask);
	ring->sq_array = (unsigned int *)(queues + params.sq_off.array);
	ring->cq_head = (unsigned int *)(queues + params.cq_off.head);
	ring->cq_tail = (unsigned int *)(queues + params.cq_off.tail);
	ring->cq_mask = (unsigned int *)(queues + params.cq_off.ring_mask);
	ring->cqes = (struct io_uring_cqe *)(queues + params.cq_off.cqes);
	if (syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_FILES2, &table, sizeof(table)) < 0)
		die("IORING_REGISTER_FILES2");
}

/* One operation, waited for. Return: its result, -1 with errno set on failure */
static int operate(struct ring *ring, const struct io_uring_sqe *operation)
{
	unsigned int tail = *ring->sq_tail, at = tail & *ring->sq_mask, head;
	int result;

	ring->sqes[at] = *operation;
	ring->sq_array[at] = at;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
	while (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		if (errno != EINTR)
			die("io_uring_enter");
	while (__atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) == *ring->cq_head)
		syscall(SYS_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	head = *ring->cq_head;
	result = ring->cqes[head & *ring->cq_mask].res;
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	if (result < 0)
		errno = -result;
	return result < 0 ? -1 : result;
}

static int on_socket(struct ring *ring, int opcode, int socket, bool direct, void *bytes, unsigned int length)
{
	struct io_uring_sqe operation = {
		.opcode = (__u8)opcode,
		.fd = socket,
		.flags = direct ? IOSQE_FIXED_FILE : 0,
		.addr = (uintptr_t)bytes,
		.len = length,
	};
	int result = operate(ring, &operation);

	if (result < 0)
		die("operation %d", opcode);
	return result;
}

static void transfer(struct ring *ring, struct connection *connection, int socket, bool direct, int send)
{
	char bytes[64] = "";
	int got;

	if (send > 0) {
		connection->tx_bytes +=
			(unsigned int)on_socket(ring, IORING_OP_SEND, socket, direct, bytes, (unsigned int)send);
		return;
	}
	while ((got = on_socket(ring, IORING_OP_RECV, socket, direct, bytes, sizeof(bytes))) > 0)
		connection->rx_bytes += (unsigned int)got;
	connection_ended(connection, "remote");
}

static void end(struct ring *ring, struct connection *connection, int socket, bool direct, const char *truth)
{
	struct io_uring_sqe operation = {
		.opcode = IORING_OP_CLOSE,
		.fd = direct ? 0 : socket,
		.file_index = direct ? (__u32)socket + 1 : 0,
	};

	connection_ended(connection, "local");
	if (operate(ring, &operation) < 0)
		die("close");
	connection_truth(connection, truth, "close");
	free(connection);
}

static int listen_at(union address *address, socklen_t length, const char *port_file)
{
	int listener = socket(address->sa.sa_family, SOCK_STREAM, 0);
	char temporary[4096];
	FILE *file;

	if (listener < 0 || bind(listener, &address->sa, length) < 0 || listen(listener, 16) < 0)
		die("listen");
	getsockname(listener, &address->sa, &length);
	snprintf(temporary, sizeof(temporary), "%s.new", port_file);
	file = fopen(temporary, "we");
	if (!file || fprintf(file, "%u\n", ntohs(((struct sockaddr_in *)address)->sin_port)) < 0 || fclose(file) != 0 ||
	    rename(temporary, port_file) < 0)
		die("%s", port_file);
	return listener;
}

/* One who watches must have seen the listener first. */
static void be_ready(const char *name)
{
	char letter;
	int file = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	if (file < 0 || close(file) < 0 || read(STDIN_FILENO, &letter, 1) < 0)
		die("%s", name);
}

/* One who watches must have found the connection first. */
static void hold(const struct connection *connection, bool direct, const char *prefix)
{
	char local[16] = "*", pattern[4096];
	glob_t found;

	if (!direct)
		snprintf(local, sizeof(local), "%u", address_port(&connection->local));
	snprintf(pattern, sizeof(pattern), "%s.%s-%u", prefix, local, address_port(&connection->remote));
	while (glob(pattern, 0, NULL, &found) == GLOB_NOMATCH)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	globfree(&found);
}

static void serve(struct ring *ring, const char *where, const char *port_file, int count, bool direct,
		  const char *truth, const char *ready)
{
	union address address, peer;
	socklen_t length = address_parse(&address, where), peer_length;
	int listener = listen_at(&address, length, port_file);

	if (ready)
		be_ready(ready);
	for (int i = 0; i < count; i++) {
		struct io_uring_sqe operation = {
			.opcode = IORING_OP_ACCEPT,
			.fd = listener,
			.addr = (uintptr_t)&peer,
			.addr2 = (uintptr_t)&peer_length,
			.file_index = direct ? IORING_FILE_INDEX_ALLOC : 0,
		};
		struct connection *connection = connection_new(-1, "in");
		int socket;

		peer_length = sizeof(peer);
		socket = operate(ring, &operation);
		if (socket < 0)
			die("accept");
		connection->reported_fd = direct ? -1 : socket;
		connection->local = address;
		connection->remote = peer;
		connection_outcome(connection, 0);
		transfer(ring, connection, socket, direct, 0);
		transfer(ring, connection, socket, direct, 20);
		end(ring, connection, socket, direct, truth);
	}
}

static void call(struct ring *ring, const char *where, int count, bool direct, const char *truth, const char *prefix)
{
	union address address;
	socklen_t length = address_parse(&address, where);

	for (int i = 0; i < count; i++) {
		struct io_uring_sqe make = {
			.opcode = IORING_OP_SOCKET,
			.fd = address.sa.sa_family,
			.off = SOCK_STREAM,
			.file_index = direct ? IORING_FILE_INDEX_ALLOC : 0,
		};
		int socket = operate(ring, &make);
		struct io_uring_sqe reach = {
			.opcode = IORING_OP_CONNECT,
			.fd = socket,
			.flags = direct ? IOSQE_FIXED_FILE : 0,
			.addr = (uintptr_t)&address,
			.off = length,
		};
		struct connection *connection;

		if (socket < 0)
			die("socket");
		connection = connection_new(direct ? -1 : socket, "out");
		connection->remote = address;
		if (operate(ring, &reach) < 0)
			die("connect");
		connection_outcome(connection, 0);
		if (!direct) {
			connection->fd = socket;
			connection_names(connection);
		}
		if (prefix)
			hold(connection, direct, prefix);
		transfer(ring, connection, socket, direct, 10);
		connection_ended(connection, "local");
		on_socket(ring, IORING_OP_SHUTDOWN, socket, direct, NULL, SHUT_WR);
		transfer(ring, connection, socket, direct, 0);
		end(ring, connection, socket, direct, truth);
	}
}

int main(int argc, char **argv)
{
	struct ring ring;
	char where[4096], *option = NULL;
	bool direct;

	if (argc == 8)
		option = strchr(argv[7], '=');
	if (argc < 7 || argc > 8 || (argc == 8 && !option))
		return 2;
	alarm(LIMIT_SEC);
	ring_open(&ring);
	direct = strcmp(argv[6], "direct") == 0;
	if (strcmp(argv[2], "serve") == 0) {
		snprintf(where, sizeof(where), "%s:0", argv[3]);
		serve(&ring, where, argv[4], atoi(argv[5]), direct, argv[1] + strlen("truth="),
		      option ? option + 1 : NULL);
	} else {
		snprintf(where, sizeof(where), "%s:@%s", argv[3], argv[4]);
		call(&ring, where, atoi(argv[5]), direct, argv[1] + strlen("truth="), option ? option + 1 : NULL);
	}
	return 0;
}
