/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_EXPORT_PACKET_FILE_H
#define CONNTRACE_REPORT_EXPORT_PACKET_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "report/export/pcapng.h"

/** Files that --rotate keeps by default, and at most. */
#define PACKET_FILE_KEPT 10
#define PACKET_FILE_KEPT_MOST 1000

/**
 * struct packet_file_config - a file of packets
 * @path: its name, "-" is standard output
 * @rotate_bytes: a new file begins once this size is reached, 0: never
 * @rotate_ns: a new file begins after this span of time of the packets, 0: never
 * @kept: number of files with rotation: @path, the one before it @path.1, and so on
 * @program: name and version of the writer
 * @drops: frames that the kernel had no room for, of the interface with this number; below 0 unknown
 * @context: passed to @drops
 */
struct packet_file_config {
	const char *path;
	int64_t rotate_bytes;
	int64_t rotate_ns;
	int kept;
	const char *program;
	int64_t (*drops)(void *context, uint16_t number);
	void *context;
};

/**
 * struct packet_file - a pcapng file that is written beside the run
 *
 * A thread of its own writes, so that a slow disk delays nothing else. What it has not written yet is limited.
 */
struct packet_file;

/**
 * packet_file_open() - check whether the file can be written; it stays unchanged until packet_file_commit()
 * @file: set on success
 * @config: is copied, except for what its pointers refer to
 * @err: the reason of a failure
 *
 * Return: 0 or a negative errno.
 */
int packet_file_open(struct packet_file **file, const struct packet_file_config *config, struct err *err);

/** packet_file_name() - for messages */
const char *packet_file_name(const struct packet_file *file);

/** packet_file_is_to_come() - see outfile_is_to_come() */
bool packet_file_is_to_come(const struct packet_file *file);

/** packet_file_commit() - create or empty the file; later calls do nothing; Return: 0 or a negative errno */
int packet_file_commit(struct packet_file *file, struct err *err);

/**
 * packet_file_has_room() - whether packet_file_add() may be called
 * @file: the file
 * @waits: wait until it may
 */
bool packet_file_has_room(struct packet_file *file, bool waits);

/**
 * packet_file_add() - write a frame
 * @file: the file, committed
 * @frame: its interface is set by this function
 * @number: of the interface within the run
 * @link_type: DLT_*
 * @name: of the interface, "" unknown
 *
 * After a failure of writing frames are dropped, and counted.
 */
void packet_file_add(struct packet_file *file, struct pcapng_frame *frame, uint16_t number, int link_type,
		     const char *name);

/** packet_file_flush() - pass what was added to the thread, unless it is writing */
void packet_file_flush(struct packet_file *file);

/** packet_file_failed() - the first failure of writing since the last call, a negative errno; 0 none */
int packet_file_failed(struct packet_file *file, struct err *err);

/**
 * packet_file_close() - write the rest, and free it
 * @file: NULL is fine
 * @frames: set to the number of frames that are in files, also in those that were removed by rotation
 * @err: the reason of a failure that packet_file_failed() has not given
 *
 * Return: 0 or a negative errno.
 */
int packet_file_close(struct packet_file *file, uint64_t *frames, struct err *err);

#endif
