// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/words.h"
#include "base/xalloc.h"
#include "report/html/html_state.h"
#include "report/rows/format.h"

/* Values of columns as JSON: a row is an array, times and spans are in microseconds. */

static const struct column *column_named(const char *name, bool is_conn)
{
	size_t count;
	const struct column *columns = is_conn ? column_conns(&count) : column_groups(&count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(columns[i].name, name) == 0)
			return &columns[i];
	for (unsigned int key = 0; key < PEERS_KEY_NUM; key++)
		if (strcmp(column_key((enum peers_key)key)->name, name) == 0)
			return column_key((enum peers_key)key);
	return NULL;
}

struct html_columns html_columns(const char *list, bool is_conn)
{
	struct html_columns columns = {.column = xcalloc(strlen(list) + 1, sizeof(*columns.column))};
	struct words words = words_open(list);
	const char *word;

	while ((word = words_next(&words)) != NULL)
		columns.column[columns.count++] = column_named(word, is_conn);
	words_close(&words);
	return columns;
}

void html_time(const struct html *html, struct text *text, int64_t time_ns)
{
	if (time_ns < 0 || html->base_ns < 0)
		text_add(text, "null");
	else
		text_add_number(text, (time_ns - html->base_ns) / CLOCK_NS_PER_US);
}

static void add_span(struct text *text, const struct value *value)
{
	int64_t span_ns = value->known ? value->number : value->of_rest;

	if (span_ns < 0)
		text_add(text, "null");
	else
		text_add_number(text, (span_ns + CLOCK_NS_PER_US / 2) / CLOCK_NS_PER_US);
}

void html_row(const struct html *html, struct text *text, enum html_rows rows, const struct row *row)
{
	const struct html_columns *columns = &html->columns[rows];

	for (size_t i = 0; i < columns->count; i++) {
		const struct column *column = columns->column[i];
		struct value value;

		if (i > 0)
			text_add_char(text, ',');
		column_fetch(column, row, html->names, &value);
		if (column->type == COLUMN_TIME)
			html_time(html, text, value.known ? value.number : CLOCK_UNKNOWN);
		else if (column->type == COLUMN_MS)
			add_span(text, &value);
		else
			format_json(text, column, &value);
	}
}

void html_head(const struct html *html, struct text *text, enum html_rows rows)
{
	const struct html_columns *columns = &html->columns[rows];

	for (size_t i = 0; i < columns->count; i++) {
		text_add(text, i > 0 ? ",\"" : "[\"");
		for (const char *letter = columns->column[i]->name; *letter != '\0'; letter++)
			text_add_char(text, (char)tolower((unsigned char)*letter));
		text_add_char(text, '"');
	}
	text_add_char(text, ']');
}

void html_escape(struct text *text, const char *foreign)
{
	for (; *foreign != '\0'; foreign++) {
		const char *name = *foreign == '<'    ? "&lt;"
				   : *foreign == '>'  ? "&gt;"
				   : *foreign == '&'  ? "&amp;"
				   : *foreign == '"'  ? "&quot;"
				   : *foreign == '\'' ? "&#39;"
						      : NULL;

		if (name != NULL)
			text_add(text, name);
		else
			text_add_char(text, *foreign);
	}
}
