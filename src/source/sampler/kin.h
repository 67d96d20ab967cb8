/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_KIN_H
#define CONNTRACE_SOURCE_SAMPLER_KIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/event.h"

/*
 * What may be said of a process when it is one of several and nobody knows which:
 * what they have in common.
 */

/**
 * struct kin - what processes have in common
 * @comm: their name, "" not the same or not known
 * @exe: their executable, as struct kinfolk keeps it; NULL not the same or not known
 * @uid: their effective user, -1 (as uid_t) not the same or not known
 */
struct kin {
	char comm[16];
	const char *exe;
	uid_t uid;
};

/** struct kinfolk - those that were told of */
struct kinfolk;

/** kin_new() - none yet; @sink gets EVENT_PROCESS, with @context */
struct kinfolk *kin_new(void (*sink)(void *context, const struct event *event), void *context);

/** kin_free() - NULL is fine */
void kin_free(struct kinfolk *kinfolk);

/** kin_unknown() - those that nothing is known of */
struct kin kin_unknown(void);

/** kin_of() - what is known of one process */
struct kin kin_of(struct kinfolk *kinfolk, pid_t pid);

/** kin_join() - what both have in common */
struct kin kin_join(const struct kin *a, const struct kin *b);

/** kin_pid() - the number, below 0, that an event names them by; what they have in common is told the first time */
pid_t kin_pid(struct kinfolk *kinfolk, const struct kin *kin);

#endif
