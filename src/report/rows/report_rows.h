/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_REPORT_ROWS_H
#define CONNTRACE_REPORT_ROWS_REPORT_ROWS_H

#include "report/rows/printer.h"
#include "report/rows/report.h"
#include "track/groups.h"

/**
 * struct report - the fields that all reports share; the object of each kind begins with it
 * @ops: its kind
 * @spec: as struct report_choice
 * @limit: limit of printed rows, 0 for all
 * @peers_max: limit of groups of connections
 * @keys: of its rows, none where report_ops.columns is NULL
 * @groups: of --group, NULL none; borrowed
 * @names: of users, hosts and groups
 * @printer: prints its rows; initialized unless report_ops.columns is NULL
 * @sort: the order of its rows
 * @joins: columns of select_join() may be added to the default ones
 * @start_unknown: REPORT_TIME_RELATIVE has no start yet
 * @refused: connections that did not fit
 * @streamed: rows that report_rows_stream() has printed
 */
struct report {
	const struct report_ops *ops;
	const void *spec;
	uint64_t limit;
	size_t peers_max;
	struct peers_keys keys;
	struct groups *groups;
	struct names *names;
	struct printer printer;
	struct selection sort;
	bool joins;
	bool start_unknown;
	uint64_t refused;
	uint64_t streamed;
};

/** struct report_rows - a growing array of rows; all zero is empty */
struct report_rows {
	struct row *row;
	size_t count;
	size_t room;
};

/** report_rows_add() - append a row */
void report_rows_add(struct report_rows *rows, struct row row);

/** report_rows_print() - sort the rows, cut them to the limit, print and free them */
void report_rows_print(struct report *report, struct report_rows *rows);

/** report_rows_stream() - print a row of a report that streams */
void report_rows_stream(struct report *report, const struct row *row);

#endif
