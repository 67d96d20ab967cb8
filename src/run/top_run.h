/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_TOP_RUN_H
#define CONNTRACE_RUN_TOP_RUN_H

#include <poll.h>

#include "base/err.h"
#include "run/refresh.h"
#include "cli/options.h"
#include "run/playback.h"
#include "run/sources.h"

/** struct top_run - the screen of --top in a run, or the plain lines instead of it; NULL: there is none */
struct top_run;

/** Descriptors of top_run_fds(). */
#define TOP_RUN_FDS 2

/** top_run_find_screen() - is there a terminal that --top can be drawn on? Sets @options->screen; nothing is taken yet.
 */
void top_run_find_screen(struct options *options);

/**
 * top_run_open() - what --top needs, before anything is started
 * @top_run: set on success; NULL without --top
 * @options: must outlive it
 * @err: the story: COMMAND would write on the same terminal
 *
 * Standard input of a COMMAND that would be the terminal becomes /dev/null.
 *
 * Return: 0 or -EINVAL, or another negative errno.
 */
int top_run_open(struct top_run **top_run, const struct options *options, struct err *err);

/** top_run_start() - take the terminal; to be called when all threads and processes of the run are there */
void top_run_start(struct top_run *top_run);

/** top_run_leave() - give the terminal back and print what was said meanwhile; then there is no screen any more */
void top_run_leave(struct top_run *top_run);

/** top_run_close() - top_run_leave() and free it; NULL is fine */
void top_run_close(struct top_run *top_run);

/** top_run_notice() - something the user must be told, now; on standard error when there is no screen, or none any more
 */
void top_run_notice(struct top_run *top_run, const char *text);

/** top_run_finished() - a connection is over */
void top_run_finished(struct top_run *top_run, const struct conn *conn);

/** top_run_fds() - what to poll(2) for; Return: how many */
size_t top_run_fds(const struct top_run *top_run, struct pollfd fds[TOP_RUN_FDS]);

/** top_run_wait_ns() - how long until something is to be done; INT64_MAX if nothing, or there is no @top_run */
int64_t top_run_wait_ns(const struct top_run *top_run, int64_t clock_ns);

/**
 * top_run_show() - look at all connections when it is time, hear keys, draw
 * @top_run: NULL is fine
 * @refresh: how open connections are looked at
 * @sources: where a file is
 * @playback: that of a file follows the keys
 *
 * Return: false when the run is to end.
 */
bool top_run_show(struct top_run *top_run, struct refresh *refresh, struct sources *sources, struct playback *playback);

/** top_run_stays() - is there a screen that stays when a file has been read? */
bool top_run_stays(const struct top_run *top_run);

#endif
