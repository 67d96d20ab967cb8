/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_SCREEN_H
#define CONNTRACE_REPORT_TOP_TOP_SCREEN_H

#include <signal.h>
#include <sys/types.h>

#include "base/err.h"
#include "report/top/top_layout.h"

/** Signal between us and the process that stops in our place, see top_screen_open(). */
#define TOP_SCREEN_SIGNAL SIGUSR2

/** enum top_screen_stop - why that process is to stop, the value that comes with the signal (sigqueue(3)) */
enum top_screen_stop {
	/** Ctrl-Z */
	TOP_SCREEN_STOP_KEY,
	/** another job had the terminal: not if the shell has given it to this one meanwhile */
	TOP_SCREEN_STOP_BACKGROUND,
};

/**
 * struct top_screen - a terminal that shows a struct top_grid (ncursesw)
 *
 * One at a time. The terminal is restored however the program ends, see
 * top_leave.h.
 */
struct top_screen;

/**
 * top_screen_check() - check whether this terminal can show a screen
 *
 * Return: 0, or -ENOTSUP with the reason in @err, the caller prints plain lines then.
 */
int top_screen_check(int tty, struct err *err);

/**
 * top_screen_open() - take the terminal
 * @screen: set on success only
 * @tty: descriptor of the terminal; stays the caller's
 * @color: whether colours are allowed
 * @proxy: process that Ctrl-Z stops in our place: TOP_SCREEN_SIGNAL requests it, and comes back when it continues;
 *	   0: us; -1: no process
 * @err: the message of a failure
 *
 * In the background the terminal is not touched: it is taken after a stop and a
 * continue, as after a Ctrl-Z.
 *
 * The signals of top_screen_signals() must be blocked in every thread; they are
 * read from a descriptor.
 *
 * Return: 0; -ENOTSUP when no screen is possible; the caller prints plain lines then.
 */
int top_screen_open(struct top_screen **screen, int tty, bool color, pid_t proxy, struct err *err);

/** top_screen_close() - restore the terminal; NULL is allowed */
void top_screen_close(struct top_screen *screen);

/** top_screen_signals() - block the signals that top_screen_open() reads; call it while there is one thread */
void top_screen_signals(void);

/** Descriptors of top_screen_fds(). */
#define TOP_SCREEN_FDS 2

/** top_screen_fds() - readable when top_screen_key() has something to return */
void top_screen_fds(const struct top_screen *screen, int fds[TOP_SCREEN_FDS]);

/**
 * top_screen_key() - the next key that was pressed
 *
 * Handles signals as well, and returns TOP_KEY_RESIZE after a resize. On
 * SIGTSTP the terminal is restored until the stopped process is continued.
 * While others use the terminal there are no keys.
 *
 * Return: enum top_key or a character; TOP_KEY_NONE.
 */
int top_screen_key(struct top_screen *screen);

/** top_screen_size() - get its size */
void top_screen_size(const struct top_screen *screen, unsigned int *width, unsigned int *height);

/** top_screen_draw() - show @grid, unless others use the terminal; @again: redraw all of it */
void top_screen_draw(struct top_screen *screen, const struct top_grid *grid, bool again);

/** top_screen_is_utf8() - true when it can show more than ASCII */
bool top_screen_is_utf8(const struct top_screen *screen);

/** top_screen_has_hung_up() - the terminal is gone */
bool top_screen_has_hung_up(const struct top_screen *screen);

/** top_screen_is_away() - true while others use the terminal */
bool top_screen_is_away(const struct top_screen *screen);

#endif
