// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include "base/xalloc.h"

/* Messages of applications, and the end for which each is reported. */

static void take_facts(struct record *record, const struct message *message, int64_t time_ns)
{
	if (record != NULL && message->kind >= MESSAGE_TLS_HELLO)
		record_tls(record, message, time_ns);
	if (record != NULL && record->evidence->host == NULL && message->host[0] != '\0')
		record_evidence(record)->host = xstrdup(message->host);
}

/* A SYN alone has no message. */
static bool may_speak(const struct record *record)
{
	return record->wire == NULL || !wire_is_lone_syn(record->wire) || wire_is_under_way(record->wire);
}

/*
 * Find the records of both ends of @flow.
 * Return: false when several networks have connections with these ends: the message may be of any of them.
 */
static bool find_ends(const struct tracker *tracker, const struct flow *flow, struct record *ends[2])
{
	uint32_t hash = flow_hash(&tracker->config.flow_key, flow);
	int count[2] = {0, 0};
	size_t at = SIZE_MAX;
	struct record *record;
	bool is_reverse;

	ends[0] = ends[1] = NULL;
	while ((record = record_table_next(tracker->table, flow, hash, &at, &is_reverse)) != NULL) {
		if (ends[is_reverse] != NULL && !may_speak(record))
			continue;
		count[is_reverse] += !record->reported;
		if (ends[is_reverse] != NULL && !may_speak(ends[is_reverse]) && !ends[is_reverse]->reported)
			count[is_reverse]--;
		ends[is_reverse] = record;
	}
	return count[0] <= 1 && count[1] <= 1;
}

void tracker_messages_feed(struct tracker *tracker, const struct event *event)
{
	const struct message *message = &tracker->message;
	struct flow flow = event->flow;
	struct record *ends[2], *reported[2] = {NULL, NULL}, *waits = NULL;
	bool is_fact;
	int first;

	if (!message_join(&tracker->message, &event->message))
		return;
	is_fact = message->kind == MESSAGE_TLS_ANSWER || message->kind == MESSAGE_TLS_DATA;
	if (flow.netns == 0)
		flow.netns = tracker->config.netns;
	if (!find_ends(tracker, &flow, ends)) {
		tracker->stats.lost[LOST_MESSAGES]++;
		return;
	}
	/* An answer of the accepting end, which none of the targets has accepted. */
	if (ends[0] == NULL && ends[1] != NULL && ends[1]->is_put_off && !tracker_learns_late(tracker, &event->flow))
		tracker_report_put_off(tracker, ends[1]);
	first = ends[0] == NULL || (ends[1] != NULL && tracker_goes_first(tracker, ends[1], ends[0]));
	for (int i = 0; i < 2; i++) {
		int end = i == 0 ? first : 1 - first;
		struct record *record = ends[end];

		take_facts(record, message, event->time_ns);
		/* These are facts of the connection, and no messages of an application. */
		if (record == NULL || is_fact)
			continue;
		/* Who speaks is on the left of @flow. */
		tracker_observe_message(tracker, record, message, event->time_ns, end == 0 ? WIRE_LOCAL : WIRE_REMOTE,
					reported[0]);
		if (tracker_wants(tracker, record))
			reported[reported[0] != NULL] = record;
		if (waits == NULL || record->conn.id < waits->conn.id)
			waits = record;
	}
	if (tracker->notify.message == NULL || is_fact)
		return;
	if (reported[0] != NULL && tracker_put_off(tracker, reported[0]))
		tracker_pending_add(tracker, reported[0], message, event->time_ns);
	else if (reported[0] != NULL)
		tracker_pending_report(tracker, reported[0], reported[1], message, event->time_ns);
	else if (waits != NULL && !waits->reported)
		tracker_pending_add(tracker, waits, message, event->time_ns);
}
