// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/schema.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/table.h"
#include "report/rows/column.h"

/* Most columns of a report. */
#define COLUMNS_MAX 128
#define PREFIX "conntrace."

/* How a value is written. */
enum form {
	/** as in the column */
	FORM_SAME,
	/** a point in time as ISO 8601, in UTC */
	FORM_DATE,
	/** a span in nanoseconds */
	FORM_NANOSECONDS,
	/** "ingress" or "egress" */
	FORM_WAY,
	/** "ipv4" or "ipv6" of an address */
	FORM_FAMILY,
};

/* A name of a schema, and the column that has its value: @in where the other side opened, @out where the local one did.
 */
struct entry {
	const char *name;
	const char *in;
	const char *out;
	enum form form;
};

#define SAME(name, column)                      \
	{                                       \
		name, column, column, FORM_SAME \
	}

/* base/protocols/conn/main.zeek, policy/protocols/conn/community-id-logging.zeek */
static const struct entry zeek[] = {
	SAME("ts", "START"),
	{"id.orig_h", "RADDR", "LADDR", FORM_SAME},
	{"id.orig_p", "RPORT", "LPORT", FORM_SAME},
	{"id.resp_h", "LADDR", "RADDR", FORM_SAME},
	{"id.resp_p", "LPORT", "RPORT", FORM_SAME},
	SAME("proto", "PROTO"),
	SAME("duration", "DUR_S"),
	{"orig_bytes", "RX_BYTES", "TX_BYTES", FORM_SAME},
	{"resp_bytes", "TX_BYTES", "RX_BYTES", FORM_SAME},
	{"orig_pkts", "RX_PKTS", "TX_PKTS", FORM_SAME},
	{"resp_pkts", "TX_PKTS", "RX_PKTS", FORM_SAME},
	SAME("community_id", "CID"),
};

/* The field reference of ECS 8. */
static const struct entry ecs[] = {
	{"@timestamp", "START", "START", FORM_DATE},
	{"event.start", "START", "START", FORM_DATE},
	{"event.end", "END", "END", FORM_DATE},
	{"event.duration", "DUR_S", "DUR_S", FORM_NANOSECONDS},
	{"source.ip", "RADDR", "LADDR", FORM_SAME},
	{"source.port", "RPORT", "LPORT", FORM_SAME},
	{"source.bytes", "RX_BYTES", "TX_BYTES", FORM_SAME},
	{"source.packets", "RX_PKTS", "TX_PKTS", FORM_SAME},
	{"destination.ip", "LADDR", "RADDR", FORM_SAME},
	{"destination.port", "LPORT", "RPORT", FORM_SAME},
	{"destination.bytes", "TX_BYTES", "RX_BYTES", FORM_SAME},
	{"destination.packets", "TX_PKTS", "RX_PKTS", FORM_SAME},
	SAME("destination.domain", "HOST"),
	SAME("network.transport", "PROTO"),
	{"network.type", "RADDR", "RADDR", FORM_FAMILY},
	{"network.direction", "DIR", "DIR", FORM_WAY},
	SAME("network.community_id", "CID"),
	SAME("process.pid", "PID"),
	SAME("process.thread.id", "TID"),
	SAME("process.name", "COMM"),
	SAME("process.executable", "EXE"),
	SAME("process.command_line", "CMDLINE"),
	SAME("process.parent.pid", "PPID"),
	SAME("process.parent.name", "PARENT"),
	SAME("user.id", "UID"),
	SAME("user.name", "USER"),
	SAME("container.id", "CONTAINER"),
	SAME("tls.next_protocol", "ALPN"),
};

/*
 * The registry of attributes: network, client, server, process, tls, user, container. Its thread.id is not the number
 * that the kernel gives a thread, and its process.command_line is not to be put together of arguments.
 */
static const struct entry otel[] = {
	SAME("network.local.address", "LADDR"),
	SAME("network.local.port", "LPORT"),
	SAME("network.peer.address", "RADDR"),
	SAME("network.peer.port", "RPORT"),
	SAME("network.transport", "PROTO"),
	{"network.type", "RADDR", "RADDR", FORM_FAMILY},
	{"client.address", "RADDR", "LADDR", FORM_SAME},
	{"client.port", "RPORT", "LPORT", FORM_SAME},
	{"server.address", "LADDR", "RADDR", FORM_SAME},
	{"server.port", "LPORT", "RPORT", FORM_SAME},
	SAME("process.pid", "PID"),
	SAME("process.executable.name", "COMM"),
	SAME("process.executable.path", "EXE"),
	SAME("process.parent_pid", "PPID"),
	SAME("process.linux.cgroup", "CGROUP"),
	SAME("tls.next_protocol", "ALPN"),
	SAME("user.id", "UID"),
	SAME("user.name", "USER"),
	SAME("container.id", "CONTAINER"),
};

static const struct {
	const struct entry *entries;
	size_t count;
} schemas[] = {
	[REPORT_SCHEMA_NONE] = {NULL, 0},
	[REPORT_SCHEMA_ZEEK] = {zeek, sizeof(zeek) / sizeof(zeek[0])},
	[REPORT_SCHEMA_ECS] = {ecs, sizeof(ecs) / sizeof(ecs[0])},
	[REPORT_SCHEMA_OTEL] = {otel, sizeof(otel) / sizeof(otel[0])},
};

TABLE_COVERS(schemas, REPORT_SCHEMA_NUM);

/* A column of the schema; @column is first, so that its function finds the rest. */
struct renamed {
	struct column column;
	const struct column *in;
	const struct column *out;
	enum form form;
	char name[48];
};

/* The columns of a run: one schema, and its reports of connections have the same columns. */
static struct renamed columns[COLUMNS_MAX];
static size_t column_count;

static void to_date(struct value *value)
{
	time_t seconds = (time_t)(value->number / CLOCK_NS_PER_SEC);
	struct tm parts;
	size_t length;

	if (gmtime_r(&seconds, &parts) == NULL) {
		value->known = false;
		return;
	}
	length = strftime(value->buffer, sizeof(value->buffer), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(value->buffer + length, sizeof(value->buffer) - length, ".%09dZ",
		 (int)(value->number % CLOCK_NS_PER_SEC));
	value->text = value->buffer;
}

static void get_renamed(const struct row *row, struct names *names, struct value *value)
{
	const struct renamed *renamed = (const struct renamed *)value->column;
	const struct column *from = row->conn->dir == DIR_IN ? renamed->in : renamed->out;

	value->known = false;
	if (renamed->in != renamed->out && row->conn->dir == DIR_UNKNOWN)
		return;
	from->get(row, names, value);
	if (!value->known)
		return;
	if (renamed->form == FORM_DATE)
		to_date(value);
	else if (renamed->form == FORM_WAY)
		value->text = row->conn->dir == DIR_IN ? "ingress" : "egress";
	else if (renamed->form == FORM_FAMILY)
		value->text = endpoint_is_v4(&value->address) ? "ipv4" : "ipv6";
}

static const struct column *find(const struct selection *selection, const char *name)
{
	for (size_t i = 0; i < selection->count; i++)
		if (strcmp(selection->columns[i]->name, name) == 0)
			return selection->columns[i];
	return NULL;
}

static enum column_type type_of(enum form form, const struct column *from)
{
	if (form == FORM_SAME)
		return from->type;
	return form == FORM_NANOSECONDS ? COLUMN_COUNT : COLUMN_TEXT;
}

static void add(struct selection *to, const char *prefix, const char *name, const struct column *in,
		const struct column *out, enum form form)
{
	struct renamed *renamed = &columns[column_count];

	if (column_count == COLUMNS_MAX || in == NULL || out == NULL)
		return;
	column_count++;
	*renamed = (struct renamed){
		.column = *in,
		.in = in,
		.out = out,
		.form = form,
	};
	snprintf(renamed->name, sizeof(renamed->name), "%s%s", prefix, name);
	renamed->column.name = renamed->name;
	renamed->column.type = type_of(form, in);
	renamed->column.get = get_renamed;
	select_append(to, &renamed->column);
}

/* Whether a column is in the schema, with the same value under another name. */
static bool is_replaced(enum report_schema schema, const char *name)
{
	for (size_t i = 0; i < schemas[schema].count; i++) {
		const struct entry *entry = &schemas[schema].entries[i];

		if (entry->form == FORM_SAME && strcmp(entry->in, entry->out) == 0 && strcmp(entry->in, name) == 0)
			return true;
	}
	return false;
}

void schema_apply(enum report_schema schema, struct selection *selection)
{
	struct selection renamed = {0};

	if (schema == REPORT_SCHEMA_NONE)
		return;
	/* Another report of the run has the same ones at the same places. */
	column_count = 0;
	for (size_t i = 0; i < schemas[schema].count; i++) {
		const struct entry *entry = &schemas[schema].entries[i];

		add(&renamed, "", entry->name, find(selection, entry->in), find(selection, entry->out), entry->form);
	}
	for (size_t i = 0; i < selection->count; i++) {
		const struct column *column = selection->columns[i];

		if (!is_replaced(schema, column->name))
			add(&renamed, PREFIX, column->name, column, column, FORM_SAME);
	}
	select_free(selection);
	*selection = renamed;
}
