// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include <stdlib.h>

#include "base/idmap.h"
#include "base/xalloc.h"

/*
 * A breakpoint reports connect(2) with process, descriptor and peer, but without local port and cookie; a sample of the
 * sockets reports those, with the process and the descriptor that has the socket at that moment. The events come in the
 * order of time. So a sampled socket is that of the latest attempt on its descriptor. If a socket is sampled first,
 * while connect(2) waits, the next return of that descriptor is its own.
 *
 * A socket that was destroyed between two samples has no owner. As many of those as attempts to the same peer are
 * without a socket have a row already.
 */

/* With more descriptors than this all are forgotten: then a socket may have a row of its own. */
#define DESCRIPTORS_MAX 1000000
/* A newer entry replaces an older one: then a connection counts as one without owner although it has a row. */
#define PLACES 8192

/**
 * struct descriptor - the latest connection of a descriptor
 * @cookie: of its record: of the attempt, or of the sampled socket
 */
struct descriptor {
	uint64_t cookie;
};

/**
 * struct attempts_to - attempts to a peer
 * @count: those without a socket
 */
struct attempts_to {
	struct endpoint remote;
	uint64_t count;
};

struct attempts {
	struct idmap *descriptors;
	struct hash_key key;
	struct attempts_to places[PLACES];
};

static struct attempts *attempts_of(struct tracker *tracker)
{
	if (tracker->attempts == NULL) {
		tracker->attempts = xcalloc(1, sizeof(*tracker->attempts));
		tracker->attempts->descriptors = idmap_new(sizeof(struct descriptor));
		hash_key_random(&tracker->attempts->key);
	}
	return tracker->attempts;
}

void tracker_attempts_free(struct tracker *tracker)
{
	if (tracker->attempts == NULL)
		return;
	idmap_free(tracker->attempts->descriptors);
	free(tracker->attempts);
}

static uint64_t key_of(pid_t pid, int fd)
{
	return (uint64_t)pid << 32 | ((uint32_t)fd + 1);
}

static struct attempts_to *place_of(struct attempts *attempts, const struct endpoint *remote)
{
	return &attempts->places[hash_bytes(&attempts->key, remote, sizeof(*remote)) % PLACES];
}

/* Return: whether there was one. */
static bool take_attempt(struct attempts *attempts, const struct endpoint *remote)
{
	struct attempts_to *place = place_of(attempts, remote);

	if (place->count == 0 || !endpoint_equal(&place->remote, remote))
		return false;
	place->count--;
	return true;
}

static void add_attempt(struct attempts *attempts, const struct endpoint *remote)
{
	struct attempts_to *place = place_of(attempts, remote);

	if (!endpoint_equal(&place->remote, remote))
		*place = (struct attempts_to){*remote, 0};
	place->count++;
}

/* The record of the latest connection of a descriptor to this peer, or to an unknown one; NULL none. */
static struct record *latest(const struct tracker *tracker, pid_t pid, int fd, const struct endpoint *remote)
{
	const struct descriptor *descriptor;
	struct record *record;

	if (tracker->attempts == NULL || pid <= 0 || fd < 0)
		return NULL;
	descriptor = idmap_find(tracker->attempts->descriptors, key_of(pid, fd));
	record = descriptor != NULL ? record_table_find_cookie(tracker->table, descriptor->cookie) : NULL;
	if (record == NULL || record->closing || record->reported)
		return NULL;
	if (remote->port != 0 && record->conn.flow.remote.port != 0 &&
	    !endpoint_equal(&record->conn.flow.remote, remote))
		return NULL;
	return record;
}

static void set_latest(struct tracker *tracker, pid_t pid, int fd, uint64_t cookie)
{
	struct attempts *attempts = tracker->attempts;

	if (attempts == NULL || pid <= 0 || fd < 0 || cookie == 0)
		return;
	if (idmap_count(attempts->descriptors) >= DESCRIPTORS_MAX) {
		idmap_free(attempts->descriptors);
		attempts->descriptors = idmap_new(sizeof(struct descriptor));
	}
	((struct descriptor *)idmap_put(attempts->descriptors, key_of(pid, fd)))->cookie = cookie;
}

struct record *tracker_attempts_sampled(struct tracker *tracker, const struct event *event)
{
	const struct event_owner *owner = &event->owner;
	struct record *record = NULL;

	if (tracker->attempts == NULL || !flow_is_complete(&event->flow))
		return NULL;
	record = latest(tracker, owner->pid, owner->fd, &event->flow.remote);
	set_latest(tracker, owner->pid, owner->fd, owner->cookie);
	if (record == NULL || !(record->conn.cookie & EVENT_COOKIE_MADE_UP))
		return NULL;
	(void)take_attempt(tracker->attempts, &record->conn.flow.remote);
	tracker_join_flow(tracker, record, &event->flow);
	return record;
}

bool tracker_attempts_have(struct tracker *tracker, const struct endpoint *remote)
{
	return tracker->attempts != NULL && take_attempt(tracker->attempts, remote);
}

/* The connection of the descriptor was sampled before connect(2) returned, or before this call. */
static bool find_sampled(const struct tracker *tracker, struct event *event)
{
	struct record *record = latest(tracker, event->call.pid, event->call.fd, &event->flow.remote);
	bool is_return = event->call.kind == CALL_CONNECT_END;

	if (record == NULL || (record->conn.cookie & EVENT_COOKIE_MADE_UP))
		return false;
	if (is_return && record->evidence->connect_end_ns >= 0)
		return false;
	if (is_return)
		record->conn.tid = event->call.tid;
	event->call.cookie = record->conn.cookie;
	event->flow = record->conn.flow;
	return true;
}

/* A descriptor has another socket now, or none. */
static void feed_gone(struct tracker *tracker, const struct event *event)
{
	struct record *record =
		event->call.cookie != 0 ? record_table_find_cookie(tracker->table, event->call.cookie) : NULL;

	if (event->call.fd >= 0)
		idmap_remove(tracker->attempts->descriptors, key_of(event->call.pid, event->call.fd));
	if (record != NULL && !record->closing && !record->reported)
		tracker_begin_closing(tracker, record);
}

bool tracker_attempts_call(struct tracker *tracker, struct event *event)
{
	struct attempts *attempts = attempts_of(tracker);
	struct endpoint remote;

	if (event->call.kind == CALL_GONE) {
		feed_gone(tracker, event);
		return false;
	}
	if (find_sampled(tracker, event) || event->call.kind != CALL_CONNECT_END)
		return true;
	set_latest(tracker, event->call.pid, event->call.fd, event->call.cookie);
	if (event->flow.remote.port == 0)
		return true;
	remote = event->flow.remote;
	/* Then the kernel clears the peer's port, but not the address. */
	if (event->call.error > 0 && !record_is_undecided(event->call.error))
		remote.port = 0;
	add_attempt(attempts, &remote);
	return true;
}
