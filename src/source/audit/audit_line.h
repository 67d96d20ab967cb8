/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_LINE_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/text.h"
#include "source/audit/audit_fields.h"

/** enum audit_line_type - what a line of a log is */
enum audit_line_type {
	/** no record of audit */
	AUDIT_LINE_FOREIGN,
	/** a record that tells nothing of sockets */
	AUDIT_LINE_OTHER,
	/** SYSCALL of a call in enum audit_line_call */
	AUDIT_LINE_SYSCALL,
	/** SOCKETCALL: the arguments of socketcall(2) */
	AUDIT_LINE_SOCKETCALL,
	AUDIT_LINE_SOCKADDR,
	/** URINGOP: an accept or connect by io_uring(7) */
	AUDIT_LINE_URING,
	/** EOE, or PROCTITLE, which the kernel writes last */
	AUDIT_LINE_END,
	/** "----" of ausearch(8): the event before it is whole */
	AUDIT_LINE_SEPARATOR,
	/** the kernel's message that records were lost */
	AUDIT_LINE_LOST,
	/** a record without time and number, as journalctl(1) prints it: it belongs to no event */
	AUDIT_LINE_NUMBERLESS,
	/** a record that may matter, whose time or call cannot be read */
	AUDIT_LINE_DAMAGED,
};

/** enum audit_line_call - the calls that matter */
enum audit_line_call {
	AUDIT_CALL_NONE,
	AUDIT_CALL_SOCKET,
	AUDIT_CALL_BIND,
	AUDIT_CALL_CONNECT,
	AUDIT_CALL_LISTEN,
	/** accept(2), accept4(2) */
	AUDIT_CALL_ACCEPT,
	AUDIT_CALL_SHUTDOWN,
	AUDIT_CALL_CLOSE,
	/** dup(2), dup2(2), dup3(2), fcntl(2) with F_DUPFD */
	AUDIT_CALL_DUP,
	/** fork(2), vfork(2), and clone(2) that copies the descriptors, as far as its arguments are known */
	AUDIT_CALL_FORK,
	/** socketcall(2): the call is in its first argument */
	AUDIT_CALL_SOCKETCALL,
};

/** The longest name of a host, cut there. */
#define AUDIT_LINE_NODE 64

/**
 * struct audit_line - a line of a log of audit
 *
 * The spans are borrowed from the text.
 *
 * @type: enum audit_line_type
 * @call: of AUDIT_LINE_SYSCALL and AUDIT_LINE_URING
 * @is_interpreted: ausearch -i wrote it: names instead of numbers
 * @node: the host that wrote it, empty when the line does not say
 * @seconds: of the event, since the epoch
 * @milliseconds: of the event
 * @serial: number of the event
 * @lost: of AUDIT_LINE_LOST: how many since the host was started
 * @body: the fields
 */
struct audit_line {
	enum audit_line_type type;
	enum audit_line_call call;
	bool is_interpreted;
	struct span node;
	int64_t seconds;
	uint32_t milliseconds;
	uint64_t serial;
	int64_t lost;
	struct span body;
};

/**
 * audit_line_parse() - what a line is
 * @line: set
 * @text: without its newline
 * @day_first: 1/2/2026 is the first of February
 *
 * Takes every form in which records are kept: raw and enriched (with the separator 0x1d or without), ausearch(8) with
 * and without -i, the kernel's messages in a journal, in dmesg(1) and behind the words of syslog, audispd's.
 */
void audit_line_parse(struct audit_line *line, struct span text, bool day_first);

/**
 * audit_line_fields() - all fields of a call
 * @line: SYSCALL or URING
 * @fields: set
 *
 * Return: false when one that it needs is missing.
 */
bool audit_line_fields(const struct audit_line *line, struct audit_fields *fields);

/**
 * audit_line_write() - the same record as auditd(8) writes it raw, with the fields that matter only
 * @line: SYSCALL, SOCKETCALL, SOCKADDR, URING or END
 * @to: replaced by it and a newline
 *
 * Names are numbers again, and the names of program and file are in hexadecimal digits.
 *
 * Return: false when a field that it needs is missing.
 */
bool audit_line_write(const struct audit_line *line, struct text *to);

/** audit_line_syscall() - a call by the architecture (enum of linux/audit.h) and number of a record */
enum audit_line_call audit_line_syscall(uint32_t arch, int number, uint64_t first_argument, uint64_t second_argument);

/** audit_line_uring() - a call by the operation of io_uring(7) */
enum audit_line_call audit_line_uring(int operation);

/** audit_line_socketcall() - a call by the first argument of socketcall(2) */
enum audit_line_call audit_line_socketcall(uint64_t number);

#endif
