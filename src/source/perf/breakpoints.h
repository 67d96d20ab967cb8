/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PERF_BREAKPOINTS_H
#define CONNTRACE_SOURCE_PERF_BREAKPOINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/queue.h"
#include "model/endpoint.h"

struct source_ops;

/** struct breakpoints - reports each connect(2), on request each accept(2), of processes that are not stopped */
struct breakpoints;

/**
 * struct breakpoints_config - whom to watch
 * @pids: processes
 * @pid_count: their number
 * @follow: their children, too
 * @accepts: accept(2), too; @one_accept: what a program accepts by another call than it usually does may be missed
 * @events: where events go; the caller keeps ownership
 * @sampled_ns: when the last sample of the sockets that these processes hold began, 0 none yet
 * @reported_ns: up to this time a connection that no sample shows has ended, and its final counters have been pushed,
 *at *pushed_ns at the latest
 * @find_listener: gives the address of the listening socket with this inode number; false: unknown
 * @context: passed to these
 */
struct breakpoints_config {
	const pid_t *pids;
	size_t pid_count;
	bool follow;
	bool accepts, one_accept;
	struct queue *events;
	int64_t (*sampled_ns)(const void *context);
	int64_t (*reported_ns)(const void *context, int64_t *pushed_ns);
	bool (*find_listener)(const void *context, uint32_t inode, struct endpoint *local);
	const void *context;
};

/** breakpoints_check() - whether this user may use them; Return: 0, or a negative errno with the reason in @err */
int breakpoints_check(struct err *err);

/** breakpoints_free() - how many breakpoints of the processor a thread can have now; an x86 has four */
int breakpoints_free(void);

/**
 * breakpoints_suit() - whether they show all that processes connect, as far as that can be known before
 * @pids: processes
 * @count: their number
 * @follow: their children, too
 * @err: why not: a shell, or a process that has executed another program or uses io_uring(7); or as breakpoints_open()
 *
 * Return: 0, or a negative errno.
 */
int breakpoints_suit(const pid_t *pids, size_t count, bool follow, struct err *err);

/**
 * breakpoints_open() - set them
 * @breakpoints: set on success
 * @config: is copied; its pids are not needed afterwards
 * @err: the message of a failure
 *
 * The kernel removes them when this process ends, whichever way.
 *
 * Return: 0, or a negative errno.
 */
int breakpoints_open(struct breakpoints **breakpoints, const struct breakpoints_config *config, struct err *err);

/** breakpoints_fd() - readable (poll(2)) when records wait */
int breakpoints_fd(const struct breakpoints *breakpoints);

/** breakpoints_read() - push the events of the records that wait; Return: how many */
int breakpoints_read(struct breakpoints *breakpoints);

/** breakpoints_settled_ns() - events up to this time have been pushed */
int64_t breakpoints_settled_ns(const struct breakpoints *breakpoints);

/** breakpoints_notice() - the next line for the user, valid until the next call; NULL none */
const char *breakpoints_notice(struct breakpoints *breakpoints);

/** breakpoints_drain() - the run is over: push the last events, and count what was lost */
void breakpoints_drain(struct breakpoints *breakpoints);

/** breakpoints_close() - remove them; NULL is fine */
void breakpoints_close(struct breakpoints *breakpoints);

/** breakpoints_source - they as a source of the run's loop */
extern const struct source_ops breakpoints_source;

#endif
