/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_LISTENER_OWNERS_H
#define CONNTRACE_SOURCE_SAMPLER_LISTENER_OWNERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "source/sampler/common_identity.h"
#include "source/sampler/listeners.h"
#include "system/procfs_owners.h"
#include "source/sampler/process_set.h"
#include "source/sampler/holder_activity.h"

/* Owners of the listening sockets: the part of struct listeners that a sample fills in. */

/**
 * struct listener_owners - what is needed to find them; the caller keeps ownership of everything
 * @process_set: the processes
 * @listeners: filled in
 * @owners: what targets hold, as of the last sample that read it
 * @common_identities: what several holders have in common
 * @activity: which of the holders have run
 * @recheck_ns: when (monotonic) all processes are to be read again; internal, 0 at first
 * @others: what all other processes hold, if this sample read them and none of them can be a target;
 *	    internal
 */
struct listener_owners {
	struct process_set *process_set;
	struct listeners *listeners;
	struct procfs_owners *owners;
	struct common_identities *common_identities;
	struct holder_activity *activity;
	int64_t recheck_ns;
	struct procfs_owners *others;
};

/**
 * listener_owners_sample() - find which listeners the targets hold, and which targets
 * @listener_owners: its owners have just been read
 * @sample: number of this sample
 * @forks: targets, or processes that may hold their listeners, may have had children since the last sample
 */
void listener_owners_sample(struct listener_owners *listener_owners, uint32_t sample, bool forks);

/**
 * listener_owners_are_others() - whether other processes hold this socket; false if they were not read in this sample
 */
bool listener_owners_are_others(const struct listener_owners *listener_owners, uint32_t inode);

/**
 * listener_owners_explain() - why some connections through a target's listener may not be the targets'
 * Return: false when all of them are
 */
bool listener_owners_explain(const struct listener_owners *listener_owners, struct err *why);

/** listener_owners_run() - note when each holder could have accepted last */
void listener_owners_run(struct listener_owners *listener_owners);

/** listener_owners_done() - the sample is over */
void listener_owners_done(struct listener_owners *listener_owners);

#endif
