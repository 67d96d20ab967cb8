// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/report.h"

#include <errno.h>

#include "report/rows/column.h"

static void print_column(FILE *out, const char *report, const struct column *column, const char *before)
{
	fprintf(out, "%-8s %-13s %-11s %-8s %s%s\n", report, column->name, column->unit[0] != '\0' ? column->unit : "-",
		column_type_text(column->type), before, column->help);
}

int report_list_columns(FILE *out)
{
	const struct column *columns;
	size_t count;

	errno = 0;
	fprintf(out, "%-8s %-13s %-11s %-8s %s\n", "REPORT", "NAME", "UNIT", "TYPE", "MEANING");
	for (unsigned int key = 0; key < PEERS_KEY_NUM; key++)
		print_column(out, "peers", column_key(key), "key: ");
	columns = column_groups(&count);
	for (size_t i = 0; i < count; i++)
		print_column(out, "peers", &columns[i], "");
	columns = column_tree(&count);
	for (size_t i = 0; i < count; i++)
		print_column(out, "tree", &columns[i], "");
	columns = column_messages(&count);
	for (size_t i = 0; i < count; i++)
		print_column(out, "messages", &columns[i], "");
	columns = column_conns(&count);
	for (size_t i = 0; i < count; i++)
		print_column(out, "conns", &columns[i], "");
	if (fflush(out) != 0 || ferror(out))
		return errno != 0 ? -errno : -EIO;
	return 0;
}
