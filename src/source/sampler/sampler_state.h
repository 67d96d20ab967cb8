/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_SAMPLER_STATE_H
#define CONNTRACE_SOURCE_SAMPLER_SAMPLER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/sampler/common_identity.h"
#include "source/sampler/listener_owners.h"
#include "source/sampler/listeners.h"
#include "source/sampler/owner_events.h"
#include "source/sampler/process_set.h"
#include "source/sampler/sampler.h"
#include "source/sampler/sampler_times.h"
#include "source/sampler/socket_table.h"
#include "source/sampler/holder_activity.h"
#include "system/procfs_owners.h"

/* What the files of the sampler share. */

/* Samples at the opening: they prove who held the listeners before the next connection arrives. */
#define SAMPLER_OPENING 2

/* Events in order of arrival. */
struct events {
	struct event *list;
	size_t count, size;
};

/**
 * struct pending - final counters that wait for a sample
 * @event: the counters
 * @from: number of the last sample before the connection was accepted
 * @is_late: it may have been destroyed before that sample
 * @trusted: all that was destroyed before sample number @trusted had been reported before
 * @is_reported: it has been reported as the targets'
 * @is_opened: its socket has had a connection before, so it did not come in
 * @is_renewed: the earlier connection was reported; @holder had the socket when the targets were last read
 */
struct pending {
	struct event event;
	uint32_t from, trusted;
	bool is_late, is_reported, is_opened, is_renewed;
	struct procfs_holder holder;
};

/* See sampler.h. */
struct sampler {
	struct sampler_config config;
	struct process_set *process_set;
	struct listeners *listeners;
	struct holder_activity *activity;
	struct common_identities *common_identities;
	struct listener_owners listener_owners;
	struct socket_table *sockets;
	struct procfs_owners *owners; /* what targets hold, as of the last sample that read it */
	struct events fresh;          /* of this sample: sockets without a known owner */
	struct events changed;        /* and the targets' in another state than before */
	struct pending *pending;
	size_t pending_count, pending_size;
	size_t settled; /* of the pending ones: accepted and destroyed before an unseen holder of their listener ran */
	char **warnings;
	size_t warning_count, warned;
	struct sampler_times times;
	uint32_t sample;
	size_t left;               /* number of targets that run */
	int64_t sampled_ns;        /* when the last sample of all sockets began */
	int64_t sampled_before_ns; /* the one before */
	int64_t marked_until_ns;   /* sampled_before_ns of the mark that is pending */
	int64_t trusted_until_ns;  /* the same of the mark that was reported last */
	int64_t reported_ns;       /* the same, once what had been destroyed until that was pushed, at ... */
	int64_t pushed_ns;
	uint32_t full, full_before; /* the last sample of all sockets, and the one before */
	struct owner_events owner_events;
	bool new_listeners;
	uint32_t marked; /* number of the sample after which destroy_mark() was called, 0 no mark is pending */
	int64_t marked_ns;
	bool is_draining; /* the mark is not this source's any more */
	bool is_behind;   /* the mark may have been read before final counters that are not here yet */
	uint32_t trusted; /* the last sample whose mark has been reported */
};

/**
 * struct arrival - when a connection was accepted
 * @from: number of the last sample before
 * @is_late: as in struct pending
 * @trusted: as in struct pending, if @is_late
 * @is_opened: as in struct pending
 * @is_queued: it waits to be accepted
 * @is_settled: no process that can't be inspected has run between @from and its end
 */
struct arrival {
	uint32_t from, trusted;
	bool is_late, is_opened, is_queued, is_settled;
};

/** sampler_judge() - find the owner of a connection that came in */
struct ownership sampler_judge(const struct sampler *sampler, const struct event *socket,
			       const struct arrival *arrival);

/** sampler_has_dead_listener() - whether these final counters are those of a socket that had a port and no peer */
bool sampler_has_dead_listener(const struct event *last);

/** sampler_final_add() - see sampler_final_counters() */
bool sampler_final_add(struct sampler *sampler, const struct event *event);

/** sampler_decide_pending() - all final counters that wait for this sample are decided about, and pushed */
void sampler_decide_pending(struct sampler *sampler);

#endif
