/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_FORMAT_H
#define CONNTRACE_REPORT_ROWS_FORMAT_H

#include <stdbool.h>

#include "report/rows/column.h"
#include "report/rows/report.h"
#include "base/text.h"

/**
 * struct style - how values are written
 * @human: shorten bytes
 * @terminal: figures with unknown members are shown, with a "+"
 * @resolve: show names of hosts and services
 * @time: the form of points in time
 * @start_ns: for REPORT_TIME_RELATIVE
 * @names: the source of names
 */
struct style {
	bool human;
	bool terminal;
	bool resolve;
	enum report_time time;
	int64_t start_ns;
	struct names *names;
};

/** The style of csv and tsv: nothing is shortened, renamed or relative. */
#define STYLE_MACHINE ((struct style){.time = REPORT_TIME_EPOCH})

/**
 * format_text() - append a value as text without blanks, "-" when it is unknown
 * @before: the number in the same column of the previous row, for REPORT_TIME_DELTA; CONN_UNKNOWN: there is none
 */
void format_text(struct text *text, const struct column *column, const struct value *value, const struct style *style,
		 int64_t before);

/** format_json_figure() - format_json() of a value that is known, at least for some members */
void format_json_figure(struct text *text, const struct column *column, const struct value *value);

/** format_json() - append a value as a JSON value, null when it is unknown; most of a row are that or an integer */
static inline void format_json(struct text *text, const struct column *column, const struct value *value)
{
	if (!value->known && value->of_rest < 0)
		text_add(text, "null");
	else if (value->known && column_is_integer(column->type))
		text_add_number(text, value->number);
	else
		format_json_figure(text, column, value);
}

/** format_csv() - append a field of text according to RFC 4180, quoted where necessary */
void format_csv(struct text *text, const char *field);

/** format_color() - the terminal sequence (ECMA-48) of the value's color, or NULL */
const char *format_color(const struct column *column, const struct value *value);

/**
 * format_short() - shorten a value that does not fit, for a terminal
 * @text: what format_text() wrote, and nothing else
 * @column: its column
 * @value: the value
 *
 * An amount is rounded and has a unit, as with --human. A port loses its name. Identifying numbers stay.
 */
void format_short(struct text *text, const struct column *column, const struct value *value);

/** format_width() - columns a value of this type usually needs as text; for rows printed one by one */
unsigned int format_width(const struct column *column, const struct style *style);

#endif
