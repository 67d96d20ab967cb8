// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/array.h"
#include "base/xalloc.h"
#include "report/rows/column.h"
#include "report/rows/report_rows.h"
#include "report/rows/sort.h"

/* Limit of kept connections, about 300 bytes each. */
#define CONNS_MAX (1U << 22)

/* With a limit, only connections that can still be printed are kept: they are sorted after this many more. */
#define CONNS_SPARE 4096U

/* The finished connections are copies, each with a reference to its processes. */
struct conns {
	struct report report;
	struct pool *pool;
	const struct conn **finished;
	size_t count;
	size_t room;
};

static void open_conns(struct report *report, const struct report_options *options)
{
	(void)options;
	((struct conns *)report)->pool = pool_new(sizeof(struct conn));
}

static void release_conn(struct conns *own, const struct conn *conn)
{
	process_unref(conn->process);
	process_unref(conn->last_process);
	free(conn->host);
	free(conn->name);
	free((void *)(uintptr_t)conn->measures);
	free((void *)(uintptr_t)conn->tls);
	pool_give(own->pool, (void *)(uintptr_t)conn);
}

static void slice_conns(struct report *report)
{
	struct conns *own = (struct conns *)report;

	for (size_t i = 0; i < own->count; i++)
		release_conn(own, own->finished[i]);
	own->count = 0;
}

static void close_conns(struct report *report)
{
	struct conns *own = (struct conns *)report;

	slice_conns(report);
	free(own->finished);
	pool_free(own->pool);
}

/* Keep the finished connections that a limited report would print; later ones cannot bring others back. */
static void keep_first(struct conns *own)
{
	struct row *rows = xcalloc(own->count, sizeof(*rows));

	for (size_t i = 0; i < own->count; i++)
		rows[i].conn = own->finished[i];
	sort_rows(rows, own->count, &own->report.sort, own->report.names);
	for (size_t i = 0; i < own->count; i++) {
		if (i < own->report.limit)
			own->finished[i] = rows[i].conn;
		else
			release_conn(own, rows[i].conn);
	}
	own->count = own->report.limit;
	free(rows);
}

static struct conn *append_conn(struct conns *own, const struct conn *conn)
{
	struct conn *copy = pool_take(own->pool);

	own->finished = array_reserve(own->finished, own->count, &own->room, sizeof(*own->finished));
	*copy = *conn;
	own->finished[own->count++] = copy;
	return copy;
}

/* The objects it points to stay until release_conn(). */
static void hold_conn(struct conn *conn)
{
	process_ref(conn->process);
	process_ref(conn->last_process);
	if (conn->host != NULL)
		conn->host = xstrdup(conn->host);
	if (conn->name != NULL)
		conn->name = xstrdup(conn->name);
	if (conn->tls != NULL)
		conn->tls = memcpy(xmalloc(sizeof(*conn->tls)), conn->tls, sizeof(*conn->tls));
	if (conn->measures != NULL)
		conn->measures = memcpy(xmalloc(sizeof(*conn->measures)), conn->measures, sizeof(*conn->measures));
}

static void keep_conn(struct report *report, const struct conn *conn)
{
	struct conns *own = (struct conns *)report;

	if (report->limit > 0 && own->count >= CONNS_SPARE && own->count / 4 >= report->limit)
		keep_first(own);
	if (own->count == CONNS_MAX) {
		report->refused++;
		return;
	}
	hold_conn(append_conn(own, conn));
}

static void print_conns(struct report *report, report_next *next_open, void *context, bool final)
{
	struct conns *own = (struct conns *)report;
	struct report_rows rows = {0};
	size_t finished = own->count;

	/* Open connections are appended temporarily; in the final report each is valid until the next call. */
	for (const struct conn *conn = NULL; (conn = next_open(context, conn)) != NULL;) {
		struct conn *copy = append_conn(own, conn);

		if (final)
			hold_conn(copy);
	}
	for (size_t i = 0; i < own->count; i++)
		report_rows_add(&rows, (struct row){.conn = own->finished[i]});
	report_rows_print(report, &rows);
	while (!final && own->count > finished)
		pool_give(own->pool, (void *)(uintptr_t)own->finished[--own->count]);
}

const struct report_ops report_conns = {
	.name = "conns",
	.alias = "conv,tcp",
	.help = "conns (also called conv,tcp)",
	.size = sizeof(struct conns),
	.columns = column_conns,
	.defaults = COLUMN_CONNS_DEFAULT,
	.sort = "START",
	.is_sliced = true,
	.has_conns = true,
	.joins = true,
	.open = open_conns,
	.finished = keep_conn,
	.print = print_conns,
	.slice = slice_conns,
	.close = close_conns,
};
