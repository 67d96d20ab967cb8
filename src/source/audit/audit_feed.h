/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_FEED_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "model/endpoint.h"
#include "model/log_lines.h"
#include "source/audit/audit_fields.h"
#include "source/audit/audit_line.h"

/** enum audit_feed_address - the address of a call */
enum audit_feed_address {
	/** the event has none */
	AUDIT_ADDRESS_NONE,
	/** IPv4 or IPv6 */
	AUDIT_ADDRESS_INTERNET,
	AUDIT_ADDRESS_UNSPEC,
	/** of another family */
	AUDIT_ADDRESS_OTHER,
};

/**
 * struct audit_call - a call, joined of the records of its event
 * @time_ns: when it was entered, in milliseconds and up to a tick of the kernel too early
 * @node: of the host that wrote it, a hash of its name; 0: the log does not say
 * @call: enum audit_line_call, never AUDIT_CALL_SOCKETCALL
 * @args: the first two arguments, UINT64_MAX unknown
 * @result: result, or the negative errno; valid with @has_result
 * @has_result: the result is known
 * @is_uring: io_uring(7) did it, and the descriptors are unknown
 * @pid: thread group
 * @euid: effective user, -1 unknown
 * @comm: name of the thread, "" unknown
 * @exe: program file, "" unknown
 * @address_kind: enum audit_feed_address
 * @address: of AUDIT_ADDRESS_INTERNET
 * @local: the socket's own end, port 0 unknown, as in a log
 * @cookie: SO_COOKIE of the socket, 0 unknown, as in a log
 * @is_tcp: the socket was read, and is TCP
 * @is_other: the socket was read, and is not TCP
 */
struct audit_call {
	int64_t time_ns;
	uint32_t node;
	enum audit_line_call call;
	uint64_t args[2];
	int64_t result;
	bool has_result;
	bool is_uring;
	int32_t pid;
	int64_t euid;
	char comm[AUDIT_FIELDS_COMM];
	char exe[AUDIT_FIELDS_EXE];
	enum audit_feed_address address_kind;
	struct endpoint address;
	struct endpoint local;
	uint64_t cookie;
	bool is_tcp;
	bool is_other;
};

/**
 * struct audit_feed_stats - what was read
 * @lines: lines, and those that are not used
 * @records: lines that are records of audit
 * @lost: how many records the kernel says it lost, as far as the log has its messages: the growth from the first
 *	  message to the last, and 1 for the first
 */
struct audit_feed_stats {
	struct log_lines lines;
	uint64_t records;
	int64_t lost;
};

/** struct audit_feed - joins the records of events that are mixed in a log, by libauparse */
struct audit_feed;

/**
 * audit_feed_new() - an empty one
 * @on_call: called for each call that matters, from the other functions
 * @context: passed to it
 * @day_first: see audit_line_parse()
 * @err: the message
 *
 * Return: NULL when it is not built in, or without memory.
 */
struct audit_feed *audit_feed_new(void (*on_call)(void *context, const struct audit_call *call), void *context,
				  bool day_first, struct err *err);

/** audit_feed_line() - one line, without its newline */
void audit_feed_line(struct audit_feed *feed, struct span text);

/** audit_feed_end() - no more lines follow: events that wait for records are passed on */
void audit_feed_end(struct audit_feed *feed);

/** audit_feed_stats() - what was read until now */
const struct audit_feed_stats *audit_feed_stats(const struct audit_feed *feed);

/** audit_feed_free() - free it; NULL is allowed */
void audit_feed_free(struct audit_feed *feed);

#endif
