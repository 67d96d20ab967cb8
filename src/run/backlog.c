// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/backlog.h"

#include <netinet/tcp.h>

#include "base/clock.h"

/* Shortest time between two queries of the queues, however often accept(2) fails. */
#define FAILED_NS (100 * CLOCK_NS_PER_MS)

/* Return: true for a socket without a file, which accept(2) has not taken yet. */
static bool waits(const struct event_info *info)
{
	return info->inode == 0 && info->bytes_received >= 0 &&
	       (info->state == TCP_ESTABLISHED || info->state == TCP_CLOSE_WAIT);
}

/* True when older than the run. It has sent nothing, so the kernel's time of its last sending is its creation. */
static bool is_older(const struct backlog *backlog, const struct event *event)
{
	return event->info.last_data_sent_ms >= 0 &&
	       event->time_ns - event->info.last_data_sent_ms * CLOCK_NS_PER_MS < backlog->start_ns;
}

static void see_listener(void *context, const struct event *event)
{
	struct backlog *backlog = context;
	struct event found = *event;

	if (!tracker_listens(backlog->tracker, &event->flow))
		return;
	backlog->is_filled |= event->info.rqueue > 0;
	found.info.reason = INFO_WAITING;
	/* The tracker knows by the time which ones are in the same list. */
	found.time_ns = backlog->listed_ns;
	backlog->feed(backlog->context, &found);
}

static void see_waiting(void *context, const struct event *event)
{
	struct backlog *backlog = context;
	struct event found = *event;
	enum tracker_listener listener = LISTENER_OTHER;

	if (waits(&event->info))
		listener = tracker_listener(backlog->tracker, event);
	if (listener == LISTENER_OTHER)
		return;
	found.info.reason = listener == LISTENER_OWN && is_older(backlog, event) ? INFO_EXISTING : INFO_WAITING;
	backlog->feed(backlog->context, &found);
}

void backlog_sample(struct backlog *backlog, bool now)
{
	uint64_t failed = tracker_failed_accepts(backlog->tracker);
	int64_t now_ns = clock_monotonic();
	/* After a failure of accept(2) the queue is queried before the next second. */
	int64_t due_ns = backlog->due_ns - (failed != backlog->failed ? CLOCK_NS_PER_SEC - FAILED_NS : 0);
	struct err ignored;

	if (backlog->diag == NULL || (!now && now_ns < due_ns))
		return;
	backlog->failed = failed;
	backlog->is_filled = false;
	backlog->listed_ns = clock_now();
	(void)diag_dump(backlog->diag, 1U << TCP_LISTEN, see_listener, backlog, &ignored);
	/* For this list the kernel walks all its sockets. */
	if (backlog->is_filled)
		(void)diag_dump(backlog->diag, 1U << TCP_ESTABLISHED | 1U << TCP_CLOSE_WAIT, see_waiting, backlog,
				&ignored);
	backlog->due_ns = now_ns + CLOCK_NS_PER_SEC;
}
