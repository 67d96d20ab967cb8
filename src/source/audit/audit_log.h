/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_LOG_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/queue.h"

struct source_ops;

/** AUDIT_NOT_BUILT - the message in place of every way that needs libaudit, with the remedy in Debian's names */
#define AUDIT_NOT_BUILT "this conntrace was built without libaudit: build it with libaudit-dev and libauparse-dev"

/**
 * struct audit_log - a source that reads logs of the kernel's audit in a confined process
 *
 * Gives EVENT_CALL, EVENT_PROCESS and EVENT_INFO of listeners, with ORIGIN_AUDIT. Sockets are distinguished by
 * generated cookies (EVENT_COOKIE_MADE_UP).
 */
struct audit_log;

/**
 * struct audit_log_config - what to read
 * @paths: the files, in any order; "-" is standard input
 * @count: how many
 * @drop_to: see packet_config
 */
struct audit_log_config {
	const char *const *paths;
	size_t count;
	const char *drop_to;
};

/** audit_log_is_built() - whether libauparse is there; without it audit_log_open() fails */
bool audit_log_is_built(void);

/** audit_log_open() - Return: 0, or a negative errno with the message in @err; @log is set on success only */
int audit_log_open(struct audit_log **log, const struct audit_log_config *config, struct err *err);

/** audit_log_source - logs of audit in the loop of a run */
extern const struct source_ops audit_log_source;

#endif
