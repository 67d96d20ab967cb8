/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_KEYS_H
#define CONNTRACE_REPORT_TOP_TOP_KEYS_H

#include "report/top/top_order.h"

/** enum top_key - keys that are not characters; characters have their Unicode value */
enum top_key {
	TOP_KEY_NONE = -1,
	TOP_KEY_ENTER = '\n',
	TOP_KEY_ESCAPE = 0x1b,
	TOP_KEY_BACKSPACE = 0x7f,
	/* above the range of Unicode */
	TOP_KEY_UP = 0x110000,
	TOP_KEY_DOWN,
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	/** the terminal was resized */
	TOP_KEY_RESIZE,
};

/** enum top_action - what a key requires */
enum top_action {
	/** redraw what changed */
	TOP_ACTION_DRAW,
	/** redraw the whole terminal */
	TOP_ACTION_REDRAW,
	/** the run ends */
	TOP_ACTION_QUIT,
};

/**
 * top_keys_press() - handle a key
 * @state: changed
 * @key: enum top_key or a character
 * @list: the list on the screen
 * @rows: number of rows that fit on the screen
 */
enum top_action top_keys_press(struct top_state *state, int key, const struct top_list *list, size_t rows);

/**
 * top_state_sort() - sort by the first column of the screen in @list, as --sort has it
 *
 * A column that only folded rows have folds them.
 */
void top_state_sort(struct top_state *state, const char *list);

/** top_keys_settle() - after a tick or a key: update the index of the selected row and the part of the list shown */
void top_keys_settle(struct top_state *state, const struct top_list *list, size_t rows);

#endif
