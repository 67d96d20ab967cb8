// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/bpf/programs.h"

#include "base/clock.h"
#include "source/source.h"

/* Longer than a full ring takes, on any machine. */
#define DRAIN_NS (60 * CLOCK_NS_PER_SEC)

static int fd_of(const void *source)
{
	return programs_fd(source);
}

static int read_events(void *source, struct queue *events, struct err *err)
{
	(void)err;
	return programs_read(source, events);
}

static void drain(void *source)
{
	programs_drain(source);
}

static bool is_drained(const void *source)
{
	return programs_is_drained(source);
}

static bool prepare_sleep(void *source, bool is_patient)
{
	(void)is_patient;
	return programs_sleep(source);
}

static int64_t settled_ns(const void *source)
{
	return programs_settled_ns(source);
}

static const char *refused(const void *source, size_t index)
{
	return programs_refused(source, index);
}

static size_t others(void *source, int number, pid_t *pids, size_t room)
{
	(void)number;
	return programs_others(source, pids, room);
}

static void close_source(void *source)
{
	programs_close(source);
}

const struct source_ops programs_source = {
	.name = "bpf",
	.role = SOURCE_TARGET,
	.fd = fd_of,
	.sleep = prepare_sleep,
	.read = read_events,
	.drain_read = read_events,
	.settled_ns = settled_ns,
	.refused = refused,
	.others = others,
	.drain = drain,
	.is_drained = is_drained,
	.drain_ns = DRAIN_NS,
	.close = close_source,
};
