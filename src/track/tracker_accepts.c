// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/idmap.h"
#include "base/xalloc.h"

/*
 * A breakpoint reports accept(2) with process, thread, descriptor, the peer and the port of the listener. The socket
 * comes later, by a sample or by its final counters, with all of the ends. A call waits until then, and a call alone is
 * no row: if the program has given less room than the address needs, a part of that is from another call.
 *
 * A socket that is there after the call, with these ends, is the one that was accepted. A client may use a port again,
 * so several calls may have the same ends. If more than one of them was before the socket was there, it is unknown
 * which.
 */

/* How many wait; with more all are dropped, and these connections have the owner that the samples prove. */
#define WAITING_MAX 65536

/* Most calls with the same ends. */
#define SAME_MAX 4

/* What identifies them. Compared as bytes. */
struct accept_key {
	struct endpoint remote;
	uint32_t port;
};

/** struct returned - accept(2) has returned: @call, at @time_ns */
struct returned {
	struct event_call call;
	int64_t time_ns;
};

/** struct waiting - calls with the same ends, in the order of their times */
struct waiting {
	struct accept_key key;
	struct returned list[SAME_MAX];
	size_t count;
};

/**
 * struct accepts - see above
 * @waiting: struct waiting, by the hash of its key
 */
struct accepts {
	struct idmap *waiting;
	struct hash_key hash;
};

static uint64_t id_of(const struct accepts *accepts, const struct accept_key *key)
{
	return hash_bytes(&accepts->hash, key, sizeof(*key)) | 1;
}

static struct accept_key key_of(const struct flow *flow)
{
	return (struct accept_key){flow->remote, flow->local.port};
}

static void drop(struct waiting *waiting, size_t count)
{
	waiting->count -= count;
	memmove(waiting->list, waiting->list + count, waiting->count * sizeof(waiting->list[0]));
}

/* Return: whether its socket can be found. */
static bool count_call(struct tracker *tracker, const struct flow *flow)
{
	struct listening *listening = flow->local.port != 0 ? tracker_listening_at(tracker, flow) : NULL;

	if (listening == NULL)
		tracker->unplaced++;
	else
		listening->calls++;
	if (listening != NULL && flow->remote.port == 0)
		listening->nameless++;
	return flow->local.port != 0 && flow->remote.port != 0;
}

void tracker_accepts_add(struct tracker *tracker, const struct event *event)
{
	struct accepts *accepts = tracker->accepts;
	struct accept_key key = key_of(&event->flow);
	struct waiting *waiting;

	if (!count_call(tracker, &event->flow))
		return;
	if (accepts == NULL) {
		accepts = tracker->accepts = xcalloc(1, sizeof(*accepts));
		accepts->waiting = idmap_new(sizeof(struct waiting));
		hash_key_random(&accepts->hash);
	}
	if (idmap_count(accepts->waiting) >= WAITING_MAX) {
		tracker->unplaced += idmap_count(accepts->waiting);
		idmap_free(accepts->waiting);
		accepts->waiting = idmap_new(sizeof(struct waiting));
	}
	waiting = idmap_put(accepts->waiting, id_of(accepts, &key));
	waiting->key = key;
	if (waiting->count == SAME_MAX) {
		tracker->unplaced++;
		drop(waiting, 1);
	}
	waiting->list[waiting->count++] = (struct returned){event->call, event->time_ns};
}

bool tracker_accepts_claim(struct tracker *tracker, const struct flow *flow, uint64_t cookie, int64_t time_ns)
{
	struct accepts *accepts = tracker->accepts;
	struct accept_key key = key_of(flow);
	const struct record *record = record_table_find_cookie(tracker->table, cookie);
	struct event event = event_new(EVENT_CALL, ORIGIN_PERF, time_ns);
	struct waiting *waiting;
	size_t before = 0;

	if (accepts == NULL || cookie == 0 || !flow_is_complete(flow) ||
	    (record != NULL && (record->evidence->accept_ns >= 0 || record->dir == DIR_OUT)))
		return false;
	waiting = idmap_find(accepts->waiting, id_of(accepts, &key));
	if (waiting == NULL || memcmp(&waiting->key, &key, sizeof(key)) != 0)
		return false;
	while (before < waiting->count && waiting->list[before].time_ns <= time_ns)
		before++;
	event.time_ns = waiting->list[0].time_ns;
	event.flow = *flow;
	event.call = waiting->list[0].call;
	event.call.cookie = cookie;
	drop(waiting, before);
	tracker->unplaced += before > 1 ? before : 0;
	if (waiting->count == 0)
		idmap_remove(accepts->waiting, id_of(accepts, &key));
	if (before == 1)
		tracker_calls_feed(tracker, &event);
	return before == 1;
}

uint64_t tracker_accepts_waiting(const struct tracker *tracker)
{
	uint64_t count = 0;

	for (const struct waiting *waiting = NULL;
	     tracker->accepts != NULL && (waiting = idmap_next(tracker->accepts->waiting, waiting)) != NULL;)
		count += waiting->count;
	return count;
}

void tracker_accepts_free(struct tracker *tracker)
{
	if (tracker->accepts == NULL)
		return;
	idmap_free(tracker->accepts->waiting);
	free(tracker->accepts);
}
