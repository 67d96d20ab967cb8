/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_PROCFS_OWNERS_H
#define CONNTRACE_SYSTEM_PROCFS_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct procfs_owners - which process holds which socket, as of the last look
 *
 * A table from inode number to holder. Of processes of other users nothing is
 * seen without CAP_SYS_PTRACE.
 */
struct procfs_owners;

/**
 * struct procfs_holder - who holds a socket
 * @inode: the socket's inode number
 * @pid: the process with the lowest number among those that hold it
 * @fd: its descriptor, the lowest if it has several; -1 none, it is in the table of an io_uring (direct descriptor)
 * @identity: of that process, see procfs_identity()
 * @shared: other processes hold it too, so nobody can say who uses it
 */
struct procfs_holder {
	uint32_t inode;
	pid_t pid;
	int fd;
	uint64_t identity;
	bool shared;
};

/** procfs_owners_new() - an empty table that will hold at most @limit sockets */
struct procfs_owners *procfs_owners_new(size_t limit);

/** procfs_owners_free() - NULL is fine */
void procfs_owners_free(struct procfs_owners *owners);

/** procfs_owners_clear() - forget everything */
void procfs_owners_clear(struct procfs_owners *owners);

/** procfs_owners_add() - look at one process; Return: of how many sockets it has descriptors, or a negative errno */
int procfs_owners_add(struct procfs_owners *owners, pid_t pid);

/**
 * procfs_owners_refresh() - forget everything and look at all processes
 * @owners: the table
 *
 * About a microsecond per open file of the host.
 *
 * Return: how many sockets are known, or a negative errno when /proc cannot be listed.
 */
int procfs_owners_refresh(struct procfs_owners *owners);

/** procfs_owners_find() - who holds it; NULL unknown; valid until the table changes */
const struct procfs_holder *procfs_owners_find(const struct procfs_owners *owners, uint32_t inode);

/** procfs_owners_refused() - how many sockets found no room since the table was last cleared */
size_t procfs_owners_refused(const struct procfs_owners *owners);

#endif
