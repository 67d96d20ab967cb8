/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_PROCFS_NETSTAT_H
#define CONNTRACE_SYSTEM_PROCFS_NETSTAT_H

#include <stdint.h>
#include <sys/types.h>

/* Counters of a network namespace (/proc/PID/net/netstat). The descriptor stays valid when the process has ended. */

/** procfs_netstat_open() - the counters of the namespace of @pid, 0 for the own one; Return: to be closed, or -errno */
int procfs_netstat_open(pid_t pid);

/** procfs_netstat_value() - the counter @name of TcpExt, as "ListenOverflows", now; Return: -1 unknown */
int64_t procfs_netstat_value(int fd, const char *name);

/** procfs_netstat_find() - the same in the text of the file, which is changed */
int64_t procfs_netstat_find(char *text, const char *name);

#endif
