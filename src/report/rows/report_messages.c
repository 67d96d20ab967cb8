// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/column.h"
#include "report/rows/report_rows.h"

struct messages {
	struct report report;
	const struct message_names *names;
};

static void open_messages(struct report *report, const struct report_options *options)
{
	((struct messages *)report)->names = options->message_names;
}

static void print_message(struct report *report, const struct conn *conn, const struct message *message,
			  int64_t time_ns)
{
	const struct message_names *names = ((struct messages *)report)->names;
	struct message_seen seen = {.message = message, .time_ns = time_ns, .names = names};

	message_values(message, names, &seen.values);
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
	.message = print_message,
	.print = print_header,
};
