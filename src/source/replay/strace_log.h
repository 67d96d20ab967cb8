/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_REPLAY_STRACE_LOG_H
#define CONNTRACE_SOURCE_REPLAY_STRACE_LOG_H

#include <stdint.h>

#include "base/err.h"
#include "base/queue.h"

struct source_ops;

/**
 * struct strace_log - a source that reads what strace -f -ttt -T -o FILE wrote
 *
 * Gives EVENT_CALL and EVENT_PROCESS. Sockets are told apart by made-up
 * cookies (EVENT_COOKIE_MADE_UP).
 */
struct strace_log;

/** struct strace_log_config - @path: the file; "-" is standard input */
struct strace_log_config {
	const char *path;
};

/** strace_log_open() - Return: 0, or a negative errno with the story in @err; @log is set on success only */
int strace_log_open(struct strace_log **log, const struct strace_log_config *config, struct err *err);

/** strace_log_source - a log of strace in the loop of a run */
extern const struct source_ops strace_log_source;

/** strace_log_read() - as source.h says; a line that cannot be read ends it with a story of file and line */
int strace_log_read(struct strace_log *log, struct queue *events, struct err *err);

/**
 * strace_log_notice() - how many connect(2) calls were left out, once the log has ended
 *
 * Of these the log does not say what kind of socket it was: neither socket(2) nor a mark of -yy is in it.
 *
 * Return: a line for the user, the first time only and when there are such calls; else NULL.
 */
const char *strace_log_notice(struct strace_log *log);

/** strace_log_close() - NULL is fine */
void strace_log_close(struct strace_log *log);

#endif
