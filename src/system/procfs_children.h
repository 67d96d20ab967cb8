/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_PROCFS_CHILDREN_H
#define CONNTRACE_SYSTEM_PROCFS_CHILDREN_H

#include <stdbool.h>
#include <stdint.h>
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

/**
 * procfs_waited() - sum of page faults and times of the children a process has waited for
 *
 * Return: true when it is known and children that end are counted. (They are not if the process ignores SIGCHLD.)
 */
bool procfs_waited(pid_t pid, uint64_t *sum);

/**
 * struct procfs_offspring - what changes when a process has a child, even one that has ended meanwhile
 * @waited: see procfs_waited()
 * @children: a sum over its children
 * @is_known: both are known
 */
struct procfs_offspring {
	uint64_t waited, children;
	bool is_known;
};

/** procfs_offspring() - as of now */
void procfs_offspring(pid_t pid, struct procfs_offspring *offspring);

/** procfs_offspring_is_same() - whether it is known that a process had no child between two times */
bool procfs_offspring_is_same(const struct procfs_offspring *before, const struct procfs_offspring *now);

#endif
