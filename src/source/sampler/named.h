/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_NAMED_H
#define CONNTRACE_SOURCE_SAMPLER_NAMED_H

#include <stddef.h>
#include <sys/types.h>

/* The processes named by -p. */

/** named_notice - called with a line for the user, valid during the call */
typedef void named_notice(void *context, const char *text);

/**
 * named_processes() - replace numbers of threads by those of their processes
 * @pids: the numbers named
 * @count: their number
 * @resolved: room for @count; each process is listed once
 * @notice: called for each thread
 * @context: passed to @notice
 *
 * A number that is neither stays as it is.
 *
 * Return: number of entries in @resolved.
 */
size_t named_processes(const pid_t *pids, size_t count, pid_t *resolved, named_notice *notice, void *context);

/**
 * named_children() - report children that exist already, hold sockets and are not named
 * @pids: the processes that are watched
 * @count: their number
 * @notice: called once for each of them that has such children, with the options that would name them too
 * @context: passed to @notice
 */
void named_children(const pid_t *pids, size_t count, named_notice *notice, void *context);

#endif
