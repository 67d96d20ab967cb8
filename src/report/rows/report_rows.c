// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/report_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "report/rows/sort.h"

/* Relative times begin with the earliest row when the start of the run is unknown. */
static void settle_start(struct report *report, const struct row *rows, size_t count)
{
	int64_t *start = &report->printer.style.start_ns;

	for (size_t i = 0; report->start_unknown && i < count && rows[i].node == NULL; i++) {
		int64_t first = rows[i].conn != NULL ? rows[i].conn->start_ns : rows[i].group->first_ns;

		if (first >= 0 && (*start < 0 || first < *start))
			*start = first;
	}
	report->start_unknown = *start < 0;
}

void report_rows_add(struct report_rows *rows, struct row row)
{
	rows->row = array_reserve(rows->row, rows->count, &rows->room, sizeof(*rows->row));
	rows->row[rows->count++] = row;
}

void report_rows_print(struct report *report, struct report_rows *rows)
{
	size_t sorted = sort_rows(rows->row, rows->count, &report->sort, report->names);

	/* The limit does not count the row "other". */
	if (report->limit > 0 && sorted > report->limit) {
		memmove(rows->row + report->limit, rows->row + sorted, (rows->count - sorted) * sizeof(*rows->row));
		rows->count -= sorted - report->limit;
	}
	settle_start(report, rows->row, rows->count);
	if (report->joins)
		printer_join(&report->printer, rows->row, rows->count);
	printer_rows(&report->printer, rows->row, rows->count);
	free(rows->row);
}

void report_rows_stream(struct report *report, const struct row *row)
{
	report->streamed++;
	settle_start(report, row, 1);
	printer_row(&report->printer, row);
}
