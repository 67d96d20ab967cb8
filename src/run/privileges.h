/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_PRIVILEGES_H
#define CONNTRACE_RUN_PRIVILEGES_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/options.h"

/**
 * privileges_check() - refuse to run set-user-ID or set-group-ID
 *
 * Whoever may run such a program could watch other users' processes with it and write files as its owner. File
 * capabilities are fine: the process stays the user's, and they are given up as soon as they are not needed.
 *
 * Return: 0, or -EPERM with the remedy in @err.
 */
int privileges_check(struct err *err);

/** privileges_has() - is a capability (CAP_* of linux/capability.h) effective? */
bool privileges_has(unsigned int capability);

/**
 * privileges_drop() - the calling thread gives up the capabilities that this run does not need any more
 * @options: say which those are
 * @opens_files: there are files to be opened yet
 *
 * From files nothing is left; with -i alone what /proc asks for; with processes to watch, what asking about them takes.
 * Without a command the process and its children can get no new ones either.
 */
void privileges_drop(const struct options *options, bool opens_files);

/** privileges_drop_thread() - the same for another thread, when nothing is to be opened; @options: struct options */
void privileges_drop_thread(const void *options);

/** privileges_drop_all() - leave the calling thread none */
void privileges_drop_all(void);

#endif
