// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/clock.h"
#include "source/packet/process.h"
#include "source/source.h"
#include "system/local_addresses.h"

/* A packet process that does not end within this time hangs. */
#define DRAIN_NS (10 * CLOCK_NS_PER_SEC)

static int fd_of(const void *source)
{
	return packet_fd(source);
}

static bool prepare_sleep(void *source, bool is_patient)
{
	return packet_sleep(source, is_patient);
}

static int read_events(void *source, struct queue *events, struct err *err)
{
	local_addresses_refresh();
	return packet_read(source, events, err);
}

static void drain(void *source)
{
	packet_drain(source);
}

/* SOURCE_END reports it. */
static bool is_drained(const void *source)
{
	(void)source;
	return false;
}

static void abandon(void *source)
{
	packet_abandon(source);
}

static void close_source(void *source)
{
	packet_close(source);
}

const struct source_ops packet_source = {
	.name = "packet",
	.role = SOURCE_INPUT,
	.on_failure = SOURCE_GOES_ON,
	.fd = fd_of,
	.sleep = prepare_sleep,
	.read = read_events,
	.drain = drain,
	.is_drained = is_drained,
	.drain_ns = DRAIN_NS,
	.abandon = abandon,
	.close = close_source,
};
