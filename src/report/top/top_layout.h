/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_LAYOUT_H
#define CONNTRACE_REPORT_TOP_TOP_LAYOUT_H

#include "report/top/top_order.h"

/** Below this size there is only a line that says so. */
#define TOP_WIDTH_LEAST 40
#define TOP_HEIGHT_LEAST 6
/** Columns beyond this stay blank. */
#define TOP_WIDTH_MOST 512

/** enum top_attribute - how a character looks; bits. Colors only where they can be read on light and dark */
enum top_attribute {
	TOP_BOLD = 0x01,
	TOP_DIM = 0x02,
	TOP_REVERSE = 0x04,
	TOP_UNDERLINE = 0x08,
	/** something failed */
	TOP_RED = 0x10,
	/** something should not happen */
	TOP_MAGENTA = 0x20,
};

/**
 * struct top_char - a place on the screen
 * @code: Unicode, of those that take one place
 * @attributes: enum top_attribute
 */
struct top_char {
	uint16_t code;
	uint8_t attributes;
};

/**
 * struct top_grid - a screen full; all zero is an empty one
 * @width: places in a line
 * @height: lines
 * @chars: line by line
 * @cursor_x: where the next typed character goes, -1 when nothing is typed
 * @size: room at @chars, its own
 */
struct top_grid {
	unsigned int width;
	unsigned int height;
	struct top_char *chars;
	int cursor_x;
	size_t size;
};

/** top_layout_resize() - @grid has this size from now on; what stands in it is undefined */
void top_layout_resize(struct top_grid *grid, unsigned int width, unsigned int height);

/** top_layout_free() - free what it holds */
void top_layout_free(struct top_grid *grid);

/** top_layout_rows() - how many rows fit on a screen of this height */
unsigned int top_layout_rows(unsigned int height);

/**
 * top_layout() - the screen
 * @grid: its size is the screen's; filled
 * @list: what top_order() made
 * @totals: everything
 * @style: the state says which page
 *
 * Return: how far the page can be scrolled, for top_state.scroll_most.
 */
unsigned int top_layout(struct top_grid *grid, const struct top_list *list, const struct top_totals *totals,
			const struct top_style *style);

/** top_layout_put() - write ASCII text into a line, as far as the line goes; Return: the place behind it */
unsigned int top_layout_put(struct top_grid *grid, unsigned int y, unsigned int x, const char *ascii,
			    unsigned int attributes);

/**
 * top_layout_spark() - draw @values, the newest last, as bars of eight heights in @width places
 * @full: the value of the highest bar
 */
void top_layout_spark(struct top_grid *grid, unsigned int y, unsigned int x, unsigned int width, const float *values,
		      unsigned int count, float full, bool utf8);

/** top_layout_plain() - append a line as UTF-8 without trailing blanks, and a newline */
void top_layout_plain(struct text *text, const struct top_grid *grid, unsigned int y);

/** top_ladder() - append the time line of @conn as lines, or that it has none; @width: of the screen */
void top_ladder(struct text *text, const struct conn *conn, unsigned int width);

/** top_help() - keys and columns, @scroll lines further down; Return: as top_layout() */
unsigned int top_help(struct top_grid *grid, unsigned int scroll);

/** top_details() - one connection, all that is known of it; @row NULL: it is gone; Return: as top_layout() */
unsigned int top_details(struct top_grid *grid, const struct top_row *row, const struct top_style *style);

#endif
