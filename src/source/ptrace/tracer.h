/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_TRACER_H
#define CONNTRACE_SOURCE_PTRACE_TRACER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/queue.h"

struct source_ops;

/**
 * struct tracer_user - the user of a launched command
 * @uid: user
 * @gid: primary group
 * @groups: supplementary groups
 * @group_count: their number
 */
struct tracer_user {
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	int group_count;
};

/**
 * struct tracer_config - the processes to trace
 * @events: where the tracing thread puts its events; read by tracer_read()'s caller only
 * @pids: processes to attach to
 * @pid_count: their number
 * @command: NULL-terminated argument vector of a command to launch, or NULL
 * @user: the user to launch it as, or NULL for the same user
 * @mask: the signal mask the command is started with
 * @follow: trace children and threads too
 * @filter: launch under a seccomp filter, so that only calls of interest stop. The command can't outlive the
 *	    tracer then. Needs @follow, else the children's calls would fail
 * @closes: the filter stops for close(2), dup2(2), dup3(2) and close_range(2) too, also of descriptors that
 *	    are no sockets
 * @no_uring: the filter lets the command have no io_uring(7)
 * @opened: called in the tracing thread, with @opened_context, when it traces
 * @opened_context: passed to @opened
 */
struct tracer_config {
	struct queue *events;
	const pid_t *pids;
	size_t pid_count;
	char *const *command;
	const struct tracer_user *user;
	sigset_t mask;
	bool follow;
	bool filter;
	bool closes;
	bool no_uring;
	void (*opened)(const void *context);
	const void *opened_context;
};

/**
 * struct tracer - the source of EVENT_CALL: a thread that traces with ptrace(2)
 *
 * Its verbs are those of source/source.h. NAME_fd() is an eventfd that turns
 * readable when events wait after tracer_sleep(), and at the end.
 */
struct tracer;

/**
 * tracer_open() - launch or attach
 * @tracer: set on success
 * @config: is copied, except for what its pointers refer to, which must live as long
 * @exit_status: set on failure: the exit status env(1) would have (125 own failure, 126 can't be executed,
 *	    127 not found), 1 when attaching
 * @err: the message
 *
 * Return: 0 when at least one process is traced, or a negative errno. Nothing remains on failure.
 */
int tracer_open(struct tracer **tracer, const struct tracer_config *config, int *exit_status, struct err *err);

/**
 * tracer_refused() - the @index-th process that could not be attached, and why; NULL after the last
 *
 * When none could, tracer_open() failed with the last reason.
 */
const char *tracer_refused(const struct tracer *tracer, size_t index);

/** tracer_notice() - the next line for the user about traced processes; Return: NULL when there is none */
const char *tracer_notice(struct tracer *tracer);

/** tracer_source - the tracer in the loop of a run */
extern const struct source_ops tracer_source;

/** tracer_fd() - see source/source.h */
int tracer_fd(const struct tracer *tracer);

/**
 * tracer_read() - number of events that have come since the last call
 *
 * Unlike other sources it moves none: the thread puts them into their queue itself.
 *
 * Return: their number, SOURCE_END once no traced process is left and all have been taken.
 */
int tracer_read(struct tracer *tracer);

/**
 * tracer_settled_ns() - all events up to this time have been pushed
 *
 * A traced process continues before the events of its stop are pushed, and the thread may have to wait for a processor
 * in between: later events of other sources wait for it. To be called after those other sources have been read.
 *
 * Return: INT64_MAX when no stop is being handled.
 */
int64_t tracer_settled_ns(const struct tracer *tracer);

/**
 * tracer_sleep() - request to be woken through tracer_fd() by the next event; Return: false when events wait already
 */
bool tracer_sleep(struct tracer *tracer);

/** tracer_command() - process ID of the launched command, 0 none or it has ended */
pid_t tracer_command(const struct tracer *tracer);

/** tracer_status() - wait status of the launched command; Return: false while it runs or when none was launched */
bool tracer_status(const struct tracer *tracer, int *status);

/**
 * tracer_others() - list the traced processes, and send them a signal
 * @tracer: the tracer
 * @number: the signal, sent to each of them that existed when this was called; 0: none
 * @pids: the first of them
 * @room: size of @pids
 *
 * Return: number of processes.
 */
size_t tracer_others(struct tracer *tracer, int number, pid_t *pids, size_t room);

/** tracer_command_stopped() - whether the launched command is stopped by a signal (job control) */
bool tracer_command_stopped(const struct tracer *tracer);

/** tracer_stops() - number of stops of traced threads up to now */
uint64_t tracer_stops(const struct tracer *tracer);

/**
 * tracer_close() - end tracing
 *
 * Attached processes, and those launched without the filter, continue: the kernel detaches them when the tracing thread
 * ends, which does not disturb them, while PTRACE_DETACH would first have to interrupt their system calls. Those
 * launched with the filter are killed by the kernel.
 */
void tracer_close(struct tracer *tracer);

#endif
