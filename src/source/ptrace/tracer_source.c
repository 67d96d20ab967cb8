// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/tracer.h"
#include "source/source.h"

static int fd_of(const void *source)
{
	return tracer_fd(source);
}

static bool prepare_sleep(void *source, bool is_patient)
{
	(void)is_patient;
	return tracer_sleep(source);
}

/* The tracing thread has put the events where its configuration names. */
static int read_events(void *source, struct queue *events, struct err *err)
{
	(void)events;
	(void)err;
	return tracer_read(source);
}

static int64_t settled_ns(const void *source)
{
	return tracer_settled_ns(source);
}

static const char *notice(void *source)
{
	return tracer_notice(source);
}

static const char *refused(const void *source, size_t index)
{
	return tracer_refused(source, index);
}

static size_t others(void *source, int number, pid_t *pids, size_t room)
{
	return tracer_others(source, number, pids, room);
}

static void close_source(void *source)
{
	tracer_close(source);
}

const struct source_ops tracer_source = {
	.name = "ptrace",
	.role = SOURCE_TARGET,
	.fd = fd_of,
	.sleep = prepare_sleep,
	.read = read_events,
	.settled_ns = settled_ns,
	.notice = notice,
	.refused = refused,
	.others = others,
	.close = close_source,
};
