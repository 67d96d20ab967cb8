// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include "base/xalloc.h"
#include "track/pending_messages.h"

/* Messages of applications, and the end for which each is reported. */

static void set_host(struct record *record, const struct message *message)
{
	if (record != NULL && record->conn.host == NULL && message->host[0] != '\0')
		record->conn.host = xstrdup(message->host);
}

struct reporter {
	struct tracker *tracker;
	struct record *record;
};

static bool tell_of(struct tracker *tracker, struct record *record, const struct message *message, int64_t time_ns)
{
	struct conn conn;

	tracker_settle(tracker, record, &conn);
	return tracker->notify.message(tracker->notify.context, &conn, message, time_ns);
}

/* pending_messages_function */
static void tell(void *context, const struct message *message, int64_t time_ns)
{
	const struct reporter *reporter = context;

	(void)tell_of(reporter->tracker, reporter->record, message, time_ns);
}

/* Whether @record is reported before @other: the acceptor is, whichever side sends, unless the other one was alone. */
static bool goes_first(const struct record *record, const struct record *other)
{
	if (record->goes_first != other->goes_first)
		return record->goes_first;
	if (record->wire == NULL || wire_dir(record->wire) == DIR_UNKNOWN)
		return record->conn.id > other->conn.id;
	return wire_dir(record->wire) == DIR_IN;
}

/* Several networks have connections with these ends: the message may be of any of them. */
static bool is_ambiguous(const struct tracker *tracker, const struct flow *flow)
{
	uint32_t hash = flow_hash(&tracker->config.flow_key, flow);
	int count[2] = {0, 0};
	size_t at = SIZE_MAX;
	const struct record *record;
	bool is_reverse;

	while ((record = record_table_next(tracker->table, flow, hash, &at, &is_reverse)) != NULL)
		count[is_reverse] += !record->reported;
	return count[0] > 1 || count[1] > 1;
}

void tracker_messages_feed(struct tracker *tracker, const struct event *event)
{
	const struct message *message = &tracker->message;
	struct flow flow = event->flow, reverse;
	struct record *ends[2], *reported[2] = {NULL, NULL}, *waits = NULL;

	if (!message_join(&tracker->message, &event->message))
		return;
	if (flow.netns == 0)
		flow.netns = tracker->config.netns;
	if (is_ambiguous(tracker, &flow)) {
		tracker->stats.lost[LOST_MESSAGES]++;
		return;
	}
	reverse = flow_reverse(&flow);
	ends[0] = record_table_find_flow(tracker->table, &flow);
	ends[1] = record_table_find_flow(tracker->table, &reverse);
	for (int i = 0; i < 2; i++) {
		set_host(ends[i], message);
		if (ends[i] == NULL)
			continue;
		/* The sender is on the left of @flow. */
		tracker_observe_message(tracker, ends[i], message, event->time_ns, i == 0 ? WIRE_LOCAL : WIRE_REMOTE,
					i == 1 && ends[0] != NULL);
		if (tracker_wants(tracker, ends[i]))
			reported[reported[0] != NULL] = ends[i];
		if (waits == NULL || ends[i]->conn.id < waits->conn.id)
			waits = ends[i];
	}
	if (tracker->notify.message == NULL)
		return;
	if (reported[1] != NULL && goes_first(reported[1], reported[0])) {
		reported[1] = reported[0];
		reported[0] = ends[1];
	}
	if (reported[0] != NULL) {
		if (tell_of(tracker, reported[0], message, event->time_ns))
			return;
		if (reported[1] != NULL)
			(void)tell_of(tracker, reported[1], message, event->time_ns);
		else if (tracker_may_be_shared(tracker, reported[0]))
			reported[0]->pending_messages = pending_messages_add(
				reported[0]->pending_messages, &tracker->pending_messages, message, event->time_ns);
	} else if (waits != NULL && !waits->reported) {
		waits->pending_messages = pending_messages_add(waits->pending_messages, &tracker->pending_messages,
							       message, event->time_ns);
	}
}

void tracker_messages_claimed(struct tracker *tracker, struct record *record)
{
	struct pending_messages *pending_messages = record->pending_messages;

	if (pending_messages == NULL)
		return;
	record->pending_messages = NULL;
	tracker->stats.lost[LOST_MESSAGES] +=
		(int64_t)pending_messages_report(pending_messages, tell, &(struct reporter){tracker, record});
}

void tracker_messages_joined(struct tracker *tracker, struct record *to, struct record *from)
{
	if (from->pending_messages == NULL)
		return;
	pending_messages_free(to->pending_messages);
	to->pending_messages = from->pending_messages;
	from->pending_messages = NULL;
	if (tracker_wants(tracker, to))
		tracker_messages_claimed(tracker, to);
}
