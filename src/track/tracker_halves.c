// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/lru.h"
#include "base/xalloc.h"

/*
 * Calls of a log have one end of their connection and no return: audit writes when connect(2) was entered, before the
 * SYN. So these records wait for their packets. For an accepted one the remote end identifies it. For the others only
 * address and port of the service are known, and the time.
 */

/* How many wait at once; those that wait longest make room. */
#define HALVES_MAX 4096
/* Audit has the time of the last tick, at most 10 ms ago, cut to milliseconds; then the call prepares the SYN. */
#define ENTRY_NS (20 * CLOCK_NS_PER_MS)

/**
 * struct half - a record that waits for its packets
 * @record: NULL: the place is free
 * @time_ns: of the call
 */
struct half {
	struct record *record;
	int64_t time_ns;
};

/**
 * struct half_clock - when the first call to a service, or of a peer, and its first SYN were
 * @remote: port 0: the place is free
 * @call_ns: CLOCK_UNKNOWN: none was seen
 * @syn_ns: CLOCK_UNKNOWN: none was seen
 * @is_in: it is the peer of an accepted connection
 */
struct half_clock {
	struct endpoint remote;
	int64_t call_ns;
	int64_t syn_ns;
	bool is_in;
};

struct halves {
	struct lru *lru;
	struct lru *clock_lru;
	struct tracker_join_stats stats;
	struct half waiting[HALVES_MAX];
	struct half_clock clocks[HALVES_MAX];
};

static uint32_t hash_of(const struct tracker *tracker, const struct endpoint *remote)
{
	return (uint32_t)hash_bytes(&tracker->config.flow_key, remote, sizeof(*remote));
}

static struct halves *halves_of(struct tracker *tracker)
{
	if (tracker->halves == NULL) {
		tracker->halves = xcalloc(1, sizeof(*tracker->halves));
		tracker->halves->lru = lru_new(HALVES_MAX);
		tracker->halves->clock_lru = lru_new(HALVES_MAX);
	}
	return tracker->halves;
}

void tracker_halves_free(struct tracker *tracker)
{
	if (tracker->halves == NULL)
		return;
	lru_free(tracker->halves->lru);
	lru_free(tracker->halves->clock_lru);
	free(tracker->halves);
}

/* ---- the clocks of log and packets ---------------------------------------------------- */

static struct half_clock *clock_of(struct tracker *tracker, const struct endpoint *remote)
{
	struct halves *halves = halves_of(tracker);
	uint32_t hash = hash_of(tracker, remote), place = lru_find(halves->clock_lru, hash);

	while (place != LRU_NONE && !endpoint_equal(&halves->clocks[place].remote, remote))
		place = lru_next(halves->clock_lru, place);
	if (place == LRU_NONE) {
		place = lru_take(halves->clock_lru, hash);
		halves->clocks[place] =
			(struct half_clock){.remote = *remote, .call_ns = CLOCK_UNKNOWN, .syn_ns = CLOCK_UNKNOWN};
	}
	return &halves->clocks[place];
}

static int compare(const void *a, const void *b)
{
	const int64_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

void tracker_join_stats(const struct tracker *tracker, struct tracker_join_stats *stats)
{
	const struct halves *halves = tracker->halves;
	int64_t *spans;
	size_t count = 0;

	*stats = (struct tracker_join_stats){.calls = 0};
	if (halves == NULL)
		return;
	*stats = halves->stats;
	spans = xcalloc(HALVES_MAX, sizeof(*spans));
	/* accept(2) may be called at any time before and after the SYN: of use only where nothing else is. */
	for (int is_in = 0; is_in < 2 && count == 0; is_in++)
		for (size_t i = 0; i < HALVES_MAX; i++) {
			const struct half_clock *clock = &halves->clocks[i];

			if (clock->remote.port != 0 && clock->call_ns >= 0 && clock->syn_ns >= 0 &&
			    clock->is_in == is_in)
				spans[count++] = clock_since(clock->call_ns, clock->syn_ns);
		}
	qsort(spans, count, sizeof(*spans), compare);
	stats->clocks = count;
	if (count > 0)
		stats->ahead_ns = spans[(count - 1) / 2];
	free(spans);
}

/* ---- waiting ---------------------------------------------------------------------------- */

void tracker_halves_add(struct tracker *tracker, struct record *record, const struct event *event)
{
	struct halves *halves = halves_of(tracker);
	const struct endpoint *remote = &event->flow.remote;
	struct half_clock *clock;
	uint32_t place;

	if (remote->port == 0 || !endpoint_has_ip(remote))
		return;
	halves->stats.calls += tracker->stats.run.has_packets && tracker->stats.run.netns == 0;
	clock = clock_of(tracker, remote);
	clock->is_in = record->dir == DIR_IN;
	if (clock->call_ns < 0)
		clock->call_ns = event->call.begin_ns >= 0 ? event->call.begin_ns : event->time_ns;
	if (record->wire != NULL) {
		halves->stats.joined++;
		return;
	}
	place = lru_oldest(halves->lru);
	if (halves->waiting[place].record != NULL)
		record_evidence(halves->waiting[place].record)->half_place = 0;
	place = lru_take(halves->lru, hash_of(tracker, remote));
	halves->waiting[place] = (struct half){record, event->time_ns};
	record_evidence(record)->half_place = place + 1;
}

void tracker_halves_forget(struct tracker *tracker, struct record *record)
{
	uint32_t place = record->evidence->half_place;

	if (place == 0)
		return;
	record_evidence(record)->half_place = 0;
	tracker->halves->waiting[place - 1].record = NULL;
	lru_give(tracker->halves->lru, place - 1);
}

/* The call that this SYN belongs to; NULL: there is none, or it is unknown which. */
static struct record *find(struct tracker *tracker, const struct endpoint *remote, bool is_in, int64_t time_ns)
{
	struct halves *halves = tracker->halves;
	struct record *found = NULL;
	int64_t found_ns = 0;

	for (uint32_t place = lru_find(halves->lru, hash_of(tracker, remote)); place != LRU_NONE;
	     place = lru_next(halves->lru, place)) {
		const struct half *half = &halves->waiting[place];
		int64_t span_ns = clock_since(half->time_ns, time_ns);

		if (!endpoint_equal(&half->record->conn.flow.remote, remote) ||
		    (half->record->dir == DIR_IN) != is_in || half->record->wire != NULL || half->record->reported)
			continue;
		/* accept(2) waits for any time. */
		if (!is_in && (span_ns < 0 || span_ns > ENTRY_NS))
			continue;
		if (found != NULL && found->evidence->process != half->record->evidence->process) {
			halves->stats.ambiguous++;
			return NULL;
		}
		/* A process sends its SYN segments in the order of its calls. */
		if (found == NULL || half->time_ns < found_ns) {
			found = half->record;
			found_ns = half->time_ns;
		}
	}
	return found;
}

static bool is_claimed(const struct tracker *tracker, const struct flow *flow)
{
	const struct record *record = record_table_find_flow(tracker->table, flow);

	return record != NULL && record->evidence->cookie != 0;
}

struct record *tracker_halves_take(struct tracker *tracker, const struct flow *flow, bool is_in, int64_t time_ns)
{
	struct record *record = is_claimed(tracker, flow) ? NULL : find(tracker, &flow->remote, is_in, time_ns);

	if (record != NULL) {
		tracker_halves_forget(tracker, record);
		tracker->halves->stats.joined++;
	}
	return record;
}

struct record *tracker_halves_socket(struct tracker *tracker, const struct event *event)
{
	struct record *record;
	uint16_t port;

	if (tracker->halves == NULL || !flow_is_complete(&event->flow) || is_claimed(tracker, &event->flow))
		return NULL;
	record = find(tracker, &event->flow.remote, true, event->time_ns);
	port = record != NULL ? record->conn.flow.local.port : 0;
	if (record == NULL || (port != 0 && port != event->flow.local.port))
		return NULL;
	tracker_halves_forget(tracker, record);
	return record;
}

bool tracker_halves_syn(struct tracker *tracker, const struct event *event)
{
	const struct event_run *run = &tracker->stats.run;
	const struct endpoint *ends[] = {&event->flow.remote, &event->flow.local};

	/* A savefile beside a log; live, each socket is known. */
	if (tracker->halves == NULL && (run->whole || run->netns != 0 || !run->has_packets))
		return false;
	for (size_t i = 0; i < 2; i++) {
		struct half_clock *clock = clock_of(tracker, ends[i]);

		if (clock->syn_ns < 0)
			clock->syn_ns = event->time_ns;
	}
	return true;
}
