// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/offline.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "model/event.h"
#include "source/replay/replay.h"
#include "source/replay/strace_log.h"
#include "source/source.h"

struct offline {
	struct replay *replay;
	struct strace_log *log;
	struct queue *replay_events, *log_events;
	bool replay_ended, log_ended, reported;
};

int offline_open(struct offline **opened, const struct options *options, struct merge *merge, struct err *err)
{
	const struct strace_log_config log = {options->strace_log};
	const struct replay_config replay = {options->replay};
	struct offline *offline = xcalloc(1, sizeof(*offline));
	int rc = 0;

	if (log.path != NULL) {
		rc = strace_log_open(&offline->log, &log, err);
		offline->log_events = merge_stream(merge);
		merge_await(merge, offline->log_events, true);
	}
	if (replay.path != NULL) {
		rc = replay_open(&offline->replay, &replay, err);
		offline->replay_events = merge_stream(merge);
		merge_await(merge, offline->replay_events, true);
	}
	*opened = offline;
	return rc;
}

void offline_close(struct offline *offline)
{
	if (offline == NULL)
		return;
	strace_log_close(offline->log);
	replay_close(offline->replay);
	free(offline);
}

int offline_read(struct offline *offline, struct merge *merge, struct err *err)
{
	int rc = 0, count = 0;

	if (offline->replay != NULL && !offline->replay_ended) {
		rc = replay_read(offline->replay, offline->replay_events, err);
		offline->replay_ended = rc < 0;
		merge_await(merge, offline->replay_events, !offline->replay_ended);
		count += rc > 0 ? rc : 0;
	}
	/* What came is taken first, so that little of a long log is in memory. */
	if (offline->log != NULL && !offline->log_ended && queue_peek(offline->log_events) == NULL) {
		rc = strace_log_read(offline->log, offline->log_events, err);
		offline->log_ended = rc < 0;
		merge_await(merge, offline->log_events, !offline->log_ended);
		count += rc > 0 ? rc : 0;
	}
	return count;
}

bool offline_notice(struct offline *offline, struct err *notice)
{
	uint64_t unknown = offline->log != NULL && offline->log_ended ? strace_log_unknown(offline->log) : 0;

	if (unknown == 0 || offline->reported)
		return false;
	offline->reported = true;
	err_set(notice, 0,
		"%" PRIu64 " connect(2) calls are left out: the log does not say whether their sockets are TCP; let "
		"strace log socket(2) too, or use its -yy",
		unknown);
	return true;
}

bool offline_fds(const struct offline *offline, struct pollfd *fds, size_t *count)
{
	if (offline->log != NULL && !offline->log_ended)
		return false;
	if (offline->replay == NULL || offline->replay_ended)
		return true;
	if (replay_fd(offline->replay) < 0)
		return false;
	fds[(*count)++] = (struct pollfd){.fd = replay_fd(offline->replay), .events = POLLIN};
	return true;
}

bool offline_is_open(const struct offline *offline)
{
	return offline->replay != NULL || offline->log != NULL;
}

bool offline_has_ended(const struct offline *offline)
{
	return (offline->replay == NULL || offline->replay_ended) && (offline->log == NULL || offline->log_ended);
}

int64_t offline_offset(const struct offline *offline, int64_t *size)
{
	return offline->replay != NULL ? replay_offset(offline->replay, size) : -1;
}
