/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_REPLAY_STRACE_SOCKETS_H
#define CONNTRACE_SOURCE_REPLAY_STRACE_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/event.h"
#include "source/replay/strace_line.h"

/** enum strace_socket_kind - types of sockets, as far as they matter */
enum strace_socket_kind {
	STRACE_SOCKET_UNKNOWN,
	STRACE_SOCKET_TCP,
	STRACE_SOCKET_OTHER,
};

/**
 * struct strace_socket - a socket, while a descriptor of it is known
 * @holders: number of descriptors
 * @cookie: generated, 0: no connection yet
 * @kind: enum strace_socket_kind
 * @local: its end, port 0 unknown
 * @remote: the other end, port 0 unknown
 * @bound: what bind(2) or getsockname(2) said, port 0 unknown
 */
struct strace_socket {
	size_t holders;
	uint64_t cookie;
	uint8_t kind;
	struct endpoint local;
	struct endpoint remote;
	struct endpoint bound;
};

/** struct strace_sockets - the descriptors of processes that are sockets */
struct strace_sockets;

/** strace_sockets_new() - an empty set */
struct strace_sockets *strace_sockets_new(void);

/** strace_sockets_free() - free it; NULL is allowed */
void strace_sockets_free(struct strace_sockets *sockets);

/** strace_sockets_find() - the socket at a descriptor, or NULL */
struct strace_socket *strace_sockets_find(struct strace_sockets *sockets, int32_t process, int64_t fd);

/** strace_sockets_add() - add a socket; an earlier one there is closed, though the log did not show it */
struct strace_socket *strace_sockets_add(struct strace_sockets *sockets, int32_t process, int64_t fd);

/** strace_sockets_hold() - one more descriptor of a socket, at a number without one */
void strace_sockets_hold(struct strace_sockets *sockets, int32_t process, int64_t fd, struct strace_socket *socket);

/** strace_sockets_drop() - the descriptor is closed; the socket goes with its last one */
void strace_sockets_drop(struct strace_sockets *sockets, int32_t process, int64_t fd);

/** strace_sockets_any() - some descriptor of the process, -1 when it has none */
int64_t strace_sockets_any(const struct strace_sockets *sockets, int32_t process);

/** strace_sockets_bound() - what bind(2), or getsockname(2) after port 0 was asked for, says; @socket may be NULL */
void strace_sockets_bound(struct strace_socket *socket, const struct strace_line *line);

/**
 * strace_sockets_listens() - a port with a listener accepts: which of two ends does is known before accept(2) returns
 * @socket: NULL unknown
 * @line: a listen(2)
 * @time_ns: when it returned
 * @event: filled
 *
 * Return: is it TCP, and its port known?
 */
bool strace_sockets_listens(const struct strace_socket *socket, const struct strace_line *line, int64_t time_ns,
			    struct event *event);

#endif
