/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_COMMON_IDENTITY_H
#define CONNTRACE_SOURCE_SAMPLER_COMMON_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/event.h"

/*
 * What may be said of a process when it is one of several and nobody knows which:
 * what they have in common.
 */

/**
 * struct common_identity - what processes have in common
 * @comm: their name, "" not the same or not known
 * @exe: their executable, as struct common_identities keeps it; NULL not the same or not known
 * @uid: their effective user, -1 (as uid_t) not the same or not known
 */
struct common_identity {
	char comm[16];
	const char *exe;
	uid_t uid;
};

/** struct common_identities - those that were told of */
struct common_identities;

/** common_identity_new() - none yet; @sink gets EVENT_PROCESS, with @context */
struct common_identities *common_identity_new(void (*sink)(void *context, const struct event *event), void *context);

/** common_identity_free() - NULL is fine */
void common_identity_free(struct common_identities *common_identities);

/** common_identity_unknown() - those that nothing is known of */
struct common_identity common_identity_unknown(void);

/** common_identity_of() - what is known of one process */
struct common_identity common_identity_of(struct common_identities *common_identities, pid_t pid);

/** common_identity_join() - what both have in common */
struct common_identity common_identity_join(const struct common_identity *a, const struct common_identity *b);

/** common_identity_pid() - the number, below 0, that an event names them by; what they have in common is told the first
 * time */
pid_t common_identity_pid(struct common_identities *common_identities, const struct common_identity *common_identity);

#endif
