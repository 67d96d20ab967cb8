/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_FIT_H
#define CONNTRACE_REPORT_ROWS_FIT_H

#include "report/rows/select.h"
#include "base/text.h"

/**
 * struct fit - which columns of a table have room on a terminal, and how wide each is
 * @columns: those that are shown; owned
 * @widths: of each; owned
 * @left_out: names of the others, comma separated, "" (or no data) when there are none; owned
 */
struct fit {
	struct selection columns;
	size_t *widths;
	struct text left_out;
};

/**
 * fit_columns() - leave columns out until a table is no wider than a terminal
 * @fit: set; free it by fit_free()
 * @columns: all of them
 * @widths: width of each without a limit
 * @empty: by column: no row has a value in it, so it is left out first; NULL: all columns stay, and all addresses
 * @width: of the terminal, 0 for no limit
 *
 * When all columns that may be left out are, addresses are shortened, see fit_text(), and names. A table that is still
 * too wide stays so.
 */
void fit_columns(struct fit *fit, const struct selection *columns, const size_t *widths, const bool *empty,
		 size_t width);

/** fit_free() - free its members */
void fit_free(struct fit *fit);

/**
 * fit_text() - shorten an address in its middle, because hosts of one network differ at the end, a name at its end
 *
 * Texts of other columns stay as they are.
 */
void fit_text(struct text *text, const struct column *column, size_t width);

#endif
