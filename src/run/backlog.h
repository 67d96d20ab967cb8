/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_BACKLOG_H
#define CONNTRACE_RUN_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "system/diag.h"
#include "track/tracker.h"

/**
 * struct backlog - the accept queues of the targets' listening sockets, asked for once a second
 *
 * What waits there has come about, and no call tells of it: each is given to the tracker as EVENT_INFO of INFO_WAITING,
 * and so is each of these listening sockets, with the length of its queue, and those of other processes on their ports.
 *
 * @diag: NULL when nothing is asked
 * @tracker: knows the ports that targets listen on
 * @feed: takes an event
 * @context: for @feed
 * @due_ns: monotonic: when they are asked for next
 * @listed_ns: since the epoch: when the listening sockets were listed last
 * @start_ns: since the epoch: when the run began
 * @failed: tracker_failed_accepts() when they were queried last
 * @is_filled: one of the queues had something in it when they were queried last
 */
struct backlog {
	struct diag *diag;
	struct tracker *tracker;
	void (*feed)(void *context, struct event *event);
	void *context;
	int64_t due_ns;
	int64_t listed_ns;
	int64_t start_ns;
	uint64_t failed;
	bool is_filled;
};

/** backlog_sample() - ask, if it is time to, or at once with @now */
void backlog_sample(struct backlog *backlog, bool now);

#endif
