/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_PROCFS_PRIVILEGE_H
#define CONNTRACE_SYSTEM_PROCFS_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * procfs_lost_privilege() - did execve(2) not give a process the privilege its program file promises?
 * @pid: a process that has just executed its program
 *
 * The kernel ignores set-user-ID, set-group-ID and capabilities of the file when
 * no_new_privs is set or when an unprivileged process traces (execve(2)). On a
 * file system mounted nosuid, or when this process itself has no_new_privs, they
 * would not count anyway.
 *
 * Return: what it should have been ("set-user-ID", "set-group-ID", "privileged (file capabilities)"),
 * or NULL when nothing was lost or it can't be told.
 */
const char *procfs_lost_privilege(pid_t pid);

/**
 * procfs_heeds_privilege() - would execve(2) by this process give the privileges that a program file promises?
 * @path: the program; not on a file system mounted nosuid, and without no_new_privs it would
 */
bool procfs_heeds_privilege(const char *path);

#endif
