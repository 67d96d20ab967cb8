// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/fit.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* Shortest form of an address. */
#define ADDRESS_LEAST 17
/* Names are shortened to this width before another column is left out. */
#define NAMES_LEAST 8
/* No text is shortened further. */
#define SHORTEST 4

/* The order in which columns are left out. Keys, CONNS, FAIL, RESULT and HS_MS always stay. */
static const char *const giving_way[] = {
	"LADDR",   "SYNACK_RTX", "DUR_S",   "LPORT",   "QUEUE_MS", "RETRANS",  "DUP_SYNACK",
	"DUP_SYN", "ABORT",      "UNREACH", "PID",     "TX_BYTES", "RX_BYTES", "START",
	"RESET",   "ERROR",      "UNKNOWN", "PENDING", "SYN_RTX",
};

/* From this column on, addresses are shortened before a column is left out. */
#define PRECIOUS 11

#define GIVING_WAY (sizeof(giving_way) / sizeof(giving_way[0]))

static bool is_name(const struct column *column)
{
	return column->type == COLUMN_NAME || column->type == COLUMN_NAMES || column->type == COLUMN_NUMBERS;
}

static size_t least_width(const struct column *column, size_t width)
{
	size_t least = strlen(column->name) > NAMES_LEAST ? strlen(column->name) : NAMES_LEAST;

	return is_name(column) && width > least ? least : width;
}

/* Width of the table with the shortest names and, if @shortened, the shortest addresses. */
static size_t total(const struct selection *columns, const size_t *widths, const bool *gone, bool shortened)
{
	size_t sum = 0;

	for (size_t i = 0; i < columns->count; i++) {
		bool cut = shortened && columns->columns[i]->type == COLUMN_ADDRESS && widths[i] > ADDRESS_LEAST;

		if (!gone[i])
			sum += (cut ? ADDRESS_LEAST : least_width(columns->columns[i], widths[i])) + 1;
	}
	return sum > 0 ? sum - 1 : 0;
}

static void leave_out(const struct selection *columns, const size_t *widths, bool *gone, const bool *may_go,
		      size_t width)
{
	for (size_t k = 0; k < GIVING_WAY; k++)
		for (size_t i = 0; i < columns->count && total(columns, widths, gone, k >= PRECIOUS) > width; i++)
			if (may_go[i] && strcmp(columns->columns[i]->name, giving_way[k]) == 0)
				gone[i] = true;
}

/* Make the widest of the columns that may be shortened narrower, until @excess is gone. */
static void shorten(struct fit *fit, size_t excess, bool addresses)
{
	for (; excess > 0; excess--) {
		size_t widest = fit->columns.count;

		for (size_t i = 0; i < fit->columns.count; i++) {
			const struct column *column = fit->columns.columns[i];
			size_t width = fit->widths[i], least = width;

			if (addresses && column->type == COLUMN_ADDRESS)
				least = ADDRESS_LEAST;
			else if (!addresses && is_name(column))
				least = strlen(column->name) > SHORTEST ? strlen(column->name) : SHORTEST;
			if (width > least && (widest == fit->columns.count || width > fit->widths[widest]))
				widest = i;
		}
		if (widest == fit->columns.count)
			return;
		fit->widths[widest]--;
	}
}

static size_t excess(const struct fit *fit, size_t width, bool names)
{
	size_t sum = 0;

	for (size_t i = 0; i < fit->columns.count; i++)
		sum += (i > 0) + (names ? fit->widths[i] : least_width(fit->columns.columns[i], fit->widths[i]));
	return width > 0 && sum > width ? sum - width : 0;
}

void fit_columns(struct fit *fit, const struct selection *columns, const size_t *widths, const bool *empty,
		 size_t width)
{
	bool *gone = xcalloc(columns->count + 1, sizeof(*gone)), *all = xcalloc(columns->count + 1, sizeof(*all));

	memset(all, true, columns->count);
	*fit = (struct fit){.widths = xcalloc(columns->count + 1, sizeof(*fit->widths))};
	if (empty != NULL) {
		leave_out(columns, widths, gone, empty, width);
		leave_out(columns, widths, gone, all, width);
	}
	for (size_t i = 0; i < columns->count; i++) {
		if (!gone[i]) {
			fit->widths[fit->columns.count] = widths[i];
			select_append(&fit->columns, columns->columns[i]);
			continue;
		}
		text_add(&fit->left_out, fit->left_out.length > 0 ? "," : "");
		text_add(&fit->left_out, columns->columns[i]->name);
	}
	if (empty != NULL)
		shorten(fit, excess(fit, width, false), true);
	shorten(fit, excess(fit, width, true), false);
	free(gone);
	free(all);
}

void fit_free(struct fit *fit)
{
	select_free(&fit->columns);
	free(fit->widths);
	text_free(&fit->left_out);
}

void fit_text(struct text *text, const struct column *column, size_t width)
{
	size_t head, tail;

	if (text->length <= width || width < SHORTEST || (column->type != COLUMN_ADDRESS && !is_name(column)))
		return;
	tail = column->type == COLUMN_ADDRESS ? (width - 2) * 2 / 3 : 0;
	head = width - 2 - tail;
	memcpy(text->data + head, "..", 2);
	memmove(text->data + head + 2, text->data + text->length - tail, tail);
	text_cut(text, width);
}
