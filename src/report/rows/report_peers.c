// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/report_peers.h"

#include "report/rows/column.h"

void report_peers_slice(struct report *report)
{
	struct peers_report *own = (struct peers_report *)report;

	peers_free(own->peers);
	own->peers = peers_new(&report->keys, report->peers_max);
	peers_keep_rest(own->peers);
	if (own->begin != NULL)
		own->begin(own->peers);
}

void report_peers_open(struct peers_report *own)
{
	report_peers_slice(&own->report);
}

void report_peers_close(struct report *report)
{
	peers_free(((struct peers_report *)report)->peers);
}

static bool is_counted(const struct peers_report *own, const struct conn *conn)
{
	return own->is_counted == NULL || own->is_counted(&own->report, conn);
}

void report_peers_finished(struct report *report, const struct conn *conn)
{
	struct peers_report *own = (struct peers_report *)report;

	if (is_counted(own, conn))
		report->refused += !peers_add(own->peers, conn);
}

struct peers_group *report_peers_group(struct peers *peers, size_t i)
{
	return i < peers_count(peers) ? peers_group(peers, i) : peers_rest(peers);
}

void report_peers_groups(struct report *report, struct peers *peers)
{
	struct report_rows rows = {0};

	for (size_t i = 0; i <= peers_count(peers); i++)
		if (report_peers_group(peers, i) != NULL)
			report_rows_add(&rows, (struct row){.group = report_peers_group(peers, i)});
	report_rows_print(report, &rows);
}

void report_peers_print(struct report *report, report_next *next_open, void *context, bool final)
{
	struct peers_report *own = (struct peers_report *)report;
	struct peers *peers = own->peers;

	(void) final;
	for (const struct conn *conn = NULL; (conn = next_open(context, conn)) != NULL;) {
		if (!is_counted(own, conn))
			continue;
		if (peers == own->peers)
			peers = peers_copy(own->peers);
		peers_add(peers, conn);
	}
	own->print(report, peers);
	if (peers != own->peers)
		peers_free(peers);
}

uint64_t report_peers_partial(const struct report *report)
{
	return peers_partial(((const struct peers_report *)report)->peers);
}

/* ---- -z peers ------------------------------------------------------------------------ */

static void open_peers(struct report *report, const struct report_options *options)
{
	struct peers_report *own = (struct peers_report *)report;

	(void)options;
	own->print = report_peers_groups;
	report_peers_open(own);
}

const struct report_ops report_peers = {
	.name = "peers",
	.help = "peers",
	.size = sizeof(struct peers_report),
	.columns = column_groups,
	.has_keys = true,
	.defaults = "CONNS,FAIL,HS_MS,QUEUE_MS,RETRANS,RX_BYTES,TX_BYTES,COMMS",
	.sort = "CONNS:desc",
	.uses_by = true,
	.is_sliced = true,
	.joins = true,
	.open = open_peers,
	.finished = report_peers_finished,
	.print = report_peers_print,
	.slice = report_peers_slice,
	.partial = report_peers_partial,
	.close = report_peers_close,
};
