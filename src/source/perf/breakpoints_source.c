// SPDX-License-Identifier: GPL-2.0-or-later
/* The breakpoints as a source (source/source.h). */
#include "source/perf/breakpoints.h"
#include "source/source.h"

static int fd_of(const void *source)
{
	return breakpoints_fd(source);
}

static int read_events(void *source, struct queue *events, struct err *err)
{
	(void)events;
	(void)err;
	return breakpoints_read(source);
}

static int64_t settled_ns(const void *source)
{
	return breakpoints_settled_ns(source);
}

static const char *notice(void *source)
{
	return breakpoints_notice(source);
}

static void drain(void *source)
{
	breakpoints_drain(source);
}

static void close_source(void *source)
{
	breakpoints_close(source);
}

const struct source_ops breakpoints_source = {
	.name = "breakpoints",
	.role = SOURCE_AUXILIARY,
	.fd = fd_of,
	.read = read_events,
	.settled_ns = settled_ns,
	.notice = notice,
	.drain = drain,
	.close = close_source,
};
