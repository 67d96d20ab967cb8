// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "track/wire_view.h"

/* Finds the record of an event, and joins the records of one connection. */

/* How far back the packets of a connect(2) that failed without a local address are searched for. */
#define CONNECT_SEARCH_MAX 4096

static void move_wire(struct tracker *tracker, struct record *to, struct record *from, bool flip)
{
	to->is_inside = from->is_inside;
	tracker_observe_joined(tracker, to, from, flip);
	record_take_wire(to, from);
	if (flip)
		wire_flip(to->wire);
	to->seen |= SEEN_WIRE;
	record_share_tls(to, from);
	if (to->evidence->host != from->evidence->host) {
		free(to->evidence->host);
		record_evidence(to)->host = from->evidence->host;
		record_evidence(from)->host = NULL;
	}
	/* The time of audit is that of the call's entry, and too early by up to a tick. */
	if (to->conn.start_ns < 0 || from->conn.start_ns < to->conn.start_ns || (to->seen & SEEN_AUDIT))
		to->conn.start_ns = from->conn.start_ns;
	if (from->conn.end_ns > to->conn.end_ns)
		to->conn.end_ns = from->conn.end_ns;
	tracker_messages_joined(tracker, to, from);
}

/* A record made by packets that no watched process has claimed. */
static bool is_unclaimed(const struct record *record)
{
	return !record->owned && record->wire != NULL && record->evidence->cookie == 0;
}

/*
 * @record is the other end of @other. If that one has been reported so far it goes first from now on, and what the
 * reports did not want of it waits for this one; if it was put off this one is reported.
 */
static void share(struct tracker *tracker, struct record *record, struct record *other)
{
	other->goes_first = tracker_wants(tracker, other) && !tracker->config.whole && !tracker_put_off(tracker, other);
	record->is_inside = true;
	tracker_observe_copied(tracker, record, other);
	tracker_messages_joined(tracker, record, other);
}

/* @record has this flow from now on: take over its packet evidence. */
void tracker_join_flow(struct tracker *tracker, struct record *record, const struct flow *flow)
{
	struct flow reverse = flow_reverse(flow);
	struct record *other;

	record_table_remove_flow(tracker->table, record);
	record->conn.flow = *flow;
	if (!flow_is_complete(flow))
		return;
	other = record_table_find_flow(tracker->table, flow);
	if (other != NULL && is_unclaimed(other) && !other->reported && record->wire == NULL) {
		move_wire(tracker, record, other, false);
		tracker_drop(tracker, other);
	} else if (other != NULL) {
		tracker_supersede(tracker, other);
	}
	other = record->wire == NULL ? record_table_find_flow(tracker->table, &reverse) : NULL;
	if (other != NULL && other->wire != NULL && !other->reported) {
		if (is_unclaimed(other) && !tracker->config.whole) {
			record_table_remove_flow(tracker->table, other);
			move_wire(tracker, record, other, true);
			tracker_drop(tracker, other);
		} else {
			record->wire = wire_copy(other->wire);
			record->blind = other->blind;
			wire_flip(record->wire);
			tracker->stats.both_ends += wire_frames(record->wire);
			share(tracker, record, other);
			record->seen |= SEEN_WIRE;
			record_share_tls(record, other);
			if (record->evidence->host == NULL && other->evidence->host != NULL)
				record_evidence(record)->host = xstrdup(other->evidence->host);
		}
	}
	record_table_add_flow(tracker->table, record);
}

void tracker_join_cookie(struct tracker *tracker, struct record *record, uint64_t cookie)
{
	struct record *other;

	if (cookie == 0 || record->evidence->cookie == cookie)
		return;
	other = record_table_find_cookie(tracker->table, cookie);
	if (other != NULL)
		record_table_remove_cookie(tracker->table, other);
	record_table_remove_cookie(tracker->table, record);
	record_evidence(record)->cookie = cookie;
	record_table_add_cookie(tracker->table, record);
}

void tracker_join_part(struct tracker *tracker, struct record *record, int64_t time_ns)
{
	record_disconnected(record, time_ns);
	record_evidence(record)->total_retrans = -1; /* more may have been retransmitted since the sample */
	record_table_remove_cookie(tracker->table, record);
	tracker_begin_closing(tracker, record);
}

/* A socket that is connected again keeps its cookie. Its calls show that when they are seen; else its ends do. */
static bool is_of_another(const struct record *record, const struct flow *flow)
{
	const struct flow *known = &record->conn.flow;

	return !(record->seen & (SEEN_CALLS | SEEN_AUDIT)) && flow_is_complete(known) && flow_is_complete(flow) &&
	       !(endpoint_equal(&known->local, &flow->local) && endpoint_equal(&known->remote, &flow->remote));
}

/* Audit has not read the socket of this call. Its later calls are found by their ends. */
static bool is_made_up(const struct record *record)
{
	return (record->seen & SEEN_AUDIT) && (record->evidence->cookie & EVENT_COOKIE_MADE_UP);
}

/* The open record of an event. An event with a cookie never matches a record with another one. */
struct record *tracker_join_find(struct tracker *tracker, const struct flow *flow, uint64_t cookie)
{
	struct record *record = cookie != 0 ? record_table_find_cookie(tracker->table, cookie) : NULL;

	if (record != NULL && !is_of_another(record, flow))
		return record;
	if (record != NULL)
		tracker_join_part(tracker, record, tracker->now_ns);
	record = flow_is_complete(flow) ? record_table_find_flow(tracker->table, flow) : NULL;
	if (record == NULL || record->reported || (cookie != 0 && record->evidence->cookie != 0 && !is_made_up(record)))
		return NULL;
	return record;
}

/* Only the port of the local end is known, or nothing of it. */
static bool fits_half(const struct flow *half, const struct endpoint *local, const struct endpoint *remote)
{
	return (half->local.port == 0 || half->local.port == local->port) && endpoint_equal(&half->remote, remote);
}

struct record *tracker_join_waiting(struct tracker *tracker, const struct flow *half)
{
	struct record *record = tracker->open.last;

	for (int steps = 0; record != NULL && steps < CONNECT_SEARCH_MAX; record = record->previous, steps++) {
		const struct flow *flow = &record->conn.flow;

		/* The ends first: they are next to the list. */
		if (fits_half(half, &flow->local, &flow->remote) && record->evidence->waits &&
		    record->evidence->accept_ns < 0 && !record->reported &&
		    (!endpoint_has_ip(&half->local) || endpoint_ip_equal(&half->local, &flow->local)))
			return record;
	}
	return NULL;
}

/* A failed connect(2) leaves the local port but not the address: find the packets by the rest. */
static struct record *search_packets(struct tracker *tracker, const struct record *record)
{
	const struct flow *flow = &record->conn.flow;
	struct record_list *lists[] = {&tracker->open, &tracker->closing};
	struct record *found = NULL;

	for (size_t i = 0; i < 2; i++) {
		struct record *candidate = lists[i]->last;

		for (int steps = 0; candidate != NULL && steps < CONNECT_SEARCH_MAX;
		     candidate = candidate->previous, steps++) {
			const struct flow *other = &candidate->conn.flow;

			/* A record that another watched process has claimed may be the other end of this one. */
			bool is_own = is_unclaimed(candidate);

			if (candidate == record || candidate->wire == NULL ||
			    candidate->conn.start_ns < record->evidence->connect_begin_ns)
				continue;
			if (!(is_own && fits_half(flow, &other->local, &other->remote)) &&
			    !fits_half(flow, &other->remote, &other->local))
				continue;
			/* Its whole remote end is the peer's: the newest one is it. */
			if ((record->seen & SEEN_AUDIT) && record->dir == DIR_IN)
				return candidate;
			/* Two match: the choice is ambiguous, so neither is taken. */
			if (found != NULL)
				return NULL;
			found = candidate;
		}
	}
	return found;
}

void tracker_join_packets(struct tracker *tracker, struct record *record)
{
	struct record *packets = tracker->has_packets ? search_packets(tracker, record) : NULL;
	struct flow flow;

	if (packets == NULL)
		return;
	flow = packets->conn.flow;
	if (!fits_half(&record->conn.flow, &flow.local, &flow.remote))
		flow = flow_reverse(&flow);
	tracker_join_flow(tracker, record, &flow);
}

/* Whether @flow ends at the local end of @half and the address of its remote one, and that side has reset @wire. */
static bool fits_reset(const struct flow *half, const struct flow *flow, const struct wire *wire, enum wire_side side)
{
	return flow->netns == half->netns && endpoint_equal(&half->local, &flow->local) &&
	       endpoint_ip_equal(&half->remote, &flow->remote) && wire_was_reset_by(wire, side);
}

void tracker_join_reset(const struct tracker *tracker, struct flow *half)
{
	const struct record_list *lists[] = {&tracker->open, &tracker->closing};
	struct flow found = *half;
	int64_t found_ns = INT64_MAX;

	for (size_t i = 0; i < 2; i++) {
		const struct record *candidate = lists[i]->last;

		for (int steps = 0; candidate != NULL && steps < CONNECT_SEARCH_MAX;
		     candidate = candidate->previous, steps++) {
			struct flow flow = candidate->conn.flow;
			const struct record *claimed;

			if (candidate->wire == NULL || candidate->reported || wire_last_ns(candidate->wire) >= found_ns)
				continue;
			if (!fits_reset(half, &flow, candidate->wire, WIRE_LOCAL)) {
				flow = flow_reverse(&flow);
				if (!fits_reset(half, &flow, candidate->wire, WIRE_REMOTE))
					continue;
			}
			claimed = record_table_find_flow(tracker->table, &flow);
			if (claimed != NULL && !is_unclaimed(claimed))
				continue;
			found = flow;
			found_ns = wire_last_ns(candidate->wire);
		}
	}
	half->remote.port = found.remote.port;
}
