/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_ORPHANS_H
#define CONNTRACE_RUN_ORPHANS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What a command that nobody traces may have left behind. A daemon forks twice
 * within less than a millisecond; its parent is gone before any look at /proc
 * finds it, and then nothing says whose child it was. It cannot be watched on
 * that ground, but it can be named: a process that is younger than the command,
 * in our control group and network namespace, whose parent is whoever adopts
 * orphans here, and in our session or in one that is younger than the command.
 * What that one may have started itself is not named.
 */

/** orphans_start() - when a process started, in the kernel's ticks since the boot; 0 unknown */
uint64_t orphans_start(pid_t pid);

/**
 * orphans_find() - processes that look like orphans of a command
 * @start: orphans_start() of the command
 * @known: processes that are not meant
 * @known_count: how many
 * @pids: the first of them
 * @room: how many fit in
 *
 * Return: how many there are.
 */
size_t orphans_find(uint64_t start, const pid_t *known, size_t known_count, pid_t *pids, size_t room);

#endif
