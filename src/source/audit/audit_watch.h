/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_WATCH_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "source/audit/audit_control.h"
#include "source/audit/audit_rule.h"

/** struct audit_watch - the processes whose calls are audited, and their rules */
struct audit_watch;

/**
 * audit_watch_new() - none yet
 * @control: must outlive it
 * @owner: this run
 * @follow: children are watched, too
 * @epoll: becomes readable (epoll(7)) when a process ends
 */
struct audit_watch *audit_watch_new(struct audit_control *control, const struct audit_rule_owner *owner, bool follow,
				    int epoll);

/** audit_watch_free() - close it; rules stay (audit_state_close() removes them); NULL is allowed */
void audit_watch_free(struct audit_watch *watch);

/** audit_watch_add() - watch a process; Return: 0, also when it is watched already, or a negative errno */
int audit_watch_add(struct audit_watch *watch, pid_t pid);

/** audit_watch_add_all() - watch every process but this one; Return: 0, or a negative errno */
int audit_watch_add_all(struct audit_watch *watch);

/**
 * audit_watch_meet() - a record came
 * @watch: the processes
 * @pid: whose call it is
 * @ppid: its parent
 *
 * A child of a watched process is watched from now on.
 *
 * Return: whether the call is of a watched process, or of one that has ended and whose records still come.
 */
bool audit_watch_meet(struct audit_watch *watch, pid_t pid, pid_t ppid);

/** audit_watch_pidfd() - of a watched process, below 0 there is none */
int audit_watch_pidfd(const struct audit_watch *watch, pid_t pid);

/** audit_watch_refresh() - remove the rules of those that have ended; Return: number of rules removed */
size_t audit_watch_refresh(struct audit_watch *watch);

/** audit_watch_forget() - no record of those that have ended comes any more */
void audit_watch_forget(struct audit_watch *watch);

/** audit_watch_stop() - remove all rules; Return: how many */
size_t audit_watch_stop(struct audit_watch *watch);

/** audit_watch_living() - the first @room of those that run are written to @pids; Return: how many run */
size_t audit_watch_living(const struct audit_watch *watch, pid_t *pids, size_t room);

#endif
