// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/backlog.h"

#include <netinet/tcp.h>

#include "base/clock.h"

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

static void see(void *context, const struct event *event)
{
	struct backlog *backlog = context;
	struct event found = *event;

	if ((event->info.state != TCP_LISTEN && !waits(&event->info)) ||
	    !tracker_listens(backlog->tracker, &event->flow))
		return;
	found.info.reason = event->info.state != TCP_LISTEN && is_older(backlog, event) ? INFO_EXISTING : INFO_WAITING;
	backlog->feed(backlog->context, &found);
}

void backlog_look(struct backlog *backlog, bool now)
{
	const uint32_t states = 1U << TCP_LISTEN | 1U << TCP_ESTABLISHED | 1U << TCP_CLOSE_WAIT;
	int64_t now_ns = clock_monotonic();
	struct err ignored;

	if (backlog->diag == NULL || (!now && now_ns < backlog->due_ns))
		return;
	(void)diag_dump(backlog->diag, states, see, backlog, &ignored);
	backlog->due_ns = now_ns + CLOCK_NS_PER_SEC;
}
