// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/array.h"
#include "base/clock.h"
#include "track/tracker_state.h"

/* Listening sockets of targets, and those of other processes on the same ports, as the backlog lists them. */

/* What is reported this soon after the begin may have been accepted before. */
#define OPENING_NS CLOCK_NS_PER_SEC
/* For a flow whose device is not known. */
#define ANY_DEVICE UINT32_MAX

/**
 * struct match - the listeners that the kernel may hand a connection to
 * @own: one of a target, NULL none
 * @own_count: how many of targets; several with SO_REUSEPORT only
 * @other_count: how many of other processes
 */
struct match {
	struct listening *own;
	unsigned int own_count, other_count;
};

/* What a later list of the listeners lacks has been closed. */
static bool is_listed(const struct tracker *tracker, const struct listening *listening)
{
	return listening->listed_ns == 0 || listening->listed_ns >= tracker->listed_ns;
}

/*
 * The kernel prefers the exact address to the unspecified one, then a socket bound to a device, and of IPv4 one of
 * AF_INET (inet_lookup_listener()). SO_INCOMING_CPU is not known here. Return: 0 it does not match.
 */
static unsigned int rate(const struct listening *listening, const struct flow *flow, uint32_t device)
{
	const struct endpoint *local = &listening->local;
	bool is_v4 = endpoint_is_v4(&flow->local);

	if (local->port != flow->local.port || listening->netns != flow->netns)
		return 0;
	if (listening->device != 0 && device != ANY_DEVICE && listening->device != device)
		return 0;
	if (endpoint_has_ip(local) && !endpoint_ip_equal(local, &flow->local))
		return 0;
	if (!endpoint_has_ip(local) && (endpoint_is_v4(local) ? !is_v4 : is_v4 && listening->v6only))
		return 0;
	return (endpoint_has_ip(local) ? 4U : 1U) + (listening->device != 0) + (is_v4 && endpoint_is_v4(local));
}

static struct match find_match(const struct tracker *tracker, const struct flow *flow, uint32_t device)
{
	struct match match = {NULL, 0, 0};
	unsigned int best = 1;

	for (size_t i = 0; i < tracker->listening_count; i++) {
		struct listening *listening = &tracker->listening[i];
		unsigned int rating = is_listed(tracker, listening) ? rate(listening, flow, device) : 0;

		if (rating < best)
			continue;
		if (rating > best)
			match = (struct match){NULL, 0, 0};
		best = rating;
		match.own_count += listening->is_own;
		match.other_count += !listening->is_own;
		if (listening->is_own)
			match.own = listening;
	}
	return match;
}

static struct flow with_netns(const struct tracker *tracker, const struct flow *flow)
{
	struct flow own = *flow;

	if (own.netns == 0)
		own.netns = tracker->config.netns;
	return own;
}

enum tracker_listener tracker_listener(const struct tracker *tracker, const struct event *event)
{
	struct flow own = with_netns(tracker, &event->flow);
	struct match match = find_match(tracker, &own, event->info.device);

	if (match.own == NULL)
		return LISTENER_OTHER;
	return match.other_count > 0 ? LISTENER_SHARED : LISTENER_OWN;
}

struct listening *tracker_listening_at(struct tracker *tracker, const struct flow *flow)
{
	struct flow own = with_netns(tracker, flow);

	for (size_t i = 0; i < tracker->listening_count; i++) {
		struct listening *listening = &tracker->listening[i];

		if (listening->is_own && listening->netns == own.netns && endpoint_equal(&listening->local, &own.local))
			return listening;
	}
	return NULL;
}

/* The one that a connection came in through, if targets alone listen there; NULL else. */
static struct listening *listening_of(struct tracker *tracker, const struct flow *flow)
{
	struct flow own = with_netns(tracker, flow);
	struct match match = find_match(tracker, &own, ANY_DEVICE);

	if (match.own == NULL || match.other_count > 0)
		return NULL;
	own.local = match.own->local;
	return tracker_listening_at(tracker, &own);
}

/*
 * A connection that no call has returned was accepted without a breakpoint. If the calls do not show which connections
 * they have returned, the numbers are compared: there are not more connections than calls.
 */
void tracker_listening_compare(struct tracker *tracker, struct record *record)
{
	struct listening *listening;
	bool is_unreported;

	if (tracker->accepts_ns == 0 || record->dir != DIR_IN || record->evidence->destroy_ns < 0 ||
	    (record->seen & SEEN_EXISTING) || record->conn.start_ns < clock_after(tracker->accepts_ns, OPENING_NS))
		return;
	listening = listening_of(tracker, &record->conn.flow);
	if (listening == NULL)
		return;
	listening->rows++;
	is_unreported = listening->nameless + tracker->unplaced == 0
				? record->evidence->accept_ns < 0
				: listening->rows > listening->calls + tracker->unplaced;
	if (!is_unreported)
		return;
	record->seen |= SEEN_GAPS;
	tracker->stats.unreported++;
}

bool tracker_listens_mptcp(const struct tracker *tracker, const struct event *event)
{
	struct flow own = with_netns(tracker, &event->flow);
	struct match match = find_match(tracker, &own, event->info.device);

	return match.own != NULL && match.own->is_mptcp;
}

bool tracker_listens_unseen(const struct tracker *tracker, const struct event *event)
{
	struct flow own = with_netns(tracker, &event->flow);
	struct match match = find_match(tracker, &own, event->info.device);

	return match.own != NULL && match.other_count == 0 && match.own->unseen;
}

bool tracker_listens(const struct tracker *tracker, const struct flow *flow)
{
	struct flow own = with_netns(tracker, flow);

	for (size_t i = 0; i < tracker->listening_count; i++)
		if (tracker->listening[i].is_own && tracker->listening[i].netns == own.netns &&
		    tracker->listening[i].local.port == own.local.port)
			return true;
	return false;
}

bool tracker_accepts_unseen(const struct tracker *tracker, const struct flow *flow)
{
	struct flow own = with_netns(tracker, flow);
	struct match match = find_match(tracker, &own, ANY_DEVICE);

	return match.own != NULL && match.own->unseen;
}

enum conn_dir tracker_dir_by_listener(const struct tracker *tracker, const struct flow *flow)
{
	struct flow reverse = flow_reverse(flow);

	if (find_match(tracker, flow, ANY_DEVICE).own != NULL)
		return DIR_IN;
	/* Is its other end here, too? */
	if (tracker->config.whole && flow_is_complete(flow) && find_match(tracker, &reverse, ANY_DEVICE).own != NULL &&
	    record_table_find_flow(tracker->table, &reverse) != NULL)
		return DIR_OUT;
	return DIR_UNKNOWN;
}

/*
 * sock_diag(7) lists an MPTCP listener by the cookie of the TCP socket below it. BPF reports a listener before the
 * kernel has given it a cookie.
 */
static struct listening *find_listening(const struct tracker *tracker, const struct flow *flow, uint64_t cookie,
					bool is_listed)
{
	struct listening *without = NULL;

	for (size_t i = 0; i < tracker->listening_count; i++) {
		struct listening *listening = &tracker->listening[i];

		if (listening->netns != flow->netns || !endpoint_equal(&listening->local, &flow->local))
			continue;
		if (listening->cookie == cookie || cookie == 0 || (is_listed && listening->is_mptcp))
			return listening;
		if (listening->cookie == 0)
			without = listening;
	}
	return without;
}

bool tracker_owns_listener(const struct tracker *tracker, const struct event *event)
{
	struct flow own = with_netns(tracker, &event->flow);
	const struct listening *listening = find_listening(tracker, &own, event->info.cookie, true);

	return listening != NULL && listening->is_own;
}

void tracker_remember_listener(struct tracker *tracker, const struct event *event)
{
	struct flow own = with_netns(tracker, &event->flow);
	bool is_listed = event->info.reason == INFO_WAITING;
	struct listening *listening = find_listening(tracker, &own, event->info.cookie, is_listed);

	if (listening == NULL) {
		tracker->listening =
			array_extend(tracker->listening, tracker->listening_count, sizeof(*tracker->listening));
		listening = &tracker->listening[tracker->listening_count++];
		*listening = (struct listening){.netns = own.netns, .local = own.local, .cookie = event->info.cookie};
	}
	if (listening->cookie == 0)
		listening->cookie = event->info.cookie;
	listening->is_own |= !is_listed || tracker->config.whole;
	listening->is_mptcp |= own.proto == FLOW_PROTO_MPTCP;
	listening->unseen |= event->info.reason == INFO_SAMPLE;
	if (!is_listed)
		return;
	listening->device = event->info.device;
	listening->v6only = event->info.v6only != 0;
	if (!tracker->owners_come) {
		if (tracker->listed_ns != event->time_ns)
			tracker->shared_waiting = 0;
		tracker->listed_ns = listening->listed_ns = event->time_ns;
	}
	if (listening->is_own && event->info.rqueue > event->info.wqueue && !listening->was_full) {
		listening->was_full = true;
		tracker->stats.full_queues++;
	}
}

void tracker_accept_failed(struct tracker *tracker, const struct event *event)
{
	struct flow own = with_netns(tracker, &event->flow);
	struct listening *listening = find_listening(tracker, &own, event->call.cookie, false);

	if (listening == NULL || !listening->is_own)
		return;
	listening->failed_ns = event->time_ns;
	listening->accept_error = event->call.error;
}

int32_t tracker_accept_error(const struct tracker *tracker, const struct event *event, int64_t born_ns)
{
	struct flow own = with_netns(tracker, &event->flow);
	struct match match = find_match(tracker, &own, event->info.device);

	if (match.own == NULL || match.own_count > 1 || match.other_count > 0 || match.own->failed_ns < born_ns)
		return 0;
	return match.own->accept_error;
}
