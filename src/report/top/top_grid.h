/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_GRID_H
#define CONNTRACE_REPORT_TOP_TOP_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/** Columns beyond this stay blank. */
#define TOP_WIDTH_MOST 512

/**
 * enum top_attribute - appearance of a character; bits, and one color
 *
 * The colors are readable on light and dark backgrounds. With eight colors a terminal shows only red and magenta, its
 * own ones, because its green, blue and yellow are too light or too dark for one of both.
 */
enum top_attribute {
	TOP_BOLD = 0x01,
	TOP_DIM = 0x02,
	TOP_REVERSE = 0x04,
	TOP_UNDERLINE = 0x08,
	/** something failed */
	TOP_RED = 0x10,
	/** something unwanted */
	TOP_MAGENTA = 0x20,
	/** established */
	TOP_GREEN = 0x30,
	/** the other side opened it */
	TOP_BLUE = 0x40,
	/** begins or ends */
	TOP_ORANGE = 0x50,
	TOP_COLOR = 0x70,
};

/**
 * struct top_char - a cell of the screen
 * @code: Unicode character of width 1
 * @attributes: enum top_attribute
 */
struct top_char {
	uint16_t code;
	uint8_t attributes;
};

/**
 * struct top_grid - the content of a screen; all zero is an empty one
 * @width: cells in a line
 * @height: lines
 * @chars: line by line
 * @cursor_x: place of the next typed character, -1 when there is no input
 * @size: allocated cells at @chars
 */
struct top_grid {
	unsigned int width;
	unsigned int height;
	struct top_char *chars;
	int cursor_x;
	size_t size;
};

/** top_grid_resize() - set the size; the content is undefined then */
void top_grid_resize(struct top_grid *grid, unsigned int width, unsigned int height);

/** top_grid_free() - free its members */
void top_grid_free(struct top_grid *grid);

/** top_grid_put() - write ASCII text into a line, up to its end; Return: the cell after it */
unsigned int top_grid_put(struct top_grid *grid, unsigned int y, unsigned int x, const char *ascii,
			  unsigned int attributes);

/**
 * top_grid_spark() - draw @values, the newest last, as bars of eight heights in @width cells
 * @full: the value of the highest bar
 */
void top_grid_spark(struct top_grid *grid, unsigned int y, unsigned int x, unsigned int width, const float *values,
		    unsigned int count, float full, bool utf8);

/** top_grid_plain() - append a line as UTF-8 without trailing blanks, and a newline */
void top_grid_plain(struct text *text, const struct top_grid *grid, unsigned int y);

/** top_grid_places() - number of cells that a text takes */
unsigned int top_grid_places(const char *text);

/** top_grid_paint() - add attributes to the cells @from up to @to of a line */
void top_grid_paint(struct top_grid *grid, unsigned int y, unsigned int from, unsigned int to, unsigned int attributes);

#endif
