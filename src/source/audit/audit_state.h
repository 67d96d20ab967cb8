/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_STATE_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "source/audit/audit_control.h"
#include "source/audit/audit_rule.h"

/*
 * What a run changes in the kernel's audit besides its rules, and how that is undone. It switches audit on where that
 * is off, and nothing else: rate, backlog and what happens on a failure stay. The last of several runs switches it off
 * again, if one of them has found it off: such a run has a rule that matches nothing (AUDIT_RULE_MARK) before it
 * switches audit on, and leaves it when it ends before the others. A run that was killed has left it, too.
 */

/** struct audit_state - the kernel's audit as this run has found it */
struct audit_state;

/** enum audit_sight - whether the kernel audits a process */
enum audit_sight {
	/** no record came at all */
	AUDIT_SIGHT_UNKNOWN,
	/** it was started before audit was first switched on since boot: it is not */
	AUDIT_SIGHT_BLIND,
	AUDIT_SIGHT_AUDITED,
};

/**
 * audit_state_open() - remove what killed runs have left, and switch audit on
 * @state: set on success
 * @control: must outlive it
 * @owner: this run; switched_on is set
 * @err: the reason
 *
 * Return: 0, or a negative errno: -EPERM audit is locked or the right is missing, -ENOTSUP records could stop the
 * kernel, or no process is audited.
 */
int audit_state_open(struct audit_state **state, struct audit_control *control, struct audit_rule_owner *owner,
		     struct err *err);

/** audit_state_check() - as audit_state_open(), and nothing is changed */
int audit_state_check(struct audit_control *control, struct err *err);

/**
 * audit_state_probe() - whether this process is audited
 * @state: the state
 * @records: a socket of the multicast group; records that come meanwhile are dropped
 */
enum audit_sight audit_state_probe(struct audit_state *state, int records);

/** audit_state_found() - how it was found, before this run switched it on */
const struct audit_control_status *audit_state_found(const struct audit_state *state);

/** audit_state_removed() - how many rules of killed runs were removed */
size_t audit_state_removed(const struct audit_state *state);

/** audit_state_close() - remove the rules of this run, and switch audit off if it was; NULL is allowed */
void audit_state_close(struct audit_state *state);

#endif
