/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_RULE_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_RULE_H

#include <linux/audit.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The rules of a run, as the kernel takes and lists them. The key of a rule names the run that made it, so a later run
 * recognizes what a killed one has left.
 */

/** Room for a key with its NUL. */
#define AUDIT_RULE_KEY 64

/** enum audit_rule_kind - what a rule is for */
enum audit_rule_kind {
	/** calls of one process */
	AUDIT_RULE_PROCESS,
	/** calls of its children, until they have a rule of their own */
	AUDIT_RULE_CHILDREN,
	/** calls of every process but one */
	AUDIT_RULE_ALL,
	/** getppid(2) of one process: see audit_state_open() */
	AUDIT_RULE_PROBE,
	/** accept and connect of one process by io_uring(7), since Linux 5.16 */
	AUDIT_RULE_URING,
	/** accept and connect of every process but one by io_uring(7) */
	AUDIT_RULE_URING_ALL,
	/** matches nothing: the run that made it has found audit switched off, and the last one is to switch it off */
	AUDIT_RULE_MARK,
};

/**
 * struct audit_rule_owner - the run that made a rule
 * @pid: its process
 * @start: when that was started, procfs_start()
 * @switched_on: it found audit switched off
 */
struct audit_rule_owner {
	pid_t pid;
	uint64_t start;
	bool switched_on;
};

/** struct audit_rule - a rule with room for its key */
struct audit_rule {
	union {
		struct audit_rule_data data;
		char room[sizeof(struct audit_rule_data) + AUDIT_RULE_KEY];
	};
};

/** audit_rule_size() - number of bytes that the kernel takes */
size_t audit_rule_size(const struct audit_rule *rule);

/** audit_rule_machines() - how many architectures this host runs programs of: rules are needed for each of them */
size_t audit_rule_machines(void);

/**
 * audit_rule_make() - make a rule
 * @rule: set
 * @kind: what it is for
 * @machine: below audit_rule_machines(); without meaning for io_uring
 * @pid: the process
 * @owner: this run
 */
void audit_rule_make(struct audit_rule *rule, enum audit_rule_kind kind, size_t machine, pid_t pid,
		     const struct audit_rule_owner *owner);

/**
 * audit_rule_owner() - the run that made a rule
 * @data: as the kernel lists it
 * @length: its bytes
 * @owner: set
 *
 * Return: false when it is a rule of somebody else.
 */
bool audit_rule_owner(const struct audit_rule_data *data, size_t length, struct audit_rule_owner *owner);

/** audit_rule_owns_text() - whether a record names this run's key */
bool audit_rule_owns_text(const struct audit_rule_owner *owner, const char *text, size_t length);

/** audit_rule_hides_all() - whether it is "-a never,task", under which no process started since is audited */
bool audit_rule_hides_all(const struct audit_rule_data *data, size_t length);

/** audit_rule_excludes() - whether it keeps records of calls or of their addresses from being made */
bool audit_rule_excludes(const struct audit_rule_data *data, size_t length);

#endif
