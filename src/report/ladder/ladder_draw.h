/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_LADDER_LADDER_DRAW_H
#define CONNTRACE_REPORT_LADDER_LADDER_DRAW_H

#include <stdbool.h>

#include "report/rows/report.h"
#include "base/text.h"
#include "track/timeline.h"

/** Columns of a ladder that nobody says the width of. */
#define LADDER_WIDTH 99

/** Fewer columns than this, and lines are drawn in the narrow form. */
#define LADDER_NARROW 80

/**
 * struct ladder_pen - how lines are drawn
 * @width: columns there are
 * @time: REPORT_TIME_DELTA for the time since the line before
 * @start_ns: for REPORT_TIME_RELATIVE
 * @color: what stands out is coloured
 * @full: name also what every segment has: timestamps, round trips
 * @ids: put the connection's number in front of each line
 */
struct ladder_pen {
	unsigned int width;
	enum report_time time;
	int64_t start_ns;
	bool color;
	bool full;
	bool ids;
};

/** ladder_draw_nothing() - append a line in place of the entries of which there are none */
void ladder_draw_nothing(struct text *text);

/** ladder_draw_head() - append the line, or lines, that say which connection it is */
void ladder_draw_head(struct text *text, const struct ladder_pen *pen, const struct conn *conn);

/**
 * ladder_draw_entry() - append what happened as one line, or more when its note is long
 * @text: appended to
 * @pen: how
 * @conn: its connection
 * @entry: what happened
 * @before_ns: time of the line before, CLOCK_UNKNOWN for the first one
 *
 * Pure, and what came from outside is shown as numbers, or escaped.
 *
 * Return: the time that the next line's is to be measured from.
 */
int64_t ladder_draw_entry(struct text *text, const struct ladder_pen *pen, const struct conn *conn,
			  const struct timeline_entry *entry, int64_t before_ns);

/** ladder_note() - append what is to be said of a segment besides its flags and the states */
void ladder_note(struct text *text, const struct segment *segment, bool full);

/** ladder_call() - append a call as "connect(5) = 0"; @note gets what does not fit there */
void ladder_call(struct text *text, struct text *note, const struct conn *conn, const struct event_call *call);

/** ladder_message() - append what an application said */
void ladder_message(struct text *text, const struct timeline_message *message);

/* What its files share. */

/** ladder_span() - append "1.003 s", "12.3 ms", "40 us" */
void ladder_span(struct text *text, int64_t span_ns);

/** ladder_word() - append one more thing to say, a blank before it unless it is the first */
void ladder_word(struct text *text, const char *word);

/** ladder_count() - append one more thing and its number */
void ladder_count(struct text *text, const char *word, int64_t count);

/** ladder_flags() - the letters UAPRSF of the flags that are set, "-" for the others; Return: @letters */
const char *ladder_flags(uint16_t flags, char letters[7]);

#endif
