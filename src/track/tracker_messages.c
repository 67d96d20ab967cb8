// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include "base/xalloc.h"
#include "track/untold.h"

/* What applications say on connections, and whom it is told of. */

static void set_host(struct record *record, const struct message *message)
{
	if (record != NULL && record->conn.host == NULL && message->host[0] != '\0')
		record->conn.host = xstrdup(message->host);
}

struct teller {
	struct tracker *tracker;
	struct record *record;
};

/* untold_function */
static void tell(void *context, const struct message *message, int64_t time_ns)
{
	const struct teller *teller = context;
	struct conn conn;

	tracker_settle(teller->tracker, teller->record, &conn);
	teller->tracker->notify.message(teller->tracker->notify.context, &conn, message, time_ns);
}

/* Several networks have connections with these ends: nothing tells which one the message is of. */
static bool is_ambiguous(const struct tracker *tracker, const struct flow *flow)
{
	uint32_t hash = flow_hash(&tracker->config.flow_key, flow);
	int count[2] = {0, 0};
	size_t at = SIZE_MAX;
	const struct record *record;
	bool is_reverse;

	while ((record = record_table_next(tracker->table, flow, hash, &at, &is_reverse)) != NULL)
		count[is_reverse] += !record->told;
	return count[0] > 1 || count[1] > 1;
}

void tracker_messages_feed(struct tracker *tracker, const struct event *event)
{
	const struct message *message = &tracker->message;
	struct flow flow = event->flow, reverse;
	struct record *ends[2], *told = NULL, *waits = NULL;

	if (!message_join(&tracker->message, &event->message))
		return;
	if (flow.netns == 0)
		flow.netns = tracker->config.netns;
	if (is_ambiguous(tracker, &flow)) {
		tracker->account.lost[LOST_MESSAGES]++;
		return;
	}
	reverse = flow_reverse(&flow);
	ends[0] = record_table_find_flow(tracker->table, &flow);
	ends[1] = record_table_find_flow(tracker->table, &reverse);
	for (int i = 0; i < 2; i++) {
		set_host(ends[i], message);
		if (ends[i] == NULL)
			continue;
		/* Who speaks is on the left of @flow. */
		tracker_observe_message(tracker, ends[i], message, event->time_ns, i == 0 ? WIRE_LOCAL : WIRE_REMOTE,
					i == 1 && ends[0] != NULL);
		/* The same of the two whoever speaks. */
		if (tracker_wants(tracker, ends[i]) && (told == NULL || ends[i]->conn.id < told->conn.id))
			told = ends[i];
		if (waits == NULL || ends[i]->conn.id < waits->conn.id)
			waits = ends[i];
	}
	if (tracker->notify.message == NULL)
		return;
	if (told != NULL)
		tell(&(struct teller){tracker, told}, message, event->time_ns);
	else if (waits != NULL && !waits->told)
		waits->untold = untold_add(waits->untold, &tracker->untold, message, event->time_ns);
}

void tracker_messages_claimed(struct tracker *tracker, struct record *record)
{
	struct untold *untold = record->untold;

	if (untold == NULL)
		return;
	record->untold = NULL;
	tracker->account.lost[LOST_MESSAGES] +=
		(int64_t)untold_tell(untold, tell, &(struct teller){tracker, record});
}

void tracker_messages_joined(struct tracker *tracker, struct record *to, struct record *from)
{
	if (from->untold == NULL)
		return;
	untold_free(to->untold);
	to->untold = from->untold;
	from->untold = NULL;
	if (tracker_wants(tracker, to))
		tracker_messages_claimed(tracker, to);
}
