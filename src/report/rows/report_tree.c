// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "report/rows/column.h"
#include "report/rows/report_rows.h"

/* Requests by host, then by path; or ClientHellos by server name. */
struct tree {
	struct report report;
	struct requests *requests;
};

static void open_http(struct report *report, const struct report_options *options)
{
	(void)options;
	((struct tree *)report)->requests = requests_new(MESSAGE_HTTP_REQUEST, REQUESTS_NODES_MAX);
}

static void open_tls(struct report *report, const struct report_options *options)
{
	(void)options;
	((struct tree *)report)->requests = requests_new(MESSAGE_TLS_HELLO, REQUESTS_NODES_MAX);
}

static void add_message(struct report *report, const struct conn *conn, const struct message *message, int64_t time_ns)
{
	requests_add(((struct tree *)report)->requests, conn->id, message, time_ns);
}

static void end_conn(struct report *report, const struct conn *conn)
{
	requests_end(((struct tree *)report)->requests, conn->id);
}

static uint64_t count_displaced(const struct report *report)
{
	return requests_displaced(((const struct tree *)report)->requests);
}

static void print_tree(struct report *report, report_next *next_open, void *context, bool final)
{
	struct tree *own = (struct tree *)report;
	struct report_rows rows = {0};
	size_t count;
	struct requests_node **list = requests_list(own->requests, &count);

	(void)next_open;
	(void)context;
	(void) final;
	for (size_t i = 0; i < count; i++)
		report_rows_add(&rows, (struct row){.node = list[i], .requests = own->requests});
	report_rows_print(report, &rows);
	free(list);
}

static void slice_tree(struct report *report)
{
	requests_slice(((struct tree *)report)->requests);
}

static void close_tree(struct report *report)
{
	requests_free(((struct tree *)report)->requests);
}

#define TREE_DEFAULT "HOST,PATH,COUNT,ANSWERS,ERRORS,RATE,PERCENT"

#define TREE                                                                                                     \
	.size = sizeof(struct tree), .columns = column_tree, .wants_messages = true, .is_sliced = true,          \
	.has_all = true, .finished = end_conn, .message = add_message, .print = print_tree, .slice = slice_tree, \
	.unanswered = count_displaced, .close = close_tree

const struct report_ops report_http_tree = {
	.name = "http,tree",
	.alias = "http_req,tree",
	.help = "http,tree",
	.defaults = TREE_DEFAULT ",ANSWER_MS,ANSWER_P95_MS,ANSWER_MAX_MS",
	.open = open_http,
	TREE,
};

const struct report_ops report_tls_tree = {
	.name = "tls,tree",
	.help = "tls,tree",
	.defaults = TREE_DEFAULT,
	.open = open_tls,
	TREE,
};
