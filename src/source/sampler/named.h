/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_NAMED_H
#define CONNTRACE_SOURCE_SAMPLER_NAMED_H

#include <stddef.h>
#include <sys/types.h>

/*
 * The processes that -p names.
 */

/** named_notice - called with a line for the user, valid during the call */
typedef void named_notice(void *context, const char *text);

/**
 * named_processes() - numbers of threads become those of their processes
 * @pids: what was named
 * @count: how many
 * @resolved: room for as many; each process stands there once
 * @notice: told of each thread
 * @context: handed to @notice
 *
 * A number that is nothing stays as it is.
 *
 * Return: how many are in @resolved.
 */
size_t named_processes(const pid_t *pids, size_t count, pid_t *resolved, named_notice *notice, void *context);

/**
 * named_children() - tell of children that exist already, hold sockets and are not named
 * @pids: the processes that are watched
 * @count: how many
 * @notice: told once for each of them that has such children, with the words that would name them too
 * @context: handed to @notice
 */
void named_children(const pid_t *pids, size_t count, named_notice *notice, void *context);

#endif
