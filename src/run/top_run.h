/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_TOP_RUN_H
#define CONNTRACE_RUN_TOP_RUN_H

#include <poll.h>

#include "base/err.h"
#include "run/refresh.h"
#include "cli/options.h"
#include "run/playback.h"
#include "run/sources.h"

/** struct top_run - the screen of --top in a run, or plain lines instead; NULL: none */
struct top_run;

/** Descriptors of top_run_fds(). */
#define TOP_RUN_FDS 2

/** top_run_find_screen() - find a terminal for --top and set @options->screen; the terminal is not taken yet */
void top_run_find_screen(struct options *options);

/**
 * top_run_open() - prepare --top, before anything is started
 * @top_run: set on success; NULL without --top
 * @options: must outlive it
 * @err: the message: COMMAND would write to the same terminal
 *
 * If standard input of a COMMAND is the terminal, it becomes /dev/null.
 *
 * Return: 0 or -EINVAL, or another negative errno.
 */
int top_run_open(struct top_run **top_run, const struct options *options, struct err *err);

/** top_run_start() - take the terminal; call it when all threads and processes of the run exist */
void top_run_start(struct top_run *top_run);

/** top_run_leave() - close the screen, restore the terminal and print the deferred notices */
void top_run_leave(struct top_run *top_run);

/** top_run_close() - top_run_leave() and free it; NULL is allowed */
void top_run_close(struct top_run *top_run);

/** top_run_notice() - show a notice to the user now; on standard error when there is no screen */
void top_run_notice(struct top_run *top_run, const char *text);

/** top_run_finished() - a connection has ended */
void top_run_finished(struct top_run *top_run, const struct conn *conn);

/** top_run_fds() - descriptors for poll(2); Return: their number */
size_t top_run_fds(const struct top_run *top_run, struct pollfd fds[TOP_RUN_FDS]);

/** top_run_wait_ns() - time until the next action; INT64_MAX for none, or without @top_run */
int64_t top_run_wait_ns(const struct top_run *top_run, int64_t clock_ns);

/**
 * top_run_show() - sample all connections when due, read keys, draw
 * @top_run: NULL is allowed
 * @refresh: samples open connections
 * @sources: give the position in a file
 * @playback: changed by the keys when a file is played
 *
 * Return: false to end the run.
 */
bool top_run_show(struct top_run *top_run, struct refresh *refresh, struct sources *sources, struct playback *playback);

/** top_run_stays() - true when a screen stays open after a file has been read */
bool top_run_stays(const struct top_run *top_run);

#endif
