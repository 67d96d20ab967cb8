// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "report/top/top_layout.h"

/* The page of --top that explains keys and columns. It scrolls below its title. */

#define INDENT 12
/* On screens at least this wide, columns are beside the keys. */
#define WIDE 100
#define RIGHT_HALF 50

static const char *const keys[][2] = {
	{"up down", "or k j: select a connection"},
	{"PgUp PgDn", "a screen up, down; Home, End"},
	{"Enter", "its details; Esc goes back"},
	{"s S", "next sort column; reverse order"},
	{"< >", "column to the left, right"},
	{"a", "order by rates of 10 s or of the last one"},
	{"/", "filter: words, comm= peer= port= process= state= unit=, == all of it, !word excludes"},
	{"t", "fold into peers, processes, programs, units"},
	{"u", "units: bytes, bits, 1000, 1024"},
	{"n", "names or addresses"},
	{"r", "time that closed ones stay"},
	{"p", "pause"},
	{"+ -", "a file: faster, slower"},
	{"Ctrl-L", "redraw the screen"},
	{"q", "quit, and print the report"},
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

/* A part of the page: its position, width and next line. */
struct area {
	struct top_grid *grid;
	unsigned int left, right;
	int line; /* of the screen; below 1 it is scrolled off */
};

static void put(const struct area *area, unsigned int x, const char *text, unsigned int attributes)
{
	if (area->line >= 1)
		top_grid_put(area->grid, (unsigned int)area->line, x, text, attributes);
}

/* A name and its meaning, on as many lines as needed. */
static void put_entry(struct area *area, const char *name, const char *meaning)
{
	unsigned int x = area->left + INDENT;

	put(area, area->left, name, TOP_BOLD);
	while (*meaning != '\0') {
		char word[64];
		size_t length = strcspn(meaning, " ");

		if (length >= sizeof(word))
			length = sizeof(word) - 1;
		memcpy(word, meaning, length);
		word[length] = '\0';
		if (x + length > area->right && x > area->left + INDENT) {
			area->line++;
			x = area->left + INDENT;
		}
		put(area, x, word, 0);
		x += (unsigned int)length + 1;
		meaning += length;
		meaning += strspn(meaning, " ");
	}
	area->line++;
}

/* Draw the page with its first line at @line. Return: the line after its last. */
static int put_all(struct top_grid *grid, int line)
{
	bool wide = grid->width >= WIDE;
	struct area left = {grid, 1, wide ? RIGHT_HALF - 1 : grid->width, line}, right;

	for (size_t i = 0; i < KEYS; i++)
		put_entry(&left, keys[i][0], keys[i][1]);
	right = wide ? (struct area){grid, RIGHT_HALF + 1, grid->width, line} : left;
	right.line += !wide;
	for (unsigned int i = 0; i < TOP_COLUMN_NUM; i++)
		put_entry(&right, top_columns[i].title, top_columns[i].help);
	return right.line > left.line ? right.line : left.line;
}

unsigned int top_help(struct top_grid *grid, unsigned int scroll)
{
	/* Lines below the screen are counted, not drawn. */
	int lines = put_all(grid, (int)grid->height) - (int)grid->height, room = (int)grid->height - 1;
	unsigned int most = lines > room ? (unsigned int)(lines - room) : 0;
	const char *title = most > 0 ? " Keys, columns; Esc back; PgDn: more" : " Keys and columns; Esc goes back";

	if (scroll > most)
		scroll = most;
	if (most > 0 && scroll == most)
		title = " Keys, columns; Esc back; PgUp: more";
	top_grid_put(grid, 0, 0, title, TOP_BOLD);
	for (unsigned int x = 0; x < grid->width; x++)
		grid->chars[x].attributes |= TOP_REVERSE;
	(void)put_all(grid, 1 - (int)scroll);
	return most;
}
