// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/sampler.h"
#include "source/source.h"

static int fd_of(const void *source)
{
	return sampler_fd(source);
}

/* The sampler pushes events where its configuration names. */
static int read_events(void *source, struct queue *events, struct err *err)
{
	(void)events;
	(void)err;
	return sampler_read(source);
}

static int drain_read(void *source, struct queue *events, struct err *err)
{
	(void)events;
	(void)err;
	return sampler_drain_read(source);
}

static const char *notice(void *source)
{
	return sampler_notice(source);
}

static const char *refused(const void *source, size_t index)
{
	return sampler_refused(source, index);
}

static size_t others(void *source, int number, pid_t *pids, size_t room)
{
	(void)number;
	return sampler_others(source, pids, room);
}

static void drain(void *source)
{
	(void)sampler_sample(source);
}

static void close_source(void *source)
{
	sampler_close(source);
}

const struct source_ops sampler_source = {
	.name = "sampler",
	.role = SOURCE_TARGET,
	.fd = fd_of,
	.read = read_events,
	.drain_read = drain_read,
	.notice = notice,
	.refused = refused,
	.others = others,
	.drain = drain,
	.close = close_source,
};
