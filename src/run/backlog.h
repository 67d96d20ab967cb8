/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_BACKLOG_H
#define CONNTRACE_RUN_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "system/diag.h"
#include "track/tracker.h"

/**
 * struct backlog - the accept queues of the watched processes' listening sockets, queried each second, or each
 * five where that takes long
 *
 * Connections that wait there are established, but no call shows them: each is passed to the tracker as EVENT_INFO of
 * INFO_WAITING. So is each of these listening sockets, with the length of its queue, and those of other processes on
 * their ports.
 *
 * @diag: NULL: nothing is queried
 * @tracker: has the ports that watched processes listen on
 * @feed: takes an event
 * @context: for @feed
 * @due_ns: monotonic: time of the next query
 * @pause_ns: between the previous one and that
 * @listed_ns: since the epoch: when the listening sockets were listed last
 * @asked_ns: since the epoch: when the connections were queried last
 * @start_ns: since the epoch: start of the run
 * @failed: tracker_failed_accepts() at the previous query
 * @repeats: queries that were made again for @is_repeated
 * @is_repeated: a connection is left to the next query, which comes soon
 * @is_filled: one of the queues was not empty at the previous query
 */
struct backlog {
	struct diag *diag;
	struct tracker *tracker;
	void (*feed)(void *context, struct event *event);
	void *context;
	int64_t due_ns;
	int64_t pause_ns;
	int64_t listed_ns;
	int64_t asked_ns;
	int64_t start_ns;
	uint64_t failed;
	unsigned int repeats;
	bool is_repeated;
	bool is_filled;
};

/** backlog_sample() - query the queues, if it is time to, or at once with @now */
void backlog_sample(struct backlog *backlog, bool now);

#endif
