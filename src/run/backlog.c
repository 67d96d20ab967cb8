// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/backlog.h"

#include <netinet/tcp.h>

#include "base/clock.h"

/* Queues are queried so often at most, however often accept(2) fails. */
#define FAILED_NS (100 * CLOCK_NS_PER_MS)

/* Nobody has it until accept(2) makes a file of it. */
static bool waits(const struct event_info *info)
{
	return info->inode == 0 && info->bytes_received >= 0 &&
	       (info->state == TCP_ESTABLISHED || info->state == TCP_CLOSE_WAIT);
}

/* It has sent nothing itself, so the kernel's mark of when it last did is that of its birth. */
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
	/* accept(2) has failed: what it left in the queue may not wait for the next second. */
	int64_t due_ns = backlog->due_ns - (failed != backlog->failed ? CLOCK_NS_PER_SEC - FAILED_NS : 0);
	struct err ignored;

	if (backlog->diag == NULL || (!now && now_ns < due_ns))
		return;
	backlog->failed = failed;
	backlog->is_filled = false;
	backlog->listed_ns = clock_now();
	(void)diag_dump(backlog->diag, 1U << TCP_LISTEN, see_listener, backlog, &ignored);
	/* The kernel walks all its sockets for this list. */
	if (backlog->is_filled)
		(void)diag_dump(backlog->diag, 1U << TCP_ESTABLISHED | 1U << TCP_CLOSE_WAIT, see_waiting, backlog,
				&ignored);
	backlog->due_ns = now_ns + CLOCK_NS_PER_SEC;
}
