// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/format.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/table.h"
#include "base/xalloc.h"

#define MICROSECONDS 6
#define NANOSECONDS 9

/* localtime_r(3) takes a lock and searches the zone for each of a million rows, most of which have the same second. */
static const struct tm *local_time(time_t seconds)
{
	static _Thread_local time_t last_seconds;
	static _Thread_local struct tm last;

	if (last.tm_mday == 0 || seconds != last_seconds) {
		if (localtime_r(&seconds, &last) == NULL)
			return NULL;
		last_seconds = seconds;
	}
	return &last;
}

static void add_two(struct text *text, char before, long number)
{
	text_add_char(text, before);
	text_add_digits(text, (uint64_t)number, 2);
}

static void add_local_time(struct text *text, int64_t time_ns, bool iso)
{
	const struct tm *local = local_time((time_t)(time_ns / CLOCK_NS_PER_SEC));
	long offset;

	if (local == NULL) {
		text_add_decimal(text, time_ns, CLOCK_NS_PER_SEC, NANOSECONDS);
		return;
	}
	if (iso) {
		text_add_digits(text, (uint64_t)local->tm_year + 1900, 4);
		add_two(text, '-', local->tm_mon + 1);
		add_two(text, '-', local->tm_mday);
		text_add_char(text, 'T');
	}
	text_add_digits(text, (uint64_t)local->tm_hour, 2);
	add_two(text, ':', local->tm_min);
	add_two(text, ':', local->tm_sec);
	text_add_char(text, '.');
	text_add_digits(text, (uint64_t)(time_ns % CLOCK_NS_PER_SEC / CLOCK_NS_PER_US), 6);
	if (!iso)
		return;
	offset = local->tm_gmtoff < 0 ? -local->tm_gmtoff : local->tm_gmtoff;
	add_two(text, local->tm_gmtoff < 0 ? '-' : '+', offset / 3600);
	add_two(text, ':', offset / 60 % 60);
}

static void add_time(struct text *text, int64_t time_ns, const struct style *style, int64_t before)
{
	switch (style->time) {
	case REPORT_TIME_CLOCK:
		add_local_time(text, time_ns, false);
		break;
	case REPORT_TIME_ISO:
		add_local_time(text, time_ns, true);
		break;
	case REPORT_TIME_RELATIVE:
		text_add_decimal(text, clock_since(style->start_ns, time_ns), CLOCK_NS_PER_SEC, MICROSECONDS);
		break;
	case REPORT_TIME_DELTA:
		if (before < 0)
			text_add_char(text, '-');
		else
			text_add_decimal(text, clock_since(before, time_ns), CLOCK_NS_PER_SEC, MICROSECONDS);
		break;
	case REPORT_TIME_EPOCH:
	case REPORT_TIME_NUM:
		text_add_decimal(text, time_ns, CLOCK_NS_PER_SEC, NANOSECONDS);
		break;
	}
}

/* 1023, 1.0K, 9.9K, 10K ... 1023K, 1.0M: three digits are enough for people. */
static void add_human(struct text *text, int64_t bytes)
{
	static const char units[] = "KMGTPE";
	unsigned int unit = 0;
	int64_t size = INT64_C(1) << 10;
	int64_t tenths;

	if (bytes < size) {
		text_add_number(text, bytes);
		return;
	}
	while (bytes >> 10 >= size && units[unit + 1] != '\0') {
		size <<= 10;
		unit++;
	}
	/* Ten times a value below 2^60 fits into 64 bits unsigned. */
	tenths = bytes / size * 10 + (int64_t)((uint64_t)(bytes % size) * 10 / (uint64_t)size);
	if (tenths < 100)
		text_add_decimal(text, tenths, 10, 1);
	else
		text_add_number(text, tenths / 10);
	text_add_char(text, units[unit]);
}

/* A name in text: "-" alone would look like an unknown name, and a comma like the end of a list item. */
static void add_name(struct text *text, const char *name, bool in_list)
{
	if (strcmp(name, "-") == 0) {
		text_add(text, "\\x2d");
		return;
	}
	if (!in_list || strchr(name, ',') == NULL) {
		text_add_field(text, name);
		return;
	}
	for (; *name != '\0'; name++) {
		char one[2] = {*name, '\0'};

		if (*name == ',')
			text_add(text, "\\x2c");
		else
			text_add_field(text, one);
	}
}

static void add_address(struct text *text, const struct value *value, const struct style *style)
{
	bool is_named = style->resolve && !redact_hides(REDACT_ADDR);
	const char *host = is_named ? redact_text(REDACT_HOST, names_host(style->names, &value->address)) : NULL;
	char ip[ENDPOINT_TEXT];

	if (host != NULL)
		add_name(text, host, false);
	else
		text_add(text, endpoint_ip_text(&value->address, ip));
}

static void add_port(struct text *text, const struct value *value, const struct style *style)
{
	const char *service = style->resolve ? names_service(style->names, (uint16_t)value->number) : NULL;

	if (service != NULL)
		add_name(text, service, false);
	else
		text_add_number(text, value->number);
}

/* The integer part of a value in nanoseconds or thousandths. */
static int64_t whole(const struct column *column, int64_t number)
{
	if (column->type == COLUMN_SECONDS)
		return number / CLOCK_NS_PER_SEC;
	if (column->type == COLUMN_MS)
		return number / CLOCK_NS_PER_MS;
	return column->type == COLUMN_RATE ? number / 1000 : number;
}

void format_short(struct text *text, const struct column *column, const struct value *value)
{
	int64_t number;

	if (!column_is_right(column->type) || column->type == COLUMN_COOKIE || column->type == COLUMN_NUMBER)
		return;
	number = value->known ? value->number : value->of_rest;
	if (number < 0)
		return;
	text_cut(text, 0);
	if (column->type == COLUMN_PORT)
		text_add_number(text, number);
	else
		add_human(text, whole(column, number));
	text_add(text, value->known ? "" : "+");
}

static void add_list(struct text *text, const struct column *column, const struct peers_group *group, bool is_json)
{
	bool numbers = column->type == COLUMN_NUMBERS;
	unsigned int count = numbers ? group->pid_count : group->comm_count;

	for (unsigned int i = 0; i < count; i++) {
		if (i > 0)
			text_add_char(text, ',');
		if (numbers)
			text_add_number(text, group->pids[i]);
		else if (is_json)
			text_add_json(text, redact_text(REDACT_COMM, group->comms[i]));
		else
			add_name(text, redact_text(REDACT_COMM, group->comms[i]), true);
	}
	if (numbers ? group->more_pids : group->more_comms)
		text_add(text, is_json ? ",null" : ",...");
}

/* Append a number as text and JSON share it. Return: false for the types they do not share. */
static bool add_number(struct text *text, const struct column *column, int64_t number)
{
	switch (column->type) {
	case COLUMN_SECONDS:
		text_add_decimal(text, number, CLOCK_NS_PER_SEC, 6);
		return true;
	case COLUMN_MS:
		text_add_decimal(text, number, CLOCK_NS_PER_MS, 3);
		return true;
	case COLUMN_RATE:
		text_add_decimal(text, number, 1000, 3);
		return true;
	default:
		if (!column_is_integer(column->type))
			return false;
		text_add_number(text, number);
		return true;
	}
}

static void add_rest(struct text *text, const struct column *column, const struct value *value,
		     const struct style *style, int64_t before)
{
	struct value rest = *value;

	rest.known = true;
	rest.number = value->of_rest;
	format_text(text, column, &rest, style, before);
	text_add_char(text, '+');
}

void format_text(struct text *text, const struct column *column, const struct value *value, const struct style *style,
		 int64_t before)
{
	if (!value->known && value->of_rest >= 0 && style->terminal)
		add_rest(text, column, value, style, before);
	else if (!value->known)
		text_add_char(text, '-');
	else if (column->type == COLUMN_TIME)
		add_time(text, value->number, style, before);
	else if (column->type == COLUMN_BYTES && style->human)
		add_human(text, value->number);
	else if (column->type == COLUMN_PORT)
		add_port(text, value, style);
	else if (column->type == COLUMN_ADDRESS)
		add_address(text, value, style);
	else if (column->type == COLUMN_COOKIE)
		text_add_unsigned(text, (uint64_t)value->number);
	else if (column->type == COLUMN_NUMBERS || column->type == COLUMN_NAMES)
		add_list(text, column, value->group, false);
	else if (!add_number(text, column, value->number))
		add_name(text, value->text, false);
}

static void add_json_words(struct text *text, const char *words)
{
	char *copy, *rest, *word;

	if (strchr(words, ',') == NULL) {
		text_add_char(text, '[');
		text_add_json(text, words);
		text_add_char(text, ']');
		return;
	}
	rest = copy = xstrdup(words);
	for (char before = '['; (word = strsep(&rest, ",")) != NULL; before = ',') {
		text_add_char(text, before);
		text_add_json(text, word);
	}
	text_add_char(text, ']');
	free(copy);
}

/* A connection has two addresses, and five columns that show them. */
static void add_json_address(struct text *text, const struct endpoint *endpoint)
{
	static _Thread_local struct {
		struct in6_addr ip;
		char text[ENDPOINT_TEXT];
	} known[2];
	static _Thread_local unsigned int last;
	bool is_known = !redact_is_on() && known[last].text[0] != '\0';

	if (is_known && memcmp(&known[last].ip, &endpoint->ip, sizeof(endpoint->ip)) != 0) {
		last ^= 1;
		is_known = memcmp(&known[last].ip, &endpoint->ip, sizeof(endpoint->ip)) == 0;
	}
	if (!is_known) {
		known[last].ip = endpoint->ip;
		(void)endpoint_ip_text(endpoint, known[last].text);
	}
	text_add_char(text, '"');
	text_add(text, known[last].text);
	text_add_char(text, '"');
}

/* A median has a column of unknown members; a sum without some members is not a sum. */
static bool is_statistic(const struct column *column)
{
	return column->type == COLUMN_MS || column->type == COLUMN_SECONDS;
}

void format_json_figure(struct text *text, const struct column *column, const struct value *value)
{
	if (!value->known) {
		if (!is_statistic(column) || !add_number(text, column, value->of_rest))
			text_add(text, "null");
		return;
	}
	switch (column->type) {
	case COLUMN_TIME:
		text_add_decimal(text, value->number, CLOCK_NS_PER_SEC, NANOSECONDS);
		break;
	case COLUMN_ADDRESS:
		add_json_address(text, &value->address);
		break;
	case COLUMN_COOKIE:
		text_add_char(text, '"');
		text_add_unsigned(text, (uint64_t)value->number);
		text_add_char(text, '"');
		break;
	case COLUMN_NUMBERS:
	case COLUMN_NAMES:
		text_add_char(text, '[');
		add_list(text, column, value->group, true);
		text_add_char(text, ']');
		break;
	case COLUMN_WORDS:
		add_json_words(text, value->text);
		break;
	default:
		if (!add_number(text, column, value->number))
			text_add_json(text, value->text);
	}
}

void format_csv(struct text *text, const char *field)
{
	if (strpbrk(field, ",\"\r\n") == NULL) {
		text_add(text, field);
		return;
	}
	text_add_char(text, '"');
	for (; *field != '\0'; field++) {
		if (*field == '"')
			text_add_char(text, '"');
		text_add_char(text, *field);
	}
	text_add_char(text, '"');
}

const char *format_color(const struct column *column, const struct value *value)
{
	static const char red[] = "\033[31m", yellow[] = "\033[33m";

	if (!value->known)
		return NULL;
	if (column->type == COLUMN_FAILURES)
		return value->number > 0 ? red : NULL;
	if (column->type == COLUMN_NOTICE)
		return value->number > 0 ? yellow : NULL;
	if (column->type != COLUMN_OUTCOME)
		return NULL;
	for (unsigned int i = 0; i < RESULT_NUM; i++)
		if (conn_has_failed(i) && strcmp(value->text, conn_result_text(i)) == 0)
			return red;
	return NULL;
}

unsigned int format_width(const struct column *column, const struct style *style)
{
	static const uint8_t widths[] = {
		[COLUMN_TIME] = 15,  [COLUMN_SECONDS] = 10, [COLUMN_MS] = 9,     [COLUMN_RATE] = 9,
		[COLUMN_COUNT] = 6,  [COLUMN_FAILURES] = 6, [COLUMN_NOTICE] = 2, [COLUMN_BYTES] = 8,
		[COLUMN_NUMBER] = 6, [COLUMN_PORT] = 5,     [COLUMN_COOKIE] = 8, [COLUMN_ADDRESS] = 15,
		[COLUMN_TEXT] = 3,   [COLUMN_OUTCOME] = 7,  [COLUMN_NAME] = 15,  [COLUMN_NUMBERS] = 6,
		[COLUMN_NAMES] = 15, [COLUMN_WORDS] = 7,
	};
	TABLE_COVERS(widths, COLUMN_TYPE_NUM);
	unsigned int width = widths[column->type], name = (unsigned int)strlen(column->name);

	if (column->type == COLUMN_TIME && style->time == REPORT_TIME_ISO)
		width = 32;
	else if (column->type == COLUMN_TIME && style->time == REPORT_TIME_EPOCH)
		width = 20;
	else if (column->type == COLUMN_TIME && style->time != REPORT_TIME_CLOCK)
		width = 10;
	return width > name ? width : name;
}
