// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/counters.h"

#include "system/tcp_info.h"

/* A state changes a handful of times in a socket's life. */
#define QUERIES_MAX 8

int counters_settle(struct diag *diag, struct event *event)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < QUERIES_MAX; i++) {
		struct event next;

		rc = diag_query(diag, &event->flow, event->info.cookie, &next);
		if (rc != 0 || next.info.state == event->info.state)
			break;
		*event = next;
	}
	return rc;
}

void counters_settle_or_unknown(struct diag *diag, struct event *event)
{
	const struct event_info first = event->info;

	if (counters_settle(diag, event) == 0 && event->info.bytes_received >= 0)
		return;
	tcp_info_unknown(&event->info);
	event->info.reason = first.reason;
	event->info.cookie = first.cookie;
	event->info.inode = first.inode;
	event->info.uid = first.uid;
	event->info.state = first.state;
}
