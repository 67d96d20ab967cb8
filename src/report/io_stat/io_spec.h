/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_IO_STAT_IO_SPEC_H
#define CONNTRACE_REPORT_IO_STAT_IO_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "track/segment.h"

/** Filters of all reports of a run: one bit each in struct event_frame. */
#define IO_FILTERS 32

/** Columns of one report. */
#define IO_COLUMNS 32

/** enum io_function - what a column counts */
enum io_function {
	/** frames, and in a second column their bytes */
	IO_BOTH,
	IO_FRAMES,
	IO_BYTES,
	IO_COUNT,
	IO_SUM,
	IO_MIN,
	IO_MAX,
	IO_AVG,
	IO_FUNCTION_NUM
};

/** enum io_field - the field counted; not every segment has it */
enum io_field {
	IO_LEN,
	IO_PAYLOAD,
	IO_RESENT,
	IO_OOO,
	IO_SYN,
	IO_SYNACK,
	IO_FIN,
	IO_RST,
	IO_ZEROWIN,
	IO_WINDOW,
	IO_FRAGMENT,
	IO_RTT,
	IO_RX_BYTES,
	IO_TX_BYTES,
	IO_RX_RETRANS,
	IO_TX_RETRANS,
	/* fields of connections, not of segments, from here on */
	IO_OPENED,
	IO_ENDED,
	IO_FIELD_NUM
};

/**
 * struct io_column - one column, or two
 * @function: enum io_function
 * @field: enum io_field, for IO_COUNT and the following functions
 * @filter: index into struct io_filters, -1 none
 */
struct io_column {
	uint8_t function;
	uint8_t field;
	int8_t filter;
};

/**
 * struct io_spec - what a report io,stat is to count
 * @interval_ns: of a row; 0: one row for everything
 * @is_default: no column was requested: frames and bytes, or the kernel's counters in a run without packets
 * @count: number of columns
 * @columns: from the left
 */
struct io_spec {
	int64_t interval_ns;
	bool is_default;
	size_t count;
	struct io_column columns[IO_COLUMNS];
};

/**
 * struct io_filters - pcap-filter(7) expressions, each once
 * @count: how many
 * @expressions: owned
 */
struct io_filters {
	size_t count;
	char *expressions[IO_FILTERS];
};

/**
 * io_spec_parse() - "io,stat,SEC[,FILTER]..."
 * @spec: set on success
 * @text: the operand of --report after "io,stat"
 * @filters: gets the new filters
 * @err: quotes what is wrong and says what is allowed
 *
 * Filters are not compiled here, so their syntax is not checked.
 *
 * Return: 0 or -EINVAL.
 */
int io_spec_parse(struct io_spec *spec, const char *text, struct io_filters *filters, struct err *err);

/** io_spec_add_counters() - the columns of a report that names none, in a run without packets */
void io_spec_add_counters(struct io_spec *spec);

/** io_spec_filters_free() - free the expressions */
void io_spec_filters_free(struct io_filters *filters);

/** Result of io_spec_field() for an unknown value. */
#define IO_UNKNOWN INT64_C(-1)

/** io_spec_field() - the value of a segment's field, or IO_UNKNOWN; Return: true when the segment has the field */
bool io_spec_field(enum io_field field, const struct segment *segment, int64_t *value);

/** io_spec_is_conn() - true for a field of connections, to which packet filters do not apply */
bool io_spec_is_conn(enum io_field field);

/** io_spec_needs_frames() - true when the column needs packets; the kernel's counters do not give it */
bool io_spec_needs_frames(const struct io_column *column);

/** io_spec_is_span() - true when the value is in nanoseconds and shown in milliseconds */
bool io_spec_is_span(enum io_field field);

/** io_spec_function_name() - "COUNT", ...; for IO_BOTH "FRAMES" */
const char *io_spec_function_name(enum io_function function);

/** io_spec_field_name() - "len", ... */
const char *io_spec_field_name(enum io_field field);

#endif
