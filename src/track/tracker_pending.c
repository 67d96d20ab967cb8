// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include "track/pending_messages.h"

/* Messages that wait for the owner of their connection. */

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

void tracker_pending_add(struct tracker *tracker, struct record *record, const struct message *message, int64_t time_ns)
{
	record_evidence(record)->pending_messages =
		pending_messages_add(record->evidence->pending_messages, &tracker->pending_messages, message, time_ns);
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
	else if (tracker_may_be_shared(tracker, reporter->record)) /* the other end may be asked for */
		tracker_pending_add(tracker, reporter->record, message, time_ns);
}

void tracker_pending_report(struct tracker *tracker, struct record *record, struct record *other,
			    const struct message *message, int64_t time_ns)
{
	tell(&(struct reporter){tracker, record, other}, message, time_ns);
}

void tracker_messages_claimed(struct tracker *tracker, struct record *record)
{
	struct pending_messages *pending_messages = record->evidence->pending_messages;
	struct flow reverse = flow_reverse(&record->conn.flow);
	struct record *other;

	if (pending_messages == NULL || tracker_put_off(tracker, record))
		return;
	other = record_table_find_flow(tracker->table, &reverse);
	if (other != NULL && (other == record || !tracker_wants(tracker, other)))
		other = NULL;
	record_evidence(record)->pending_messages = NULL;
	tracker->stats.lost[LOST_MESSAGES] +=
		(int64_t)pending_messages_report(pending_messages, tell, &(struct reporter){tracker, record, other});
}

void tracker_messages_joined(struct tracker *tracker, struct record *to, struct record *from)
{
	if (from->evidence->pending_messages == NULL)
		return;
	pending_messages_free(to->evidence->pending_messages);
	record_evidence(to)->pending_messages = from->evidence->pending_messages;
	record_evidence(from)->pending_messages = NULL;
	if (tracker_wants(tracker, to))
		tracker_messages_claimed(tracker, to);
}
