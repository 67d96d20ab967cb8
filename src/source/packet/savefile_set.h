/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_SAVEFILE_SET_H
#define CONNTRACE_SOURCE_PACKET_SAVEFILE_SET_H

#include "base/err.h"
#include "source/packet/process.h"

/**
 * struct savefile_set - the savefiles of a run, as the main process knows them
 * @fds: of each regular file that can be opened, else -1; their offsets are shared with the packet process
 * @size: bytes of all, -1: one is no regular file
 * @deferred: one is a stream, which may pause, even before its head
 */
struct savefile_set {
	int fds[PACKET_SAVEFILES];
	int64_t size;
	bool deferred;
};

/** savefile_set_check() - what can be known before opening; Return: 0, or a negative errno with the message in @err */
int savefile_set_check(struct savefile_set *set, const struct packet_config *config, struct err *err);

/** savefile_set_open() - open the regular files; Return: 0, or -EINVAL with the message in @err: one is named twice */
int savefile_set_open(struct savefile_set *set, const struct packet_config *config, struct err *err);

/** savefile_set_offset() - bytes read of the first @count, -1 unknown */
int64_t savefile_set_offset(const struct savefile_set *set, size_t count);

/** savefile_set_close() - standard input stays open */
void savefile_set_close(struct savefile_set *set);

#endif
