/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_SAVEFILE_READER_H
#define CONNTRACE_SOURCE_PACKET_SAVEFILE_READER_H

#include "base/err.h"
#include "source/packet/dissect.h"

struct bpf_insn;

/**
 * struct savefile_filter - a compiled packet filter
 * @instructions: borrowed, copied by who wants to keep them
 * @length: how many, 0 to let all frames pass
 */
struct savefile_filter {
	const struct bpf_insn *instructions;
	uint32_t length;
};

/**
 * struct savefile_user - who reads
 * @frame: gets each frame that passes; its data is valid during the call only
 * @rejected: gets each frame that the filter does not let pass, likewise. May be NULL
 * @link: the first frame of a link type is at hand: which filter is for these? May be NULL
 * @wait: the file is going to be read on, and a stream may be long in answering: what was handed over is all there is
 *	  for now. May be NULL
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
 * savefile_reader_new() - read @fd, which is at its first byte and stays the caller's
 * @fd: a file or a pipe
 * @name: what to call it in messages; must live as long
 * @user: is copied
 *
 * Only allocates and reads, then and later, so it works under confine().
 */
struct savefile_reader *savefile_reader_new(int fd, const char *name, const struct savefile_user *user);

/**
 * savefile_reader_next() - the next frame
 * @reader: the reader
 * @record: on 1 what savefile_next() fills is filled; its data is valid until the next call
 * @err: on failure
 *
 * Frames of a file of several interfaces come in order of time, as far as they are near each other in the file
 * (savefile_order.h). Return: 1, 0 when a frame did not pass the filter, SOURCE_END, or a negative errno, as
 * savefile_reader_read().
 */
int savefile_reader_next(struct savefile_reader *reader, struct dissect_record *record, struct err *err);

/**
 * savefile_reader_read() - hand frames to the user
 * @reader: the reader
 * @count: at most so many
 * @err: on failure
 *
 * Return: how many, SOURCE_END, or a negative errno. Whatever is whole before
 * damage is handed over before the error is told. That there were frames of a
 * link type that is not understood is told at the end (-EPROTONOSUPPORT).
 */
int savefile_reader_read(struct savefile_reader *reader, int count, struct err *err);

/** savefile_reader_free() - NULL is fine */
void savefile_reader_free(struct savefile_reader *reader);

#endif
