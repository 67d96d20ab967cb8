/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_KEYS_H
#define CONNTRACE_REPORT_TOP_TOP_KEYS_H

#include "report/top/top_order.h"

/** enum top_key - keys that are no characters; all others are their Unicode */
enum top_key {
	TOP_KEY_NONE = -1,
	TOP_KEY_ENTER = '\n',
	TOP_KEY_ESCAPE = 0x1b,
	TOP_KEY_BACKSPACE = 0x7f,
	/* above all of Unicode */
	TOP_KEY_UP = 0x110000,
	TOP_KEY_DOWN,
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	/** the terminal has another size */
	TOP_KEY_RESIZE,
};

/** enum top_action - what a key asks of the others */
enum top_action {
	/** the screen may look different */
	TOP_ACTION_DRAW,
	/** the terminal must be drawn anew, whatever is on it */
	TOP_ACTION_REDRAW,
	/** the run ends */
	TOP_ACTION_QUIT,
};

/**
 * top_keys_press() - a key was pressed
 * @state: is changed
 * @key: enum top_key or a character
 * @list: as it is on the screen
 * @rows: how many of it fit on the screen
 */
enum top_action top_keys_press(struct top_state *state, int key, const struct top_list *list, size_t rows);

/** top_keys_settle() - after a tick or a key: the place of the chosen row, and what part of the list is shown */
void top_keys_settle(struct top_state *state, const struct top_list *list, size_t rows);

#endif
