// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/report_options.h"

#include <errno.h>
#include <string.h>

#include "base/table.h"

static const char *const format_names[] = {
	[REPORT_TABLE] = "table", [REPORT_RAW] = "raw",   [REPORT_JSON] = "json",      [REPORT_CSV] = "csv",
	[REPORT_TSV] = "tsv",     [REPORT_PLOT] = "plot", [REPORT_MERMAID] = "mermaid"};

TABLE_COVERS(format_names, REPORT_FORMAT_NUM);

static const char *const time_names[] = {[REPORT_TIME_CLOCK] = "clock",
					 [REPORT_TIME_EPOCH] = "epoch",
					 [REPORT_TIME_ISO] = "iso",
					 [REPORT_TIME_RELATIVE] = "relative",
					 [REPORT_TIME_DELTA] = "delta"};

TABLE_COVERS(time_names, REPORT_TIME_NUM);

static int find_word(const char *const *words, unsigned int count, const char *word)
{
	for (unsigned int i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return -1;
}

static int refuse_word(const char *option, const char *word, const char *allowed, struct err *err)
{

	return err_set(err, EINVAL, "%s does not know " ERR_QUOTED "; allowed are %s", option, word, allowed);
}

int report_parse_format(const char *text, enum report_format *format, struct err *err)
{
	int found = find_word(format_names, REPORT_FORMAT_NUM, text);

	if (found < 0)
		return refuse_word("--format", text,
				   "table, raw, json, csv, tsv, for io,stat plot and for --ladder mermaid", err);
	*format = (enum report_format)found;
	return 0;
}

int report_parse_time(const char *text, enum report_time *time, struct err *err)
{
	int found = find_word(time_names, REPORT_TIME_NUM, text);

	if (found < 0)
		return refuse_word("--time", text, "clock, epoch, iso, relative and delta", err);
	*time = (enum report_time)found;
	return 0;
}
