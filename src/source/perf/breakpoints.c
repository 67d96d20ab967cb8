// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls of connect(2) of processes that are not stopped.
 *
 * A sample of the sockets (--via=diag) misses what a process opens and closes between two samples, and has no errno.
 * Breakpoints behind the system calls of the C library report each with process, thread, descriptor, errno and, where
 * it is on the stack, the address. The samples complete what they find: a socket of the same process, descriptor and
 * peer (track/tracker_attempts.c).
 *
 * Each breakpoint is counted by the kernel and recorded in a ring. Where the ring was full, the difference is what was
 * lost.
 */
#include "source/perf/breakpoints.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "model/event.h"
#include "source/perf/breakpoints_state.h"
#include "source/perf/self_test.h"
#include "source/perf/sites.h"
#include "system/procfs.h"
#include "system/procfs_tcp.h"

/* A record is written this soon after its time was taken. */
#define WRITE_NS CLOCK_NS_PER_MS

int breakpoints_check(struct err *err)
{
	return self_test_run(err);
}

int breakpoints_free(void)
{
	return self_test_free();
}

/* ---- events -------------------------------------------------------------------------- */

static void push(struct breakpoints *breakpoints, const struct event *event)
{
	if (queue_push(breakpoints->config.events, event))
		breakpoints->pushed++;
}

/* sink of procfs_process_events() */
static void push_process(void *context, const struct event *event)
{
	push(context, event);
}

static void name_process(struct breakpoints *breakpoints, pid_t pid, int64_t time_ns)
{
	if (idmap_find(breakpoints->named, (uint64_t)pid) != NULL)
		return;
	*(bool *)idmap_put(breakpoints->named, (uint64_t)pid) = true;
	procfs_process_events(pid, time_ns, push_process, breakpoints);
}

/* A socket may be found by the next samples while its attempt may have succeeded. */
static void await_samples(struct breakpoints *breakpoints, const struct event *event)
{
	if (event->call.kind != CALL_CONNECT_END ||
	    (event->call.error != 0 && event->call.error != EINPROGRESS && event->call.error != EINTR))
		return;
	breakpoints->has_waiting |= event->call.error == EINPROGRESS;
	breakpoints->attempts = array_reserve(breakpoints->attempts, breakpoints->attempt_count,
					      &breakpoints->attempt_size, sizeof(*breakpoints->attempts));
	breakpoints->attempts[breakpoints->attempt_count++] = (struct attempt){event->call.cookie, event->time_ns};
}

/* An attempt, or none at all: the samples show that its socket has ended. */
static struct event gone_event(int64_t time_ns, uint64_t cookie)
{
	struct event event = event_new(EVENT_CALL, ORIGIN_PERF, time_ns);

	event.call.kind = CALL_GONE;
	event.call.fd = -1;
	event.call.begin_ns = CLOCK_UNKNOWN;
	event.call.uid = (uint32_t)-1;
	event.call.cookie = cookie;
	return event;
}

/*
 * Those whose socket was in no sample: whatever became of it, it has no descriptor any more. The last one comes first:
 * of those before it is known then that this one's socket is not theirs (track/tracker_destroyed.c).
 */
static void end_attempts(struct breakpoints *breakpoints, int64_t until_ns, bool is_reported)
{
	size_t first = breakpoints->attempt_first, end = first;

	while (end < breakpoints->attempt_count && breakpoints->attempts[end].time_ns < until_ns)
		end++;
	breakpoints->attempt_first = end;
	while (end > first) {
		struct event event = gone_event(breakpoints->last_ns, breakpoints->attempts[--end].cookie);

		event.call.argument = is_reported;
		push(breakpoints, &event);
	}
	if (breakpoints->attempt_first == breakpoints->attempt_count)
		breakpoints->attempt_first = breakpoints->attempt_count = 0;
}

/* ---- records -------------------------------------------------------------------------- */

/* callback of hit_rings_read() */
static void keep_hit(void *context, const struct hit *hit)
{
	struct breakpoints *breakpoints = context;

	const struct place *place = hit->type == HIT_CALL ? idmap_find(breakpoints->places, hit->address) : NULL;

	if (hit->type == HIT_CALL)
		breakpoints->seen++;
	if (place != NULL)
		breakpoints_reached(breakpoints, hit->pid, place);
	if (hit->type == HIT_LOST)
		breakpoints->lost += hit->lost;
	if (hit->type == HIT_EXEC)
		breakpoints_executed(breakpoints, hit->pid);
	if (hit->type == HIT_MAP)
		breakpoints_mapped(breakpoints, hit->pid);
	if (hit->type == HIT_FORK)
		breakpoints_created(breakpoints, hit->pid, hit->parent);
	if (hit->type != HIT_CALL && hit->type != HIT_FORK && hit->type != HIT_EXEC)
		return;
	breakpoints->hits = array_reserve(breakpoints->hits, breakpoints->hit_count, &breakpoints->hit_size,
					  sizeof(*breakpoints->hits));
	breakpoints->hits[breakpoints->hit_count++] = *hit;
}

/* The name is that of the record, because the process may have ended. */
static void take_exec(struct breakpoints *breakpoints, const struct hit *hit)
{
	struct event event = event_new(EVENT_PROCESS, ORIGIN_PERF, breakpoints->last_ns);

	idmap_remove(breakpoints->named, (uint64_t)hit->pid);
	event.process.pid = hit->pid;
	event.process.uid = (uint32_t)-1;
	event.process.fact = PROCESS_COMM;
	event.process.length = (uint8_t)hit->length;
	memcpy(event.process.text, hit->bytes, hit->length);
	push(breakpoints, &event);
	breakpoints_gap(breakpoints, hit->pid, "execve");
}

static void take_fork(struct breakpoints *breakpoints, const struct hit *hit)
{
	if (hit->pid == hit->parent)
		return;
	connect_calls_fork(breakpoints->calls, hit->pid, hit->parent, hit->time);
	idmap_remove(breakpoints->named, (uint64_t)hit->pid);
	breakpoints_gap_none(breakpoints, hit->pid);
}

/*
 * The listening socket on the first argument of accept(2). One that is there since a moment ago only is not known. If
 * the descriptor, or the process, is gone, it was the one that was there before, unless socket(2) has replaced that.
 */
static bool find_listener(struct breakpoints *breakpoints, const struct hit *hit, struct endpoint *local)
{
	const struct breakpoints_config *config = &breakpoints->config;
	int fd = (int)hit->arguments[0];
	struct known_listener *known = connect_calls_listener(breakpoints->calls, hit->pid, fd);
	uint32_t inode;

	if (procfs_tcp_inode(hit->pid, fd, &inode) == 0 && inode != known->inode) {
		*known = (struct known_listener){.inode = 0};
		if (config->find_listener(config->context, inode, &known->local))
			known->inode = inode;
	}
	*local = known->local;
	return known->inode != 0;
}

static void take_call(struct breakpoints *breakpoints, const struct hit *hit)
{
	const struct place *place = idmap_find(breakpoints->places, hit->address);
	struct event events[CONNECT_CALLS_MAX];
	size_t count;

	if (place == NULL)
		return;
	count = connect_calls_take(breakpoints->calls, hit, (enum site_call)place->call, breakpoints->last_ns, events);
	for (size_t i = 0; i < count; i++) {
		if (events[i].call.kind == CALL_ACCEPT && !find_listener(breakpoints, hit, &events[i].flow.local))
			breakpoints->nameless++;
		if (events[i].call.kind != CALL_GONE)
			name_process(breakpoints, hit->pid, breakpoints->last_ns);
		push(breakpoints, &events[i]);
		await_samples(breakpoints, &events[i]);
	}
}

static int compare_hits(const void *one, const void *other)
{
	const struct hit *a = *(const struct hit *const *)one, *b = *(const struct hit *const *)other;

	return (a->time > b->time) - (a->time < b->time);
}

/* Records of several rings, in one order. Those after @until_ns stay: another ring may get an earlier one. */
static void take_hits(struct breakpoints *breakpoints, int64_t until_ns)
{
	const struct hit **order = xcalloc(breakpoints->hit_count + 1, sizeof(*order));
	size_t left = 0;

	for (size_t i = 0; i < breakpoints->hit_count; i++)
		order[i] = &breakpoints->hits[i];
	qsort(order, breakpoints->hit_count, sizeof(*order), compare_hits);
	for (size_t i = 0; i < breakpoints->hit_count; i++) {
		const struct hit *hit = order[i];
		int64_t time_ns = breakpoints->epoch_ns + (int64_t)hit->time;

		if (time_ns > until_ns)
			break;
		if (time_ns > breakpoints->last_ns)
			breakpoints->last_ns = time_ns;
		if (hit->type == HIT_CALL)
			take_call(breakpoints, hit);
		else if (hit->type == HIT_EXEC)
			take_exec(breakpoints, hit);
		else
			take_fork(breakpoints, hit);
	}
	for (size_t i = 0; i < breakpoints->hit_count; i++)
		if (breakpoints->epoch_ns + (int64_t)breakpoints->hits[i].time > until_ns)
			breakpoints->hits[left++] = breakpoints->hits[i];
	breakpoints->hit_count = left;
	free(order);
}

static void report_losses(struct breakpoints *breakpoints, uint64_t lost)
{
	struct event event = event_new(EVENT_LOST, ORIGIN_PERF, breakpoints->last_ns);

	if (lost == 0)
		return;
	breakpoints_gap_all(breakpoints, "lost");
	event.lost.where = LOST_RING;
	event.lost.count = (int64_t)lost;
	push(breakpoints, &event);
}

static void read_until(struct breakpoints *breakpoints, bool is_last)
{
	const struct breakpoints_config *config = &breakpoints->config;
	int64_t now_ns = clock_now(), reported_ns, pushed_ns = 0;

	breakpoints->epoch_ns = clock_monotonic_epoch();
	hit_rings_read(breakpoints->rings, keep_hit, breakpoints);
	breakpoints->settled_ns = is_last ? now_ns : now_ns - WRITE_NS;
	take_hits(breakpoints, is_last ? INT64_MAX : breakpoints->settled_ns);
	if (breakpoints->last_ns < breakpoints->settled_ns)
		breakpoints->last_ns = breakpoints->settled_ns;
	reported_ns = config->reported_ns(config->context, &pushed_ns);
	if (pushed_ns < breakpoints->last_ns)
		end_attempts(breakpoints, reported_ns, true);
	if (is_last)
		end_attempts(breakpoints, config->sampled_ns(config->context), false);
}

static void report_unclear(struct breakpoints *breakpoints)
{
	if (connect_calls_unclear(breakpoints->calls) == 0)
		return;
	notices_add(
		&breakpoints->notices,
		"connect(2) was called on a socket from before the run, or one that another process made: whether that "
		"is of TCP is unknown, so it is a row only if a sample finds it");
}

static void report_nameless(struct breakpoints *breakpoints)
{
	if (breakpoints->nameless + connect_calls_nameless(breakpoints->calls) == 0)
		return;
	notices_add(&breakpoints->notices,
		    "accept(2) was called without an address on the stack, or on a listening socket that is not known: "
		    "these connections have the owner that the samples prove");
}

static void report_outcomes(struct breakpoints *breakpoints)
{
	if (!breakpoints->lacks_outcomes || !breakpoints->has_waiting)
		return;
	notices_add(&breakpoints->notices,
		    "there is no breakpoint left for getsockopt(2), because accept(2) has its place: the errno of a "
		    "connect(2) that does not wait is unknown");
}

int breakpoints_read(struct breakpoints *breakpoints)
{
	breakpoints->pushed = 0;
	read_until(breakpoints, false);
	breakpoints_report_bare(breakpoints);
	breakpoints_search_rings(breakpoints, false);
	breakpoints_report_path(breakpoints);
	report_nameless(breakpoints);
	report_unclear(breakpoints);
	report_outcomes(breakpoints);
	return breakpoints->pushed;
}

void breakpoints_drain(struct breakpoints *breakpoints)
{
	uint64_t hits;

	armed_disable(breakpoints->armed);
	breakpoints_search_rings(breakpoints, true);
	read_until(breakpoints, true);
	hits = armed_hits(breakpoints->armed);
	report_losses(breakpoints, hits > breakpoints->seen ? hits - breakpoints->seen : 0);
}

int breakpoints_fd(const struct breakpoints *breakpoints)
{
	return hit_rings_fd(breakpoints->rings);
}

int64_t breakpoints_settled_ns(const struct breakpoints *breakpoints)
{
	return breakpoints->settled_ns;
}

const char *breakpoints_notice(struct breakpoints *breakpoints)
{
	return notices_take(&breakpoints->notices);
}

/* ---- opening ----------------------------------------------------------------------------- */

/* From now on a sampled socket may have an attempt that is reported later: an event without a connection shows it. */
static void say_begun(struct breakpoints *breakpoints)
{
	struct event event = gone_event(clock_now(), 0);

	event.call.argument = breakpoints->config.accepts;
	push(breakpoints, &event);
}

void breakpoints_close(struct breakpoints *breakpoints)
{
	if (breakpoints == NULL)
		return;
	armed_free(breakpoints->armed);
	hit_rings_close(breakpoints->rings);
	connect_calls_free(breakpoints->calls);
	idmap_free(breakpoints->places);
	idmap_free(breakpoints->paths);
	idmap_free(breakpoints->named);
	idmap_free(breakpoints->gaps);
	idmap_free(breakpoints->bare);
	free(breakpoints->pids);
	free(breakpoints->hits);
	free(breakpoints->attempts);
	free(breakpoints);
}

int breakpoints_open(struct breakpoints **opened, const struct breakpoints_config *config, struct err *err)
{
	struct breakpoints *breakpoints;
	int rc = self_test_run(err);

	if (rc != 0)
		return rc;
	breakpoints = xcalloc(1, sizeof(*breakpoints));
	breakpoints->config = *config;
	breakpoints->calls = connect_calls_new();
	breakpoints->places = idmap_new(sizeof(struct place));
	breakpoints->paths = idmap_new(sizeof(struct path_taken));
	breakpoints->pids = xcalloc(config->pid_count + 1, sizeof(pid_t));
	memcpy(breakpoints->pids, config->pids, config->pid_count * sizeof(pid_t));
	breakpoints->named = idmap_new(sizeof(bool));
	breakpoints->gaps = idmap_new(sizeof(struct gap));
	breakpoints->bare = idmap_new(sizeof(struct bare));
	rc = hit_rings_open(&breakpoints->rings, err);
	if (rc == 0) {
		breakpoints->armed = armed_new(breakpoints->rings, config->follow);
		rc = breakpoints_arm_all(breakpoints, err);
	}
	if (rc != 0) {
		breakpoints_close(breakpoints);
		return rc;
	}
	breakpoints->config.pids = NULL;
	say_begun(breakpoints);
	*opened = breakpoints;
	return 0;
}
