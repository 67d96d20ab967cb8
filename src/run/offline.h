/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_OFFLINE_H
#define CONNTRACE_RUN_OFFLINE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "source/merge.h"
#include "cli/options.h"

/** struct offline - the witnesses that speak from files of text: a recording, or a log of strace */
struct offline;

/** offline_open() - those that @options name, if any; Return: 0, or a negative errno with the story in @err */
int offline_open(struct offline **offline, const struct options *options, struct merge *merge, struct err *err);

/** offline_close() - NULL is fine */
void offline_close(struct offline *offline);

/**
 * offline_read() - move what they have into the merge, where they are awaited until they have ended
 * @merge: that of offline_open()
 * @err: set when one of them failed, which then has ended
 *
 * Return: how many events.
 */
int offline_read(struct offline *offline, struct merge *merge, struct err *err);

/** offline_notice() - what the user should know at the end, once; false when there is nothing */
bool offline_notice(struct offline *offline, struct err *notice);

/** offline_fds() - add what to poll(2) for; Return: false when there is more to read at once */
bool offline_fds(const struct offline *offline, struct pollfd *fds, size_t *count);

/** offline_is_open() - is there such a witness? */
bool offline_is_open(const struct offline *offline);

/** offline_has_ended() - has each told all? */
bool offline_has_ended(const struct offline *offline);

/** offline_offset() - how far the recording was read, -1 when there is none; @size is set */
int64_t offline_offset(const struct offline *offline, int64_t *size);

#endif
