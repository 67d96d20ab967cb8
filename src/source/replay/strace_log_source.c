// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/replay/strace_log.h"
#include "source/source.h"

static int fd_of(const void *source)
{
	return strace_log_fd(source);
}

/* A file is always readable. */
static bool prepare_sleep(void *source, bool is_patient)
{
	(void)is_patient;
	return strace_log_fd(source) >= 0;
}

/* Received events are taken first, so that little of a long log is in memory. */
static int read_events(void *source, struct queue *events, struct err *err)
{
	return queue_peek(events) == NULL ? strace_log_read(source, events, err) : 0;
}

static const char *notice(void *source)
{
	return strace_log_notice(source);
}

static const struct log_lines *lines_read(const void *source)
{
	return strace_log_lines(source);
}

static void close_source(void *source)
{
	strace_log_close(source);
}

const struct source_ops strace_log_source = {
	.name = "strace-log",
	.role = SOURCE_INPUT,
	.on_failure = SOURCE_ENDS,
	.fd = fd_of,
	.sleep = prepare_sleep,
	.read = read_events,
	.notice = notice,
	.lines = lines_read,
	.close = close_source,
};
