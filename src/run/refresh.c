// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/refresh.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "system/counters.h"
#include "system/local_addresses.h"
#include "system/socket.h"
#include "system/tcp_info.h"

/* Listeners and mini sockets have no counters. */
#define STATES (DIAG_ALL_STATES & ~(1U << TCP_LISTEN | 1U << TCP_TIME_WAIT))
/* Up to this many connections are queried one by one: 4 us each. */
#define SINGLE_LOOKS 64
/* The kernel lists all its sockets, not only ours; that is cheaper while ours are at least this part of them. */
#define LIST_SHARE 16
/* Queries between two tries of the full list. */
#define LIST_AGAIN 64
/* One more query takes 4 us, a list without counters 1 us for each socket. */
#define LIST_AGAIN_SHARE 4

/* A socket that is connected again keeps its cookie. */
static bool is_other_flow(const struct flow *seen, const struct flow *flow)
{
	return flow_is_complete(seen) && flow_is_complete(flow) &&
	       !(endpoint_equal(&seen->local, &flow->local) && endpoint_equal(&seen->remote, &flow->remote));
}

static int read_through_process(const struct conn *conn, struct event *event)
{
	const struct process *process = conn->last_process != NULL ? conn->last_process : conn->process;
	struct event seen;
	int pidfd, socket, rc;

	if (process == NULL || conn->fd < 0)
		return -ENOENT;
	pidfd = socket_process(process->pid);
	if (pidfd < 0)
		return -ENOENT;
	socket = socket_take(pidfd, conn->fd);
	close(pidfd);
	if (socket < 0)
		return -ENOENT;
	rc = socket_read(socket, &seen);
	close(socket);
	/* The descriptor, or even the PID, may belong to another process by now. */
	if (rc != 0 || seen.info.cookie != conn->cookie || is_other_flow(&seen.flow, &conn->flow))
		return -ENOENT;
	*event = seen;
	event->flow = conn->flow;
	return 0;
}

static int ask(struct diag *diag, const struct conn *conn, struct event *event)
{
	int rc = diag_query(diag, &conn->flow, conn->cookie, event);

	return rc == 0 ? counters_settle(diag, event) : rc;
}

static bool is_here(uint32_t netns, const struct conn *conn)
{
	return conn->flow.netns == netns || conn->flow.netns == 0;
}

/*
 * Packets show a connection older than the run a little before the lookup of its owner: its socket is found by its
 * ends.
 */
static bool is_unread(const struct conn *conn)
{
	return (conn->seen & (SEEN_EXISTING | SEEN_WIRE | SEEN_KERNEL)) == (SEEN_EXISTING | SEEN_WIRE) &&
	       local_addresses_has(&conn->flow.local);
}

/*
 * Read the current counters of a connection without final counters. The kernel is queried first; a socket that it does
 * not list (another network namespace, or dead but not closed) is read through its process.
 *
 * Return: 0, or -ENOENT when the socket does not exist any more, as far as that can be found.
 */
static int read_counters(struct diag *diag, uint32_t netns, const struct conn *conn, struct event *event)
{
	if (conn->cookie == 0 && !is_unread(conn))
		return -ENOENT;
	if (diag != NULL && is_here(netns, conn) && flow_is_complete(&conn->flow) && ask(diag, conn, event) == 0)
		/* A mini socket (TIME_WAIT) has no counters: the socket is gone, its final counters are to come. */
		return event->info.bytes_received >= 0 ? 0 : -ENOENT;
	return read_through_process(conn, event);
}

/* ---- all of them ------------------------------------------------------------------- */

/* A connection searched in the kernel's list; its values are valid once @is_sure. */
struct sought {
	uint64_t cookie;
	bool is_seen;
	bool is_sure;
	struct event event;
};

struct search {
	struct sought *sought;
	size_t count;
	bool is_listed; /* sorted, to be searched */
};

/* Compares cookies, or structures that begin with one. */
static int compare_cookies(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static struct sought *find(const struct search *search, uint64_t cookie)
{
	return bsearch(&cookie, search->sought, search->count, sizeof(*search->sought), compare_cookies);
}

static void see(void *context, const struct event *event)
{
	struct sought *sought = event->info.bytes_received >= 0 ? find(context, event->info.cookie) : NULL;

	if (sought != NULL && !sought->is_seen) {
		sought->event = *event;
		sought->is_seen = true;
	}
}

/* Counters belong to their state when it is the same afterwards. */
static void see_again(void *context, const struct event *event)
{
	struct sought *sought = find(context, event->info.cookie);

	if (sought != NULL && sought->is_seen && sought->event.info.state == event->info.state)
		sought->is_sure = true;
}

static bool is_as_known(const struct refresh *refresh, const struct event_info *info)
{
	const struct refresh_known *known = NULL;

	if (refresh->known_count > 0)
		known = bsearch(&info->cookie, refresh->known, refresh->known_count, sizeof(*known), compare_cookies);
	return known != NULL && refresh_known_holds(known, info);
}

/* Mark those just seen that need no second query. Return: number of those that do. */
static size_t compare_with_known(const struct refresh *refresh, struct search *search)
{
	size_t count = 0;

	for (size_t i = 0; i < search->count; i++) {
		struct sought *sought = &search->sought[i];

		sought->is_sure = sought->is_seen && is_as_known(refresh, &sought->event.info);
		count += sought->is_seen && !sought->is_sure;
	}
	return count;
}

/* Keep the counters for the next list. */
static void keep_known(struct refresh *refresh, const struct search *search)
{
	refresh->known = xreallocarray(refresh->known, search->count, sizeof(*refresh->known));
	refresh->known_count = 0;
	for (size_t i = 0; i < search->count; i++) {
		const struct event_info *info = &search->sought[i].event.info;

		if (search->sought[i].is_sure && info->segs_in >= 0)
			refresh->known[refresh->known_count++] = (struct refresh_known){
				.cookie = info->cookie,
				.bytes_received = info->bytes_received,
				.bytes_acked = info->bytes_acked,
				.segs_in = info->segs_in,
				.segs_out = info->segs_out,
				.wqueue = info->wqueue,
				.notsent_bytes = info->notsent_bytes,
				.state = info->state,
			};
	}
}

/* A RST on the wire does not end a socket that did not get it (a packet filter made it, or dropped it). */
static bool may_live(const struct conn *conn)
{
	return (conn->cookie != 0 && (conn->open || conn->state == STATE_RESET)) || (conn->open && is_unread(conn));
}

static void search_list(struct refresh *refresh, struct search *search)
{
	const struct conn *conn = NULL;
	struct err ignored;
	size_t size = 0, unsure;
	int reported;

	while ((conn = tracker_next(refresh->tracker, conn)) != NULL) {
		if (!may_live(conn))
			continue;
		search->sought = array_reserve(search->sought, search->count, &size, sizeof(*search->sought));
		search->sought[search->count].is_seen = search->sought[search->count].is_sure = false;
		search->sought[search->count++].cookie = conn->cookie;
	}
	if (refresh->diag == NULL || search->count <= SINGLE_LOOKS ||
	    (search->count * LIST_SHARE < refresh->reported && ++refresh->looks < LIST_AGAIN))
		return;
	qsort(search->sought, search->count, sizeof(*search->sought), compare_cookies);
	search->is_listed = true;
	reported = diag_dump(refresh->diag, STATES, see, search, &ignored);
	refresh->looks = 0;
	refresh->reported = reported > 0 ? (size_t)reported : SIZE_MAX;
	unsure = compare_with_known(refresh, search);
	if (unsure > COUNTERS_SINGLE_MAX && unsure * LIST_AGAIN_SHARE > refresh->reported)
		(void)diag_dump(refresh->diag, STATES | DIAG_NO_COUNTERS, see_again, search, &ignored);
}

/* Return: 0, or -ENOENT as read_counters() */
static int refresh_one(struct refresh *refresh, const struct search *search, const struct conn *conn,
		       struct event *event)
{
	struct sought *sought = search->is_listed && conn->cookie != 0 ? find(search, conn->cookie) : NULL;

	if (sought == NULL || !sought->is_seen || is_other_flow(&sought->event.flow, &conn->flow))
		return read_counters(refresh->diag, refresh->netns, conn, event);
	if (!sought->is_sure)
		sought->is_sure =
			counters_settle(refresh->diag, &sought->event) == 0 && sought->event.info.bytes_received >= 0;
	if (!sought->is_sure)
		return read_counters(refresh->diag, refresh->netns, conn, event);
	*event = sought->event;
	return 0;
}

static void note_awaited(struct refresh *refresh, uint64_t cookie)
{
	refresh->awaited = array_reserve(refresh->awaited, refresh->awaited_count, &refresh->awaited_size,
					 sizeof(*refresh->awaited));
	refresh->awaited[refresh->awaited_count++] = cookie;
}

size_t refresh_awaited(const struct refresh *refresh)
{
	const struct conn *conn = NULL;
	size_t count = 0;

	while (refresh->awaited_count > 0 && (conn = tracker_next(refresh->tracker, conn)) != NULL)
		count += conn->open && bsearch(&conn->cookie, refresh->awaited, refresh->awaited_count,
					       sizeof(*refresh->awaited), compare_cookies) != NULL;
	return count;
}

void refresh_free(struct refresh *refresh)
{
	free(refresh->awaited);
	free(refresh->known);
}

size_t refresh_all(struct refresh *refresh, bool tell_gone)
{
	const struct conn *conn = NULL;
	struct search search = {NULL, 0, false};
	struct event *looks;
	size_t count = 0, gone = 0;

	refresh->awaited_count = 0;
	search_list(refresh, &search);
	looks = search.count > 0 ? xreallocarray(NULL, search.count, sizeof(*looks)) : NULL;
	while ((conn = tracker_next(refresh->tracker, conn)) != NULL && count < search.count) {
		struct event *event = &looks[count];

		if (!may_live(conn))
			continue;
		if (refresh_one(refresh, &search, conn, event) != 0) {
			if (!conn->open || conn->cookie == 0)
				continue;
			gone++;
			/* MPTCP sockets and other network namespaces have none. */
			if (conn->flow.proto == IPPROTO_TCP && is_here(refresh->netns, conn))
				note_awaited(refresh, conn->cookie);
			if (!tell_gone)
				continue;
			/* Its final counters are lost: it has ended with unknown numbers. */
			*event = event_new(EVENT_INFO, ORIGIN_KERNEL, clock_now());
			tcp_info_unknown(&event->info);
			event->info.reason = INFO_DESTROY;
			event->info.cookie = conn->cookie;
			event->flow = conn->flow;
		}
		count++;
	}
	if (search.is_listed)
		keep_known(refresh, &search);
	if (refresh->awaited_count > 0)
		qsort(refresh->awaited, refresh->awaited_count, sizeof(*refresh->awaited), compare_cookies);
	for (size_t i = 0; i < count; i++)
		refresh->feed(refresh->context, &looks[i]);
	free(looks);
	free(search.sought);
	return gone;
}
