/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_SOCKETS_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/endpoint.h"

/** enum audit_socket_kind - types of sockets, as far as they matter */
enum audit_socket_kind {
	/** the log does not show the socket(2) that made it */
	AUDIT_SOCKET_UNKNOWN,
	AUDIT_SOCKET_TCP,
	AUDIT_SOCKET_OTHER,
};

/**
 * struct audit_socket - the socket at a descriptor of a process
 * @node: host, see struct audit_call
 * @pid: process; 0: the place is free
 * @fd: descriptor
 * @kind: enum audit_socket_kind
 * @is_shared: another descriptor or process has it too, so that its close(2) does not end it
 * @cookie: generated, 0: no connection yet
 * @since_ns: when it was made
 * @connect_error: errno of the last connect(2), -1 there was none
 * @local: what it is bound to, or its end, port 0 unknown
 * @remote: the other end, port 0 unknown
 */
struct audit_socket {
	uint32_t node;
	int32_t pid;
	int32_t fd;
	uint8_t kind;
	bool is_shared;
	uint64_t cookie;
	int64_t since_ns;
	int32_t connect_error;
	struct endpoint local;
	struct endpoint remote;
};

/**
 * struct audit_process - a process of which calls were read
 * @node: host
 * @pid: process; 0: the place is free
 * @exe_hash: of the path of its program file
 * @forked_ns: when it last copied its descriptors, CLOCK_UNKNOWN never
 */
struct audit_process {
	uint32_t node;
	int32_t pid;
	uint64_t exe_hash;
	int64_t forked_ns;
};

/** struct audit_sockets - sockets and processes; their number is limited, those used longest ago make room */
struct audit_sockets;

/** audit_sockets_new() - an empty set */
struct audit_sockets *audit_sockets_new(void);

/** audit_sockets_free() - free it; NULL is allowed */
void audit_sockets_free(struct audit_sockets *sockets);

/** audit_sockets_find() - the socket at a descriptor, valid until the next call; NULL: unknown */
struct audit_socket *audit_sockets_find(struct audit_sockets *sockets, uint32_t node, int32_t pid, int32_t fd);

/** audit_sockets_add() - a socket that was made at @time_ns; one that was there before is closed */
struct audit_socket *audit_sockets_add(struct audit_sockets *sockets, uint32_t node, int32_t pid, int32_t fd,
				       int64_t time_ns);

/** audit_sockets_drop() - the descriptor is closed */
void audit_sockets_drop(struct audit_sockets *sockets, uint32_t node, int32_t pid, int32_t fd);

/** audit_sockets_process() - the process, made when it is new, valid until the next call */
struct audit_process *audit_sockets_process(struct audit_sockets *sockets, uint32_t node, int32_t pid);

/** audit_sockets_forgotten() - how many with a connection had to make room */
uint64_t audit_sockets_forgotten(const struct audit_sockets *sockets);

#endif
