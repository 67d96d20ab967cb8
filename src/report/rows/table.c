// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/printer.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/*
 * An aligned table. libsmartcols needs about a hundred bytes for each cell, so
 * a long table is printed in pieces. Each piece has one more line, which is not
 * printed and as wide as the widest cell of each column in the whole table, so
 * all pieces have the same widths.
 */
#define PIECE_ROWS 1024U

/* On a terminal that is too narrow, only names and lists may be shortened, never numbers or addresses. */
static int column_flags(const struct column *column, const struct printer *printer)
{
	bool shorten = column->type == COLUMN_NAME || column->type == COLUMN_NAMES || column->type == COLUMN_NUMBERS;
	int flags = 0;

	if (column_is_right(column->type))
		flags |= SCOLS_FL_RIGHT;
	if (printer->width > 0 && shorten)
		flags |= SCOLS_FL_TRUNC;
	return flags;
}

static struct libscols_table *new_table(const struct printer *printer)
{
	struct libscols_table *table = scols_new_table();

	if (table == NULL)
		return NULL;
	scols_table_enable_colors(table, printer->color);
	/* Unsafe bytes are escaped already. */
	scols_table_enable_noencoding(table, 1);
	scols_table_set_termforce(table, printer->width > 0 ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
	if (printer->width > 0)
		scols_table_set_termwidth(table, printer->width);
	for (size_t i = 0; i < printer->columns.count; i++) {
		const struct column *column = printer->columns.columns[i];

		if (scols_table_new_column(table, column->name, 0, column_flags(column, printer)) == NULL) {
			scols_unref_table(table);
			return NULL;
		}
	}
	return table;
}

static int add_row(struct printer *printer, struct libscols_table *table, const struct row *row, const size_t *widths)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	int ret = line != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; ret == 0 && i < printer->columns.count; i++) {
		const char *color;

		text_cut(&printer->line, 0);
		color = printer_field(printer, &printer->line, i, row);
		fit_text(&printer->line, printer->columns.columns[i], widths[i]);
		ret = scols_line_set_data(line, i, printer->line.data);
		if (ret == 0 && color != NULL)
			ret = scols_cell_set_color(scols_line_get_cell(line, i), color);
	}
	text_cut(&printer->line, 0);
	return ret;
}

static int add_ruler(const struct printer *printer, struct libscols_table *table, const size_t *widths)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	int ret = line != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; ret == 0 && i < printer->columns.count; i++) {
		char *cell = xmalloc(widths[i] + 1);

		memset(cell, 'x', widths[i]);
		cell[widths[i]] = '\0';
		ret = scols_line_refer_data(line, i, cell);
		if (ret != 0)
			free(cell);
	}
	return ret;
}

static void measure(struct printer *printer, const struct row *rows, size_t count, size_t *widths)
{
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
}

static int print_piece(struct printer *printer, const struct row *rows, size_t count, const size_t *widths, bool first)
{
	struct libscols_table *table = new_table(printer);
	char *text = NULL;
	int ret = table != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; ret == 0 && i < count; i++)
		ret = add_row(printer, table, &rows[i], widths);
	if (ret == 0)
		ret = add_ruler(printer, table, widths);
	if (ret == 0) {
		scols_table_enable_noheadings(table, !printer->header || !first);
		ret = scols_table_print_range_to_string(table, scols_table_get_line(table, 0),
							scols_table_get_line(table, count - 1), &text);
	}
	if (ret == 0 && text != NULL) {
		size_t length = strlen(text);

		printer_write(printer, text, length);
		/* A range ends without a newline. */
		if (length > 0 && text[length - 1] != '\n')
			printer_write(printer, "\n", 1);
	}
	free(text);
	scols_unref_table(table);
	return ret;
}

/* libsmartcols prints nothing for an empty table, not even the header. */
static void print_header(struct printer *printer)
{
	if (!printer->header)
		return;
	for (size_t i = 0; i < printer->columns.count; i++) {
		if (i > 0)
			text_add_char(&printer->line, ' ');
		text_add(&printer->line, printer->columns.columns[i]->name);
	}
	text_add_char(&printer->line, '\n');
	printer_write(printer, printer->line.data, printer->line.length);
	text_cut(&printer->line, 0);
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

static int print_pieces(struct printer *printer, const struct row *rows, size_t count, const size_t *widths)
{
	int ret = 0;

	if (count == 0)
		print_header(printer);
	for (size_t i = 0; ret == 0 && printer->error == 0 && i < count; i += PIECE_ROWS) {
		size_t piece = count - i < PIECE_ROWS ? count - i : PIECE_ROWS;

		ret = print_piece(printer, &rows[i], piece, widths, i == 0);
	}
	return ret;
}

/* Print the table with fewer columns. */
static int print_fitting(struct printer *printer, const struct row *rows, size_t count, const size_t *widths)
{
	struct selection all = printer->columns;
	bool *empty = xcalloc(all.count + 1, sizeof(*empty));
	struct fit fit;
	int ret;

	for (size_t i = 0; i < all.count; i++)
		empty[i] = is_empty(printer, all.columns[i], rows, count);
	fit_columns(&fit, &all, widths, empty, printer->width);
	printer->columns = fit.columns;
	ret = print_pieces(printer, rows, count, fit.widths);
	printer->columns = all;
	text_cut(&printer->left_out, 0);
	text_add(&printer->left_out, fit.left_out.data != NULL ? fit.left_out.data : "");
	fit_free(&fit);
	free(empty);
	return ret;
}

void table_print(struct printer *printer, const struct row *rows, size_t count)
{
	size_t *widths = xcalloc(printer->columns.count, sizeof(*widths));
	int ret;

	measure(printer, rows, count, widths);
	ret = printer->fits ? print_fitting(printer, rows, count, widths) : print_pieces(printer, rows, count, widths);
	if (ret < 0 && printer->error == 0)
		printer->error = ret;
	free(widths);
}
