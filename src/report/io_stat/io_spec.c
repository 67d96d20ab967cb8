// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/io_stat/io_spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/table.h"
#include "base/words.h"
#include "base/xalloc.h"

#define PREFIX "io,stat"
/* The least is tshark(1)'s; the most is ten years. */
#define INTERVAL_LEAST CLOCK_NS_PER_US
#define INTERVAL_MOST (INT64_C(315360000) * CLOCK_NS_PER_SEC)

static const char *const function_names[] = {
	[IO_BOTH] = "FRAMES", [IO_FRAMES] = "FRAMES", [IO_BYTES] = "BYTES", [IO_COUNT] = "COUNT",
	[IO_SUM] = "SUM",     [IO_MIN] = "MIN",       [IO_MAX] = "MAX",     [IO_AVG] = "AVG",
};

TABLE_COVERS(function_names, IO_FUNCTION_NUM);

static const char *const field_names[] = {
	[IO_LEN] = "len",
	[IO_PAYLOAD] = "payload",
	[IO_RESENT] = "resent",
	[IO_OOO] = "ooo",
	[IO_SYN] = "syn",
	[IO_SYNACK] = "synack",
	[IO_FIN] = "fin",
	[IO_RST] = "rst",
	[IO_ZEROWIN] = "zerowin",
	[IO_WINDOW] = "window",
	[IO_FRAGMENT] = "fragment",
	[IO_RTT] = "rtt_ms",
	[IO_RX_BYTES] = "rx_bytes",
	[IO_TX_BYTES] = "tx_bytes",
	[IO_RX_RETRANS] = "rx_retrans",
	[IO_TX_RETRANS] = "tx_retrans",
	[IO_OPENED] = "opened",
	[IO_ENDED] = "ended",
};

TABLE_COVERS(field_names, IO_FIELD_NUM);

const char *io_spec_function_name(enum io_function function)
{
	return function_names[function];
}

const char *io_spec_field_name(enum io_field field)
{
	return field_names[field];
}

bool io_spec_is_span(enum io_field field)
{
	return field == IO_RTT;
}

bool io_spec_is_conn(enum io_field field)
{
	return field >= IO_OPENED;
}

bool io_spec_needs_frames(const struct io_column *column)
{
	switch (column->function < IO_COUNT ? IO_LEN : (enum io_field)column->field) {
	case IO_PAYLOAD:
	case IO_RX_BYTES:
	case IO_TX_BYTES:
		return column->function != IO_SUM;
	case IO_TX_RETRANS:
		return column->function != IO_SUM && column->function != IO_COUNT;
	case IO_OPENED:
	case IO_ENDED:
		return false;
	default:
		return true;
	}
}

static bool has_flags(const struct segment *segment, uint16_t mask, uint16_t flags, int64_t *value)
{
	*value = 1;
	return (segment->flags & mask) == flags;
}

static bool is_judged(const struct segment *segment, uint16_t judged, int64_t *value)
{
	*value = 1;
	return segment->judged & judged;
}

/* Payload sent by @side, each byte once. */
static bool is_new(const struct segment *segment, enum wire_side side, int64_t *value)
{
	*value = segment->judged & SEGMENT_FORGOTTEN ? IO_UNKNOWN : (int64_t)segment->payload - segment->resent;
	return segment->side == side && *value != 0 &&
	       !(segment->judged & (SEGMENT_STRAY | SEGMENT_KEEPALIVE | SEGMENT_WINDOW_PROBE));
}

/* As RX_RETRANS and TX_RETRANS of conns count it. */
static bool is_resent(const struct segment *segment, enum wire_side side, int64_t *value)
{
	*value = 1;
	return segment->side == side && segment->resent > 0 &&
	       !(segment->judged & (SEGMENT_KEEPALIVE | SEGMENT_WINDOW_PROBE));
}

bool io_spec_field(enum io_field field, const struct segment *segment, int64_t *value)
{
	const uint16_t both = SEGMENT_SYN | SEGMENT_ACK;

	if (field == IO_LEN) {
		*value = segment->frame;
		return true;
	}
	/* A copy of a packet, captured on another interface, counts as a frame only. */
	if (segment->judged & SEGMENT_COPY)
		return false;
	switch (field) {
	case IO_PAYLOAD:
		*value = segment->payload;
		return segment->payload > 0;
	case IO_RESENT:
		*value = segment->judged & SEGMENT_FORGOTTEN ? IO_UNKNOWN : segment->resent;
		return segment->resent > 0;
	case IO_OOO:
		return is_judged(segment, SEGMENT_OUT_OF_ORDER, value);
	case IO_SYN:
		return has_flags(segment, both, SEGMENT_SYN, value);
	case IO_SYNACK:
		return has_flags(segment, both, both, value);
	case IO_FIN:
		return has_flags(segment, SEGMENT_FIN, SEGMENT_FIN, value);
	case IO_RST:
		return has_flags(segment, SEGMENT_RST, SEGMENT_RST, value);
	case IO_ZEROWIN:
		return is_judged(segment, SEGMENT_ZERO_WINDOW, value);
	case IO_WINDOW:
		*value = segment->window;
		return !(segment->judged & SEGMENT_UNSCALED) && !(segment->flags & SEGMENT_RST);
	case IO_FRAGMENT:
		return is_judged(segment, SEGMENT_FRAGMENT, value);
	case IO_RX_BYTES:
		return is_new(segment, WIRE_REMOTE, value);
	case IO_TX_BYTES:
		return is_new(segment, WIRE_LOCAL, value);
	case IO_RX_RETRANS:
		return is_resent(segment, WIRE_REMOTE, value);
	case IO_TX_RETRANS:
		return is_resent(segment, WIRE_LOCAL, value);
	case IO_RTT:
		*value = segment->rtt_ns;
		return segment->rtt_ns >= 0;
	default:
		return false;
	}
}

void io_spec_filters_free(struct io_filters *filters)
{
	for (size_t i = 0; i < filters->count; i++)
		free(filters->expressions[i]);
	filters->count = 0;
}

static int refuse(struct err *err, const char *word, const char *what)
{

	return err_set(err, EINVAL, "--report=" PREFIX ": " ERR_QUOTED " %s", word, what);
}

static int add_filter(struct io_filters *filters, const char *expression, int8_t *which, struct err *err)
{
	*which = -1;
	expression += strspn(expression, " ");
	if (*expression == '\0')
		return 0;
	for (size_t i = 0; i < filters->count; i++) {
		if (strcmp(filters->expressions[i], expression) == 0) {
			*which = (int8_t)i;
			return 0;
		}
	}
	if (filters->count == IO_FILTERS)
		return refuse(err, expression, "is one filter too many; 32 are allowed in a run");
	*which = (int8_t)filters->count;
	filters->expressions[filters->count++] = xstrdup(expression);
	return 0;
}

static int find(const char *const *names, int first, int count, const char *word, size_t length)
{
	for (int i = first; i < count; i++)
		if (strlen(names[i]) == length && strncasecmp(names[i], word, length) == 0)
			return i;
	return -1;
}

/* "SUM(payload)tcp port 80". Return: length of the part before the filter, or -EINVAL. */
static int parse_function(struct io_column *column, const char *word, struct err *err)
{
	size_t length = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	const char *field = word + length + 1;
	size_t field_length;
	int function, found = IO_LEN;

	/* Lower-case letters begin a filter, as in "not(tcp)". */
	if (length == 0 || word[length] != '(')
		return 0;
	function = find(function_names, IO_FRAMES, IO_FUNCTION_NUM, word, length);
	if (function < 0)
		return refuse(err, word, "is not a column; functions are COUNT, SUM, MIN, MAX, AVG, FRAMES and BYTES");
	field_length = strcspn(field, ")");
	if (field[field_length] == '\0')
		return refuse(err, word, "lacks a closing parenthesis, as in SUM(payload)tcp port 80");
	if (function >= IO_COUNT)
		found = find(field_names, 0, IO_FIELD_NUM, field, field_length);
	else if (field_length > 0)
		return refuse(err, word, "is not a column; FRAMES() and BYTES() take no field");
	if (found < 0)
		return refuse(err, word,
			      "has no field; fields are len, payload, resent, ooo, syn, synack, fin, rst, zerowin, "
			      "window, fragment, rtt_ms, rx_bytes, tx_bytes, rx_retrans, tx_retrans, opened and ended");
	column->function = (uint8_t)function;
	column->field = (uint8_t)found;
	return (int)(length + 1 + field_length + 1);
}

static bool is_twice(const struct io_spec *spec, const struct io_column *column)
{
	for (size_t i = 0; i < spec->count; i++)
		if (memcmp(&spec->columns[i], column, sizeof(*column)) == 0)
			return true;
	return false;
}

static int add_column(struct io_spec *spec, const char *word, struct io_filters *filters, struct err *err)
{
	struct io_column column = {.function = IO_BOTH};
	int length = parse_function(&column, word, err), error;

	if (length < 0)
		return length;
	error = add_filter(filters, word + length, &column.filter, err);
	if (error < 0)
		return error;
	if (column.function >= IO_COUNT && io_spec_is_conn((enum io_field)column.field) && column.filter >= 0)
		return refuse(err, word,
			      "counts connections, to which packet filters do not apply; use --rport and "
			      "similar options");
	if (spec->count == IO_COLUMNS)
		return refuse(err, word, "is one column too many; 32 are allowed");
	if (is_twice(spec, &column))
		return refuse(err, word, "is given twice");
	spec->columns[spec->count++] = column;
	return 0;
}

void io_spec_add_counters(struct io_spec *spec)
{
	static const struct io_column counters[] = {
		{IO_SUM, IO_RX_BYTES, -1},
		{IO_SUM, IO_TX_BYTES, -1},
		{IO_COUNT, IO_OPENED, -1},
		{IO_COUNT, IO_ENDED, -1},
	};

	memcpy(&spec->columns[spec->count], counters, sizeof(counters));
	spec->count += sizeof(counters) / sizeof(counters[0]);
}

static int parse_interval(struct io_spec *spec, const char *word, struct err *err)
{
	if (strcmp(word, "0") == 0)
		return 0;
	if (number_parse_duration(word, INTERVAL_LEAST, INTERVAL_MOST, &spec->interval_ns) == 0)
		return 0;
	return refuse(err, word,
		      "is not an interval; allowed are 0 for the whole run, or seconds from 0.000001 to 315360000, or "
		      "a number with s, m, h or d");
}

int io_spec_parse(struct io_spec *spec, const char *text, struct io_filters *filters, struct err *err)
{
	struct io_spec parsed = {.interval_ns = 0};
	struct words words;
	const char *word;
	int error;

	if (*text != ',')
		return refuse(err, PREFIX, "lacks the interval: io,stat,SEC[,FILTER]...");
	words = words_open(text + 1);
	error = parse_interval(&parsed, words_next(&words), err);
	while (error == 0 && (word = words_next(&words)) != NULL)
		error = add_column(&parsed, word, filters, err);
	parsed.is_default = error == 0 && parsed.count == 0;
	if (parsed.is_default)
		error = add_column(&parsed, "", filters, err);
	words_close(&words);
	if (error == 0)
		*spec = parsed;
	return error;
}
