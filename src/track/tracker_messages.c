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
	struct record *other; /* its other end, which is of interest, too, or NULL */
};

static bool tell_of(struct tracker *tracker, struct record *record, const struct message *message, int64_t time_ns)
{
	struct conn conn;

	tracker_settle(tracker, record, &conn);
	return tracker->notify.message(tracker->notify.context, &conn, message, time_ns);
}

/* The reports may want the other end, which is not known yet. */
static void keep(struct tracker *tracker, struct record *record, const struct message *message, int64_t time_ns)
{
	record->pending_messages =
		pending_messages_add(record->pending_messages, &tracker->pending_messages, message, time_ns);
}

/* pending_messages_function */
static void tell(void *context, const struct message *message, int64_t time_ns)
{
	const struct reporter *reporter = context;
	struct tracker *tracker = reporter->tracker;

	reporter->record->goes_first |= !tracker->config.whole;
	if (tell_of(tracker, reporter->record, message, time_ns))
		return;
	if (reporter->other != NULL)
		(void)tell_of(tracker, reporter->other, message, time_ns);
	else if (tracker_may_be_shared(tracker, reporter->record))
		keep(tracker, reporter->record, message, time_ns);
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
	int first;

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
	/* An answer of the accepting end, which none of the targets has accepted. */
	if (ends[0] == NULL && ends[1] != NULL && ends[1]->is_put_off && !tracker_learns_late(tracker, &event->flow))
		tracker_report_put_off(tracker, ends[1]);
	first = ends[0] == NULL || (ends[1] != NULL && tracker_goes_first(tracker, ends[1], ends[0]));
	for (int i = 0; i < 2; i++) {
		int end = i == 0 ? first : 1 - first;
		struct record *record = ends[end];

		set_host(record, message);
		if (record == NULL)
			continue;
		/* Who speaks is on the left of @flow. */
		tracker_observe_message(tracker, record, message, event->time_ns, end == 0 ? WIRE_LOCAL : WIRE_REMOTE,
					reported[0]);
		if (tracker_wants(tracker, record))
			reported[reported[0] != NULL] = record;
		if (waits == NULL || record->conn.id < waits->conn.id)
			waits = record;
	}
	if (tracker->notify.message == NULL)
		return;
	if (reported[0] != NULL && tracker_put_off(tracker, reported[0]))
		keep(tracker, reported[0], message, event->time_ns);
	else if (reported[0] != NULL)
		tell(&(struct reporter){tracker, reported[0], reported[1]}, message, event->time_ns);
	else if (waits != NULL && !waits->reported)
		keep(tracker, waits, message, event->time_ns);
}

void tracker_messages_claimed(struct tracker *tracker, struct record *record)
{
	struct pending_messages *pending_messages = record->pending_messages;
	struct flow reverse = flow_reverse(&record->conn.flow);
	struct record *other;

	if (pending_messages == NULL || tracker_put_off(tracker, record))
		return;
	other = record_table_find_flow(tracker->table, &reverse);
	if (other != NULL && (other == record || !tracker_wants(tracker, other)))
		other = NULL;
	record->pending_messages = NULL;
	tracker->stats.lost[LOST_MESSAGES] +=
		(int64_t)pending_messages_report(pending_messages, tell, &(struct reporter){tracker, record, other});
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
