/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_PROCFS_CHILDREN_H
#define CONNTRACE_SYSTEM_PROCFS_CHILDREN_H

#include <sys/types.h>

/**
 * procfs_thread_children() - the children that one thread has made and that nobody has waited for yet
 * @tid: the thread
 * @callback: called for each of them
 * @context: handed to @callback
 *
 * Return: 0, -ENOENT when there is no such thread or the kernel lists no children (CONFIG_PROC_CHILDREN), or another
 * negative errno.
 */
int procfs_thread_children(pid_t tid, void (*callback)(void *context, pid_t child), void *context);

/**
 * procfs_children() - the children of a process, those of all its threads
 *
 * Where the kernel lists no children, all processes are asked for their parent.
 *
 * Return: 0 or a negative errno.
 */
int procfs_children(pid_t pid, void (*callback)(void *context, pid_t child), void *context);

#endif
