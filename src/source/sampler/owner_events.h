/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_OWNER_EVENTS_H
#define CONNTRACE_SOURCE_SAMPLER_OWNER_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/queue.h"
#include "source/sampler/common_identity.h"
#include "source/sampler/listeners.h"
#include "model/event.h"
#include "system/procfs_owners.h"
#include "source/sampler/process_set.h"

/* The process that opened or accepted a socket, as events. Terms are defined in sampler.c. */

/**
 * struct owner_events - what is needed to report it; the caller keeps ownership of everything
 * @process_set: the processes
 * @common_identities: what several processes have in common
 * @events: where events go
 * @sample: number of this sample
 * @pushed: number of events pushed since the caller set it to 0
 */
struct owner_events {
	struct process_set *process_set;
	struct common_identities *common_identities;
	struct queue *events;
	uint32_t sample;
	int pushed;
};

/**
 * struct socket_evidence - what is known of the owner of a socket
 * @ownership: of the listener it may have come through
 * @holder: its present holder, NULL unknown
 * @listed_ns: when it was listed, before its holders were; 0 unknown
 * @from: number of the last sample before it was accepted
 * @is_queued: it waits to be accepted
 * @is_existing: it is older than the run
 */
struct socket_evidence {
	struct ownership ownership;
	const struct procfs_holder *holder;
	int64_t listed_ns;
	uint32_t from;
	bool is_queued, is_existing;
};

/** owner_events_push() - push any event; Return: false when there was no room for it */
bool owner_events_push(struct owner_events *owner_events, const struct event *event);

/** owner_events_process() - owner_events_push() in the form that common_identity_new() calls */
void owner_events_process(void *context, const struct event *event);

/**
 * owner_events_owner() - report the owner of @socket (an EVENT_INFO) that @evidence proves; Return: false when there
 * was no room
 */
bool owner_events_owner(struct owner_events *owner_events, const struct event *socket,
			const struct socket_evidence *evidence);

/** owner_events_listeners() - report the targets' listeners, and full accept queues, each once */
void owner_events_listeners(struct owner_events *owner_events, struct listeners *listeners);

/** owner_events_none() - report that no owner of @socket was found: it was too short */
void owner_events_none(struct owner_events *owner_events, const struct event *socket);

/**
 * owner_events_renewed() - @socket was connected again, see INFO_RENEWED; Return: false when there was no room for it
 */
bool owner_events_renewed(struct owner_events *owner_events, const struct event *socket);

#endif
