/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_SAVEFILE_STREAM_H
#define CONNTRACE_SOURCE_PACKET_SAVEFILE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/** What savefile_stream_read() takes apart besides plain bytes, for the version; "none" */
const char *savefile_stream_formats(void);

/**
 * struct savefile_stream - the bytes of a file, decompressed
 *
 * Compressed bytes are as hostile as any, so they are decompressed here, in
 * the process that reads the packets, and not by a program started for it.
 */
struct savefile_stream;

/** savefile_stream_new() - read from @fd, which stays the caller's; only allocates */
struct savefile_stream *savefile_stream_new(int fd);

/**
 * savefile_stream_read() - some bytes
 * @stream: the stream
 * @to: where to
 * @size: how many at most
 * @err: on failure
 *
 * Return: how many, at least 1 and as many as there are without waiting for
 * more; 0 at the end; or a negative errno: -EPROTONOSUPPORT for a compression
 * that is not built in, -EINVAL for damage.
 */
long savefile_stream_read(struct savefile_stream *stream, void *to, size_t size, struct err *err);

/** savefile_stream_free() - NULL is fine */
void savefile_stream_free(struct savefile_stream *stream);

#endif
