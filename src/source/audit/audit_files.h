/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_FILES_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/** audit_files_open() - a descriptor of each of @count paths in @fds; Return: 0, or a negative errno, then none is open
 */
int audit_files_open(const char *const *paths, size_t count, int *fds, struct err *err);

/** struct audit_files - the logs of a run, decompressed, as one sequence of lines in order of time */
struct audit_files;

/**
 * audit_files_new() - the files in order of the first time in each
 * @fds: owned by the caller
 * @paths: for messages
 * @count: of both
 * @day_first: see audit_line_parse()
 */
struct audit_files *audit_files_new(const int *fds, const char *const *paths, size_t count, bool day_first);

/**
 * audit_files_next() - the next line
 * @files: the files
 * @line: set: without its newline, valid until the next call
 * @wait: called before a read that may wait for more
 * @context: passed to it
 * @err: the message
 *
 * Return: 1, 0 after the last one, or a negative errno of a file that cannot be read on; the next call goes on with the
 * next file.
 */
int audit_files_next(struct audit_files *files, struct span *line, void (*wait)(void *context), void *context,
		     struct err *err);

/** audit_files_too_long() - how many lines were left out because of their length */
uint64_t audit_files_too_long(const struct audit_files *files);

#endif
