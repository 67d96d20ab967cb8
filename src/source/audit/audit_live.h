/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_LIVE_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/queue.h"

struct source_ops;

/**
 * struct audit_live - a source that adds rules to the kernel's audit and reads its records
 *
 * Gives EVENT_CALL, EVENT_PROCESS, EVENT_OWNER of existing sockets, EVENT_INFO of sockets as they are read, and
 * EVENT_LOST. It reads beside auditd(8). No process is stopped.
 */
struct audit_live;

/**
 * struct audit_live_config - whom to watch
 * @follow: children, too
 * @all: every process but this one; audit_live_watch() is not called
 */
struct audit_live_config {
	bool follow;
	bool all;
};

/** audit_live_check() - whether it could work here; nothing is changed; Return: as audit_live_open() */
int audit_live_check(struct err *err);

/**
 * audit_live_open() - switch audit on
 * @live: set on success
 * @config: whom to watch
 * @err: the message of a failure
 *
 * A command must be forked afterwards: the kernel audits no process that was made before audit was first switched on.
 *
 * Return: 0, or a negative errno: -ENOTSUP not built in, or not in the kernel, -EPERM without the rights.
 */
int audit_live_open(struct audit_live **live, const struct audit_live_config *config, struct err *err);

/**
 * audit_live_watch() - watch processes
 * @live: the source
 * @pids: the processes
 * @count: their number
 * @is_new: they were made after audit_live_open()
 * @err: the message when none can be watched; the others are notices
 *
 * Return: 0, or a negative errno.
 */
int audit_live_watch(struct audit_live *live, const pid_t *pids, size_t count, bool is_new, struct err *err);

/** audit_live_source - it in the loop of a run */
extern const struct source_ops audit_live_source;

#endif
