// SPDX-License-Identifier: GPL-2.0-or-later
/* Final counters: they wait for the next sample, which finds the owner of the connection (theory in sampler.c). */
#include <netinet/tcp.h>

#include "base/array.h"
#include "base/clock.h"
#include "source/sampler/sampler_state.h"
#include "system/tcp_payload.h"

static enum conn_dir opened_by(const struct event_info *info)
{
	struct tcp_payload bytes;

	if (info->state == TCP_SYN_SENT)
		return DIR_OUT;
	if (info->reason == INFO_DESTROY)
		return tcp_payload_final_opener(info);
	tcp_payload_init(&bytes);
	tcp_payload_feed(&bytes, info);
	return tcp_payload_direction(&bytes);
}

/* The last sample that was certainly before it was accepted: a late report may be long after samples that missed it. */
static uint32_t certainly_before(const struct arrival *arrival)
{
	return arrival->is_late && arrival->trusted < arrival->from ? arrival->trusted : arrival->from;
}

/* The same for what the targets did: that was read before the run, too. */
static uint32_t followed_since(const struct arrival *arrival)
{
	uint32_t since = certainly_before(arrival);

	return since < SAMPLER_OPENING && arrival->from >= SAMPLER_OPENING ? SAMPLER_OPENING : since;
}

struct ownership sampler_judge(const struct sampler *sampler, const struct event *socket, const struct arrival *arrival)
{
	struct ownership ownership = {.owner = OWNERSHIP_NONE, .common_identity = common_identity_unknown()};
	uint32_t from = arrival->from, since = certainly_before(arrival);

	if (!arrival->is_opened && opened_by(&socket->info) != DIR_OUT)
		ownership = listeners_judge(sampler->listeners, &socket->flow.local, from, arrival->is_late);
	if (from < ownership.unreliable_before || (arrival->is_queued && ownership.run.last != 0) ||
	    since < (arrival->is_settled ? ownership.run.before : ownership.run.last))
		ownership.owner = OWNERSHIP_UNCLEAR;
	/* Children that are not followed are other processes. */
	if (ownership.owner == OWNERSHIP_TARGETS && !sampler->config.follow &&
	    process_set_had_forks(sampler->process_set, followed_since(arrival)))
		ownership.owner = OWNERSHIP_UNCLEAR;
	return ownership;
}

bool sampler_has_dead_listener(const struct event *last)
{
	return last->flow.local.port != 0 && last->flow.remote.port == 0 && last->info.listener == 0;
}

static void decide_last(struct sampler *sampler, struct pending *pending, bool is_settled)
{
	struct event *last = &pending->event;
	const struct arrival arrival = {
		.from = pending->from,
		.trusted = pending->trusted,
		.is_late = pending->is_late,
		.is_opened = pending->is_opened,
		.is_settled = is_settled,
	};
	struct socket_evidence evidence = {
		.ownership = sampler_judge(sampler, last, &arrival),
		.from = followed_since(&arrival),
	};

	if (last->flow.local.port == 0 || sampler_has_dead_listener(last))
		return;
	if (pending->is_renewed && owner_events_renewed(&sampler->owner_events, last) && pending->holder.pid != 0 &&
	    !process_set_had_forks(sampler->process_set, pending->from)) {
		evidence.holder = &pending->holder;
		(void)owner_events_owner(&sampler->owner_events, last, &evidence);
		return;
	}
	if (evidence.ownership.owner == OWNERSHIP_TARGETS) {
		(void)owner_events_owner(&sampler->owner_events, last, &evidence);
		last->info.listener = 1;
		last->info.delay = evidence.ownership.delay;
		last->info.mptcp = evidence.ownership.mptcp ? MPTCP_PERHAPS : MPTCP_NO;
	} else if (evidence.ownership.owner != OWNERSHIP_OTHERS && !pending->is_reported) {
		owner_events_none(&sampler->owner_events, last);
	}
}

void sampler_decide_pending(struct sampler *sampler)
{
	for (size_t i = 0; i < sampler->pending_count; i++) {
		decide_last(sampler, &sampler->pending[i], i < sampler->settled);
		(void)owner_events_push(&sampler->owner_events, &sampler->pending[i].event);
	}
	sampler->pending_count = sampler->settled = 0;
	if (sampler->reported_ns != sampler->trusted_until_ns) {
		sampler->reported_ns = sampler->trusted_until_ns;
		sampler->pushed_ns = clock_now();
	}
}

/* Whether it belongs to another connection than the one reported of the socket. */
static bool is_last_of_another(const struct sampler *sampler, const struct socket_seen *seen, const struct event *event)
{
	if (!flow_is_complete(&event->flow))
		return false;
	return seen->renewal == SOCKET_RENEWED ||
	       (seen->owner == SOCKET_TARGETS && socket_table_is_renewed(sampler->sockets, seen, event));
}

static void set_renewed(const struct sampler *sampler, const struct socket_seen *seen, struct pending *pending)
{
	const struct procfs_holder *holder = procfs_owners_find(sampler->owners, seen->inode);

	pending->is_opened = pending->is_renewed = true;
	pending->is_reported = false;
	pending->from = seen->sample;
	/* Final counters do not include it; and it may be plain TCP this time. */
	if (seen->was_mptcp)
		pending->event.info.mptcp = MPTCP_PERHAPS;
	if (holder != NULL)
		pending->holder = *holder;
}

bool sampler_final_add(struct sampler *sampler, const struct event *event)
{
	const struct socket_seen *seen = socket_table_find(sampler->sockets, event->info.cookie);
	struct pending pending = {
		.event = *event, .from = sampler->full, .trusted = sampler->trusted, .is_late = seen == NULL};
	bool is_decided = false;

	if (event->type != EVENT_INFO ||
	    listeners_by_cookie(sampler->listeners, &event->flow.local, event->info.cookie) != NULL)
		return false;
	if (seen != NULL) {
		pending.from = seen->from;
		pending.is_reported = seen->owner == SOCKET_TARGETS || seen->renewal == SOCKET_RENEWED;
		pending.is_opened = seen->renewal != SOCKET_FIRST;
		if (is_last_of_another(sampler, seen, event))
			set_renewed(sampler, seen, &pending);
		/* It is unknown who accepted a connection that was waiting. */
		is_decided = seen->owner == SOCKET_OTHERS || (pending.is_reported && seen->from != seen->sample);
		socket_table_remove(sampler->sockets, event->info.cookie);
	}
	if (is_decided)
		return false;
	sampler->pending = array_reserve(sampler->pending, sampler->pending_count, &sampler->pending_size,
					 sizeof(*sampler->pending));
	sampler->pending[sampler->pending_count++] = pending;
	/* It came in through an unknown listener that may be just as short-lived. */
	if (flow_is_complete(&event->flow) && opened_by(&event->info) != DIR_OUT &&
	    listeners_judge(sampler->listeners, &event->flow.local, pending.from, false).owner == OWNERSHIP_NONE)
		sampler_times_hasten(&sampler->times);
	return true;
}
