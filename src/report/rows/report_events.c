// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/column.h"
#include "report/rows/report_rows.h"

static void print_event(struct report *report, const struct conn *conn)
{
	report_rows_stream(report, &(struct row){.conn = conn});
}

static void print_events(struct report *report, report_next *next_open, void *context, bool final)
{
	printer_header(&report->printer);
	for (const struct conn *conn = NULL; final && (conn = next_open(context, conn)) != NULL;)
		print_event(report, conn);
}

/* Columns of the handshake come last, so columns read by number are those of conns. */
const struct report_ops report_events = {
	.name = "events",
	.size = sizeof(struct report),
	.columns = column_conns,
	.defaults = COLUMN_CONNS_DEFAULT ",SYN_RTX,SYNACK_RTX",
	.sort = "START",
	.has_conns = true,
	.has_events = true,
	.streams = true,
	.nothing = "no connection has a handshake that was seen",
	.finished = print_event,
	.print = print_events,
};
