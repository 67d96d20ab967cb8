/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_LADDER_LADDER_H
#define CONNTRACE_REPORT_LADDER_LADDER_H

#include "report/ladder/ladder_draw.h"

/** enum ladder_which - which connections are drawn, and how much of them; bits */
enum ladder_which {
	/** suspicious ones */
	LADDER_SUSPICIOUS = 0x1,
	LADDER_ALL = 0x2,
	/** fold nothing */
	LADDER_FULL = 0x4,
	/** print each segment and call as it happens */
	LADDER_LIVE = 0x8,
};

/**
 * struct ladder_options - options of a ladder
 * @which: enum ladder_which
 * @named: rows of machine formats name their report, because there are several
 * @out: stays the caller's
 * @pen: how lines are drawn
 * @format: REPORT_TABLE draws, REPORT_MERMAID writes diagrams; the others have a row for each entry
 * @header: names of columns where the format has them
 * @chars: with REPORT_MERMAID: characters of a diagram at most
 */
struct ladder_options {
	unsigned int which;
	bool named;
	FILE *out;
	struct ladder_pen pen;
	enum report_format format;
	bool header;
	size_t chars;
};

/** struct ladder - the time lines of connections, printed */
struct ladder;

/** ladder_parse() - "suspicious", "all", "full", comma separated; Return: 0, or -EINVAL with the message in @err */
int ladder_parse(const char *text, unsigned int *which, struct err *err);

/** ladder_new() - @options is copied */
struct ladder *ladder_new(const struct ladder_options *options);

/** ladder_conn() - a connection is over, or still open at the end: draw its time line if @which selects it */
void ladder_conn(struct ladder *ladder, const struct conn *conn);

/** ladder_entry() - something happened: print it at once with LADDER_LIVE */
void ladder_entry(struct ladder *ladder, const struct conn *conn, const struct timeline_entry *entry);

/** ladder_nothing() - why there is no diagram although there are connections; NULL if there is one, or for NULL */
const char *ladder_nothing(const struct ladder *ladder);

/** ladder_unkept() - segments and calls of printed connections that memory had no room for; 0 for NULL */
uint64_t ladder_unkept(const struct ladder *ladder);

/** ladder_titles() - as report_titles() */
void ladder_titles(struct ladder *ladder, bool are_out);

/** ladder_error() - Return: 0, or the negative errno of a failed write with the message in @err */
int ladder_error(const struct ladder *ladder, struct err *err);

/** ladder_free() - NULL is allowed */
void ladder_free(struct ladder *ladder);

#endif
