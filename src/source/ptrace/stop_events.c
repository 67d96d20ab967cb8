// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "source/ptrace/stop.h"
#include "system/procfs.h"

/* The events of a stop, below the decisions: what is gathered while a thread is stopped, and pushed afterwards. */

/* The last of STOP_RESTART_FIRST and those that follow it. */
#define RESTART_LAST 516

/* The end of a process is reported later than it was: its events go before younger ones that are held. */
static void hold(struct stop *stop)
{
	size_t at = stop->held_count;

	while (at > 0 && stop->held[at - 1].time_ns > stop->events[0].time_ns)
		at--;
	for (size_t i = 0; i < stop->count; i++) {
		stop->held = array_reserve(stop->held, stop->held_count, &stop->held_size, sizeof(*stop->held));
		memmove(&stop->held[at + i + 1], &stop->held[at + i],
			(stop->held_count - at - i) * sizeof(*stop->held));
		stop->held[at + i] = stop->events[i];
		stop->held_count++;
	}
}

static void push(struct stop *stop, const struct event *events, size_t count)
{
	for (size_t i = 0; i < count; i++)
		queue_push(stop->queue, &events[i]); /* a refusal is counted by the queue */
	stop->pushed |= count > 0;
}

void stop_push(struct stop *stop)
{
	if (stop->count > 0 && stop->holds)
		hold(stop);
	else
		push(stop, stop->events, stop->count);
	stop->count = 0;
}

void stop_release(struct stop *stop, int64_t until_ns)
{
	size_t count = 0;

	while (count < stop->held_count && stop->held[count].time_ns <= until_ns)
		count++;
	push(stop, stop->held, count);
	stop->held_count -= count;
	if (count > 0 && stop->held_count > 0)
		memmove(stop->held, stop->held + count, stop->held_count * sizeof(*stop->held));
	stop->holds = until_ns != INT64_MAX;
}

struct event *stop_gather(struct stop *stop, enum event_type type, enum event_origin origin)
{
	struct event *event = &stop->events[stop->count++];

	*event = event_new(type, origin, stop->time_ns);
	return event;
}

static void describe_sink(void *context, const struct event *event)
{
	struct stop *stop = context;

	*stop_gather(stop, EVENT_PROCESS, ORIGIN_CALLS) = *event;
}

void stop_describe(struct stop *stop, struct target *target)
{
	if (target->described)
		return;
	target->described = true;
	target->netns = procfs_netns(target->pid);
	procfs_process_events(target->pid, stop->time_ns, describe_sink, stop);
}

struct event *stop_gather_call(struct stop *stop, const struct tracee *tracee, enum call_kind kind, int fd)
{
	struct event *event;

	stop_describe(stop, tracee->target);
	event = stop_gather(stop, EVENT_CALL, ORIGIN_CALLS);
	event->flow.netns = tracee->target->netns;
	event->call.kind = (uint8_t)kind;
	event->call.pid = tracee->target->pid;
	event->call.tid = tracee->tid;
	event->call.fd = fd;
	event->call.begin_ns = tracee->begin_ns;
	event->call.uid = (uint32_t)-1;
	return event;
}

void stop_gather_socket(struct stop *stop, struct event *call, const struct event *info, enum info_reason reason)
{
	struct event *event = stop_gather(stop, EVENT_INFO, ORIGIN_KERNEL);

	call->call.cookie = info->info.cookie;
	call->flow.proto = info->flow.proto;
	if (info->flow.local.port != 0)
		call->flow.local = info->flow.local;
	if (info->flow.remote.port != 0)
		call->flow.remote = info->flow.remote;
	event->time_ns = info->time_ns;
	event->flow = call->flow;
	event->info = info->info;
	event->info.reason = (uint8_t)reason;
}

int stop_error(int64_t value)
{
	int error = value < 0 ? (int)-value : 0;

	return error >= STOP_RESTART_FIRST && error <= RESTART_LAST ? EINTR : error;
}
