/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_REPORT_ROWS_H
#define CONNTRACE_REPORT_ROWS_REPORT_ROWS_H

#include "report/rows/printer.h"
#include "report/rows/report.h"
#include "track/groups.h"
#include "track/peers.h"

/**
 * struct report - what all reports have in common; the object of each kind begins with it
 * @ops: its kind
 * @spec: as struct report_choice
 * @limit: rows that are printed at most, 0 for all
 * @peers_max: groups of connections at most
 * @keys: of its rows, none where report_ops.columns is NULL
 * @groups: of --group, NULL none; borrowed
 * @names: of users, hosts and groups
 * @printer: where its rows go; initialized unless report_ops.columns is NULL
 * @sort: the order of its rows
 * @joins: columns of select_join() may join its own
 * @start_unknown: REPORT_TIME_RELATIVE has no beginning yet
 * @refused: connections there was no room for
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

/** struct report_rows - rows that grow in number; all zero is none */
struct report_rows {
	struct row *row;
	size_t count;
	size_t room;
};

/** report_rows_add() - one more row */
void report_rows_add(struct report_rows *rows, struct row row);

/** report_rows_print() - sort the rows, cut them to the limit, print and free them */
void report_rows_print(struct report *report, struct report_rows *rows);

/** report_rows_stream() - print a row of a report that streams */
void report_rows_stream(struct report *report, const struct row *row);

#endif
