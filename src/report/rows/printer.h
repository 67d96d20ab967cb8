/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_PRINTER_H
#define CONNTRACE_REPORT_ROWS_PRINTER_H

#include <stdio.h>

#include "report/rows/fit.h"
#include "report/rows/format.h"
#include "report/rows/select.h"
#include "base/text.h"

/**
 * struct printer - rows on their way out
 * @out: where to
 * @format: how rows are written
 * @columns: what is printed; owned
 * @style: how values are written
 * @report: the report's name for JSON, NULL when it need not be said
 * @header: the names of the columns are wanted
 * @color: table: values stand out
 * @width: of the terminal, 0 for none
 * @fits: table: columns give way to fit in @width
 * @fit: of a report that never ends: which have room; its columns are @columns then
 * @left_out: table: names of the columns that had no room in the last one
 * @separate: table: a blank line belongs before the next one
 * @header_done: formats that are one stream: the header is out
 * @before: the numbers of the row before, for REPORT_TIME_DELTA
 * @json_keys: what stands before the value of each column
 * @line: the rows in the making
 * @error: the first failure of writing, a negative errno
 */
struct printer {
	FILE *out;
	enum report_format format;
	struct selection columns;
	struct style style;
	const char *report;
	bool header;
	bool color;
	unsigned int width;
	bool fits;
	struct fit fit;
	struct text left_out;
	bool separate;
	bool header_done;
	int64_t *before;
	struct text *json_keys;
	struct text line;
	int error;
};

/** printer_init() - prepare it for its columns; set all else before */
void printer_init(struct printer *printer);

/** printer_join() - before printer_rows() of a report with its own columns: those that matter in @rows join them */
void printer_join(struct printer *printer, const struct row *rows, size_t count);

/** printer_clear() - free what it holds */
void printer_clear(struct printer *printer);

/** printer_fit_rows() - of a report that never ends: fit its columns by their usual widths; before printer_init() */
void printer_fit_rows(struct printer *printer);

/** printer_rows() - print a whole report and flush it */
void printer_rows(struct printer *printer, const struct row *rows, size_t count);

/** printer_row() - print and flush one row of a report that never ends; a table gets columns of usual width */
void printer_row(struct printer *printer, const struct row *row);

/** printer_again() - something else was printed meanwhile: a table's next row comes below titles of its own */
void printer_again(struct printer *printer);

/** printer_header() - print the header of such a report, unless it is out already */
void printer_header(struct printer *printer);

/**
 * printer_field() - append the text of one column of a row, and remember it as the row before
 *
 * Return: the color it is to have, or NULL.
 */
const char *printer_field(struct printer *printer, struct text *text, size_t column, const struct row *row);

/** printer_forget() - there is no row before */
void printer_forget(struct printer *printer);

/** printer_write() - put out, to be flushed with its row or report; a failure is kept in @error and ends it */
void printer_write(struct printer *printer, const char *data, size_t length);

/** table_print() - print rows as one aligned table (table.c) */
void table_print(struct printer *printer, const struct row *rows, size_t count);

#endif
