/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_PROCFS_CHILDREN_H
#define CONNTRACE_SYSTEM_PROCFS_CHILDREN_H

#include <sys/types.h>

/**
 * procfs_thread_children() - the children of one thread that have not been waited for yet
 * @tid: the thread
 * @callback: called for each of them
 * @context: passed to @callback
 *
 * Return: 0, -ENOENT when there is no such thread or the kernel lists no children (CONFIG_PROC_CHILDREN), or another
 * negative errno.
 */
int procfs_thread_children(pid_t tid, void (*callback)(void *context, pid_t child), void *context);

/**
 * procfs_children() - the children of a process, those of all its threads
 *
 * Where the kernel lists no children, the parent of all processes is read.
 *
 * Return: 0 or a negative errno.
 */
int procfs_children(pid_t pid, void (*callback)(void *context, pid_t child), void *context);

#endif
