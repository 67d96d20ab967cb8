// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/listeners.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/xalloc.h"

#define PORTS 65536

struct listeners {
	struct listener *list;
	size_t count, size;
	int first[PORTS]; /* by port, -1 none */
};

struct listeners *listeners_new(void)
{
	struct listeners *listeners = xcalloc(1, sizeof(*listeners));

	memset(listeners->first, 0xff, sizeof(listeners->first));
	return listeners;
}

void listeners_free(struct listeners *listeners)
{
	if (listeners == NULL)
		return;
	free(listeners->list);
	free(listeners);
}

struct listener *listeners_at(struct listeners *listeners, size_t index)
{
	return index < listeners->count ? &listeners->list[index] : NULL;
}

struct listener *listeners_by_cookie(struct listeners *listeners, const struct endpoint *local, uint64_t cookie)
{
	for (int at = listeners->first[local->port]; at >= 0; at = listeners->list[at].next)
		if (listeners->list[at].cookie == cookie)
			return &listeners->list[at];
	return NULL;
}

static void link_port(struct listeners *listeners, size_t index)
{
	struct listener *listener = &listeners->list[index];

	listener->next = listeners->first[listener->local.port];
	listeners->first[listener->local.port] = (int)index;
}

bool listeners_see(struct listeners *listeners, const struct event *event, uint64_t sample)
{
	struct listener *listener = listeners_by_cookie(listeners, &event->flow.local, event->info.cookie);

	if (listener != NULL) {
		listener->sampled = sample;
		listener->waiting = event->info.rqueue;
		listener->backlog = event->info.wqueue;
		return false;
	}
	listeners->list = array_reserve(listeners->list, listeners->count, &listeners->size, sizeof(*listeners->list));
	listeners->list[listeners->count] = (struct listener){
		.local = event->flow.local,
		.cookie = event->info.cookie,
		.inode = event->info.inode,
		.uid = event->info.uid,
		.owner = OWNERSHIP_UNCLEAR,
		.mptcp = event->info.mptcp == MPTCP_PART,
		.common_identity = common_identity_unknown(),
		.waiting = event->info.rqueue,
		.backlog = event->info.wqueue,
		.first_sample = sample,
		.sampled = sample,
	};
	link_port(listeners, listeners->count++);
	return true;
}

void listeners_forget(struct listeners *listeners, uint64_t sample, uint64_t targets_sample)
{
	size_t kept = 0;

	for (size_t i = 0; i < listeners->count; i++) {
		bool theirs = listeners->list[i].owner == OWNERSHIP_TARGETS;

		if (listeners->list[i].sampled >= (theirs ? targets_sample : sample))
			listeners->list[kept++] = listeners->list[i];
	}
	if (kept == listeners->count)
		return;
	listeners->count = kept;
	memset(listeners->first, 0xff, sizeof(listeners->first));
	for (size_t i = 0; i < kept; i++)
		link_port(listeners, i);
}

/* How well a listener fits a local end: 0 not at all. */
static int fitness(const struct listener *listener, const struct endpoint *local)
{
	static const struct in6_addr any_v4 = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
	static const struct in6_addr any_v6;

	if (endpoint_equal(&listener->local, local))
		return 3;
	if (endpoint_is_v4(local) && memcmp(&listener->local.ip, &any_v4, sizeof(any_v4)) == 0)
		return 2;
	return memcmp(&listener->local.ip, &any_v6, sizeof(any_v6)) == 0 ? 1 : 0;
}

/* Whether a connection to one of these ends may come through the listener at the other. */
static bool overlap(const struct listener *listener, const struct endpoint *local)
{
	const struct listener other = {.local = *local};

	return fitness(listener, local) > 0 || fitness(&other, &listener->local) > 0;
}

void listeners_mark_unreliable(struct listeners *listeners, const struct endpoint *local, uint64_t sample)
{
	bool is_owned = false;

	for (int at = listeners->first[local->port]; at >= 0; at = listeners->list[at].next)
		is_owned |= overlap(&listeners->list[at], local) && listeners->list[at].owner != OWNERSHIP_OTHERS;
	for (int at = listeners->first[local->port]; is_owned && at >= 0; at = listeners->list[at].next)
		if (overlap(&listeners->list[at], local))
			listeners->list[at].unreliable_before = listeners->list[at].unreliable_from = sample;
}

void listeners_trust(struct listeners *listeners, uint64_t sample)
{
	for (size_t i = 0; i < listeners->count; i++)
		if (listeners->list[i].unreliable_from <= sample)
			listeners->list[i].unreliable_from = 0;
}

void listeners_compare(struct listeners *listeners, uint64_t sample)
{
	for (size_t i = 0; i < listeners->count; i++) {
		struct listener *listener = &listeners->list[i];
		bool differ = false;

		if (listener->unreliable_from != 0)
			listener->unreliable_before = sample;
		if (listener->first_sample != sample && listener->sampled != sample - 1)
			continue;
		for (int at = listeners->first[listener->local.port]; at >= 0; at = listeners->list[at].next)
			differ |= overlap(&listeners->list[at], &listener->local) &&
				  listeners->list[at].owner != listener->owner;
		if (differ)
			listeners_mark_unreliable(listeners, &listener->local, sample);
	}
}

/* The only target that may have accepted, and since which sample: others do not hold it, or have not run. */
static pid_t find_sole(const struct listener *listener, uint32_t *since)
{
	*since = listener->since;
	if (listener->pid != 0 || listener->last == 0)
		return listener->pid;
	if (listener->last_since > *since + 1)
		*since = listener->last_since - 1;
	return listener->last;
}

static struct ownership judge(const struct listeners *listeners, const struct endpoint *local, uint64_t from, bool gone)
{
	struct ownership ownership = {.owner = OWNERSHIP_NONE, .common_identity = common_identity_unknown()};
	int best = 0;

	for (int at = listeners->first[local->port]; at >= 0; at = listeners->list[at].next) {
		const struct listener *listener = &listeners->list[at];
		int fits = fitness(listener, local);
		uint32_t since;
		pid_t sole = find_sole(listener, &since);

		if (fits == 0 || fits < best || (listener->sampled < from) != gone)
			continue;
		if (fits > best) {
			ownership = (struct ownership){
				.owner = listener->owner,
				.pid = sole,
				.is_alone = listener->pid != 0,
				.since = since,
				.unreliable_before = listener->unreliable_before,
				.run = listener->run,
				.common_identity = listener->common_identity,
				.mptcp = listener->mptcp,
				.delay = listener->delay,
			};
			best = fits;
			continue;
		}
		/* Several share the port (SO_REUSEPORT): only what holds for all of them is known. */
		if (listener->owner != ownership.owner)
			ownership.owner = OWNERSHIP_UNCLEAR;
		if (sole != ownership.pid)
			ownership.pid = 0;
		ownership.is_alone &= listener->pid != 0;
		if (since > ownership.since)
			ownership.since = since;
		ownership.run = holder_run_later(&ownership.run, &listener->run);
		ownership.common_identity =
			common_identity_join(&ownership.common_identity, &listener->common_identity);
		ownership.mptcp |= listener->mptcp;
		if (listener->delay != ownership.delay)
			ownership.delay = DELAY_UNKNOWN;
	}
	return ownership;
}

struct ownership listeners_judge(const struct listeners *listeners, const struct endpoint *local, uint64_t from,
				 bool is_late)
{
	struct ownership ownership = judge(listeners, local, from, false);
	struct ownership gone = judge(listeners, local, from, true);

	if (!is_late || gone.owner == OWNERSHIP_NONE)
		return ownership;
	if (ownership.owner == OWNERSHIP_NONE)
		return gone;
	if (ownership.owner != gone.owner)
		ownership.owner = OWNERSHIP_UNCLEAR;
	ownership.pid = 0;
	ownership.run = holder_run_later(&ownership.run, &gone.run);
	ownership.common_identity = common_identity_join(&ownership.common_identity, &gone.common_identity);
	ownership.mptcp |= gone.mptcp;
	if (gone.delay != ownership.delay)
		ownership.delay = DELAY_UNKNOWN;
	return ownership;
}
