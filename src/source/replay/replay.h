/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_REPLAY_REPLAY_H
#define CONNTRACE_SOURCE_REPLAY_REPLAY_H

#include <stdint.h>

#include "base/err.h"
#include "base/queue.h"

struct source_ops;

/**
 * struct replay - a source that reads events from a file (see model/event_text.h)
 *
 * The events come in the order of the lines, in which they were fed when they were recorded. Empty lines and lines that
 * begin with # are left out, so that a file can be written and commented by hand.
 */
struct replay;

/**
 * struct replay_config - the file to read
 * @path: the file; "-" is standard input
 */
struct replay_config {
	const char *path;
};

/**
 * replay_open() - open the file
 * @replay: set on success only
 *
 * Return: 0, or a negative errno with the message in @err.
 */
int replay_open(struct replay **replay, const struct replay_config *config, struct err *err);

/** replay_source - a recording in the loop of a run */
extern const struct source_ops replay_source;

/** replay_fd() - readable when there is more; -1 for a regular file, which never has to be waited for */
int replay_fd(const struct replay *replay);

/**
 * replay_read() - append events to @events, a piece of the file at most
 *
 * Return: their number, 0 for none now, SOURCE_END after the last one, -EINVAL for a line that is no event (the message
 * names file and line), or another negative errno of reading. After an error, the events before it are in @events, and
 * no more will come.
 */
int replay_read(struct replay *replay, struct queue *events, struct err *err);

/** replay_offset() - how far a regular file has been read, -1 another; @size is set to its size */
int64_t replay_offset(const struct replay *replay, int64_t *size);

/** replay_close() - close the file; NULL is allowed */
void replay_close(struct replay *replay);

#endif
