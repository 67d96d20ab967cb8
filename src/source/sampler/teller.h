/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_TELLER_H
#define CONNTRACE_SOURCE_SAMPLER_TELLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/queue.h"
#include "source/sampler/kin.h"
#include "source/sampler/listeners.h"
#include "model/event.h"
#include "system/procfs_owners.h"
#include "source/sampler/targets.h"

/*
 * Who opened or accepted a socket, told in events: the words of watch.c.
 */

/**
 * struct teller - what is needed to tell it; all stays the caller's
 * @targets: the processes
 * @kinfolk: for what they have in common
 * @events: where events go
 * @look: number of this look
 * @pushed: how many events were told since the caller set it to 0
 */
struct teller {
	struct targets *targets;
	struct kinfolk *kinfolk;
	struct queue *events;
	uint32_t look;
	int pushed;
};

/**
 * struct claim - what is known of whose a socket is
 * @verdict: of the listener it may have come through
 * @holder: who has it now, NULL unknown
 * @from: number of the last look before it was accepted
 * @is_queued: it waits to be accepted
 * @is_existing: it is older than the run
 */
struct claim {
	struct verdict verdict;
	const struct procfs_holder *holder;
	uint32_t from;
	bool is_queued, is_existing;
};

/** teller_push() - tell any event; Return: false when there was no room for it */
bool teller_push(struct teller *teller, const struct event *event);

/** teller_process() - teller_push() as kin_new() calls it, with the teller as its context */
void teller_process(void *context, const struct event *event);

/** teller_owner() - whose @socket (an EVENT_INFO) is, by what @claim proves; Return: false when there was no room */
bool teller_owner(struct teller *teller, const struct event *socket, const struct claim *claim);

/** teller_nobody() - nobody was found for @socket: it was too short */
void teller_nobody(struct teller *teller, const struct event *socket);

/** teller_renewed() - @socket was connected anew, see INFO_RENEWED; Return: false when there was no room for it */
bool teller_renewed(struct teller *teller, const struct event *socket);

#endif
