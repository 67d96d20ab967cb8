/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_CHILD_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_CHILD_H

#include <stddef.h>

#include "system/confine.h"

/*
 * The process that reads the logs writes lines into a pipe: events as event_to_text() has them, and lines that begin
 * with one of these.
 */

/** A sentence for the user. */
#define AUDIT_CHILD_NOTICE "!notice "
/** Why it cannot go on, or why a file ended early. */
#define AUDIT_CHILD_FAILURE "!failure "
/** struct log_lines: its numbers in their order. */
#define AUDIT_CHILD_LINES "!lines"
/** It has read everything. */
#define AUDIT_CHILD_END "!end"

/**
 * struct audit_child_config - configuration of the process
 * @fds: the logs
 * @paths: their names
 * @count: of both
 * @kill_fd: kept open for its owner, see confine_leash()
 * @confine: its user and limits; write_fd is the pipe
 */
struct audit_child_config {
	const int *fds;
	const char *const *paths;
	size_t count;
	int kill_fd;
	struct confine_config confine;
};

/** audit_child_run() - be the process */
void audit_child_run(const struct audit_child_config *config) __attribute__((noreturn));

#endif
