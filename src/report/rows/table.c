// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/printer.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/*
 * Aligned tables: a whole one, whose columns are as wide as their widest cell,
 * and rows of which the next one is not known, with columns of usual widths.
 * Each byte of a cell takes one column of the terminal, because text is escaped
 * to ASCII (escape_text()). A whole table is formatted twice, once to measure
 * and once to print: keeping the text would take more memory than the rows.
 */

/* Rows are written in pieces large enough to bypass the copy into stdio(3)'s buffer. */
#define WRITE_AT_ONCE (1U << 18)

/* Format a field of a row with fixed column widths. */
static const char *padded_field(struct printer *printer, struct text *field, size_t column, const struct row *row,
				size_t room)
{
	const struct column *what = printer->columns.columns[column];
	const char *color = printer_field(printer, field, column, row);
	struct value value;

	if (field->length <= room)
		return color;
	column_fetch(what, row, printer->style.names, &value);
	format_short(field, what, &value);
	return color;
}

/*
 * Append a row; @row is NULL for the header. @shorten: round numbers that are wider than their column. Return: the
 * terminal columns used.
 */
static size_t add_fields(struct printer *printer, const struct row *row, bool shorten)
{
	struct text *line = &printer->line, field = {0};
	const size_t *fitting = printer->fit.widths;
	size_t excess = 0; /* a number wider than its column takes the blanks of the following ones */
	size_t taken_columns = 0;

	for (size_t i = 0; i < printer->columns.count; i++) {
		const struct column *column = printer->columns.columns[i];
		size_t width = fitting != NULL ? fitting[i] : format_width(column, &printer->style), blanks, taken;
		const char *color = NULL;

		text_cut(&field, 0);
		if (row == NULL)
			text_add(&field, column->name);
		else
			color = padded_field(printer, &field, i, row, shorten ? width : SIZE_MAX);
		if (fitting != NULL)
			fit_text(&field, column, width - (excess < width / 2 ? excess : width / 2));
		blanks = field.length < width ? width - field.length : 0;
		taken = fitting != NULL && excess < blanks ? excess : fitting != NULL ? blanks : 0;
		blanks -= taken;
		excess += (field.length > width ? field.length - width : 0) - taken;
		taken_columns += (i > 0) + field.length + blanks;
		if (i > 0)
			text_add_char(line, ' ');
		if (column_is_right(column->type))
			text_add_blanks(line, blanks);
		if (color != NULL)
			text_add(line, color);
		text_add_bytes(line, field.data, field.length);
		if (color != NULL)
			text_add(line, "\033[0m");
		if (!column_is_right(column->type) && i + 1 < printer->columns.count)
			text_add_blanks(line, blanks);
	}
	text_free(&field);
	return taken_columns;
}

void table_add_row(struct printer *printer, const struct row *row)
{
	size_t begin = printer->line.length, size = printer->columns.count * sizeof(*printer->before);
	bool may_shorten = printer->fit.widths != NULL && row != NULL;
	int64_t *before = may_shorten ? memcpy(xmalloc(size), printer->before, size) : NULL;

	/* The line must not wrap. */
	if (add_fields(printer, row, false) > printer->width && may_shorten) {
		text_cut(&printer->line, begin);
		memcpy(printer->before, before, size);
		add_fields(printer, row, true);
	}
	free(before);
	text_add_char(&printer->line, '\n');
}

static size_t *measure(struct printer *printer, const struct row *rows, size_t count)
{
	size_t *widths = xcalloc(printer->columns.count + 1, sizeof(*widths));

	for (size_t k = 0; printer->header && k < printer->columns.count; k++)
		widths[k] = strlen(printer->columns.columns[k]->name);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < printer->columns.count; k++) {
			text_cut(&printer->line, 0);
			printer_field(printer, &printer->line, k, &rows[i]);
			if (printer->line.length > widths[k])
				widths[k] = printer->line.length;
		}
	}
	text_cut(&printer->line, 0);
	printer_forget(printer);
	return widths;
}

/* Return: true when all values are 0 or unknown. */
static bool is_empty(const struct printer *printer, const struct column *column, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct value value;

		column_fetch(column, &rows[i], printer->style.names, &value);
		if ((value.known && (!column_is_right(column->type) || value.number != 0)) ||
		    (!value.known && value.of_rest > 0))
			return false;
	}
	return true;
}

static void print_lines(struct printer *printer, const struct row *rows, size_t count)
{
	struct text *line = &printer->line;

	for (size_t i = printer->header ? 0 : 1; i <= count && printer->error == 0; i++) {
		add_fields(printer, i > 0 ? &rows[i - 1] : NULL, false);
		text_add_char(line, '\n');
		if (line->length < WRITE_AT_ONCE && i < count)
			continue;
		printer_write(printer, line->data, line->length);
		text_cut(line, 0);
	}
}

void table_print(struct printer *printer, const struct row *rows, size_t count)
{
	struct selection all = printer->columns;
	bool *empty = xcalloc(all.count + 1, sizeof(*empty));
	size_t *widths = measure(printer, rows, count);

	for (size_t i = 0; printer->fits && i < all.count; i++)
		empty[i] = is_empty(printer, all.columns[i], rows, count);
	fit_columns(&printer->fit, &all, widths, printer->fits ? empty : NULL, printer->width);
	printer->columns = printer->fit.columns;
	print_lines(printer, rows, count);
	printer->columns = all;
	text_cut(&printer->left_out, 0);
	text_add(&printer->left_out, printer->fit.left_out.data != NULL ? printer->fit.left_out.data : "");
	fit_free(&printer->fit);
	printer->fit = (struct fit){.widths = NULL};
	free(widths);
	free(empty);
}
