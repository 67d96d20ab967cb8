// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/backlog.h"

#include <netinet/tcp.h>

#include "base/clock.h"

/* Shortest time between two queries of the queues, however often accept(2) fails. */
#define FAILED_NS (100 * CLOCK_NS_PER_MS)

/*
 * Without failures they are a second apart, and more if a query takes long, as with many sockets: about a hundredth of
 * the time. On a busy machine a query that waited for a processor seems to be long, so the pause has a limit.
 */
#define PAUSE_LEAST_NS CLOCK_NS_PER_SEC
#define PAUSE_MOST_NS (5 * CLOCK_NS_PER_SEC)
#define SHARE 100

/* A connection about which the answer came too late to know whether it is older than the run is queried so often again.
 */
#define REPEATS_MAX 10

/* The kernel counts times of sockets in ticks; with CONFIG_HZ=100 they are the longest. */
#define TICK_MOST_NS (10 * CLOCK_NS_PER_MS)

/* Return: true for a socket without a file, which accept(2) has not taken yet. */
static bool waits(const struct event_info *info)
{
	return info->inode == 0 && info->bytes_received >= 0 &&
	       (info->state == TCP_ESTABLISHED || info->state == TCP_CLOSE_WAIT);
}

/*
 * True when it is certain that it was created before @start_ns. It has sent nothing, so the kernel's time of its last
 * sending is its creation, which came up to a tick later. @at_ns: when the kernel gave that time
 */
static bool is_older(const struct event *event, int64_t at_ns, int64_t start_ns)
{
	return event->info.last_data_sent_ms >= 0 &&
	       at_ns - event->info.last_data_sent_ms * CLOCK_NS_PER_MS + TICK_MOST_NS < start_ns;
}

/* On a busy machine an answer may be read long after the kernel gave it, which was not before the query. */
static bool is_undecided(const struct backlog *backlog, const struct event *event)
{
	return is_older(event, backlog->asked_ns, backlog->start_ns) !=
	       is_older(event, event->time_ns, backlog->start_ns);
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
	if (backlog->repeats < REPEATS_MAX && is_undecided(backlog, event)) {
		backlog->is_repeated = true;
		return;
	}
	found.info.reason = INFO_WAITING;
	if (listener == LISTENER_OWN && is_older(event, event->time_ns, backlog->start_ns))
		found.info.reason = INFO_EXISTING;
	backlog->feed(backlog->context, &found);
}

void backlog_sample(struct backlog *backlog, bool now)
{
	uint64_t failed = tracker_failed_accepts(backlog->tracker);
	int64_t now_ns = clock_monotonic();
	/* After a failure of accept(2) the queue is queried soon. */
	int64_t due_ns = backlog->due_ns - (failed != backlog->failed ? backlog->pause_ns - FAILED_NS : 0);
	struct err ignored;

	if (backlog->diag == NULL || (!now && now_ns < due_ns))
		return;
	backlog->failed = failed;
	backlog->is_filled = false;
	backlog->listed_ns = clock_now();
	(void)diag_dump(backlog->diag, 1U << TCP_LISTEN, see_listener, backlog, &ignored);
	/* The query at the end is the last one. */
	if (now)
		backlog->repeats = REPEATS_MAX;
	backlog->is_repeated = false;
	backlog->asked_ns = clock_now();
	/* For this list the kernel walks all its sockets. */
	if (backlog->is_filled)
		(void)diag_dump(backlog->diag, 1U << TCP_ESTABLISHED | 1U << TCP_CLOSE_WAIT, see_waiting, backlog,
				&ignored);
	backlog->repeats += backlog->is_repeated;
	backlog->pause_ns = clock_sooner((clock_monotonic() - now_ns) * SHARE, PAUSE_MOST_NS);
	if (backlog->pause_ns < PAUSE_LEAST_NS)
		backlog->pause_ns = PAUSE_LEAST_NS;
	if (backlog->is_repeated)
		backlog->pause_ns = FAILED_NS;
	backlog->due_ns = now_ns + backlog->pause_ns;
}
