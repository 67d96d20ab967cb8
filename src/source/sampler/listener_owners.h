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

/*
 * Who holds the listening sockets: a look's part of struct listeners.
 */

/**
 * struct listener_owners - what is needed to find it out; all stays the caller's
 * @process_set: the processes
 * @listeners: what is filled in
 * @owners: what targets hold, as of the last look that asked
 * @common_identities: for what they have in common
 * @recheck_ns: when (monotonic) all processes are to be asked again; its own, 0 at first
 * @others: what all others hold, if they were asked in this look and none of them can be a target; its own
 */
struct listener_owners {
	struct process_set *process_set;
	struct listeners *listeners;
	struct procfs_owners *owners;
	struct common_identities *common_identities;
	int64_t recheck_ns;
	struct procfs_owners *others;
};

/**
 * listener_owners_sample() - which listeners are the targets', and whose of them?
 * @listener_owners: its owners have just been asked for
 * @sample: number of this look
 * @forks: targets may have had children since the last look
 */
void listener_owners_sample(struct listener_owners *listener_owners, uint32_t sample, bool forks);

/** listener_owners_are_others() - was this socket found with others? false if they were not asked in this look */
bool listener_owners_are_others(const struct listener_owners *listener_owners, uint32_t inode);

/** listener_owners_explain() - why not all that comes in through a target's listener is the targets'; Return: false it
 * is */
bool listener_owners_explain(const struct listener_owners *listener_owners, struct err *why);

/** listener_owners_done() - the look is over */
void listener_owners_done(struct listener_owners *listener_owners);

#endif
