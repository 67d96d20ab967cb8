/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_SCREEN_H
#define CONNTRACE_REPORT_TOP_TOP_SCREEN_H

#include <signal.h>
#include <sys/types.h>

#include "base/err.h"
#include "report/top/top_layout.h"

/** What is said to and by the process that stops in our place, see top_screen_open(). */
#define TOP_SCREEN_SIGNAL SIGUSR2

/**
 * struct top_screen - a terminal that shows a struct top_grid (ncursesw)
 *
 * One at a time. Whatever ends the program leaves the terminal as it was, see
 * top_leave.h.
 */
struct top_screen;

/**
 * top_screen_check() - can there be a screen on this terminal?
 *
 * Return: 0, or -ENOTSUP with the reason in @err, so that plain lines are the remedy.
 */
int top_screen_check(int tty, struct err *err);

/**
 * top_screen_open() - take the terminal
 * @screen: set on success only
 * @tty: descriptor of the terminal; stays the caller's
 * @color: may it be coloured?
 * @proxy: whom Ctrl-Z stops in our place: TOP_SCREEN_SIGNAL asks it to, and comes back when it goes on;
 *	   0: us; -1: nobody
 * @err: why not
 *
 * In the background the terminal is not touched: it is taken when we have been
 * stopped and continued, as after a Ctrl-Z.
 *
 * The signals of top_screen_signals() are to be blocked in every thread; they
 * are read from a descriptor.
 *
 * Return: 0; -ENOTSUP when there can be no screen here, so that plain lines are the remedy.
 */
int top_screen_open(struct top_screen **screen, int tty, bool color, pid_t proxy, struct err *err);

/** top_screen_close() - give the terminal back; NULL is fine */
void top_screen_close(struct top_screen *screen);

/** top_screen_signals() - block what top_screen_open() wants blocked; to be called while there is one thread */
void top_screen_signals(void);

/** Descriptors of top_screen_fds(). */
#define TOP_SCREEN_FDS 2

/** top_screen_fds() - readable when top_screen_key() has something to tell */
void top_screen_fds(const struct top_screen *screen, int fds[TOP_SCREEN_FDS]);

/**
 * top_screen_key() - the next key that was pressed
 *
 * Deals with what came by signals as well: TOP_KEY_RESIZE is told then. On
 * SIGTSTP the terminal is given back until whoever stops is continued. While
 * others have the terminal there are no keys.
 *
 * Return: enum top_key or a character; TOP_KEY_NONE.
 */
int top_screen_key(struct top_screen *screen);

/** top_screen_size() - how large it is */
void top_screen_size(const struct top_screen *screen, unsigned int *width, unsigned int *height);

/** top_screen_draw() - show @grid, unless others have the terminal; @again: nothing of what it shows is believed */
void top_screen_draw(struct top_screen *screen, const struct top_grid *grid, bool again);

/** top_screen_is_utf8() - can it show more than ASCII? */
bool top_screen_is_utf8(const struct top_screen *screen);

/** top_screen_has_hung_up() - the terminal is gone */
bool top_screen_has_hung_up(const struct top_screen *screen);

/** top_screen_is_away() - others have the terminal */
bool top_screen_is_away(const struct top_screen *screen);

#endif
