/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_SAVEFILE_STREAM_H
#define CONNTRACE_SOURCE_PACKET_SAVEFILE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/** The compressions that savefile_stream_read() supports, for --version; "none" */
const char *savefile_stream_formats(void);

/**
 * struct savefile_stream - the bytes of a file, decompressed
 *
 * Compressed bytes are as untrusted as any. They are therefore decompressed here, in the process that reads the
 * packets, and not by a program started for it.
 */
struct savefile_stream;

/** savefile_stream_new() - read from @fd, of which the caller keeps ownership; only allocates */
struct savefile_stream *savefile_stream_new(int fd);

/**
 * savefile_stream_read() - some bytes
 * @stream: the stream
 * @to: their destination
 * @size: their maximum number
 * @err: on failure
 *
 * Return: their number, at least 1 and as many as are available without waiting; 0 at the end; or a negative errno:
 * -EPROTONOSUPPORT for a compression that is not built in, -EINVAL for damage.
 */
long savefile_stream_read(struct savefile_stream *stream, void *to, size_t size, struct err *err);

/** savefile_stream_free() - free it; NULL is allowed */
void savefile_stream_free(struct savefile_stream *stream);

#endif
