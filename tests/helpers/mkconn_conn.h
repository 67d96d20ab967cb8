/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TESTS_HELPERS_MKCONN_CONN_H
#define CONNTRACE_TESTS_HELPERS_MKCONN_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/** An address of either family, as the socket calls want it. */
union address {
	struct sockaddr sa;
	struct sockaddr_storage storage;
};

/**
 * struct connection - one connection and what its program knows of it
 *
 * @next: the list of all open ones of a thread
 * @fd: its descriptor now
 * @reported_fd: the first one
 * @pid: the process that opened or accepted it, as /proc has it
 * @tid: the thread, likewise
 * @dir: "in" or "out"
 * @local: own end; family AF_UNSPEC when unknown
 * @remote: the other end
 * @result: "ok", "refused", "timeout", "unreach", "failed" (other errno), "pending" before the outcome is known
 * @error: errno of the outcome
 * @io_error: errno of the first failed transfer, 0 none
 * @rx_bytes: what the program read
 * @tx_bytes: what the kernel took
 * @first_end: side that ended it first, as the program saw it: "local", "remote", "remote-reset", NULL while open
 * @begin_ns: before the call that made it
 * @call_ns: after that call
 * @outcome_ns: when the outcome was known
 * @asked_ns: when SO_ERROR had been asked for
 * @eof_ns: when the other side's end was seen, 0 never
 */
struct connection {
	struct connection *next;
	int fd;
	int reported_fd;
	int pid;
	int tid;
	const char *dir;
	union address local;
	union address remote;
	const char *result;
	int error;
	int io_error;
	unsigned long long rx_bytes;
	unsigned long long tx_bytes;
	const char *first_end;
	int64_t begin_ns;
	int64_t call_ns;
	int64_t outcome_ns;
	int64_t asked_ns;
	int64_t eof_ns;
};

/** die() - "mkconn: what: strerror" on stderr, exit 2: the scenario could not be played */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

/** now_ns() - CLOCK_REALTIME */
int64_t now_ns(void);

/** address_parse() - "192.0.2.1:80", "[::1]:80"; "PORT" may be "@FILE", which is waited for; Return: length */
socklen_t address_parse(union address *address, const char *text);

/** connection_new() - an undecided connection over @fd, by this thread, begun now */
struct connection *connection_new(int fd, const char *dir);

/** connection_names() - ask the socket for its two ends */
void connection_names(struct connection *connection);

/** connection_outcome() - the outcome is known: errno @error, 0 for success */
void connection_outcome(struct connection *connection, int error);

/** connection_send() - @count bytes, unless it fails */
void connection_send(struct connection *connection, unsigned long long count);

/** connection_receive() - until @count bytes, the end or an error; UINT64_MAX for all */
void connection_receive(struct connection *connection, unsigned long long count);

/** connection_ended() - @who ended it, unless it has ended before; @who is a string literal */
void connection_ended(struct connection *connection, const char *who);

/** connection_poll() - until the connect is decided (POLLOUT) or the other side has ended it (POLLRDHUP) */
void connection_poll(struct connection *connection, short events);

/** address_port() - 0 unknown */
unsigned int address_port(const union address *address);

/** connection_so_error() - read SO_ERROR: which outcome it was; @raw: by syscall(2) */
void connection_so_error(struct connection *connection, bool raw);

/** connection_wait_bytes() - until @count unread bytes wait in the receive queue */
void connection_wait_bytes(const struct connection *connection, int count);

/** connection_truth() - append its truth to @file as one JSON line, @how it went; @file NULL writes nothing */
void connection_truth(const struct connection *connection, const char *file, const char *how);

#endif
