/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_SAVEFILE_READER_H
#define CONNTRACE_SOURCE_PACKET_SAVEFILE_READER_H

#include "base/err.h"
#include "source/packet/dissect.h"

struct bpf_insn;

/**
 * struct savefile_filter - a compiled packet filter
 * @instructions: borrowed; to be copied for later use
 * @length: their number, 0 accepts all frames
 */
struct savefile_filter {
	const struct bpf_insn *instructions;
	uint32_t length;
};

/**
 * struct savefile_user - the reader's callbacks
 * @frame: gets each frame that passes; its data is valid during the call only
 * @rejected: gets each frame that the filter rejects, likewise. May be NULL
 * @link: gets the filter for the link type of a first frame. May be NULL
 * @wait: called before a read that may block, after all frames read were passed on. May be NULL
 * @context: is passed to all of them
 */
struct savefile_user {
	void (*frame)(void *context, const struct dissect_record *record);
	void (*rejected)(void *context, const struct dissect_record *record);
	void (*link)(void *context, int link_type, struct savefile_filter *filter);
	void (*wait)(void *context);
	void *context;
};

/** struct savefile_reader - a savefile being read, of any format and compression */
struct savefile_reader;

/**
 * savefile_reader_new() - read @fd, which is at its first byte; the caller keeps ownership
 * @fd: a file or a pipe
 * @name: its name in messages; must live as long
 * @user: is copied
 *
 * Only allocates and reads, then and later, so it works under confine().
 */
struct savefile_reader *savefile_reader_new(int fd, const char *name, const struct savefile_user *user);

/**
 * savefile_reader_next() - the next frame
 * @reader: the reader
 * @record: on 1 filled as by savefile_next(); its data is valid until the next call
 * @err: on failure
 *
 * Frames of a file of several interfaces come in order of time, as far as they are near each other in the file
 * (savefile_order.h). Return: 1, 0 when a frame did not pass the filter, SOURCE_END, or a negative errno, as
 * savefile_reader_read().
 */
int savefile_reader_next(struct savefile_reader *reader, struct dissect_record *record, struct err *err);

/**
 * savefile_reader_read() - pass frames to the user
 * @reader: the reader
 * @count: their maximum number
 * @err: on failure
 *
 * Return: their number, SOURCE_END, or a negative errno. Frames before damage are passed on before the error is
 * returned. Frames of an unsupported link type are reported at the end (-EPROTONOSUPPORT).
 */
int savefile_reader_read(struct savefile_reader *reader, int count, struct err *err);

/** savefile_reader_free() - free it; NULL is allowed */
void savefile_reader_free(struct savefile_reader *reader);

#endif
