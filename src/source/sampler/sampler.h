/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_SAMPLER_H
#define CONNTRACE_SOURCE_SAMPLER_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/queue.h"
#include "model/event.h"
#include "source/destroy/destroy.h"
#include "system/diag.h"

struct source_ops;

/**
 * struct sampler_config - whom to watch without stopping them (--via=diag, theory in sampler.c)
 * @pids: the processes
 * @pid_count: how many
 * @follow: their children too
 * @netns: inode of our network namespace, 0 unknown
 * @sample_ns: longest time between two looks, unless they would take too much of a processor
 * @diag: answers our questions; stays the caller's
 * @destroy: where the caller reads last words from, NULL there when it can't any more; stays the caller's
 * @events: where events go; stays the caller's
 */
struct sampler_config {
	const pid_t *pids;
	size_t pid_count;
	bool follow;
	uint32_t netns;
	int64_t sample_ns;
	struct diag *diag;
	struct destroy **destroy;
	struct queue *events;
};

/** struct sampler - the source that says whose sockets are: EVENT_OWNER, EVENT_PROCESS, and EVENT_INFO of its looks */
struct sampler;

/**
 * sampler_open() - begin; what the targets have open already is told at once
 * @sampler: set on success only
 * @config: is copied; its pids are not needed afterwards
 * @err: why none can be watched
 *
 * Return: 0 when at least one can be, or a negative errno.
 */
int sampler_open(struct sampler **sampler, const struct sampler_config *config, struct err *err);

/** sampler_close() - the targets go on; NULL is fine */
void sampler_close(struct sampler *sampler);

/** sampler_notice() - the next process that cannot be watched, or not wholly any more, and why; NULL behind the last
 */
const char *sampler_notice(struct sampler *sampler);

/** sampler_refused() - the @index-th process that could not be watched at the beginning, and why; NULL behind the last
 */
const char *sampler_refused(const struct sampler *sampler, size_t index);

/** sampler_source - the sampler in the loop of a run */
extern const struct source_ops sampler_source;

/** sampler_fd() - see source/source.h: readable when it is time for a look */
int sampler_fd(const struct sampler *sampler);

/** sampler_read() - look, if it is time for it; Return: how many events came, SOURCE_END once no target is left */
int sampler_read(struct sampler *sampler);

/** sampler_sample() - look now, and decide about all that waits for a look; Return: as sampler_read() */
int sampler_sample(struct sampler *sampler);

/**
 * sampler_final_counters() - a socket has died
 * @sampler: the watch
 * @event: of destroy_read(); may be completed
 *
 * Return: true when it waits here for the next look, which puts it into the events; else the caller keeps it.
 */
bool sampler_final_counters(struct sampler *sampler, struct event *event);

/** sampler_others() - which of the targets run; the first @room of them into @pids; Return: how many there are */
size_t sampler_others(struct sampler *sampler, pid_t *pids, size_t room);

/** sampler_explain() - why connections that came in may be in no row; Return: false when nothing is known of such */
bool sampler_explain(const struct sampler *sampler, struct err *why);

/** sampler_waits() - do last words wait for a look? */
bool sampler_waits(const struct sampler *sampler);

#endif
