/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_LAYOUT_H
#define CONNTRACE_REPORT_TOP_TOP_LAYOUT_H

#include "report/top/top_grid.h"
#include "report/top/top_order.h"

/** A smaller screen shows only a line with the required size. */
#define TOP_WIDTH_LEAST 40
#define TOP_HEIGHT_LEAST 6

/** top_layout_rows() - number of rows that fit on a screen of this height */
unsigned int top_layout_rows(unsigned int height);

/**
 * top_layout() - draw the screen
 * @grid: its size is the screen's; filled
 * @list: result of top_order()
 * @totals: everything
 * @style: its state selects the page
 *
 * Return: the limit of scrolling, for top_state.scroll_most.
 */
unsigned int top_layout(struct top_grid *grid, const struct top_list *list, const struct top_totals *totals,
			const struct top_style *style);

/** top_ladder() - append the time line of @conn, or a line that it has none; @width: of the screen */
void top_ladder(struct text *text, const struct conn *conn, unsigned int width);

/** top_help() - draw keys and columns, scrolled by @scroll lines; Return: as top_layout() */
unsigned int top_help(struct top_grid *grid, unsigned int scroll);

/** top_details() - draw the details of one connection; @row NULL: it is gone; Return: as top_layout() */
unsigned int top_details(struct top_grid *grid, const struct top_row *row, const struct top_style *style);

#endif
