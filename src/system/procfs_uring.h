/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_PROCFS_URING_H
#define CONNTRACE_SYSTEM_PROCFS_URING_H

#include <stdint.h>
#include <sys/types.h>

/**
 * procfs_uring_sockets() - the sockets in the table of an io_uring (direct descriptors)
 * @tid: process or thread
 * @ring: descriptor of the ring there
 * @callback: called with the inode of each
 * @context: handed to @callback
 *
 * From /proc/PID/fdinfo, which lists them since Linux 5.5 unless the ring is busy. There is no other source: they have
 * no descriptor.
 *
 * Return: 0 or a negative errno; 0 also for a descriptor of no ring.
 */
int procfs_uring_sockets(pid_t tid, int ring, void (*callback)(void *context, uint32_t inode), void *context);

#endif
