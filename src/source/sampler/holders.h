/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_HOLDERS_H
#define CONNTRACE_SOURCE_SAMPLER_HOLDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "source/sampler/kin.h"
#include "source/sampler/listeners.h"
#include "system/procfs_owners.h"
#include "source/sampler/targets.h"

/*
 * Who holds the listening sockets: a look's part of struct listeners.
 */

/**
 * struct holders - what is needed to find it out; all stays the caller's
 * @targets: the processes
 * @listeners: what is filled in
 * @owners: what targets hold, as of the last look that asked
 * @kinfolk: for what they have in common
 * @recheck_ns: when (monotonic) all processes are to be asked again; its own, 0 at first
 * @strangers: what all others hold, if they were asked in this look and none of them can be a target; its own
 */
struct holders {
	struct targets *targets;
	struct listeners *listeners;
	struct procfs_owners *owners;
	struct kinfolk *kinfolk;
	int64_t recheck_ns;
	struct procfs_owners *strangers;
};

/**
 * holders_look() - which listeners are the targets', and whose of them?
 * @holders: its owners have just been asked for
 * @look: number of this look
 * @births: targets may have had children since the last look
 */
void holders_look(struct holders *holders, uint32_t look, bool births);

/** holders_are_others() - was this socket found with others? false if they were not asked in this look */
bool holders_are_others(const struct holders *holders, uint32_t inode);

/** holders_explain() - why not all that comes in through a target's listener is the targets'; Return: false it is */
bool holders_explain(const struct holders *holders, struct err *why);

/** holders_done() - the look is over */
void holders_done(struct holders *holders);

#endif
