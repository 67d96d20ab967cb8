/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_UNRECORDED_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_UNRECORDED_H

#include <sys/types.h>

/*
 * The kernel does not audit a process that was started before audit was first switched on since boot (audit_alloc() in
 * kernel/auditsc.c). If another program has switched it on, no call shows when, and nothing below /proc shows whether a
 * process is audited. So the records are watched: a process of which none came is reported at the end.
 */

/** struct audit_unrecorded - processes that are older than the run, and of which no record came */
struct audit_unrecorded;

/** audit_unrecorded_new() - none */
struct audit_unrecorded *audit_unrecorded_new(void);

/** audit_unrecorded_free() - free it; NULL is allowed */
void audit_unrecorded_free(struct audit_unrecorded *unrecorded);

/** audit_unrecorded_add() - @pid is watched from now on; its sockets are noted */
void audit_unrecorded_add(struct audit_unrecorded *unrecorded, pid_t pid);

/** audit_unrecorded_drop() - a record of @pid came */
void audit_unrecorded_drop(struct audit_unrecorded *unrecorded, pid_t pid);

/**
 * audit_unrecorded_next() - what is to be said at the end, one process a call
 * @unrecorded: the processes; the returned one is dropped
 *
 * A process that has a new TCP connection and no record is certainly not audited.
 *
 * Return: the message, to be freed; NULL: no more.
 */
char *audit_unrecorded_next(struct audit_unrecorded *unrecorded);

#endif
