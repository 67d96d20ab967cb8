/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_PRIVILEGES_H
#define CONNTRACE_RUN_PRIVILEGES_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/options.h"

/**
 * privileges_check() - refuse to run set-user-ID or set-group-ID
 *
 * A user of such a program could watch other users' processes with it and write files as its owner. File capabilities
 * are allowed: the process stays the user's, and they are dropped as soon as they are not needed.
 *
 * Return: 0, or -EPERM with the remedy in @err.
 */
int privileges_check(struct err *err);

/** privileges_has() - true when a capability (CAP_* of linux/capability.h) is effective */
bool privileges_has(unsigned int capability);

/**
 * privileges_drop() - drop the capabilities of the calling thread that this run does not need any more
 * @options: determine which these are
 * @opens_files: files remain to be opened
 *
 * A run from files keeps none; with -i alone those for /proc; with watched processes those needed to query them.
 * Without a command the process and its children cannot get new ones either.
 */
void privileges_drop(const struct options *options, bool opens_files);

/** privileges_drop_thread() - the same for another thread, without files to be opened; @options: struct options */
void privileges_drop_thread(const void *options);

/** privileges_drop_all() - drop all capabilities of the calling thread */
void privileges_drop_all(void);

#endif
