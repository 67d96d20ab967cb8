/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_LADDER_LADDER_DRAW_H
#define CONNTRACE_REPORT_LADDER_LADDER_DRAW_H

#include <stdbool.h>

#include "report/rows/report.h"
#include "base/text.h"
#include "track/timeline.h"

/** Default width of a ladder. */
#define LADDER_WIDTH 99

/** Fewer columns than this, and lines are drawn in the narrow form. */
#define LADDER_NARROW 80

/**
 * struct ladder_pen - how lines are drawn
 * @width: available columns
 * @time: REPORT_TIME_DELTA for the time since the previous line
 * @start_ns: for REPORT_TIME_RELATIVE
 * @color: use colours
 * @full: show also what every segment has: timestamps, round trips
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

/** ladder_draw_nothing() - append a line that replaces missing entries */
void ladder_draw_nothing(struct text *text);

/** ladder_draw_head() - append the line, or lines, that describe the connection */
void ladder_draw_head(struct text *text, const struct ladder_pen *pen, const struct conn *conn);

/**
 * ladder_draw_entry() - append an entry as one line, or more when its note is long
 * @text: appended to
 * @pen: style
 * @conn: its connection
 * @entry: the entry
 * @before_ns: time of the previous line, CLOCK_UNKNOWN for the first one
 *
 * Pure. Bytes from outside are shown as numbers, or escaped.
 *
 * Return: the time from which the next line's is measured.
 */
int64_t ladder_draw_entry(struct text *text, const struct ladder_pen *pen, const struct conn *conn,
			  const struct timeline_entry *entry, int64_t before_ns);

/** ladder_note() - append the note of a segment: everything except its flags and the states */
void ladder_note(struct text *text, const struct segment *segment, bool full);

/** ladder_is_of_peer() - whether a call of an accepted connection is the other side's, which is on this host */
bool ladder_is_of_peer(const struct conn *conn, const struct event_call *call);

/** ladder_call() - append a call as "connect(5) = 0"; @note gets what does not fit there */
void ladder_call(struct text *text, struct text *note, const struct conn *conn, const struct event_call *call);

/** ladder_message() - append a message of an application protocol */
void ladder_message(struct text *text, const struct timeline_message *message);

/* Helpers of the ladder's files. */

/** ladder_span() - append "1.003 s", "12.3 ms", "40 us" */
void ladder_span(struct text *text, int64_t span_ns);

/** ladder_word() - append a word, with a blank before it unless it is the first */
void ladder_word(struct text *text, const char *word);

/** ladder_count() - append a word and its number */
void ladder_count(struct text *text, const char *word, int64_t count);

/** ladder_state() - the name of a TCP state, "" unknown */
const char *ladder_state(unsigned int state);

/** ladder_flags() - the letters UAPRSF of the flags that are set, "-" for the others; Return: @letters */
const char *ladder_flags(uint16_t flags, char letters[7]);

#endif
