/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_PROCFS_PRIVILEGE_H
#define CONNTRACE_SYSTEM_PROCFS_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * procfs_lost_privilege() - whether execve(2) withheld the privilege of the program file from a process
 * @pid: a process that has just executed its program
 *
 * The kernel ignores set-user-ID, set-group-ID and capabilities of the file when no_new_privs is set or when an
 * unprivileged process traces (execve(2)). On a file system mounted nosuid, or when this process itself has
 * no_new_privs, they have no effect anyway.
 *
 * Return: the withheld privilege ("set-user-ID", "set-group-ID", "privileged (file capabilities)"), or NULL when none
 * was withheld or it is unknown.
 */
const char *procfs_lost_privilege(pid_t pid);

/**
 * procfs_heeds_privilege() - whether execve(2) by this process applies the privileges of a program file
 * @path: the program; true unless its file system is mounted nosuid or no_new_privs is set
 */
bool procfs_heeds_privilege(const char *path);

#endif
