/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_CALLS_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_CALLS_H

#include <stdint.h>

#include "model/event.h"
#include "source/audit/audit_feed.h"

/**
 * struct audit_calls_stats - what the log leaves open
 * @unsure: connect(2) calls that succeeded, of sockets that may be UDP
 * @addressless: calls left out, because their events have no address
 * @forgotten: connections whose end is not seen, because there were too many descriptors
 */
struct audit_calls_stats {
	uint64_t unsure;
	uint64_t addressless;
	uint64_t forgotten;
};

/** struct audit_calls - follows descriptors from call to call, and makes events of them */
struct audit_calls;

/**
 * audit_calls_new() - nothing is known yet
 * @on_event: called with each event: EVENT_CALL, EVENT_PROCESS and EVENT_INFO of listeners, with ORIGIN_AUDIT
 * @context: passed to it
 */
struct audit_calls *audit_calls_new(void (*on_event)(void *context, const struct event *event), void *context);

/** audit_calls_feed() - the next call; @calls is a struct audit_calls, untyped as audit_feed_new() wants it */
void audit_calls_feed(void *calls, const struct audit_call *call);

/** audit_calls_stats() - until now */
struct audit_calls_stats audit_calls_stats(const struct audit_calls *calls);

/** audit_calls_free() - free it; NULL is allowed */
void audit_calls_free(struct audit_calls *calls);

#endif
