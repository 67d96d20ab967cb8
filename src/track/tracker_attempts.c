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
/* How far back an attempt is searched for. */
#define SEARCH_MAX 4096

/**
 * struct descriptor - the latest connection of a descriptor
 * @cookie: of its record: of the attempt, or of the sampled socket
 * @gone: that of the attempt before, whose socket was not the descriptor's any more at @gone_ns; 0 none
 */
struct descriptor {
	uint64_t cookie;
	uint64_t gone;
	int64_t gone_ns;
};

/**
 * struct attempts_to - attempts to a peer
 * @count: those without a socket
 */
struct attempts_to {
	struct endpoint remote;
	uint64_t count;
};

/**
 * struct attempts - see above
 * @descriptors: struct descriptor, by process and number
 * @anywhere: attempts without a socket to a peer that is not known
 */
struct attempts {
	struct idmap *descriptors;
	uint64_t anywhere;
	struct attempts_to places[PLACES];
};

static struct attempts *attempts_of(struct tracker *tracker)
{
	if (tracker->attempts == NULL) {
		tracker->attempts = xcalloc(1, sizeof(*tracker->attempts));
		tracker->attempts->descriptors = idmap_new(sizeof(struct descriptor));
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
	return &attempts->places[hash_place(remote, sizeof(*remote), PLACES)];
}

/* Return: whether there was one, to this peer or to an unknown one. */
static bool take_attempt(struct attempts *attempts, const struct endpoint *remote)
{
	struct attempts_to *place = place_of(attempts, remote);
	uint64_t *count =
		endpoint_equal(&place->remote, remote) && place->count > 0 ? &place->count : &attempts->anywhere;

	if (*count == 0)
		return false;
	--*count;
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

static bool is_gone(const struct tracker *tracker, const struct record *record, const struct event *event)
{
	const struct descriptor *descriptor =
		idmap_find(tracker->attempts->descriptors, key_of(event->owner.pid, event->owner.fd));

	return descriptor != NULL && descriptor->gone == record->evidence->cookie &&
	       descriptor->gone_ns <= event->time_ns;
}

/* Of several processes that have the socket none is given, or no descriptor: then the peer has to be known. */
static bool may_be_of(const struct record *record, const struct event *event)
{
	const struct endpoint *remote = &record->conn.flow.remote;
	const struct event_owner *owner = &event->owner;

	if (!(record->evidence->cookie & EVENT_COOKIE_MADE_UP) || record->reported ||
	    record->evidence->process == NULL || record->evidence->connect_end_ns > event->time_ns)
		return false;
	if ((owner->pid > 0 && record->evidence->process->pid != owner->pid) ||
	    (owner->fd >= 0 && record->evidence->fd != owner->fd))
		return false;
	return endpoint_equal(remote, &event->flow.remote) || (remote->port == 0 && owner->fd >= 0);
}

/* The last attempt before the sockets were listed; the sample may be read after later ones. */
static struct record *last_before(const struct tracker *tracker, const struct event *event)
{
	const struct record_list *lists[] = {&tracker->open, &tracker->closing};
	struct record *found = NULL;

	for (size_t i = 0; i < 2; i++) {
		struct record *record = lists[i]->last;

		for (int steps = 0; record != NULL && steps < SEARCH_MAX; record = record->previous, steps++)
			if (may_be_of(record, event) &&
			    (found == NULL || record->evidence->connect_end_ns > found->evidence->connect_end_ns))
				found = record;
	}
	return found != NULL && !is_gone(tracker, found, event) ? found : NULL;
}

struct record *tracker_attempts_sampled(struct tracker *tracker, const struct event *event)
{
	const struct event_owner *owner = &event->owner;
	struct record *record;

	if (tracker->attempts == NULL || !flow_is_complete(&event->flow) || owner->pid == 0)
		return NULL;
	record = last_before(tracker, event);
	/* It was accepted, on a descriptor that an attempt had before: only the same peer proves the contrary. */
	if (tracker_listens(tracker, &event->flow) && (record == NULL || record->conn.flow.remote.port == 0))
		return NULL;
	if (latest(tracker, owner->pid, owner->fd, &event->flow.remote) == record)
		set_latest(tracker, owner->pid, owner->fd, owner->cookie);
	if (record == NULL)
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

	if (record == NULL || (record->evidence->cookie & EVENT_COOKIE_MADE_UP))
		return false;
	if (is_return && record->evidence->connect_end_ns >= 0)
		return false;
	if (is_return)
		record_evidence(record)->tid = event->call.tid;
	event->call.cookie = record->evidence->cookie;
	event->flow = record->conn.flow;
	return true;
}

/*
 * A descriptor has another socket now. Without one: the samples show that the socket of the attempt has ended; argument
 * 1: all sockets that had ended until then have been reported.
 */
static void feed_gone(struct tracker *tracker, const struct event *event)
{
	struct record *record =
		event->call.cookie != 0 ? record_table_find_cookie(tracker->table, event->call.cookie) : NULL;

	if (event->call.fd >= 0) {
		struct descriptor *descriptor =
			idmap_put(tracker->attempts->descriptors, key_of(event->call.pid, event->call.fd));

		*descriptor = (struct descriptor){.gone = event->call.cookie, .gone_ns = event->time_ns};
	}
	if (record == NULL || record->reported || event->call.fd >= 0)
		return;
	if (event->call.argument == 1)
		tracker_destroyed_decide(tracker, record);
	tracker_begin_closing(tracker, record);
}

bool tracker_attempts_call(struct tracker *tracker, struct event *event)
{
	struct attempts *attempts = attempts_of(tracker);
	struct endpoint remote;

	if (event->call.kind == CALL_ACCEPT)
		tracker_accepts_add(tracker, event);
	if (event->call.kind == CALL_GONE && event->call.fd < 0 && event->call.cookie == 0)
		tracker->accepts_ns = event->call.argument == 1 ? event->time_ns : 0;
	else if (event->call.kind == CALL_GONE)
		feed_gone(tracker, event);
	if (event->call.kind == CALL_ACCEPT || event->call.kind == CALL_GONE)
		return false;
	if (find_sampled(tracker, event) || event->call.kind != CALL_CONNECT_END)
		return true;
	set_latest(tracker, event->call.pid, event->call.fd, event->call.cookie);
	remote = event->flow.remote;
	if (remote.port == 0) {
		attempts->anywhere++;
		return true;
	}
	/* Then the kernel clears the peer's port, but not the address. */
	if (event->call.error > 0 && !record_is_undecided(event->call.error))
		remote.port = 0;
	add_attempt(attempts, &remote);
	return true;
}
