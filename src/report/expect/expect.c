// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/expect/expect.h"

#include <errno.h>
#include <stdlib.h>

#include "base/redact.h"
#include "base/text.h"
#include "base/xalloc.h"
#include "report/expect/expect_learn.h"

struct expect {
	struct expect_options options;
	struct expect_learn *learn;
	uint64_t broken, unproven;
	int error;
};

struct expect *expect_new(const struct expect_options *options)
{
	struct expect *expect = xcalloc(1, sizeof(*expect));

	expect->options = *options;
	if (options->learns)
		expect->learn = expect_learn_new();
	return expect;
}

static void print(struct expect *expect, struct text *line)
{
	text_add_char(line, '\n');
	errno = 0;
	if ((fwrite(line->data, 1, line->length, expect->options.out) != line->length ||
	     fflush(expect->options.out) != 0) &&
	    expect->error == 0)
		expect->error = errno != 0 ? -errno : -EIO;
	text_free(line);
}

static void add_end(struct text *line, const struct endpoint *end)
{
	char ip[ENDPOINT_TEXT];
	bool is_v6 = endpoint_has_ip(end) && !endpoint_is_v4(end);

	text_add(line, is_v6 ? "[" : "");
	text_add(line, endpoint_has_ip(end) ? endpoint_ip_text(end, ip) : "-");
	text_add(line, is_v6 ? "]:" : ":");
	if (end->port != 0)
		text_add_unsigned(line, end->port);
	else
		text_add_char(line, '-');
}

/* "no other out: out 127.0.0.1:41022 > 192.0.2.1:25 curl[4711] refused" */
static void add_text(struct text *line, const struct conn *conn, const char *rule)
{
	const struct process *process = conn->process;
	bool is_in = conn->dir == DIR_IN;

	text_add(line, rule);
	text_add(line, ": ");
	text_add(line, conn->dir != DIR_UNKNOWN ? conn_dir_text(conn->dir) : "-");
	text_add_char(line, ' ');
	add_end(line, is_in ? &conn->flow.remote : &conn->flow.local);
	text_add(line, " > ");
	add_end(line, is_in ? &conn->flow.local : &conn->flow.remote);
	text_add_char(line, ' ');
	if (process != NULL && process->comm[0] != '\0')
		text_add_field(line, redact_text(REDACT_COMM, process->comm));
	else
		text_add_char(line, '-');
	if (process != NULL && process->pid > 0) {
		text_add_char(line, '[');
		text_add_number(line, process->pid);
		text_add_char(line, ']');
	}
	text_add_char(line, ' ');
	text_add(line, conn_result_text(conn->result));
}

static void add_json_end(struct text *line, const char *address, const char *port, const struct endpoint *end)
{
	char ip[ENDPOINT_TEXT];

	text_add(line, address);
	if (endpoint_has_ip(end))
		text_add_json(line, endpoint_ip_text(end, ip));
	else
		text_add(line, "null");
	text_add(line, port);
	if (end->port != 0)
		text_add_unsigned(line, end->port);
	else
		text_add(line, "null");
}

static void add_json(struct text *line, const struct conn *conn, const char *rule)
{
	const struct process *process = conn->process;

	text_add(line, "{\"broken\": {\"rule\":");
	text_add_json(line, rule);
	text_add(line, ",\"dir\":");
	if (conn->dir != DIR_UNKNOWN)
		text_add_json(line, conn_dir_text(conn->dir));
	else
		text_add(line, "null");
	add_json_end(line, ",\"laddr\":", ",\"lport\":", &conn->flow.local);
	add_json_end(line, ",\"raddr\":", ",\"rport\":", &conn->flow.remote);
	text_add(line, ",\"result\":");
	text_add_json(line, conn_result_text(conn->result));
	text_add(line, ",\"pid\":");
	if (process != NULL && process->pid > 0)
		text_add_number(line, process->pid);
	else
		text_add(line, "null");
	text_add(line, ",\"comm\":");
	if (process != NULL && process->comm[0] != '\0')
		text_add_json(line, redact_text(REDACT_COMM, process->comm));
	else
		text_add(line, "null");
	text_add(line, "}}");
}

void expect_conn(struct expect *expect, const struct conn *conn)
{
	struct text line = {0};
	const char *rule = NULL;

	if (expect == NULL)
		return;
	if (expect->learn != NULL)
		expect_learn_conn(expect->learn, conn);
	if (expect->options.rules == NULL)
		return;
	switch (expect_rules_judge(expect->options.rules, conn, &rule)) {
	case EXPECT_BROKEN:
		expect->broken++;
		(expect->options.json ? add_json : add_text)(&line, conn, rule);
		print(expect, &line);
		break;
	case EXPECT_UNPROVEN:
		expect->unproven++;
		break;
	default:
		break;
	}
}

static void print_rule(void *context, const char *rule)
{
	struct expect *expect = context;
	struct text line = {0};

	if (expect->options.json) {
		text_add(&line, "{\"rule\":");
		text_add_json(&line, rule);
		text_add_char(&line, '}');
	} else {
		text_add(&line, rule);
	}
	print(expect, &line);
}

void expect_finish(struct expect *expect)
{
	if (expect != NULL && expect->learn != NULL)
		expect_learn_each(expect->learn, print_rule, expect);
}

uint64_t expect_broken(const struct expect *expect)
{
	return expect != NULL ? expect->broken : 0;
}

uint64_t expect_unproven(const struct expect *expect)
{
	return expect != NULL ? expect->unproven : 0;
}

int expect_error(const struct expect *expect)
{
	return expect != NULL ? expect->error : 0;
}

void expect_free(struct expect *expect)
{
	if (expect == NULL)
		return;
	expect_learn_free(expect->learn);
	free(expect);
}
