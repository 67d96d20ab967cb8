/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_REPLAY_STRACE_FILE_H
#define CONNTRACE_SOURCE_REPLAY_STRACE_FILE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

/** struct strace_file - the lines of a file, a pipe or a device; none of them is waited for or kept whole if too long
 */
struct strace_file;

/** strace_file_open() - @path: the file; "-" is standard input; Return: 0, or a negative errno with the message in @err
 */
int strace_file_open(struct strace_file **file, const char *path, struct err *err);

/** strace_file_name() - the path, or "standard input", for messages */
const char *strace_file_name(const struct strace_file *file);

/** enum strace_file_line - what strace_file_next() has found */
enum strace_file_line {
	/** none now; strace_file_fd() says whether to wait */
	STRACE_FILE_NONE,
	/** a whole line */
	STRACE_FILE_LINE,
	/** the last line, which lacks its newline */
	STRACE_FILE_CUT,
	/** the first 256 KiB of a longer line, whose rest is skipped */
	STRACE_FILE_LONG,
	STRACE_FILE_END,
};

/**
 * strace_file_next() - the next line; never blocks
 * @file: the file
 * @line: set: without its newline, valid until the next call
 * @err: the message
 *
 * Return: enum strace_file_line, or a negative errno.
 */
int strace_file_next(struct strace_file *file, struct span *line, struct err *err);

/** strace_file_fd() - readable (poll(2)) when there is more; -1: there may be more at once */
int strace_file_fd(const struct strace_file *file);

/** strace_file_first() - go back to the first line; Return: false, and nothing is changed, when it is no regular file
 */
bool strace_file_first(struct strace_file *file);

/** strace_file_close() - close it */
void strace_file_close(struct strace_file *file);

#endif
