/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_LAYOUT_H
#define CONNTRACE_REPORT_TOP_TOP_LAYOUT_H

#include "report/top/top_grid.h"
#include "report/top/top_order.h"

/** Below this size there is only a line that says so. */
#define TOP_WIDTH_LEAST 40
#define TOP_HEIGHT_LEAST 6

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

/** top_ladder() - append the time line of @conn as lines, or that it has none; @width: of the screen */
void top_ladder(struct text *text, const struct conn *conn, unsigned int width);

/** top_help() - keys and columns, @scroll lines further down; Return: as top_layout() */
unsigned int top_help(struct top_grid *grid, unsigned int scroll);

/** top_details() - one connection, all that is known of it; @row NULL: it is gone; Return: as top_layout() */
unsigned int top_details(struct top_grid *grid, const struct top_row *row, const struct top_style *style);

#endif
