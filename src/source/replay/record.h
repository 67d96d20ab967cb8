/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_REPLAY_RECORD_H
#define CONNTRACE_SOURCE_REPLAY_RECORD_H

#include <stdbool.h>

#include "base/err.h"
#include "model/event.h"

/** struct record_file - a file of events being written (see model/event_text.h) */
struct record_file;

/**
 * record_open() - prepare to write a file, which stays unchanged until record_commit()
 * @record: set on success only
 * @path: the file; "-" is standard output
 *
 * Return: 0, or a negative errno with the message in @err.
 */
int record_open(struct record_file **record, const char *path, struct err *err);

/** record_commit() - there is something to write: see outfile_commit() */
int record_commit(struct record_file *record, struct err *err);

/** record_is_to_come() - see outfile_is_to_come() */
bool record_is_to_come(const struct record_file *record);

/**
 * record_event() - write an event after those before it; buffered
 *
 * Return: 0, or a negative errno of writing with the message in @err; -EINVAL for an event that cannot be written as
 * text. After a failure of writing every further call fails alike.
 */
int record_event(struct record_file *record, const struct event *event, struct err *err);

/**
 * record_close() - write buffered events and close the file; NULL is allowed
 *
 * Return: 0, or a negative errno of writing with the message in @err; the file is closed in any case.
 */
int record_close(struct record_file *record, struct err *err);

#endif
