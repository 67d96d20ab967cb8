/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_COLUMNS_H
#define CONNTRACE_REPORT_TOP_TOP_COLUMNS_H

#include "base/text.h"
#include "report/top/top.h"

/**
 * struct top_column_def - appearance of a column
 * @title: its header
 * @long_title: its header in a wide column, NULL none
 * @name: column of reports with the same values, for --sort, NULL none
 * @help: for the help page
 * @least: it is not shown with fewer characters
 * @good: width it should have before columns of a rank above TOP_RANK_CORE are added
 * @wish: width beyond which it does not grow
 * @rank: the columns of a narrow screen have the lowest ranks
 * @right: aligned to the right; sorted in descending order by default
 */
struct top_column_def {
	const char *title;
	const char *long_title;
	const char *name;
	const char *help;
	unsigned int least;
	unsigned int good;
	unsigned int wish;
	unsigned int rank;
	bool right;
};

/** The essential columns have ranks up to this one. */
#define TOP_RANK_CORE 10

/** top_columns - by enum top_column; their order is that on the screen */
extern const struct top_column_def top_columns[TOP_COLUMN_NUM];

/**
 * struct top_style - parameters of texts besides the row
 * @state: the user's choices
 * @now_ns: current time
 * @name: gives names of hosts, NULL for none
 * @name_context: passed on
 * @life: says whether a process runs, NULL: that is unknown
 * @ladder: the selected connection's time line, lines of ASCII; NULL none
 */
struct top_style {
	const struct top_state *state;
	int64_t now_ns;
	top_name *name;
	void *name_context;
	top_life *life;
	const char *ladder;
};

/** A width that cuts no value. */
#define TOP_UNCUT 600

/**
 * top_cell() - append the value of a column
 * @width: in characters; a longer value is shortened by "..." (one character when the terminal has UTF-8)
 */
void top_cell(struct text *text, const struct top_row *row, enum top_column column, const struct top_style *style,
	      unsigned int width);

/**
 * top_compare() - order of two rows by a column, unknown values last in either direction
 * @steady: compare rates by their average over TOP_STEADY_NS
 */
int top_compare(const struct top_row *a, const struct top_row *b, enum top_column column, bool descending, bool steady);

/** top_fold_column() - the column that names a row of this fold, the first one on the screen */
enum top_column top_fold_column(enum top_fold fold);

/** top_column_title() - the longest title, for messages */
const char *top_column_title(enum top_column column);

/** top_column_is_rate() - whether it has an average to be sorted by */
bool top_column_is_rate(enum top_column column);

/** top_column_find() - the column with this title, in any case, or TOP_COLUMN_NUM */
enum top_column top_column_find(const char *title);

/** top_column_is_named() - whether there is a column with this title */
bool top_column_is_named(const char *title);

/** top_text_amount() - append bytes in at most 4 characters: 999, 1.5k, 12M; "-" when unknown */
void top_text_amount(struct text *text, int64_t bytes, enum top_units units);

/** top_text_rate() - the same for a rate in bytes per second, in the units of rates */
void top_text_rate(struct text *text, int64_t rate, enum top_units units);

/** top_text_span() - append a span of time in at most 4 characters: 0s, 59s, 12m, 3h, 17d */
void top_text_span(struct text *text, int64_t span_ns);

/** top_text_units() - the unit of a rate: "B/s", "bit/s", with the base when it is not 1000 */
const char *top_text_units(enum top_units units);

/** top_state_text() - the state of a connection, or how it failed, in an abbreviation if @width is small; NULL unknown
 */
const char *top_state_text(const struct conn *conn, unsigned int width);

/** top_process_text() - append the name of a process, and its PID if it fits */
void top_process_text(struct text *text, const struct process *process, unsigned int width);

#endif
