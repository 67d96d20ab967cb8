/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PERF_CONNECT_CALLS_H
#define CONNTRACE_SOURCE_PERF_CONNECT_CALLS_H

#include <stddef.h>
#include <stdint.h>

#include "model/endpoint.h"
#include "model/event.h"
#include "source/perf/hit_records.h"
#include "source/perf/sites.h"

/** Most events of one hit. */
#define CONNECT_CALLS_MAX 2

/** struct connect_calls - the sockets of watched processes, by their calls of socket(2), connect(2) and accept(2) */
struct connect_calls;

/** connect_calls_new() - none yet */
struct connect_calls *connect_calls_new(void);

/** connect_calls_free() - NULL is fine */
void connect_calls_free(struct connect_calls *calls);

/** connect_calls_fork() - @pid is a new process, with the descriptors of @parent */
void connect_calls_fork(struct connect_calls *calls, pid_t pid, pid_t parent, uint64_t time);

/**
 * connect_calls_take() - a call has returned
 * @calls: the sockets
 * @hit: HIT_CALL; hits come in the order of their times
 * @call: enum site_call
 * @time_ns: of the events
 * @events: EVENT_CALL, with cookies that identify the attempts (EVENT_COOKIE_MADE_UP)
 *
 * Return: how many there are.
 */
size_t connect_calls_take(struct connect_calls *calls, const struct hit *hit, enum site_call call, int64_t time_ns,
			  struct event events[CONNECT_CALLS_MAX]);

/** struct known_listener - @inode: of a listening socket, 0 unknown; @local: its address */
struct known_listener {
	uint32_t inode;
	struct endpoint local;
};

/** connect_calls_listener() - what is known of the listening socket on a descriptor; to be changed, until the next call
 */
struct known_listener *connect_calls_listener(struct connect_calls *calls, pid_t pid, int fd);

/** connect_calls_unclear() - calls of connect(2) that are no event: the kind of the socket is not known */
uint64_t connect_calls_unclear(const struct connect_calls *calls);

/** connect_calls_nameless() - calls of accept(2) that are no event: the peer's address is not on the stack */
uint64_t connect_calls_nameless(const struct connect_calls *calls);

#endif
