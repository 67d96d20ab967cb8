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
#include "model/process_choice.h"
#include "source/destroy/destroy.h"
#include "system/diag.h"

struct source_ops;

/**
 * struct sampler_config - the processes to watch without stopping them (--via=diag, theory in sampler.c)
 * @pids: the processes
 * @pid_count: their number
 * @follow: their children too
 * @choice: watch the processes that it wants, now and later, instead of @pids; NULL none; the caller keeps it
 * @netns: inode of conntrace's network namespace, 0 unknown
 * @sample_ns: longest time between two samples, unless they would take too much of a processor
 * @diag: answers queries; the caller keeps ownership
 * @destroy: where the caller reads final counters, NULL there when it can't any more; the caller keeps
 *	    ownership
 * @events: where events go; the caller keeps ownership
 * @marks: sampler_reported_ns() is wanted
 */
struct sampler_config {
	const pid_t *pids;
	size_t pid_count;
	bool follow;
	const struct process_choice *choice;
	uint32_t netns;
	int64_t sample_ns;
	struct diag *diag;
	struct destroy **destroy;
	struct queue *events;
	bool marks;
};

/** struct sampler - finds the owners of sockets: EVENT_OWNER, EVENT_PROCESS, and EVENT_INFO of its samples */
struct sampler;

/**
 * sampler_open() - begin; the sockets that the targets have open already are reported at once
 * @sampler: set on success only
 * @config: is copied; its pids are not needed afterwards
 * @err: why none can be watched
 *
 * Return: 0 when at least one can be, or a negative errno.
 */
int sampler_open(struct sampler **sampler, const struct sampler_config *config, struct err *err);

/** sampler_close() - the targets continue; NULL is allowed */
void sampler_close(struct sampler *sampler);

/** sampler_notice() - the next process that can't be watched, or only partly, and why; NULL behind the last */
const char *sampler_notice(struct sampler *sampler);

/**
 * sampler_refused() - the @index-th process that could not be watched at the beginning, and why; NULL behind the last
 */
const char *sampler_refused(const struct sampler *sampler, size_t index);

/** sampler_source - the sampler in the loop of a run */
extern const struct source_ops sampler_source;

/** sampler_fd() - see source/source.h: readable when a sample is due */
int sampler_fd(const struct sampler *sampler);

/** sampler_read() - sample, if it is due; Return: number of events pushed, SOURCE_END once no target is left */
int sampler_read(struct sampler *sampler);

/** sampler_sample() - sample now, and decide about all that waits for a sample; Return: as sampler_read() */
int sampler_sample(struct sampler *sampler);

/**
 * sampler_drain_read() - the run is being drained, and destroy_mark() has been called
 *
 * Samples once more only for sockets that were destroyed since the last sample and have no owner yet, and leaves the
 * mark alone.
 *
 * Return: as sampler_read().
 */
int sampler_drain_read(struct sampler *sampler);

/**
 * sampler_final_counters() - a socket has been destroyed
 * @sampler: the sampler
 * @event: of destroy_read(); may be completed
 *
 * Return: true when the event waits here for the next sample, which pushes it; else the caller keeps it.
 */
bool sampler_final_counters(struct sampler *sampler, struct event *event);

/** sampler_others() - which of the targets run; the first @room of them into @pids; Return: how many there are */
size_t sampler_others(struct sampler *sampler, pid_t *pids, size_t room);

/** sampler_explain() - why connections that came in may be in no row; Return: false when none are known */
bool sampler_explain(const struct sampler *sampler, struct err *why);

/** sampler_shares() - whether other processes hold, or may hold, a listening socket of the targets */
bool sampler_shares(struct sampler *sampler);

/** sampler_splits() - whether several targets, and no other process, hold a listening socket */
bool sampler_splits(struct sampler *sampler);

/** sampler_listener() - the address of the listening socket with this inode number; Return: false when it is unknown */
bool sampler_listener(struct sampler *sampler, uint32_t inode, struct endpoint *local);

/** sampler_sampled_ns() - when the last sample of all sockets began */
int64_t sampler_sampled_ns(const struct sampler *sampler);

/**
 * sampler_reported_ns() - until when it is known what has ended, see sampler_config.marks
 * @sampler: the sampler
 * @pushed_ns: set to when that became so
 *
 * Return: what was opened up to this time, and was in neither of two samples since, has ended, and the events of its
 * final counters have been pushed; 0 none yet.
 */
int64_t sampler_reported_ns(const struct sampler *sampler, int64_t *pushed_ns);

/** sampler_waits() - whether final counters wait for a sample */
bool sampler_waits(const struct sampler *sampler);

#endif
