/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_OUTFILE_H
#define CONNTRACE_BASE_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

/**
 * struct outfile - an output file that stays unchanged until there is output
 *
 * outfile_open() checks whether the file can be written. It neither creates nor empties it; outfile_commit() does.
 * Output between the two waits in the stream's buffer and must fit into it.
 */
struct outfile;

/**
 * outfile_open() - prepare to write a file
 * @file: set on success only
 * @path: the file; "-" is standard output
 * @append: append to the content
 * @err: the reason of a failure
 *
 * A device or a pipe is opened at once, which changes nothing in it.
 *
 * Return: 0 or a negative errno.
 */
int outfile_open(struct outfile **file, const char *path, bool append, struct err *err);

/** outfile_make_private() - if the file has to be created, only its owner may read it */
void outfile_make_private(struct outfile *file);

/** outfile_stream() - the stream of the file; valid until outfile_close() */
FILE *outfile_stream(const struct outfile *file);

/** outfile_failed() - the message that it cannot be written, for the errno @error; Return: -@error */
int outfile_failed(const struct outfile *file, int error, struct err *err);

/** outfile_name() - the path, or "standard output", for messages */
const char *outfile_name(const struct outfile *file);

/**
 * outfile_commit() - create the file, or empty it unless it is appended to; later calls do nothing
 *
 * Return: 0, or a negative errno with the reason in @err; the next call tries again.
 */
int outfile_commit(struct outfile *file, struct err *err);

/** outfile_is_to_come() - whether outfile_commit() has to create it */
bool outfile_is_to_come(const struct outfile *file);

/** outfile_is_empty() - whether the file is empty; valid after outfile_commit() */
bool outfile_is_empty(const struct outfile *file);

/**
 * outfile_reopen() - write the buffer and open the path again, to append to its current content
 *
 * For a file that was renamed (logrotate(8)). Nothing is done for standard output and before outfile_commit().
 *
 * Return: 0, or a negative errno with the reason in @err; later output goes into the old file then.
 */
int outfile_reopen(struct outfile *file, struct err *err);

/**
 * outfile_close() - write the buffer, close the file and free @file
 * @file: NULL is fine; before outfile_commit() the file stays as it was
 *
 * Return: 0, or a negative errno with the reason in @err: a full disk may show only now.
 */
int outfile_close(struct outfile *file, struct err *err);

#endif
