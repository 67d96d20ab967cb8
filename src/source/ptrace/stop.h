/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_STOP_H
#define CONNTRACE_SOURCE_PTRACE_STOP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/notices.h"
#include "base/queue.h"
#include "model/event.h"
#include "source/ptrace/diag_fallback.h"
#include "source/ptrace/tracee.h"

/*
 * Reports of a stopped thread. While it is stopped its sockets are read and events are gathered; after it has been
 * resumed they are pushed, so that it never waits for a queue.
 */

/* A description takes PROCFS_PROCESS_EVENTS, a sample 2; loops push after each sample. */
#define STOP_EVENTS 64

/**
 * struct stop - events gathered at one stop
 * @queue: where they go
 * @table: all traced threads
 * @netns: conntrace's network namespace, 0 unknown
 * @time_ns: when the stop was seen
 * @count: number of entries in @events
 * @events: the events
 * @held: events in order of time that wait for the end of a process, @held_count of them, @held_size allocated
 * @holds: the end of a process is awaited: events are held
 * @pushed: some were pushed since the reader was last woken for them
 * @notices: lines for the user
 * @diag_fallback: reads sockets where they can't be duplicated
 * @filtered: traced processes run under the system-call filter, which decides where they stop
 * @closes: closing is traced
 * @follows: children are traced
 * @made_up: number of generated cookies
 * @lingers: a listening socket that was read may have got SO_LINGER since
 * @asks_linger: SO_LINGER is to be read with the next socket
 * @resets: close(2) resets the connection of the socket that a thread has just got, and does not stop
 * @close_filter: the filter that is added then (stop_linger.c), without instructions until needed
 */
struct stop {
	struct queue *queue;
	const struct tracee_table *table;
	uint32_t netns;
	int64_t time_ns;
	size_t count;
	struct event events[STOP_EVENTS];
	struct event *held;
	size_t held_count, held_size;
	bool holds, pushed;
	struct notices *notices;
	struct diag_fallback diag_fallback;
	bool filtered;
	bool closes;
	bool follows;
	uint64_t made_up;
	bool lingers, asks_linger;
	bool resets;
	struct sock_fprog close_filter;
};

/** stop_push() - push the gathered events, or hold them */
void stop_push(struct stop *stop);

/** stop_release() - push the events that are held up to this time; INT64_MAX: hold no more */
void stop_release(struct stop *stop, int64_t until_ns);

/** stop_gather() - a new event, to be filled in; there must be room */
struct event *stop_gather(struct stop *stop, enum event_type type, enum event_origin origin);

/** stop_gather_call() - a new EVENT_CALL of a thread, and before it the description of its process, unless reported */
struct event *stop_gather_call(struct stop *stop, const struct tracee *tracee, enum call_kind kind, int fd);

/** stop_gather_socket() - the counters @info of the socket that @call is about */
void stop_gather_socket(struct stop *stop, struct event *call, const struct event *info, enum info_reason reason);

/** stop_read - socket_read() or one of its siblings */
typedef int stop_read(int socket, struct event *event);

/**
 * stop_read_socket() - duplicate a descriptor of a process, read it, close it
 *
 * While the duplicate is open the program's close(2) would not send its FIN. It is therefore open only while the
 * program is stopped or, for a few microseconds, while connections older than the run are read.
 *
 * Return: 0 or a negative errno.
 */
int stop_read_socket(struct stop *stop, struct target *target, int fd, stop_read *read, struct event *info);

/**
 * stop_check_sealed() - check whether a process may be inspected (sealed.h)
 *
 * Tells the user when that has become false; forgets the list of its sockets when it is true.
 */
void stop_check_sealed(struct stop *stop, struct target *target);

/**
 * stop_at_call() - a thread stopped at a call: at its entry, its exit, or where the filter stops it
 * @stop: gathers events
 * @tracee: its @call and @in_call are updated
 * @by_filter: the filter has stopped it; a kernel before 5.3 does not report this itself
 */
void stop_at_call(struct stop *stop, struct tracee *tracee, bool by_filter);

/** stop_error() - the errno of a call's result, 0 for success; EINTR where the kernel would restart it */
int stop_error(int64_t value);

/** stop_take() - a thread's process has descriptor @fd, which it did not get by accept(2) or connect(2) */
void stop_take(struct stop *stop, struct tracee *tracee, int fd);

/** stop_takes_control() - whether a recvmsg(2) or recvmmsg(2) that is entered wants control data */
bool stop_takes_control(const struct tracee *tracee);

/** stop_received() - it returned @value: take the descriptors that came with it */
void stop_received(struct stop *stop, struct tracee *tracee, int64_t value);

/**
 * stop_is_shared() - whether another traced process holds the same socket
 *
 * Searched where fork(2) leaves it, under the same descriptor number.
 */
bool stop_is_shared(struct stop *stop, const struct target *target, int fd, uint64_t cookie);

/** stop_refused_ptrace() - ptrace(2) refused a debugger inside; if the cause is this trace, the user gets a notice */
void stop_refused_ptrace(struct stop *stop, const struct tracee *tracee);

/** stop_executed() - a process has executed a program; if it lost a privilege by that, the user gets a notice */
void stop_executed(struct stop *stop, const struct tracee *tracee);

/** stop_describe() - report name and user of a process, unless reported since its last exec */
void stop_describe(struct stop *stop, struct target *target);

/** Results of an interrupted call at the exit stop: ERESTARTSYS and the others of linux/errno.h. */
#define STOP_RESTART_FIRST 512

/** stop_accept_failed() - gather an accept(2) that failed for another reason than the lack of a connection */
void stop_accept_failed(struct stop *stop, struct tracee *tracee, int error);

/** stop_listens() - gather that a target listens on the socket of its listen(2) */
void stop_listens(struct stop *stop, struct tracee *tracee);

/** stop_linger_set() - setsockopt(2) of SO_LINGER was entered: close(2) may follow that resets the connection */
void stop_linger_set(struct stop *stop, struct tracee *tracee);

/** stop_linger_ask() - before the socket that a call has returned is read: whether SO_LINGER is read with it */
void stop_linger_ask(struct stop *stop, const struct tracee *tracee);

/** stop_linger_got() - afterwards: its close(2) may reset the connection; @tracee still has the call */
void stop_linger_got(const struct stop *stop, struct tracee *tracee);

/** stop_linger_add() - in the exit stop of a call: let close(2) of the process stop from now on, if that is wanted */
void stop_linger_add(struct stop *stop, struct tracee *tracee);

/** stop_linger_closes() - whether a call that was entered is that close(2) */
bool stop_linger_closes(struct tracee *tracee);

#endif
