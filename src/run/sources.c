// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/sources.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "run/sources_state.h"
#include "run/interrupt.h"
#include "run/parents.h"
#include "source/replay/replay.h"
#include "system/procfs.h"
#include "system/procfs_netstat.h"

/*
 * Packets come through a kernel buffer and another process: they may be later
 * than the calls they caused. Without them only the tracing thread's queue and
 * the netlink socket have to be put in order.
 */
#define HOLD_PACKETS_NS (100 * CLOCK_NS_PER_MS)
#define HOLD_NS (20 * CLOCK_NS_PER_MS)

struct source_slot *sources_slot(struct sources *sources, const struct source_ops *ops)
{
	struct source_slot *slot = sources->slots;

	while (slot->ops != ops)
		slot++;
	return slot;
}

void sources_add_notice(void *context, const char *text)
{
	struct sources *sources = context;

	sources->notices = array_extend(sources->notices, sources->notice_count, sizeof(char *));
	sources->notices[sources->notice_count++] = xstrdup(text);
}

void sources_take_notices(struct sources *sources, const struct source_slot *slot)
{
	const char *text;

	while (slot->source != NULL && slot->ops->notice != NULL && (text = slot->ops->notice(slot->source)) != NULL)
		sources_add_notice(sources, text);
}

const char *sources_notice(struct sources *sources)
{
	return sources->notice_at < sources->notice_count ? sources->notices[sources->notice_at++] : NULL;
}

void sources_close(struct sources *sources, int *wait_status)
{
	if (sources == NULL)
		return;
	if (sources->tracer != NULL && wait_status != NULL)
		(void)tracer_status(sources->tracer, wait_status);
	if (sources->command != NULL && wait_status != NULL)
		(void)command_status(sources->command, wait_status);
	parents_close(sources->parents);
	FOR_EACH_SLOT (slot, sources)
		if (slot->source != NULL)
			slot->ops->close(slot->source);
	diag_close(sources->diag);
	if (sources->netstat_fd >= 0)
		close(sources->netstat_fd);
	queue_free(sources->destroy_fresh);
	merge_free(sources->merge);
	for (size_t i = 0; i < sources->notice_count; i++)
		free(sources->notices[i]);
	free(sources->notices);
	free(sources->slots);
	free(sources->user.groups);
	free(sources->pids);
	free(sources);
}

const char *sources_refused(const struct sources *sources, size_t index)
{
	FOR_EACH_SLOT (slot, sources)
		if (slot->source != NULL && slot->ops->refused != NULL)
			return slot->ops->refused(slot->source, index);
	return NULL;
}

struct parents *sources_parents(struct sources *sources)
{
	return sources->parents;
}

/* ---- reading ------------------------------------------------------------------- */

/* What was to be watched can't be any more: the run goes on with what there is, and its exit status says so. */
static void take_failure(struct sources *sources, struct source_slot *slot, const struct err *err)
{
	sources_add_notice(sources, err->text);
	if (slot->ops->on_failure == SOURCE_IS_OPTIONAL) {
		slot->ops->close(slot->source);
		slot->source = NULL;
		return;
	}
	sources->failure = *err;
	slot->ended = slot->ops->on_failure == SOURCE_ENDS;
}

const char *sources_failed(const struct sources *sources)
{
	return sources->failure.text[0] != '\0' ? sources->failure.text : NULL;
}

/* Return: how many events came. */
static int read_slot(struct sources *sources, struct source_slot *slot)
{
	struct err err = {""};
	int rc;

	if (slot->source == NULL)
		return 0;
	if (sources->draining && slot->ops->drain_read != NULL)
		rc = slot->ops->drain_read(slot->source, slot->events, &err);
	else if (!slot->ended)
		rc = slot->ops->read(slot->source, slot->events, &err);
	else
		return 0;
	if (rc == SOURCE_END)
		slot->ended = true;
	else if (rc < 0)
		take_failure(sources, slot, &err);
	if (slot->awaited)
		merge_await(sources->merge, slot->events, !slot->ended);
	if (slot->after != NULL)
		slot->after(sources, slot);
	sources_take_notices(sources, slot);
	return rc > 0 ? rc : 0;
}

int sources_read(struct sources *sources)
{
	int count = 0;

	FOR_EACH_SLOT (slot, sources)
		count += read_slot(sources, slot);
	return count;
}

void sources_sample(struct sources *sources)
{
	struct source_slot *slot = sources_slot(sources, &sampler_source);

	if (slot->source != NULL && !slot->ended)
		slot->ended = sampler_sample(slot->source) == SOURCE_END;
}

void sources_find_owners(struct sources *sources)
{
	if (sources->sampler != NULL && sampler_waits(sources->sampler))
		sources_sample(sources);
}

size_t sources_fds(struct sources *sources, struct pollfd fds[SOURCES_FDS], bool *ready)
{
	/* Events that are held back have a time when they are read. */
	bool is_patient = sources->options->read == NULL && !merge_is_empty(sources->merge);
	size_t count = 0;

	*ready = false;
	FOR_EACH_SLOT (slot, sources) {
		int fd;

		if (slot->source == NULL || slot->ended)
			continue;
		if (slot->ops->sleep != NULL && !slot->ops->sleep(slot->source, is_patient))
			*ready = true;
		fd = slot->ops->fd != NULL ? slot->ops->fd(slot->source) : -1;
		if (fd >= 0)
			fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	return count;
}

bool sources_have_ended(const struct sources *sources)
{
	bool any = false, all = true;

	FOR_EACH_SLOT (slot, sources)
		if (slot->source != NULL && slot->ops->role == SOURCE_TARGET)
			return slot->ended;
	FOR_EACH_SLOT (slot, sources) {
		bool is_input = slot->source != NULL && slot->ops->role == SOURCE_INPUT;

		any |= is_input;
		all &= !is_input || slot->ended;
	}
	return any && all;
}

bool sources_packets_are_all(struct sources *sources)
{
	/* A file ends by itself, and a log of calls beside it may go on. */
	return sources->options->packets > 0 && sources->options->read == NULL &&
	       sources_slot(sources, &packet_source)->ended;
}

void sources_on_packet(struct sources *sources, void (*function)(void *context, const struct event *event),
		       void *context)
{
	if (sources->packet != NULL)
		packet_on_event(sources->packet, function, context);
}

void sources_on_final_counters(struct sources *sources, void (*function)(void *context, struct event *event),
			       void *context)
{
	sources->on_final_counters = function;
	sources->on_final_counters_context = context;
}

static bool is_drained(const struct source_slot *slot)
{
	return slot->source == NULL || slot->ended || slot->ops->is_drained == NULL ||
	       slot->ops->is_drained(slot->source);
}

/* A source that is abandoned reports what it has lost when it is read again; no later than that it is left. */
#define ABANDONED_NS CLOCK_NS_PER_SEC

static bool drain_slot(struct source_slot *slot)
{
	int64_t late_ns;

	if (slot->source == NULL || slot->ops->drain == NULL || slot->drained)
		return true;
	if (slot->drain_until_ns == 0) {
		slot->ops->drain(slot->source);
		/* On a busy machine that alone may take seconds. */
		slot->drain_until_ns = clock_monotonic() + slot->ops->drain_ns;
	}
	late_ns = clock_monotonic() - slot->drain_until_ns;
	if (late_ns >= 0 && slot->ops->abandon != NULL)
		slot->ops->abandon(slot->source);
	slot->drained =
		is_drained(slot) || interrupt_hurries() || late_ns >= (slot->ops->abandon != NULL ? ABANDONED_NS : 0);
	return slot->drained;
}

bool sources_drain(struct sources *sources)
{
	if (!sources->draining) {
		sources->draining = true;
		merge_await_none(sources->merge);
	}
	FOR_EACH_SLOT (slot, sources)
		if (!drain_slot(slot))
			return false;
	return true;
}

int64_t sources_hold_ns(const struct sources *sources)
{
	return sources_has_packets(sources) ? HOLD_PACKETS_NS : HOLD_NS;
}

int64_t sources_settled_ns(const struct sources *sources)
{
	int64_t settled_ns;

	if (options_is_file(sources->options))
		return INT64_MAX; /* the merge awaits each of them */
	settled_ns = clock_now() - sources_hold_ns(sources);
	FOR_EACH_SLOT (slot, sources)
		if (slot->source != NULL && slot->ops->settled_ns != NULL)
			settled_ns = clock_sooner(settled_ns, slot->ops->settled_ns(slot->source));
	return settled_ns;
}

struct queue *sources_lookups(struct sources *sources)
{
	return sources->lookups;
}

const struct hash_key *sources_flow_key(const struct sources *sources)
{
	return &sources->flow_key;
}

struct merge *sources_merge(struct sources *sources)
{
	return sources->merge;
}

struct tracer *sources_tracer(struct sources *sources)
{
	return sources->tracer;
}

const struct command *sources_command(const struct sources *sources)
{
	return sources->command;
}

struct diag *sources_diag(struct sources *sources)
{
	return sources->diag;
}

const struct log_lines *sources_lines(const struct sources *sources)
{
	FOR_EACH_SLOT (slot, sources)
		if (slot->source != NULL && slot->ops->lines != NULL)
			return slot->ops->lines(slot->source);
	return NULL;
}

int64_t sources_overflows(const struct sources *sources)
{
	int64_t now = procfs_netstat_value(sources->netstat_fd, "ListenOverflows");

	return sources->overflows >= 0 && now >= sources->overflows ? now - sources->overflows : CONN_UNKNOWN;
}

/* The process ID of the launched command, 0 when it has ended. */
static pid_t living_command(const struct sources *sources)
{
	int status;

	if (sources->tracer != NULL)
		return sources->options->command != NULL ? tracer_command(sources->tracer) : 0;
	return sources->command != NULL && !command_status(sources->command, &status) ? command_pid(sources->command)
										      : 0;
}

bool sources_command_signal(struct sources *sources, int number)
{
	pid_t pid = living_command(sources);

	if (pid > 0)
		kill(pid, number);
	return sources->options->command != NULL;
}

bool sources_command_pass(struct sources *sources, int number)
{
	pid_t pid = living_command(sources), group = pid > 0 ? getpgid(pid) : -1;

	if (group < 0 || group == getpgrp())
		return false;
	kill(group == pid ? -pid : pid, number);
	return true;
}

bool sources_command_lives(void *context)
{
	const struct sources *sources = context;
	int status;

	if (sources->tracer == NULL)
		return sources->command != NULL && command_lives(sources->command);
	return sources->options->command != NULL && !tracer_status(sources->tracer, &status);
}

size_t sources_others(struct sources *sources, int number, pid_t *pids, size_t room)
{
	FOR_EACH_SLOT (slot, sources)
		if (slot->source != NULL && slot->ops->others != NULL)
			return slot->ops->others(slot->source, number, pids, room);
	return 0;
}

struct destroy *sources_destroy(const struct sources *sources)
{
	return sources->destroy;
}

bool sources_has_programs(const struct sources *sources)
{
	return sources->programs != NULL;
}

bool sources_explain(const struct sources *sources, struct err *why)
{
	return sources->sampler != NULL && sampler_explain(sources->sampler, why);
}

bool sources_has_packets(const struct sources *sources)
{
	return sources->options->interface_count > 0 || sources->options->read != NULL;
}

struct packet *sources_packet(const struct sources *sources)
{
	return sources->packet;
}

int64_t sources_interface_drops(const struct sources *sources, size_t number)
{
	if (sources->packet == NULL || number >= sources->options->interface_count)
		return -1;
	return (int64_t)packet_interface_drops(sources->packet, number);
}

void sources_packet_stats(const struct sources *sources, struct packet_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (sources->packet != NULL)
		packet_stats(sources->packet, stats);
}

int64_t sources_offset(const struct sources *sources, int64_t *size)
{
	*size = 0;
	if (sources->packet != NULL)
		return packet_offset(sources->packet, size);
	return sources->replay != NULL ? replay_offset(sources->replay, size) : -1;
}

uint32_t sources_netns(const struct sources *sources)
{
	return sources->netns;
}

uint64_t sources_events_refused(const struct sources *sources)
{
	/* The other sources keep what a queue refuses, or count it themselves. */
	const struct queue *const queues[] = {sources->tracer_events, sources->destroy_fresh, sources->destroy_events,
					      sources->lookups};
	uint64_t refused = 0;

	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++)
		refused += queues[i] != NULL ? queue_refused(queues[i]) : 0;
	return refused;
}
