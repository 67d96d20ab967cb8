// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"

/*
 * Without watched calls a connection may be known only by its final counters, and its other end on this host may have
 * been destroyed before. The final counters of that end are kept until the connection takes them, at most as long as a
 * connection can exist unseen.
 */
#define KEEP_NS CLOCK_NS_PER_SEC
/* A newer entry replaces an older one: then a number stays unknown. */
#define PLACES 8192

static struct final_counters *place_of(struct tracker *tracker, const struct flow *flow)
{
	struct endpoint ends[2] = {flow->local, flow->remote};

	return &tracker->finals[hash_place(ends, sizeof(ends), PLACES)];
}

void tracker_final_keep(struct tracker *tracker, const struct event *event)
{
	int64_t sent = tcp_payload_final_sent(&event->info);
	struct flow reverse = flow_reverse(&event->flow);

	if (sent < 0 || !flow_is_complete(&event->flow))
		return;
	if (tracker->finals == NULL)
		tracker->finals = xcalloc(PLACES, sizeof(*tracker->finals));
	*place_of(tracker, &reverse) = (struct final_counters){reverse, event->time_ns, sent};
}

void tracker_final_take(struct tracker *tracker, struct record *record, int64_t time_ns)
{
	const struct flow *flow = &record->conn.flow;
	struct final_counters *word;
	int64_t age;

	if (tracker->finals == NULL || !flow_is_complete(flow))
		return;
	word = place_of(tracker, flow);
	age = clock_since(word->time_ns, time_ns);
	if (!endpoint_equal(&word->flow.local, &flow->local) || !endpoint_equal(&word->flow.remote, &flow->remote))
		return;
	if (age < KEEP_NS && age > -KEEP_NS)
		tcp_payload_peer_sent(record_bytes(record), word->sent);
	memset(word, 0, sizeof(*word));
}

void tracker_final_forget(struct tracker *tracker)
{
	free(tracker->finals);
	tracker->finals = NULL;
}

/*
 * An accepted connection that no sample has found. Its mini socket is known by its ends: while they are in TIME_WAIT a
 * peer that has received this side's FIN can't have used them again. On this host the counters of the other end tell
 * more.
 */
static bool wants_by_ends(const struct tracker *tracker, const struct event *event)
{
	return event->info.fin == FIN_UNKNOWN && flow_is_complete(&event->flow) &&
	       !endpoint_is_loopback(&event->flow.remote) &&
	       !endpoint_ip_equal(&event->flow.remote, &event->flow.local) && tracker_listens(tracker, &event->flow) &&
	       tcp_payload_final_closed(&event->info, DIR_IN);
}

bool tracker_wants_timewait(const struct tracker *tracker, const struct event *event, uint64_t *cookie)
{
	const struct event_info *info = &event->info;
	const struct record *record = record_table_find_cookie(tracker->table, info->cookie);
	struct tcp_payload tcp_payload;
	int64_t rx, tx;

	if (info->reason != INFO_DESTROY || info->timewait != TIMEWAIT_UNKNOWN)
		return false;
	/* The mini socket has the same cookie only if it was queried while the socket existed. */
	*cookie = record != NULL && record->evidence->kernel_state != 0 ? info->cookie : 0;
	if (*cookie == 0)
		return wants_by_ends(tracker, event);
	/* Not needed when the final counters suffice without it. */
	tcp_payload = record->evidence->tcp_payload;
	tcp_payload_feed(&tcp_payload, info);
	tcp_payload_settle(&tcp_payload, &rx, &tx);
	if (rx >= 0 && tx >= 0 && !tracker->config.closers && tcp_payload_both_fins(&tcp_payload))
		return false;
	return rx < 0 || tcp_payload_close(&tcp_payload) == CLOSE_UNKNOWN;
}
