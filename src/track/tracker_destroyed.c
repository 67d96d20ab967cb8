// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include <netinet/tcp.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/xalloc.h"

/*
 * An attempt of connect(2) whose socket was in no sample (tracker_attempts.c). The kernel has reported the end of that
 * socket, with its peer and its counters, but without process and descriptor. So it is one of the sockets with this
 * peer that ended after the call.
 *
 * If there is only one, the attempt has its ports and counters. If there are more, by this program or another one, and
 * all had finished their handshakes, so had that of the attempt. Else the outcome stays unknown. A socket that was
 * disconnected has lost its peer's port, and may be of any attempt to that address. A peer that the breakpoint did not
 * show is that of all sockets that ended after the call, if they have the same.
 */

/* Sockets that are kept; the outcome alone needs none. */
#define KEPT 4096
/* Peers with the same place share what is known of outcomes: then one may stay unknown. */
#define PLACES 8192

/**
 * struct destroyed_socket - a socket that ended
 * @event: its final counters; EVENT_OWNER: these have not come
 * @previous: number of the one before with the same place; 0 none
 * @newest_ns: the latest time of this one and those before
 * @is_taken: an attempt has it
 */
struct destroyed_socket {
	struct event event;
	uint64_t previous;
	int64_t newest_ns;
	bool is_taken;
};

/**
 * struct ended_with - sockets of peers with the same place
 * @last: number of the last one, 0 none
 * @doubt_ns: when the last one ended that may have had no handshake, 0 none
 */
struct ended_with {
	uint64_t last;
	int64_t doubt_ns;
};

/**
 * struct destroyed - see above
 * @count: of sockets so far; the last KEPT are in @kept, by their number
 * @dropped_ns: when the last one that is not kept any more ended
 * @lost_ns: when reports were lost last
 * @remote: the peer of the last one
 * @other_ns: when the last one with another peer ended
 * @newest_ns: when the last one ended
 * @doubt_ns: as in struct ended_with, of all peers
 */
struct destroyed {
	uint64_t count;
	int64_t dropped_ns, lost_ns;
	struct endpoint remote;
	int64_t other_ns, newest_ns, doubt_ns;
	struct ended_with places[PLACES];
	struct destroyed_socket kept[KEPT];
};

static struct destroyed *destroyed_of(struct tracker *tracker)
{
	if (tracker->destroyed == NULL)
		tracker->destroyed = xcalloc(1, sizeof(*tracker->destroyed));
	return tracker->destroyed;
}

void tracker_destroyed_free(struct tracker *tracker)
{
	free(tracker->destroyed);
}

static struct ended_with *place_of(struct destroyed *destroyed, const struct endpoint *remote)
{
	return &destroyed->places[hash_place(remote, sizeof(*remote), PLACES)];
}

static struct destroyed_socket *kept(struct destroyed *destroyed, uint64_t number)
{
	return number != 0 && number + KEPT > destroyed->count ? &destroyed->kept[number % KEPT] : NULL;
}

/*
 * Only the SYN/ACK acknowledges anything, and nothing is received before. A socket without counters that no process has
 * was established when it was listed, or these come next.
 */
static bool may_have_failed(const struct event *event)
{
	if (event->type == EVENT_OWNER)
		return event->owner.inode != 0;
	return event->info.bytes_acked <= 0 && event->info.bytes_received <= 0;
}

/* The counters of the last one. */
static struct destroyed_socket *find_again(struct destroyed *destroyed, const struct event *event)
{
	struct destroyed_socket *socket = kept(destroyed, destroyed->count);

	return socket != NULL && socket->event.type == EVENT_OWNER && event->type == EVENT_INFO &&
			       socket->event.owner.cookie == event->info.cookie
		       ? socket
		       : NULL;
}

static int64_t later(int64_t one, int64_t other)
{
	return one > other ? one : other;
}

static void note_peer(struct destroyed *destroyed, const struct event *event)
{
	if (!endpoint_equal(&destroyed->remote, &event->flow.remote))
		destroyed->other_ns = destroyed->newest_ns;
	destroyed->remote = event->flow.remote;
	destroyed->newest_ns = later(destroyed->newest_ns, event->time_ns);
}

void tracker_destroyed_add(struct tracker *tracker, const struct event *event)
{
	struct destroyed *destroyed;
	struct ended_with *place;
	struct destroyed_socket *socket, *previous;

	if (tracker->attempts == NULL || !endpoint_has_ip(&event->flow.remote))
		return;
	destroyed = destroyed_of(tracker);
	place = place_of(destroyed, &event->flow.remote);
	socket = find_again(destroyed, event);
	if (socket == NULL) {
		socket = &destroyed->kept[++destroyed->count % KEPT];
		destroyed->dropped_ns = later(destroyed->dropped_ns, socket->newest_ns);
		previous = kept(destroyed, place->last);
		*socket = (struct destroyed_socket){
			.previous = place->last,
			.newest_ns = previous != NULL && previous->newest_ns > event->time_ns ? previous->newest_ns
											      : event->time_ns,
		};
		place->last = destroyed->count;
	}
	socket->event = *event;
	note_peer(destroyed, event);
	if (!may_have_failed(event))
		return;
	place->doubt_ns = later(place->doubt_ns, event->time_ns);
	destroyed->doubt_ns = later(destroyed->doubt_ns, event->time_ns);
}

void tracker_destroyed_lost(struct tracker *tracker)
{
	if (tracker->destroyed != NULL)
		tracker->destroyed->lost_ns = tracker->now_ns;
}

/* Of those with this peer that ended after @since_ns: how many, at most 2, and the last. */
static int find(struct destroyed *destroyed, const struct endpoint *remote, int64_t since_ns,
		struct destroyed_socket **found)
{
	uint64_t number = place_of(destroyed, remote)->last;
	struct destroyed_socket *socket;
	int count = 0;

	for (; (socket = kept(destroyed, number)) != NULL && socket->newest_ns >= since_ns && count < 2;
	     number = socket->previous) {
		if (socket->is_taken || socket->event.time_ns < since_ns ||
		    !endpoint_equal(&socket->event.flow.remote, remote))
			continue;
		if (count++ == 0)
			*found = socket;
	}
	return count;
}

static void join(struct tracker *tracker, struct record *record, struct destroyed_socket *socket)
{
	const struct event *event = &socket->event;

	socket->is_taken = true;
	tracker_join_flow(tracker, record, &event->flow);
	tracker_final_take(tracker, record, event->time_ns);
	tracker_join_cookie(tracker, record, event->info.cookie);
	record_info(record, event);
	tracker_observe_counters(tracker, record, event->time_ns);
}

static void set_established(struct record *record)
{
	record_evidence(record)->established = true;
	record->seen |= SEEN_KERNEL;
}

static bool wants_socket(const struct record *record)
{
	const struct evidence *evidence = record->evidence;

	return !record->reported && (record->seen & SEEN_PERF) && (evidence->cookie & EVENT_COOKIE_MADE_UP) &&
	       evidence->connect_end_ns >= 0 && !evidence->established && evidence->destroy_ns < 0 &&
	       (evidence->call_error == 0 || record_is_undecided(evidence->call_error));
}

static void decide(struct tracker *tracker, struct record *record, const struct endpoint *remote)
{
	struct destroyed *destroyed = tracker->destroyed;
	struct endpoint address = *remote;
	int64_t since_ns = record->evidence->connect_end_ns;
	struct destroyed_socket *socket = NULL;
	struct flow flow = record->conn.flow;
	int count;

	address.port = 0;
	count = since_ns > place_of(destroyed, &address)->doubt_ns ? find(destroyed, remote, since_ns, &socket) : 0;
	if (count == 0)
		return;
	flow.remote = *remote;
	if (count == 1 && since_ns > destroyed->dropped_ns && socket->event.type == EVENT_INFO)
		join(tracker, record, socket);
	else if (record->conn.flow.remote.port == 0)
		tracker_join_flow(tracker, record, &flow);
	if (since_ns > place_of(destroyed, remote)->doubt_ns)
		set_established(record);
}

void tracker_destroyed_decide(struct tracker *tracker, struct record *record)
{
	const struct destroyed *destroyed = tracker->destroyed;
	const struct endpoint *remote = &record->conn.flow.remote;
	int64_t since_ns = record->evidence->connect_end_ns;

	if (destroyed == NULL || !wants_socket(record) || since_ns <= destroyed->lost_ns ||
	    since_ns > destroyed->newest_ns)
		return;
	if (remote->port != 0 || since_ns > destroyed->other_ns)
		decide(tracker, record, remote->port != 0 ? remote : &destroyed->remote);
	else if (since_ns > destroyed->doubt_ns)
		set_established(record);
}

/* From the last one, so that its socket is known when those before are decided. */
void tracker_destroyed_finish(struct tracker *tracker)
{
	struct record *record = tracker->closing.last;

	for (struct record *previous; tracker->destroyed != NULL && record != NULL; record = previous) {
		previous = record->previous;
		tracker_destroyed_decide(tracker, record);
	}
}
