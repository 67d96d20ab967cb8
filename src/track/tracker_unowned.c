// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"

/*
 * Both ends of a connection may be on this host, and the owner of one, or of both, unknown. What counts is connections
 * without a row: an end without owner does not count beside the row of the other end, nor twice beside another end
 * without owner. Which of the two is reported first is open, so the ends that were counted are kept as long as a
 * connection can exist unseen.
 */
#define KEEP_NS CLOCK_NS_PER_SEC
/* A newer entry replaces an older one: then the connection counts although its other end is shown. */
#define PLACES 8192

static struct unowned_end *place_of(struct tracker *tracker, const struct flow *flow)
{
	struct endpoint ends[2] = {flow->local, flow->remote};

	if (tracker->unowned == NULL)
		tracker->unowned = xcalloc(PLACES, sizeof(*tracker->unowned));
	return &tracker->unowned[hash_place(ends, sizeof(ends), PLACES)];
}

/**
 * take() - forgets the end whose peer has this flow
 *
 * Return: whether it was reported a short time before @time_ns; *@taken: that end
 */
static bool take(struct tracker *tracker, const struct flow *flow, int64_t time_ns, struct unowned_end *taken)
{
	struct unowned_end *end = place_of(tracker, flow);
	int64_t age = clock_since(end->time_ns, time_ns);

	if (!endpoint_equal(&end->peer.local, &flow->local) || !endpoint_equal(&end->peer.remote, &flow->remote))
		return false;
	*taken = *end;
	memset(end, 0, sizeof(*end));
	return age < KEEP_NS && age > -KEEP_NS;
}

static void count_failed(struct tracker *tracker, const struct event *event)
{
	tracker->stats.failed++;
	tracker->stats.failed_with = event->flow.remote;
}

/* The connection has a row after all. */
static void take_off(struct tracker *tracker, const struct unowned_end *end)
{
	tracker->stats.too_short -= end->is_counted;
	tracker->stats.failed -= end->is_failed;
}

void tracker_unowned_count(struct tracker *tracker, const struct event *event)
{
	struct flow peer = flow_reverse(&event->flow);
	const struct record *record = record_table_find_flow(tracker->table, &peer);
	bool has_row, is_failed, is_second;
	struct unowned_end other;

	/* A record that has been reported long ago belongs to an earlier use of the flow. */
	if (record != NULL && record->owned &&
	    (!record->reported || clock_since(record->conn.end_ns, event->time_ns) < KEEP_NS))
		return;
	is_second = flow_is_complete(&event->flow) && take(tracker, &event->flow, event->time_ns, &other);
	/* An attempt to a peer that is not known counts for one end only. */
	if (is_second && !other.is_counted)
		return;
	has_row = tracker_attempts_have(tracker, &event->flow.remote);
	is_failed = !has_row && event->owner.failed != 0;
	if (flow_is_complete(&event->flow)) {
		if (is_second) {
			if (has_row)
				take_off(tracker, &other);
			else if (is_failed && !other.is_failed)
				count_failed(tracker, event);
			return;
		}
		*place_of(tracker, &peer) = (struct unowned_end){peer, event->time_ns, !has_row, is_failed};
	}
	tracker->stats.too_short += !has_row;
	if (is_failed)
		count_failed(tracker, event);
}

void tracker_unowned_peer(struct tracker *tracker, const struct flow *flow, int64_t time_ns)
{
	struct unowned_end other;

	if (tracker->unowned != NULL && flow_is_complete(flow) && take(tracker, flow, time_ns, &other))
		take_off(tracker, &other);
}
