// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/column.h"

#include <string.h>

/* Values under --redact. Addresses are shown by endpoint_ip_text(), lists of names by format.c. */

#define KEPT REDACT_KIND_NUM

/*
 * @hidden: unknown when the kind is hidden, else a pseudonym. Other columns of foreign bytes are unknown: a new one
 * shows nothing until it is here.
 */
static const struct {
	const char *name;
	uint8_t kind;
	bool hidden;
} columns[] = {
	{"HOST", REDACT_HOST, false},      {"NAME", REDACT_HOST, false},
	{"PATH", REDACT_PATH, false},      {"TARGET", REDACT_PATH, false},
	{"EXE", REDACT_PATH, false},       {"CGROUP", REDACT_PATH, false},
	{"COMM", REDACT_COMM, false},      {"LAST_COMM", REDACT_COMM, false},
	{"PARENT", REDACT_COMM, false},    {"UNIT", REDACT_COMM, false},
	{"CONTAINER", REDACT_COMM, false}, {"USER", REDACT_USER, false},
	{"CMDLINE", REDACT_ARGS, false},   {"UID", REDACT_USER, true},
	{"CIDR", REDACT_ADDR, true},       {"COOKIE", REDACT_ADDR, true},
	{"CID", REDACT_ADDR, true},        {"ALPN", KEPT, false},
	{"METHOD", KEPT, false},           {"GROUP", KEPT, false},
};

void column_redact(struct value *value)
{
	const struct column *column = value->column;
	bool has_text = column->type == COLUMN_NAME || column->type == COLUMN_TEXT;

	if (!value->known)
		return;
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		if (strcmp(columns[i].name, column->name) != 0)
			continue;
		if (columns[i].kind == KEPT || !redact_hides((enum redact_kind)columns[i].kind))
			return;
		value->known = !columns[i].hidden;
		/* "*" is all of them, in a tree. */
		if (value->known && has_text && strcmp(value->text, "*") != 0)
			value->text = redact_text((enum redact_kind)columns[i].kind, value->text);
		return;
	}
	value->known = column->type != COLUMN_NAME;
}
