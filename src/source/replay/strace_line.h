/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_REPLAY_STRACE_LINE_H
#define CONNTRACE_SOURCE_REPLAY_STRACE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "model/log_lines.h"
#include "model/endpoint.h"

/** enum strace_kind - kind of a line */
enum strace_kind {
	/** a call, from its entry to its return */
	STRACE_CALL,
	/** the entry of a call interrupted by others: "<unfinished ...>" */
	STRACE_UNFINISHED,
	/** the return of such a one: "<... NAME resumed>" */
	STRACE_RESUMED,
	/** the thread is gone: "+++ exited with 0 +++" */
	STRACE_GONE,
	/** something else, for example a signal */
	STRACE_OTHER,
	/** a call that is cut, or cannot be read */
	STRACE_DAMAGED,
};

/**
 * struct strace_line - a line of strace -f -ttt -T
 *
 * The spans are borrowed from the text.
 *
 * @kind: enum strace_kind
 * @tid: the number before it
 * @time_ns: the time before it, since the epoch
 * @duration_ns: the time in the call behind it, -1 when there is none
 * @name: of the call
 * @arguments: the text between its brackets, as far as this line has it
 * @result: its result, -1 for an error
 * @error: errno then, 0 for success, -1 when the name is unknown here
 */
struct strace_line {
	enum strace_kind kind;
	int32_t tid;
	int64_t time_ns;
	int64_t duration_ns;
	struct span name;
	struct span arguments;
	int64_t result;
	int32_t error;
};

/** strace_line_count() - add to @lines why it is not used, if so; @is_waiting: the line before it was unfinished */
void strace_line_count(const struct strace_line *line, bool is_waiting, struct log_lines *lines);

/**
 * strace_line_parse() - parse a line
 * @line: set on success only
 * @text: without its newline
 *
 * Return: 0, or -EINVAL with the message in @err for a line without process or time.
 */
int strace_line_parse(struct strace_line *line, struct span text, struct err *err);

/** strace_line_is() - whether it is this call */
bool strace_line_is(const struct strace_line *line, const char *name);

/** strace_line_has() - whether the arguments contain @word */
bool strace_line_has(const struct strace_line *line, const char *word);

/** strace_line_number() - the argument number @index from 0, a decimal number at its beginning, as in 3<TCP:[...]> */
bool strace_line_number(const struct strace_line *line, unsigned int index, int64_t *number);

/** strace_line_string() - the first string in the arguments between quotation marks, unchanged */
bool strace_line_string(const struct strace_line *line, struct span *string);

/** strace_line_address() - the socket address in the arguments, IPv4 or IPv6 */
bool strace_line_address(const struct strace_line *line, struct endpoint *endpoint);

/**
 * strace_line_ends() - the ends that -yy gives of a descriptor: 5<TCP:[192.0.2.1:80->192.0.2.9:4000]>
 * @text: where the first such mark is searched
 * @is_tcp: set when there is a mark that names a protocol
 * @local: set when the mark has it
 * @remote: set when the mark has it
 *
 * Return: true when there is such a mark. One that has only an inode, TCP:[1234], sets no ends: their port stays 0.
 */
bool strace_line_ends(struct span text, bool *is_tcp, struct endpoint *local, struct endpoint *remote);

/** strace_line_mark() - the mark after the result of a line: the accepted socket */
struct span strace_line_mark(struct span text);

#endif
