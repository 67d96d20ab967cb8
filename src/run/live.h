/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_LIVE_H
#define CONNTRACE_RUN_LIVE_H

#include <poll.h>

#include "base/err.h"
#include "run/look.h"
#include "cli/options.h"
#include "run/pace.h"
#include "run/sources.h"

/** struct live - the screen of --top in a run, or the plain lines instead of it; NULL: there is none */
struct live;

/** Descriptors of live_fds(). */
#define LIVE_FDS 2

/** live_find_screen() - is there a terminal that --top can be drawn on? Sets @options->screen; nothing is taken yet. */
void live_find_screen(struct options *options);

/**
 * live_open() - what --top needs, before anything is started
 * @live: set on success; NULL without --top
 * @options: must outlive it
 * @err: the story: COMMAND would write on the same terminal
 *
 * Standard input of a COMMAND that would be the terminal becomes /dev/null.
 *
 * Return: 0 or -EINVAL, or another negative errno.
 */
int live_open(struct live **live, const struct options *options, struct err *err);

/** live_start() - take the terminal; to be called when all threads and processes of the run are there */
void live_start(struct live *live);

/** live_leave() - give the terminal back and print what was said meanwhile; then there is no screen any more */
void live_leave(struct live *live);

/** live_close() - live_leave() and free it; NULL is fine */
void live_close(struct live *live);

/** live_notice() - something the user must be told, now; on standard error when there is no screen, or none any more */
void live_notice(struct live *live, const char *text);

/** live_finished() - a connection is over */
void live_finished(struct live *live, const struct conn *conn);

/** live_fds() - what to poll(2) for; Return: how many */
size_t live_fds(const struct live *live, struct pollfd fds[LIVE_FDS]);

/** live_wait_ns() - how long until something is to be done; INT64_MAX if nothing, or there is no @live */
int64_t live_wait_ns(const struct live *live, int64_t clock_ns);

/**
 * live_show() - look at all connections when it is time, hear keys, draw
 * @live: NULL is fine
 * @look: how open connections are looked at
 * @sources: where a file is
 * @pace: that of a file follows the keys
 *
 * Return: false when the run is to end.
 */
bool live_show(struct live *live, struct look *look, struct sources *sources, struct pace *pace);

/** live_stays() - is there a screen that stays when a file has been read? */
bool live_stays(const struct live *live);

#endif
