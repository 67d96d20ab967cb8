// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/destroy/destroy.h"

#include "base/clock.h"
#include "source/source.h"

/* Longest wait for reports of sockets destroyed before the end. Beside a load of 50 the kernel is up to 1.6 s late. */
#define LAST_DEATHS_NS (4 * CLOCK_NS_PER_SEC)

static int fd_of(const void *source)
{
	return destroy_fd(source);
}

static int read_events(void *source, struct queue *events, struct err *err)
{
	return destroy_read(source, events, err);
}

/* All destroyed sockets are reported, also those of which no other source knows (accepted by io_uring(7)). */
static void drain(void *source)
{
	destroy_mark(source);
}

static bool is_drained(const void *source)
{
	return destroy_has_caught_up(source);
}

static void abandon(void *source)
{
	destroy_abandon(source);
}

static void close_source(void *source)
{
	destroy_close(source);
}

const struct source_ops destroy_source = {
	.name = "destroy",
	.role = SOURCE_AUXILIARY,
	.on_failure = SOURCE_IS_OPTIONAL,
	.fd = fd_of,
	.read = read_events,
	.drain = drain,
	.is_drained = is_drained,
	.drain_ns = LAST_DEATHS_NS,
	.abandon = abandon,
	.close = close_source,
};
