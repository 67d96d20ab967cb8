/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_FILE_STREAM_H
#define CONNTRACE_SYSTEM_FILE_STREAM_H

#include <stddef.h>

#include "base/err.h"

/** The compressions that file_stream_read() supports, for --version; "none" */
const char *file_stream_formats(void);

/**
 * struct file_stream - the bytes of a file, decompressed
 *
 * Compressed bytes are as untrusted as any. They are therefore decompressed here, in the confined
 * process that reads it, and not by a program started for it.
 */
struct file_stream;

/**
 * file_stream_new() - read from @fd, of which the caller keeps ownership; only allocates
 * @fd: the file
 * @option: for a remedy: how conntrace(1) reads such a file from standard input, kept by the caller
 */
struct file_stream *file_stream_new(int fd, const char *option);

/**
 * file_stream_read() - some bytes
 * @stream: the stream
 * @to: their destination
 * @size: their maximum number
 * @err: on failure
 *
 * Return: their number, at least 1 and as many as are available without waiting; 0 at the end; or a negative errno:
 * -EPROTONOSUPPORT for a compression that is not built in, -EINVAL for damage.
 */
long file_stream_read(struct file_stream *stream, void *to, size_t size, struct err *err);

/** file_stream_free() - free it; NULL is allowed */
void file_stream_free(struct file_stream *stream);

#endif
