/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_REPLAY_STRACE_LOG_H
#define CONNTRACE_SOURCE_REPLAY_STRACE_LOG_H

#include "base/err.h"
#include "base/queue.h"

struct log_lines;
struct source_ops;

/**
 * struct strace_log - a source that reads the output of strace -f -ttt -T -o FILE
 *
 * Gives EVENT_CALL and EVENT_PROCESS. Sockets are distinguished by generated cookies (EVENT_COOKIE_MADE_UP).
 */
struct strace_log;

/** struct strace_log_config - @path: the file; "-" is standard input */
struct strace_log_config {
	const char *path;
};

/** strace_log_open() - Return: 0, or a negative errno with the message in @err; @log is set on success only */
int strace_log_open(struct strace_log **log, const struct strace_log_config *config, struct err *err);

/** strace_log_fd() - readable (poll(2)) when strace_log_read() has something; -1: it may have something at once */
int strace_log_fd(const struct strace_log *log);

/** strace_log_source - a log of strace in the loop of a run */
extern const struct source_ops strace_log_source;

/** strace_log_read() - see source/source.h; a line that cannot be parsed ends it with a message of file and line */
int strace_log_read(struct strace_log *log, struct queue *events, struct err *err);

/**
 * strace_log_notice() - number of connect(2) calls that were left out, once the log has ended
 *
 * The log does not show the type of their sockets: it contains neither socket(2) nor a mark of -yy.
 *
 * Return: a line for the user, the first time only and when there are such calls; else NULL.
 */
const char *strace_log_notice(struct strace_log *log);

/** strace_log_lines() - what was read until now */
const struct log_lines *strace_log_lines(const struct strace_log *log);

/** strace_log_close() - close it; NULL is allowed */
void strace_log_close(struct strace_log *log);

#endif
