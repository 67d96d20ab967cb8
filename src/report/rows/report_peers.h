/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_REPORT_PEERS_H
#define CONNTRACE_REPORT_ROWS_REPORT_PEERS_H

#include "report/rows/report_rows.h"

/**
 * struct peers_report - a report whose rows are groups of connections
 * @report: the fields that all reports share
 * @peers: the finished connections by report.keys
 * @is_counted: true for a connection that has a row; NULL: all have one
 * @print: print the rows of a table, which may hold open connections too
 * @begin: called with each new table; NULL nothing
 */
struct peers_report {
	struct report report;
	struct peers *peers;
	bool (*is_counted)(const struct report *report, const struct conn *conn);
	void (*print)(struct report *report, struct peers *peers);
	void (*begin)(struct peers *peers);
};

/** report_peers_open() - create its table; set is_counted, print and begin before */
void report_peers_open(struct peers_report *own);

/** report_peers_finished() - count a connection; as report_ops.finished */
void report_peers_finished(struct report *report, const struct conn *conn);

/** report_peers_print() - print finished and open connections; as report_ops.print */
void report_peers_print(struct report *report, report_next *next_open, void *context, bool final);

/** report_peers_groups() - print a row per group; for struct peers_report */
void report_peers_groups(struct report *report, struct peers *peers);

/** report_peers_slice() - begin with an empty table; as report_ops.slice */
void report_peers_slice(struct report *report);

/** report_peers_partial() - as report_ops.partial */
uint64_t report_peers_partial(const struct report *report);

/** report_peers_close() - as report_ops.close */
void report_peers_close(struct report *report);

/** report_peers_group() - a group by number; after the last one, the group of everything that did not fit or NULL */
struct peers_group *report_peers_group(struct peers *peers, size_t i);

#endif
