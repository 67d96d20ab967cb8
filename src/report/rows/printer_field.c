// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/printer.h"

#include <errno.h>

/* Functions shared by the formats of rows and the tables of table.c. */

void printer_forget(struct printer *printer)
{
	for (size_t i = 0; i < printer->columns.count; i++)
		printer->before[i] = CONN_UNKNOWN;
}

void printer_write(struct printer *printer, const char *data, size_t length)
{
	if (printer->error != 0 || length == 0)
		return;
	/* Save errno at once: stdio keeps the error flag, but not the reason. */
	errno = 0;
	if (fwrite(data, 1, length, printer->out) != length)
		printer->error = errno != 0 ? -errno : -EIO;
}

/* The row of everything that a full table did not keep has the name "other" in its first missing key. */
static bool names_other(const struct printer *printer, size_t column, const struct row *row)
{
	if (!row_is_other(row) || !column_is_key(printer->columns.columns[column]))
		return false;
	for (size_t i = 0; i < column; i++) {
		struct value value;

		if (!column_is_key(printer->columns.columns[i]))
			continue;
		column_fetch(printer->columns.columns[i], row, printer->style.names, &value);
		if (!value.known)
			return false;
	}
	return true;
}

const char *printer_field(struct printer *printer, struct text *text, size_t column, const struct row *row)
{
	const struct column *what = printer->columns.columns[column];
	struct value value;

	column_fetch(what, row, printer->style.names, &value);
	if (!value.known && names_other(printer, column, row)) {
		text_add(text, "other");
		return NULL;
	}
	if (!value.known && printer->null != NULL) {
		text_add(text, printer->null);
		return NULL;
	}
	format_text(text, what, &value, &printer->style, printer->before[column]);
	if (value.known)
		printer->before[column] = value.number;
	return printer->color ? format_color(what, &value) : NULL;
}
