// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/column.h"
#include "report/rows/report_peers.h"

/* A connection that is in no group has no row. */
static bool is_counted(const struct report *report, const struct conn *conn)
{
	return report->groups != NULL && groups_match(report->groups, conn) != 0;
}

static const char *own_keys(const void *spec)
{
	(void)spec;
	return "group";
}

static void open_groups(struct report *report, const struct report_options *options)
{
	struct peers_report *own = (struct peers_report *)report;

	(void)options;
	own->is_counted = is_counted;
	own->print = report_peers_groups;
	own->begin = peers_reserve_groups;
	report_peers_open(own);
}

/* Rows are in the order of the command line. A row counts successes too, so --only does not apply. */
const struct report_ops report_groups = {
	.name = "groups",
	.help = "groups",
	.size = sizeof(struct peers_report),
	.columns = column_groups,
	.has_keys = true,
	.defaults = "CONNS,OK,DUP_SYN,DUP_SYNACK,FAIL,TIMEOUT,REFUSED,RESET,UNREACH,ABORT,PENDING,ERROR,UNKNOWN",
	.is_sliced = true,
	.has_all = true,
	.keys = own_keys,
	.open = open_groups,
	.finished = report_peers_finished,
	.print = report_peers_print,
	.slice = report_peers_slice,
	.partial = report_peers_partial,
	.close = report_peers_close,
};
