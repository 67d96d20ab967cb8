// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "track/tracker_state.h"

/*
 * A connection is a set of facts in any order. A fact finds its record by socket cookie when it has one, else by flow;
 * a connect(2) that has no local port yet is found by its thread. Packets make records of their own ("unowned" in a run
 * with a target), whose wire evidence is moved to the record of the process once a call claims the flow. With both ends
 * traced on this host there are two records, each with its own view of the same packets.
 *
 * A record is on one of three lists: open; closing (it has ended and lingers for what comes late); reported (kept to
 * absorb late packets).
 *
 * The files of the tracker, each above those that it uses: tracker.c and tracker_walk.c; what feeds one kind of event
 * (tracker_calls.c, tracker_info.c, tracker_packets.c, tracker_messages.c); tracker_join.c; tracker_records.c;
 * tracker_observe.c; tracker_pending.c; tracker_settle.c, tracker_both_ends.c; tracker_listening.c, tracker_final.c.
 */

/* Events located together, and how far before its turn a record is fetched. */
#define FEED_AT_ONCE 64
#define FETCH_AHEAD 8

struct tracker *tracker_new(const struct tracker_config *config, const struct tracker_notify *notify)
{
	struct tracker *tracker = xcalloc(1, sizeof(*tracker));

	tracker->config = *config;
	tracker->notify = *notify;
	tracker->pool = pool_new(RECORD_SPAN);
	tracker->table = record_table_new(&config->flow_key);
	tracker->processes = process_table_new();
	return tracker;
}

/* The records stay in the tables, which are freed as well. */
static void free_all(struct tracker *tracker, struct record_list *list)
{
	for (struct record *record = list->first, *next; record != NULL; record = next) {
		next = record->next;
		record_free(record, tracker->pool);
	}
}

void tracker_free(struct tracker *tracker)
{
	if (tracker == NULL)
		return;
	free_all(tracker, &tracker->open);
	free_all(tracker, &tracker->closing);
	free_all(tracker, &tracker->reported);
	record_table_free(tracker->table);
	pool_free(tracker->pool);
	process_table_free(tracker->processes);
	dns_names_free(tracker->dns_names);
	free(tracker->connecting);
	free(tracker->listening);
	tracker_halves_free(tracker);
	free(tracker->finals);
	free(tracker->unowned);
	tracker_attempts_free(tracker);
	tracker_destroyed_free(tracker);
	tracker_accepts_free(tracker);
	free(tracker);
}

/* ---- counters, owners, processes ------------------------------------------------ */

/* Records keep the process under the name it had then. What was before execve(2) is not concerned. */
static void mark_gaps(struct tracker *tracker, const struct event_process *fact)
{
	static const char exempt[] = "execve";
	struct record *const lists[] = {tracker->open.first, tracker->closing.first};

	if (fact->length == 0 || (fact->length == strlen(exempt) && memcmp(fact->text, exempt, fact->length) == 0))
		return;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (struct record *record = lists[i]; record != NULL; record = record->next)
			if (record->evidence->process != NULL && record->evidence->process->pid == fact->pid)
				record->evidence->process->has_gaps = true;
}

/* The samples do not show an owner; a breakpoint may. */
static void feed_unowned(struct tracker *tracker, const struct event *event)
{
	uint64_t cookie = event->owner.cookie;

	if (!tracker_accepts_claim(tracker, &event->flow, cookie, event->time_ns)) {
		tracker_unowned_count(tracker, event);
		tracker_destroyed_add(tracker, event);
		return;
	}
	tracker_unowned_peer(tracker, &event->flow, event->time_ns);
	tracker_final_take(tracker, record_table_find_cookie(tracker->table, cookie), event->time_ns);
}

/* Whether it is a connection that came in while the process alone held the listener for it. */
static bool came_through(const struct record *record, const struct event_owner *owner)
{
	return record != NULL && record->wire != NULL && record->evidence->process == NULL &&
	       record->evidence->cookie == owner->cookie && wire_dir(record->wire) == DIR_IN &&
	       wire_is_established(record->wire) && wire_syn_ns(record->wire) > owner->since_ns;
}

static void feed_owner(struct tracker *tracker, const struct event *event)
{
	struct record *record = tracker_join_find(tracker, &event->flow, event->owner.cookie);
	struct flow flow = event->flow;

	if (event->owner.since_ns != 0 && !came_through(record, &event->owner))
		return;
	if (event->owner.born)
		tracker->owners_come = true;
	if (event->owner.pid == 0) {
		feed_unowned(tracker, event);
		return;
	}
	if (record == NULL)
		record = tracker_attempts_sampled(tracker, event);
	if (record == NULL) {
		tracker_unowned_peer(tracker, &event->flow, event->time_ns);
		record = tracker_record_found(tracker);
		if (tracker->has_packets && flow.remote.port == 0 && endpoint_has_ip(&flow.remote))
			tracker_join_reset(tracker, &flow);
		tracker_join_flow(tracker, record, &flow);
		if (event->owner.born)
			tracker_final_take(tracker, record, event->time_ns);
		if (event->owner.cookie == tracker->renewed) {
			record->dir = DIR_OUT;
			tcp_payload_opener(record_bytes(record), DIR_OUT);
		}
	}
	tracker_join_cookie(tracker, record, event->owner.cookie);
	if (record->evidence->process == NULL || (record->evidence->process->pid < 0 && !event->owner.last))
		tracker_set_process(tracker, record, event->owner.pid, event->owner.uid);
	else if (event->owner.born || event->owner.last)
		tracker_set_last(tracker, record, event->owner.pid);
	if (record->evidence->fd < 0 && record->evidence->process->pid == event->owner.pid)
		record_evidence(record)->fd = event->owner.fd;
	/* The process may be one that a savefile tells. */
	record_seen(record, event->time_ns, event->origin == ORIGIN_WIRE ? SEEN_WIRE : SEEN_KERNEL);
	(void)tracker_accepts_claim(tracker, &event->flow, event->owner.cookie, event->time_ns);
}

/* ---- public functions -------------------------------------------------------------- */

static void feed_lost(struct tracker *tracker, const struct event_lost *lost)
{
	int64_t *sum = lost->where < LOST_WHERE_NUM ? &tracker->stats.lost[lost->where] : NULL;

	if (sum == NULL)
		return;
	if (lost->where == LOST_NETLINK || lost->where == LOST_RING) {
		tracker_final_forget(tracker);
		tracker_destroyed_lost(tracker);
	}
	if (lost->where == LOST_PACKET_PROCESS)
		tracker_packets_end(tracker);
	if (lost->count < 0 || *sum < 0 || __builtin_add_overflow(*sum, lost->count, sum))
		*sum = -1;
}

static void feed_name(struct tracker *tracker, const struct event *event)
{
	if (tracker->dns_names == NULL)
		tracker->dns_names = dns_names_new(&tracker->config.flow_key);
	dns_names_feed(tracker->dns_names, event);
}

static void feed_one(struct tracker *tracker, struct event *event, uint32_t hash)
{
	if (event->time_ns > tracker->now_ns)
		tracker->now_ns = event->time_ns;
	switch (event->type) {
	case EVENT_CALL:
		if (event->origin != ORIGIN_PERF || tracker_attempts_call(tracker, event))
			tracker_calls_feed(tracker, event);
		break;
	case EVENT_INFO:
		if (event->info.reason == INFO_RENEWED)
			tracker_feed_renewed(tracker, event);
		else
			tracker_feed_info(tracker, event);
		break;
	case EVENT_SEGMENT:
	case EVENT_ICMP:
		tracker_packets_feed(tracker, event, hash);
		break;
	case EVENT_MESSAGE:
		tracker_messages_feed(tracker, event);
		break;
	case EVENT_OWNER:
		feed_owner(tracker, event);
		break;
	case EVENT_PROCESS:
		process_table_feed(tracker->processes, event);
		if (event->process.fact == PROCESS_GAPS)
			mark_gaps(tracker, &event->process);
		break;
	case EVENT_LOST:
		feed_lost(tracker, &event->lost);
		break;
	case EVENT_NAME:
		feed_name(tracker, event);
		break;
	case EVENT_FRAME:
		tracker_observe_frame(tracker, event);
		break;
	case EVENT_RUN:
		tracker->stats.run = event->run;
		tracker->config.whole = event->run.whole;
		tracker->watched_ns = event->time_ns;
		tracker->config.has_destroy = event->run.has_destroy != 0;
		tracker->config.has_all_destroy = event->run.has_destroy > 1;
		tracker->config.netns = event->run.netns;
		tracker->config.syn_retries = event->run.syn_retries;
		break;
	default:
		break;
	}
	if (tracker->config.by_events)
		tracker_pass_time(tracker);
}

static bool is_packet(const struct event *event)
{
	return event->type == EVENT_SEGMENT || event->type == EVENT_ICMP;
}

/*
 * With many connections most records are not in the cache. So all are located first, and each record is fetched while
 * those before it are processed.
 */
static void feed_few(struct tracker *tracker, struct event *events, size_t count)
{
	uint32_t hashes[FEED_AT_ONCE] = {0};

	for (size_t i = 0; i < count; i++)
		if (is_packet(&events[i]))
			hashes[i] = record_table_locate(tracker->table, &events[i]);
	for (size_t i = 0; i < count && i < FETCH_AHEAD; i++)
		record_table_prefetch(tracker->table, hashes[i]);
	for (size_t i = 0; i < count; i++) {
		if (i + FETCH_AHEAD < count)
			record_table_prefetch(tracker->table, hashes[i + FETCH_AHEAD]);
		feed_one(tracker, &events[i], hashes[i]);
	}
}

void tracker_feed(struct tracker *tracker, struct event *events, size_t count)
{
	while (count > 0) {
		size_t few = count < FEED_AT_ONCE ? count : FEED_AT_ONCE;

		feed_few(tracker, events, few);
		events += few;
		count -= few;
	}
}
