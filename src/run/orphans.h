/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_ORPHANS_H
#define CONNTRACE_RUN_ORPHANS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Processes that an untraced command may have left running. A daemon forks twice within less than a millisecond; its
 * parent has ended before a sample of /proc finds it, and the kernel keeps no record of whose child it was. Candidates
 * are younger than the command, have its control group and network namespace, are children of the process that adopts
 * orphans here, and have the session of this process or one that is younger than the command.
 *
 * That excludes processes, but it proves nothing: another program's daemon may fulfil all of it. Its environment and
 * program are inherited from a common shell as well. Only a mark that the command inherits (a variable, a descriptor)
 * or PR_SET_CHILD_SUBREAPER would be a proof, and both change what the command sees. So candidates are named as such,
 * and are neither watched nor sent signals. Processes that the adopting process may have started are not named.
 */

/** orphans_start() - when a process started, in the kernel's ticks since the boot; 0 unknown */
uint64_t orphans_start(pid_t pid);

/**
 * orphans_find() - processes that look like orphans of a command
 * @start: orphans_start() of the command
 * @known: processes to leave out
 * @known_count: their number
 * @pids: gets the first of them
 * @room: size of @pids
 *
 * Return: number of processes found.
 */
size_t orphans_find(uint64_t start, const pid_t *known, size_t known_count, pid_t *pids, size_t room);

#endif
