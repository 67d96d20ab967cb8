// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/clock.h"
#include "report/rows/column.h"
#include "report/rows/report_rows.h"
#include "track/answers.h"

struct messages {
	struct report report;
	const struct message_names *names;
	struct answers *answers;
};

static void open_messages(struct report *report, const struct report_options *options)
{
	struct messages *own = (struct messages *)report;

	own->names = options->message_names;
	own->answers = answers_new();
}

static void close_messages(struct report *report)
{
	answers_free(((struct messages *)report)->answers);
}

static void end_conn(struct report *report, const struct conn *conn)
{
	answers_end(((struct messages *)report)->answers, conn->id);
}

/* Nanoseconds since the request that a message answers. */
static int64_t answer_time(struct answers *answers, const struct conn *conn, const struct message *message,
			   int64_t time_ns)
{
	struct answers_request request;

	if (message->kind == MESSAGE_HTTP_REQUEST)
		answers_await(answers, conn->id, (struct answers_request){time_ns, NULL});
	if (message->kind != MESSAGE_HTTP_RESPONSE || !answers_find(answers, conn->id, message->status, &request))
		return CONN_UNKNOWN;
	return clock_span(request.time_ns, time_ns);
}

static void print_message(struct report *report, const struct conn *conn, const struct message *message,
			  int64_t time_ns)
{
	struct messages *own = (struct messages *)report;
	struct message_seen seen = {.message = message, .time_ns = time_ns, .names = own->names};

	seen.answer_ns = answer_time(own->answers, conn, message, time_ns);
	message_values(message, own->names, &seen.values);
	report_rows_stream(report, &(struct row){.conn = conn, .seen = &seen});
}

static void print_header(struct report *report, report_next *next_open, void *context, bool final)
{
	(void)next_open;
	(void)context;
	(void) final;
	printer_header(&report->printer);
}

const struct report_ops report_messages = {
	.name = "messages",
	.size = sizeof(struct messages),
	.columns = column_messages,
	.more_columns = column_conns,
	.has_fields = true,
	.defaults = "TIME,DIR,LADDR,LPORT,RADDR,RPORT,PID,COMM,MESSAGE,METHOD,TARGET,STATUS,HOST",
	.sort = "START",
	.wants_messages = true,
	.nothing = "no HTTP message and no TLS ClientHello was seen",
	.streams = true,
	.open = open_messages,
	.finished = end_conn,
	.message = print_message,
	.print = print_header,
	.close = close_messages,
};
