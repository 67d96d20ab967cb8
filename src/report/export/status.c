// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/export/status.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/table.h"

#define LABEL_WIDTH 26

void status_take(struct status *status, struct peers *table)
{
	static const uint8_t results[] = {
		[STATUS_OK] = RESULT_OK,
		[STATUS_TIMEOUT] = RESULT_TIMEOUT,
		[STATUS_REFUSED] = RESULT_REFUSED,
		[STATUS_RESET] = RESULT_RESET,
		[STATUS_UNREACH] = RESULT_UNREACH,
		[STATUS_ABORT] = RESULT_ABORT,
		[STATUS_ERROR] = RESULT_ERROR,
		[STATUS_PENDING] = RESULT_PENDING,
		[STATUS_UNKNOWN] = RESULT_UNKNOWN,
		/* Subsets of these, set below. */
		[STATUS_OLDER] = RESULT_OK,
		[STATUS_DUP_SYN] = RESULT_OK,
		[STATUS_DUP_SYNACK] = RESULT_OK,
	};
	TABLE_COVERS(results, STATUS_ITEM_NUM);

	for (size_t i = 0; i < groups_count(status->groups); i++) {
		const struct peers_group *group = peers_group(table, i);

		for (unsigned int item = 0; item < STATUS_ITEM_NUM; item++)
			status->items[i][item] = (struct peers_sum){.known = (int64_t)group->results[results[item]]};
		status->items[i][STATUS_OLDER] = group->totals[PEERS_OLDER];
		status->items[i][STATUS_DUP_SYN] = group->totals[PEERS_DUP_SYN];
		status->items[i][STATUS_DUP_SYNACK] = group->totals[PEERS_DUP_SYNACK];
	}
}

/* A connection counted as open may have been withdrawn; the difference must not become negative. */
static void subtract(struct peers_sum *now, const struct peers_sum *before)
{
	now->known = now->known > before->known ? now->known - before->known : 0;
	now->unknown = now->unknown > before->unknown ? now->unknown - before->unknown : 0;
}

void status_since(struct status *now, const struct status *before)
{
	now->from_ns = before->to_ns;
	now->is_change = true;
	for (size_t i = 0; i < groups_count(now->groups); i++)
		for (unsigned int item = 0; item < STATUS_PENDING; item++)
			subtract(&now->items[i][item], &before->items[i][item]);
}

/* The sum of items, CONN_UNKNOWN when one of them is unknown. */
static int64_t value_of(const struct peers_sum *items, const enum status_item *which, size_t count)
{
	int64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		if (items[which[i]].unknown > 0)
			return CONN_UNKNOWN;
		sum += items[which[i]].known;
	}
	return sum;
}

#define SUM(items, ...)                                          \
	value_of(items, (const enum status_item[]){__VA_ARGS__}, \
		 sizeof((const enum status_item[]){__VA_ARGS__}) / sizeof(enum status_item))

#define FAILURES STATUS_TIMEOUT, STATUS_REFUSED, STATUS_RESET, STATUS_UNREACH, STATUS_ABORT, STATUS_ERROR

static void add_moment(struct text *text, const char *label, int64_t time_ns)
{
	time_t seconds = (time_t)(time_ns / CLOCK_NS_PER_SEC);
	struct tm local;
	char piece[64];

	text_add(text, label);
	if (time_ns < 0 || localtime_r(&seconds, &local) == NULL ||
	    strftime(piece, sizeof(piece), "%F %T", &local) == 0) {
		text_add(text, "-\n");
		return;
	}
	text_add(text, piece);
	snprintf(piece, sizeof(piece), ".%03d\n", (int)(time_ns % CLOCK_NS_PER_SEC / CLOCK_NS_PER_MS));
	text_add(text, piece);
}

static void add_line(struct text *text, unsigned int indent, const char *label, int64_t value)
{
	text_add_blanks(text, indent);
	text_add(text, label);
	text_add_blanks(text, LABEL_WIDTH - indent - strlen(label));
	if (value < 0)
		text_add_char(text, '-');
	else
		text_add_number(text, value);
	text_add_char(text, '\n');
}

static void add_group(struct text *text, const char *name, const struct peers_sum *items)
{
	text_add_char(text, '\n');
	text_add_field(text, name);
	text_add_char(text, '\n');
	add_line(text, 2, "Success", SUM(items, STATUS_OK));
	add_line(text, 4, "Older than the Run", SUM(items, STATUS_OLDER));
	add_line(text, 4, "SYN Segment Duplicate", SUM(items, STATUS_DUP_SYN));
	add_line(text, 4, "S/A Segment Duplicate", SUM(items, STATUS_DUP_SYNACK));
	add_line(text, 2, "Failure", SUM(items, FAILURES));
	add_line(text, 4, "Connection Timed Out", SUM(items, STATUS_TIMEOUT));
	add_line(text, 4, "Connection Rejected", SUM(items, STATUS_REFUSED, STATUS_RESET));
	add_line(text, 6, "by the other side", SUM(items, STATUS_REFUSED));
	add_line(text, 6, "by the opener", SUM(items, STATUS_RESET));
	add_line(text, 4, "ICMP Unreachable", SUM(items, STATUS_UNREACH));
	add_line(text, 4, "Given Up", SUM(items, STATUS_ABORT));
	add_line(text, 4, "Refused by the Kernel", SUM(items, STATUS_ERROR));
	add_line(text, 2, "Undecided", SUM(items, STATUS_PENDING));
	add_line(text, 2, "Unknown", SUM(items, STATUS_UNKNOWN));
}

void status_text(struct text *text, const struct status *status)
{
	add_moment(text, "from : ", status->from_ns);
	add_moment(text, "  to : ", status->to_ns);
	text_add(text, "time : ");
	if (clock_span(status->from_ns, status->to_ns) < 0)
		text_add(text, "-");
	else
		text_add_decimal(text, status->to_ns - status->from_ns, CLOCK_NS_PER_SEC, 3);
	text_add(text, " (sec)\n");
	for (size_t i = 0; i < groups_count(status->groups); i++)
		add_group(text, groups_name(status->groups, i), status->items[i]);
	text_add(text, "\npackets\n");
	add_line(text, 2, "recv", status->packets);
	add_line(text, 2, "drop", status->dropped);
	add_line(text, 2, "ifdrop", status->interface_dropped);
}

static void add_pair(struct text *text, const char *before, const char *key, int64_t value)
{
	text_add(text, before);
	text_add_char(text, '"');
	text_add(text, key);
	text_add(text, "\":");
	if (value < 0)
		text_add(text, "null");
	else
		text_add_number(text, value);
}

static void add_json_group(struct text *text, const struct status *status, size_t which)
{
	const char *name = groups_name(status->groups, which);
	const struct peers_sum *items = status->items[which];

	text_add_char(text, '{');
	text_add_json(text, name);
	add_pair(text, ":{\"success\":{", "total", SUM(items, STATUS_OK));
	add_pair(text, ",", "older", SUM(items, STATUS_OLDER));
	add_pair(text, ",", "dupsyn", SUM(items, STATUS_DUP_SYN));
	add_pair(text, ",", "dupsynack", SUM(items, STATUS_DUP_SYNACK));
	add_pair(text, "},\"failure\":{", "total", SUM(items, FAILURES));
	add_pair(text, ",", "timeout", SUM(items, STATUS_TIMEOUT));
	add_pair(text, ",", "reject", SUM(items, STATUS_REFUSED, STATUS_RESET));
	add_pair(text, ",", "unreach", SUM(items, STATUS_UNREACH));
	add_pair(text, ",", "refused", SUM(items, STATUS_REFUSED));
	add_pair(text, ",", "reset", SUM(items, STATUS_RESET));
	add_pair(text, ",", "abort", SUM(items, STATUS_ABORT));
	add_pair(text, ",", "error", SUM(items, STATUS_ERROR));
	add_pair(text, "},", "pending", SUM(items, STATUS_PENDING));
	add_pair(text, ",", "unknown", SUM(items, STATUS_UNKNOWN));
	text_add(text, status->is_change ? ",\"since\":\"request\"}}" : ",\"since\":\"start\"}}");
}

void status_json(struct text *text, const struct status *status, bool is_change)
{
	for (size_t i = 0; i < groups_count(status->groups); i++) {
		text_add_char(text, i == 0 ? '[' : ',');
		add_json_group(text, status, i);
	}
	if (!is_change) {
		add_pair(text, ",{\"pcap\":{\"stats\":{", "recv", status->packets);
		add_pair(text, ",", "drop", status->dropped);
		add_pair(text, ",", "ifdrop", status->interface_dropped);
		text_add(text, "}}}");
	}
	text_add(text, "]\n");
}

static void add_metric(struct text *text, const char *group, const char *what, int64_t value)
{
	if (value < 0)
		return;
	text_add(text, "tcpeek_");
	for (; *group != '\0'; group++)
		text_add_char(text, isalnum((unsigned char)*group) || strchr("_-.", *group) != NULL ? *group : '_');
	text_add(text, what);
	text_add_number(text, value);
	text_add_char(text, '\n');
}

void status_gmetric(struct text *text, const struct status *status)
{
	for (size_t i = 0; i < groups_count(status->groups); i++) {
		const struct peers_sum *items = status->items[i];
		const char *name = groups_name(status->groups, i);

		add_metric(text, name, "_failure_timeout ", SUM(items, STATUS_TIMEOUT));
		add_metric(text, name, "_failure_reject ", SUM(items, STATUS_REFUSED, STATUS_RESET, STATUS_UNREACH));
		add_metric(text, name, "_success_dupsyn ", SUM(items, STATUS_DUP_SYN));
		add_metric(text, name, "_success_dupsynack ", SUM(items, STATUS_DUP_SYNACK));
	}
}
