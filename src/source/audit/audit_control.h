/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_CONTROL_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "source/audit/audit_rule.h"

/** struct audit_control - a connection to the kernel's audit by which it is queried and set (netlink(7)) */
struct audit_control;

/**
 * struct audit_control_status - of the kernel's audit
 * @enabled: 0 off, 1 on, 2 on and not to be changed until the next boot
 * @failure: what happens when a record is lost: 0 nothing, 1 a message, 2 the kernel panics
 * @pid: of auditd(8), 0 none
 * @rate_limit: records per second, 0 no limit
 * @backlog_limit: records that may wait, 0 no limit
 * @lost: records since boot
 * @backlog: records that wait
 */
struct audit_control_status {
	uint32_t enabled;
	uint32_t failure;
	uint32_t pid;
	uint32_t rate_limit;
	uint32_t backlog_limit;
	uint32_t lost;
	uint32_t backlog;
};

/** audit_control_new() - over a connected socket, which it owns from now on */
struct audit_control *audit_control_new(int fd);

/** audit_control_socket() - a socket of the kernel's audit, in the first network namespace: only there are records
 * sent;
 *  @groups is a mask of multicast groups; Return: the descriptor, or a negative errno */
int audit_control_socket(uint32_t groups);

/** audit_control_free() - close it; NULL is allowed */
void audit_control_free(struct audit_control *control);

/** audit_control_status() - Return: 0, or a negative errno */
int audit_control_status(struct audit_control *control, struct audit_control_status *status);

/** audit_control_enable() - switch audit on or off; Return: 0, or a negative errno */
int audit_control_enable(struct audit_control *control, bool on);

/** audit_control_add() - add a rule; Return: 0, or a negative errno: -EEXIST it is there */
int audit_control_add(struct audit_control *control, const struct audit_rule_data *rule, size_t size);

/** audit_control_delete() - remove a rule; Return: 0, or a negative errno: -ENOENT there is none */
int audit_control_delete(struct audit_control *control, const struct audit_rule_data *rule, size_t size);

/**
 * audit_control_rules() - all rules of the kernel
 * @control: the connection
 * @callback: called with each, and its size; it must not use @control
 * @context: passed to it
 *
 * Return: 0, or a negative errno.
 */
int audit_control_rules(struct audit_control *control,
			void (*callback)(void *context, const struct audit_rule_data *rule, size_t size),
			void *context);

#endif
