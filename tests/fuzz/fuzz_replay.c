// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a recording (.ev): it is read to its end or to a line that is
 * none, and every event is fed to the tracker, as a replay does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/replay/replay.h"
#include "source/source.h"
#include "track/tracker.h"

#define QUEUE_SIZE 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct conn *conn)
{
	if (conn->result >= RESULT_NUM || conn->dir >= DIR_NUM || conn->close >= CLOSE_NUM ||
	    conn->rx_bytes < CONN_UNKNOWN || conn->tx_bytes < CONN_UNKNOWN)
		abort();
}

static void finished(void *context, const struct conn *conn)
{
	(void)context;
	check(conn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[32];
	static int fd = -1;
	static const struct tracker_config few = {.limit = 16,
						  .timeout_ns = 1000000000,
						  .whole = true,
						  .netns = 7,
						  .linger_ns = 1000000,
						  .syn_retries = 6};
	const struct tracker_notify notify = {.finished = finished};
	const struct replay_config config = {.path = path};
	struct queue *queue = queue_new(sizeof(struct event), QUEUE_SIZE);
	struct tracker *tracker = tracker_new(&few, &notify);
	const struct conn *conn = NULL;
	struct replay *replay = NULL;
	struct event event;
	struct err err = {""};
	int64_t now_ns = 0;
	int got = 0;

	if (fd < 0) {
		fd = memfd_create("recording", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size ||
	    replay_open(&replay, &config, &err) != 0)
		abort();
	while (got >= 0) {
		got = replay_read(replay, queue, &err);
		while (queue_pop(queue, &event)) {
			now_ns = event.time_ns > now_ns ? event.time_ns : now_ns;
			tracker_feed(tracker, &event, 1);
			tracker_tick(tracker, now_ns);
		}
	}
	if (got != SOURCE_END && err.text[0] == '\0')
		abort();
	tracker_finish(tracker, now_ns);
	while ((conn = tracker_next(tracker, conn)) != NULL)
		check(conn);
	tracker_free(tracker);
	replay_close(replay);
	queue_free(queue);
	return 0;
}
