// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/replay/replay.h"
#include "source/source.h"

static int fd_of(const void *source)
{
	return replay_fd(source);
}

/* A regular file is always readable. */
static bool prepare_sleep(void *source, bool is_patient)
{
	(void)is_patient;
	return replay_fd(source) >= 0;
}

static int read_events(void *source, struct queue *events, struct err *err)
{
	return replay_read(source, events, err);
}

static void close_source(void *source)
{
	replay_close(source);
}

const struct source_ops replay_source = {
	.name = "replay",
	.role = SOURCE_INPUT,
	.on_failure = SOURCE_ENDS,
	.fd = fd_of,
	.sleep = prepare_sleep,
	.read = read_events,
	.close = close_source,
};
