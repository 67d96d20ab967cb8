/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_PROCFS_TCP_H
#define CONNTRACE_SYSTEM_PROCFS_TCP_H

#include "system/procfs.h"

/*
 * What /proc says of one descriptor of a process, where its socket can't be
 * duplicated. Needs PTRACE_MODE_READ_FSCREDS, as all of /proc/PID/fd.
 */

/**
 * procfs_tcp_inode() - is a descriptor a TCP socket, and which?
 * @tid: process or thread; a thread's own number serves when the leader has ended
 * @fd: descriptor there
 * @inode: set on success only
 *
 * The protocol is the extended attribute system.sockprotoname, which sockfs has since Linux 2.6.18.
 *
 * Return: 0, -ENOTSUP for anything else than TCP (MPTCP is something else),
 * or another negative errno: -ENOENT not open.
 */
int procfs_tcp_inode(pid_t tid, int fd, uint32_t *inode);

/**
 * procfs_tcp_find() - ends and state of a socket, from /proc/PID/net/tcp and tcp6
 * @tid: process or thread in whose network namespace the socket lives
 * @inode: which
 * @event: flow.local, flow.remote (unknown for a listener), info.state, info.inode and info.uid are
 *	   set, on success only
 *
 * Reads the table of the whole namespace, so it costs in proportion to the sockets there. A socket
 * that is bound only, or whose connection has failed or has ended, does not stand in it.
 *
 * Return: 0, -ENOENT not there, or another negative errno.
 */
int procfs_tcp_find(pid_t tid, uint32_t inode, struct event *event);

#endif
