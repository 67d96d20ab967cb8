/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_TRACEE_H
#define CONNTRACE_SOURCE_PTRACE_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/endpoint.h"
#include "source/ptrace/syscalls.h"

struct exit_socket;
struct sealed;
struct uring;

/** Number of sockets of a process that are remembered while their SYN waits for the first send. */
#define DEFERRED_MAX 16

/** enum close_stops - whether close(2) of a process stops where the filter of the run leaves it out (stop_linger.c) */
enum close_stops {
	CLOSE_STOPS_NOT,
	/** from the next exit stop of a call on where that is possible */
	CLOSE_STOPS_WANTED,
	CLOSE_STOPS_ADDED,
	CLOSE_STOPS_REFUSED,
};

/**
 * struct target - a traced process (thread group)
 * @pid: thread group id
 * @pidfd: for pidfd_getfd(2); -1 until needed, then a descriptor or, permanently, a negative errno below -1
 * @pidfd_tid: its thread
 * @tid: the thread that stopped last
 * @leader_ended: the first thread has ended (pthread_exit(3) in main), the others continue
 * @owns_descriptors: proven: no other process has the same descriptor table (CLONE_FILES of clone(2))
 * @threads: traced threads in it
 * @netns: inode of its network namespace, 0 unknown
 * @exiting: number of threads that are about to end
 * @described: its name has been reported since its last exec
 * @exit_reported: its end has been reported
 * @sockets: bit set by descriptor number: TCP connections seen. A bit may be stale (closing is not always
 *	    traced), so its user reads the socket itself
 * @words: length of @sockets in 64-bit words
 * @deferred: descriptors of sockets whose SYN waits for the first send (deferred.h)
 * @deferred_count: their number
 * @uring: its io_urings, NULL none known
 * @is_sealed: it may not be inspected (sealed.h)
 * @sealed: its sockets then, NULL none known
 * @end_ns: when its last thread was about to end
 * @exit_sockets: the connections it had open then
 * @holding_count: their number
 * @close_stops: whether its filters stop at close(2), in a run where not all do; inherited with the filters
 * @close_tries: exit stops where that was not possible
 * @plain_listener: one more than the descriptor of a listening socket without SO_LINGER, 0 none known
 * @asked: tracer_others() has counted it; until the next time
 * @let_go: at least one of its threads was detached at its exit stop: its end is not reported
 */
struct target {
	pid_t pid;
	int pidfd;
	pid_t pidfd_tid;
	pid_t tid;
	bool leader_ended;
	bool owns_descriptors;
	unsigned int threads;
	unsigned int exiting;
	uint32_t netns;
	bool described;
	bool exit_reported;
	uint64_t *sockets;
	size_t words;
	int deferred[DEFERRED_MAX];
	size_t deferred_count;
	struct uring *uring;
	bool is_sealed;
	struct sealed *sealed;
	int64_t end_ns;
	struct exit_socket *exit_sockets;
	size_t holding_count;
	enum close_stops close_stops;
	unsigned int close_tries;
	int plain_listener;
	bool asked;
	bool let_go;
};

/**
 * struct tracee - a traced thread
 * @tid: thread id
 * @target: its process
 * @announced: its parent's stop has reported it; its own first stop, and even its end, may come earlier
 * @exiting: about to end
 * @in_call: between the entry and the exit stop of a call
 * @call: that call; SYSCALL_OTHER when its exit does not matter
 * @begin_ns: when it was entered
 * @remote: connect: the destination
 * @interrupted: its last connect(2) was interrupted by a signal
 * @entry_cookie: connect: the socket's cookie when the call was entered, 0 not queried
 * @linger_fd: a connection that close(2) resets (SO_LINGER)
 * @linger_calls: calls of the thread that are still stopped for until that close(2)
 * @signals_held: in a call during which signals are blocked (signal_hold.h)
 * @mask: the signals that it blocks by itself
 * @end_status: its end, as wait(2) would report it; 0 until that is known
 * @next: chain of the table
 */
struct tracee {
	pid_t tid;
	struct target *target;
	bool announced;
	bool exiting;
	bool in_call;
	struct syscall call;
	int64_t begin_ns;
	struct endpoint remote;
	bool interrupted;
	uint64_t entry_cookie;
	int linger_fd;
	unsigned int linger_calls;
	bool signals_held;
	uint64_t mask;
	int end_status;
	struct tracee *next;
};

/** struct tracee_table - all traced threads by tid */
struct tracee_table;

/** tracee_table_new() - an empty table */
struct tracee_table *tracee_table_new(void);

/** tracee_table_free() - free it and all in it; NULL is allowed */
void tracee_table_free(struct tracee_table *table);

/** tracee_find() - Return: the thread or NULL */
struct tracee *tracee_find(const struct tracee_table *table, pid_t tid);

/**
 * tracee_add() - a thread is traced from now on
 * @table: the table
 * @tid: the thread, not yet in the table
 * @pid: its thread group; a new struct target is made when none of its threads is in the table
 * @parent: for a new process: the process whose descriptors it inherited; NULL unknown
 */
struct tracee *tracee_add(struct tracee_table *table, pid_t tid, pid_t pid, const struct target *parent);

/**
 * tracee_is_at() - whether the thread is still in the stop of this PTRACE_EVENT_; if killed meanwhile it is in its exit
 * stop
 */
bool tracee_is_at(const struct tracee *tracee, int event);

/** tracee_message() - the message of the event that it stopped at; Return: false when it is unknown */
bool tracee_message(const struct tracee *tracee, int event, unsigned long *message);

/** tracee_exiting() - it is about to end, or, after exec in another thread, it is not */
void tracee_exiting(struct tracee *tracee, bool exiting);

/** tracee_take() - take a thread out of the table; its process keeps counting it until tracee_free() */
void tracee_take(struct tracee_table *table, struct tracee *tracee);

/** tracee_free() - free a thread that is in no table, and its process with the last one */
void tracee_free(struct tracee *tracee);

/** tracee_remove() - the thread is gone; frees its process with the last one */
void tracee_remove(struct tracee_table *table, struct tracee *tracee);

/**
 * tracee_end_early() - a thread has ended that its parent has not reported yet
 *
 * It must not come back as a thread that never ends when the parent reports it.
 */
void tracee_end_early(struct tracee_table *table, pid_t tid);

/**
 * tracee_ended_early() - its parent reports a thread now; Return: true when it was noted as ended; the note is removed
 * then
 */
bool tracee_ended_early(struct tracee_table *table, pid_t tid);

/** tracee_count() - number of traced threads */
size_t tracee_count(const struct tracee_table *table);

/** tracee_next() - walk over the threads, in no order; NULL begins and ends */
struct tracee *tracee_next(const struct tracee_table *table, const struct tracee *previous);

/** target_inherit() - it was created with the descriptors of @parent */
void target_inherit(struct target *target, const struct target *parent);

/** target_born() - @parent has created the process @child: check whether each has a descriptor table of its own */
void target_born(struct target *child, struct target *parent);

/**
 * target_is_alone() - whether only the stopped thread can change the process's descriptors
 *
 * Where there is another thread, another process with the same table, or an io_uring (some have threads of the kernel),
 * a descriptor may be another one a moment later. Unproven is false.
 */
bool target_is_alone(const struct target *target);

/** target_descriptors() - the thread that has the process's descriptors: the first one, or another if that has ended */
pid_t target_descriptors(const struct target *target);

/** target_mark_socket() - set or clear the bit of a descriptor */
void target_mark_socket(struct target *target, int fd, bool is_socket);

/** target_next_socket() - the first marked descriptor >= @from, or -1 */
int target_next_socket(const struct target *target, int from);

#endif
