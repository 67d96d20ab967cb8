/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_PROCFS_TCP_H
#define CONNTRACE_SYSTEM_PROCFS_TCP_H

#include "system/procfs.h"

/*
 * Data of one descriptor of a process from /proc, where its socket cannot be duplicated. Needs
 * PTRACE_MODE_READ_FSCREDS, as all of /proc/PID/fd.
 */

/**
 * procfs_tcp_inode() - the inode of a descriptor that is a TCP socket
 * @tid: process or thread; a thread's own number serves when the leader has ended
 * @fd: descriptor there
 * @inode: set on success only
 *
 * The protocol is the extended attribute system.sockprotoname, which sockfs has since Linux 2.6.18.
 *
 * Return: 0, -ENOTSUP for anything else than TCP (MPTCP is something else), or another negative errno: -ENOENT not
 * open.
 */
int procfs_tcp_inode(pid_t tid, int fd, uint32_t *inode);

/**
 * procfs_tcp_find() - ends and state of a socket, from /proc/PID/net/tcp and tcp6
 * @tid: process or thread in the network namespace of the socket
 * @inode: inode of the socket
 * @event: flow.local, flow.remote (unknown for a listener), info.state, info.inode and info.uid are set, on success
 * only
 *
 * Reads the table of the whole namespace, so the cost is proportional to the sockets there. A socket that is bound
 * only, or whose connection has failed or has ended, is not listed.
 *
 * Return: 0, -ENOENT not there, or another negative errno.
 */
int procfs_tcp_find(pid_t tid, uint32_t inode, struct event *event);

#endif
