/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_COLUMN_H
#define CONNTRACE_REPORT_ROWS_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/redact.h"
#include "model/conn.h"
#include "model/message.h"
#include "model/tcp_options.h"
#include "report/rows/names.h"
#include "track/peers.h"
#include "track/requests.h"
#include "track/suspicious.h"
#include "track/timeline.h"

/** enum column_type - kind of value of a column; format.c writes each */
enum column_type {
	/** nanoseconds since the epoch */
	COLUMN_TIME,
	/** a span in nanoseconds, shown in seconds */
	COLUMN_SECONDS,
	/** a span in nanoseconds, shown in milliseconds */
	COLUMN_MS,
	/** thousandths per second */
	COLUMN_RATE,
	/** a count */
	COLUMN_COUNT,
	/** a count of failures: red when above 0 */
	COLUMN_FAILURES,
	/** a count of unwanted events: yellow when above 0 */
	COLUMN_NOTICE,
	/** a count of bytes; --human shortens it */
	COLUMN_BYTES,
	/** a number that names something */
	COLUMN_NUMBER,
	/** a TCP port */
	COLUMN_PORT,
	/** 64 bits that name something; a string in JSON, because a double holds only 53 */
	COLUMN_COOKIE,
	/** an IP address */
	COLUMN_ADDRESS,
	/** a word from a fixed list */
	COLUMN_TEXT,
	/** a word from a fixed list: enum conn_result */
	COLUMN_OUTCOME,
	/** foreign bytes */
	COLUMN_NAME,
	/** several words without commas, comma separated */
	COLUMN_WORDS,
	/** several numbers that name something */
	COLUMN_NUMBERS,
	/** several strings of foreign bytes */
	COLUMN_NAMES,
	COLUMN_TYPE_NUM
};

struct column;
struct histogram_bin;
struct io_row;

/**
 * struct value - the value of one column in one row
 *
 * Strings live as long as the row, or in @buffer; so a value is never copied.
 *
 * @column: its column; set before it is fetched, by column_fetch()
 * @known: false is "-" or null, and the other fields are meaningless
 * @number: for the numeric types; COLUMN_COOKIE keeps its 64 bits in it
 * @of_rest: when the figure of some members is unknown, the figure of the others: a terminal shows it with a "+", and
 *	     @known is false; CONN_UNKNOWN: there is none
 * @text: for COLUMN_TEXT, COLUMN_OUTCOME, COLUMN_NAME and COLUMN_WORDS
 * @address: for COLUMN_ADDRESS
 * @group: for COLUMN_NUMBERS and COLUMN_NAMES: the group that has the list
 * @buffer: for text that has to be built
 */
struct value {
	const struct column *column;
	bool known;
	int64_t number;
	int64_t of_rest;
	const char *text;
	struct endpoint address;
	const struct peers_group *group;
	char buffer[TCP_OPTIONS_TEXT];
};

/**
 * struct message_seen - a captured message
 * @message: its content
 * @time_ns: time of the packet that ended its head
 * @answer_ns: nanoseconds from its request, CONN_UNKNOWN for one that is no response, or without a request
 * @names: the fields shown
 * @values: their values
 */
struct message_seen {
	const struct message *message;
	int64_t time_ns;
	int64_t answer_ns;
	const struct message_names *names;
	struct message_values values;
};

/**
 * struct row - the object of a row
 * @conn: in the reports of connections, else NULL
 * @group: in the report peers, else NULL
 * @node: in the trees of requests, else NULL
 * @requests: the tree of @node; it and the others share memory, because there may be a million rows
 * @bin: in a histogram: a range of values of @group
 * @io: in io,stat: an interval
 * @seen: in --events=messages: a message of @conn
 * @entry: in the ladder: an event of @conn
 */
struct row {
	const struct conn *conn;
	struct peers_group *group;
	struct requests_node *node;
	union {
		const struct requests *requests;
		const struct histogram_bin *bin;
		const struct io_row *io;
		const struct message_seen *seen;
		const struct timeline_entry *entry;
	};
};

/**
 * struct column - a line of columns.def
 * @name: header; in lower case the key in JSON
 * @type: enum column_type
 * @unit: "" when it has none
 * @help: for --list-columns
 * @get: fetch the value of @row
 * @part: offset of the pointer in struct conn without which the value is unknown; 0: there is none
 */
struct column {
	const char *name;
	enum column_type type;
	const char *unit;
	const char *help;
	void (*get)(const struct row *row, struct names *names, struct value *value);
	size_t part;
};

/** column_redact() - hide what --redact names */
void column_redact(struct value *value);

/** column_fetch() - the value of @column in @row, as it may be shown */
static inline void column_fetch(const struct column *column, const struct row *row, struct names *names,
				struct value *value)
{
	value->column = column;
	value->of_rest = CONN_UNKNOWN;
	column->get(row, names, value);
	if (redact_is_on())
		column_redact(value);
}

/** column_is_absent() - whether @row has nothing that @column could show, which is faster to find than its value */
static inline bool column_is_absent(const struct column *column, const struct row *row)
{
	const void *part;

	if (column->part == 0)
		return false;
	memcpy(&part, (const char *)row->conn + column->part, sizeof(part));
	return part == NULL;
}

/** Columns of the report conns, and of --events among others, by default. */
#define COLUMN_CONNS_DEFAULT "START,DIR,LADDR,LPORT,RADDR,RPORT,RESULT,HS_MS,RX_BYTES,TX_BYTES,RETRANS,DUR_S,PID,COMM"

/** column_conns() - all columns of the reports of connections; @count is set */
const struct column *column_conns(size_t *count);

/** column_groups() - the columns of the report peers after the keys; @count is set */
const struct column *column_groups(size_t *count);

/** column_tree() - the columns of the trees of requests; @count is set */
const struct column *column_tree(size_t *count);

/** column_messages() - the columns of --events=messages before those of the connection; @count is set */
const struct column *column_messages(size_t *count);

/**
 * struct column_fields - columns of the requested fields
 * @column: each of them
 * @name: their headers, FIELDS for MESSAGE_NAME_ALL
 */
struct column_fields {
	struct column column[MESSAGE_NAMES_MAX];
	char name[MESSAGE_NAMES_MAX][MESSAGE_NAME_MAX + 1];
};

/** column_fields_init() - a column for each of @names; @fields must outlive the printer */
void column_fields_init(struct column_fields *fields, const struct message_names *names);

/** column_key() - the column of a key of the report peers */
const struct column *column_key(enum peers_key key);

/** column_message_kind() - the word of @kind, enum message_kind, in rows and ladders; NULL when it has none */
const char *column_message_kind(uint8_t kind);

/** column_is_key() - true for a column that names the row; a row_is_other() has none */
bool column_is_key(const struct column *column);

/** row_is_other() - true for the row of everything that a full table did not keep */
static inline bool row_is_other(const struct row *row)
{
	return (row->group != NULL && row->group->other) || (row->node != NULL && row->node->other);
}

/** row_is_partial() - true when a row_is_other() may contain a part of it */
static inline bool row_is_partial(const struct row *row)
{
	return row->group != NULL && row->group->partial;
}

/** column_type_text() - the type as --list-columns shows it: "integer", "number", "string", ... as in JSON */
const char *column_type_text(enum column_type type);

/** column_is_integer() - whether JSON has the number itself */
static inline bool column_is_integer(enum column_type type)
{
	return type >= COLUMN_COUNT && type <= COLUMN_PORT;
}

/** column_is_right() - true when tables align it to the right */
bool column_is_right(enum column_type type);

#endif
