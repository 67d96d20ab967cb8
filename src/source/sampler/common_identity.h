/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_COMMON_IDENTITY_H
#define CONNTRACE_SOURCE_SAMPLER_COMMON_IDENTITY_H

#include <sys/types.h>

#include "model/event.h"

/* Identity of a process when several are possible: what they have in common. */

/**
 * struct common_identity - what processes have in common
 * @comm: their name, "" when it differs or is unknown
 * @exe: their executable, as struct common_identities keeps it; NULL when it differs or is unknown
 * @cgroup: their control group, kept likewise
 * @uid: their effective user, -1 (as uid_t) when it differs or is unknown
 */
struct common_identity {
	char comm[16];
	const char *exe;
	const char *cgroup;
	uid_t uid;
};

/** struct common_identities - those that were reported */
struct common_identities;

/** common_identity_new() - an empty set; @sink gets EVENT_PROCESS, with @context */
struct common_identities *common_identity_new(void (*sink)(void *context, const struct event *event), void *context);

/** common_identity_free() - free it; NULL is allowed */
void common_identity_free(struct common_identities *common_identities);

/** common_identity_unknown() - an identity of which nothing is known */
struct common_identity common_identity_unknown(void);

/** common_identity_of() - what is known of one process */
struct common_identity common_identity_of(struct common_identities *common_identities, pid_t pid);

/** common_identity_join() - what both have in common */
struct common_identity common_identity_join(const struct common_identity *a, const struct common_identity *b);

/**
 * common_identity_pid() - the number, below 0, by which an event names them; the first use reports the identity itself
 */
pid_t common_identity_pid(struct common_identities *common_identities, const struct common_identity *common_identity);

#endif
