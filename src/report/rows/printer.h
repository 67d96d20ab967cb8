/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_PRINTER_H
#define CONNTRACE_REPORT_ROWS_PRINTER_H

#include <stdio.h>

#include "report/rows/fit.h"
#include "report/rows/format.h"
#include "report/rows/select.h"
#include "base/text.h"

/**
 * struct printer_key - a column in JSON
 * @text: what precedes its value: a brace, the report, the key; a comma, the key
 * @nulls: the columns from this one to @next with unknown values, when they need the same part of a connection
 * @next: the first column after them
 */
struct printer_key {
	struct text text;
	struct text nulls;
	size_t next;
};

/**
 * struct printer - prints rows
 * @out: output file
 * @format: format of rows
 * @columns: the printed columns; owned
 * @style: style of values
 * @report: the report's name for JSON, NULL to omit it
 * @header: print the names of the columns
 * @color: table: use colours
 * @width: of the terminal, 0 for none
 * @fits: table: leave columns out to fit into @width
 * @fit: of a report printed row by row: the columns that fit; its columns are @columns then
 * @left_out: table: names of the columns left out of the last one
 * @separate: table: a blank line is printed before the next one
 * @last: the printer of the run whose rows are the last ones so far; shared, NULL when there is only one
 * @null: text of unknown values, NULL for the default
 * @header_done: formats with one header: it is printed
 * @before: the numbers of the previous row, for REPORT_TIME_DELTA
 * @json_keys: of each column
 * @line: buffer of formatted rows
 * @error: the first failure of writing, a negative errno
 */
struct printer {
	FILE *out;
	enum report_format format;
	struct selection columns;
	struct style style;
	const char *report;
	const void **last;
	const char *null;
	bool header;
	bool color;
	unsigned int width;
	bool fits;
	struct fit fit;
	struct text left_out;
	bool separate;
	bool header_done;
	int64_t *before;
	struct printer_key *json_keys;
	struct text line;
	int error;
};

/** printer_init() - prepare it for its columns; set all other fields before */
void printer_init(struct printer *printer);

/** printer_join() - before printer_rows() of a report with default columns: add the columns that matter in @rows */
void printer_join(struct printer *printer, const struct row *rows, size_t count);

/** printer_clear() - free its members */
void printer_clear(struct printer *printer);

/** printer_fit_rows() - for reports printed row by row: fit columns by their usual widths; before printer_init() */
void printer_fit_rows(struct printer *printer);

/** printer_rows() - print a whole report and flush it */
void printer_rows(struct printer *printer, const struct row *rows, size_t count);

/** printer_row() - print and flush one row of such a report; a table gets columns of usual width */
void printer_row(struct printer *printer, const struct row *row);

/** printer_header() - print the header of such a report, unless it is printed already */
void printer_header(struct printer *printer);

/**
 * printer_field() - append the text of one column of a row, and keep it for the delta of the next row
 *
 * Return: its color, or NULL.
 */
const char *printer_field(struct printer *printer, struct text *text, size_t column, const struct row *row);

/** printer_forget() - forget the previous row */
void printer_forget(struct printer *printer);

/** printer_write() - write without flushing; a failure is kept in @error and stops further output */
void printer_write(struct printer *printer, const char *data, size_t length);

/** table_add_row() - append a row of a table whose other rows are not known, or, if @row is NULL, the header */
void table_add_row(struct printer *printer, const struct row *row);

/** table_print() - print rows as one aligned table */
void table_print(struct printer *printer, const struct row *rows, size_t count);

#endif
