/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_WATCH_H
#define CONNTRACE_SOURCE_SAMPLER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/queue.h"
#include "model/event.h"
#include "source/destroy/destroy.h"
#include "system/diag.h"

/**
 * struct watch_config - whom to watch without stopping them (--via=diag, theory in watch.c)
 * @pids: the processes
 * @pid_count: how many
 * @follow: their children too
 * @netns: inode of our network namespace, 0 unknown
 * @look_ns: longest time between two looks, unless they would take too much of a processor
 * @diag: answers our questions; stays the caller's
 * @destroy: where the caller reads last words from, NULL there when it can't any more; stays the caller's
 * @events: where events go; stays the caller's
 */
struct watch_config {
	const pid_t *pids;
	size_t pid_count;
	bool follow;
	uint32_t netns;
	int64_t look_ns;
	struct diag *diag;
	struct destroy **destroy;
	struct queue *events;
};

/** struct watch - the source that says whose sockets are: EVENT_OWNER, EVENT_PROCESS, and EVENT_INFO of its looks */
struct watch;

/**
 * watch_open() - begin; what the targets have open already is told at once
 * @watch: set on success only
 * @config: is copied; its pids are not needed afterwards
 * @err: why none can be watched
 *
 * Return: 0 when at least one can be, or a negative errno.
 */
int watch_open(struct watch **watch, const struct watch_config *config, struct err *err);

/** watch_close() - the targets go on; NULL is fine */
void watch_close(struct watch *watch);

/** watch_warning() - the next process that cannot be watched, or not wholly any more, and why; NULL behind the last */
const char *watch_warning(struct watch *watch);

/** watch_refused() - the @index-th process that could not be watched at the beginning, and why; NULL behind the last */
const char *watch_refused(const struct watch *watch, size_t index);

/** watch_fd() - see source/source.h: readable when it is time for a look */
int watch_fd(const struct watch *watch);

/** watch_read() - look, if it is time for it; Return: how many events came, SOURCE_END once no target is left */
int watch_read(struct watch *watch);

/** watch_look() - look now, and decide about all that waits for a look; Return: as watch_read() */
int watch_look(struct watch *watch);

/**
 * watch_last_word() - a socket has died
 * @watch: the watch
 * @event: of destroy_read(); may be completed
 *
 * Return: true when it waits here for the next look, which puts it into the events; else the caller keeps it.
 */
bool watch_last_word(struct watch *watch, struct event *event);

/** watch_others() - which of the targets run; the first @room of them into @pids; Return: how many there are */
size_t watch_others(struct watch *watch, pid_t *pids, size_t room);

/** watch_explain() - why connections that came in may be in no row; Return: false when nothing is known of such */
bool watch_explain(const struct watch *watch, struct err *why);

/** watch_waits() - do last words wait for a look? */
bool watch_waits(const struct watch *watch);

#endif
