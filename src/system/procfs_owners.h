/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_PROCFS_OWNERS_H
#define CONNTRACE_SYSTEM_PROCFS_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct procfs_owners - processes that hold sockets, as of the last scan
 *
 * A table from inode number to holder. Processes of other users are not readable without CAP_SYS_PTRACE.
 */
struct procfs_owners;

/**
 * struct procfs_holder - the holder of a socket
 * @inode: the socket's inode number
 * @pid: the process with the lowest number among those that hold it
 * @fd: its descriptor, the lowest if it has several; -1 none, it is in the table of an io_uring (direct descriptor)
 * @identity: of that process, see procfs_identity()
 * @shared: other processes hold it too, so its user is unknown
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

/** procfs_owners_clear() - remove all entries */
void procfs_owners_clear(struct procfs_owners *owners);

/** procfs_owners_add() - scan one process; Return: number of its sockets, or a negative errno (-EACCES not allowed) */
int procfs_owners_add(struct procfs_owners *owners, pid_t pid);

/**
 * procfs_owners_refresh() - remove all entries and scan all processes
 * @owners: the table
 *
 * Takes about a microsecond per open file of the host.
 *
 * Return: number of known sockets, or a negative errno when /proc cannot be listed.
 */
int procfs_owners_refresh(struct procfs_owners *owners);

/** procfs_owners_find() - the holder of a socket; NULL unknown; valid until the table changes */
const struct procfs_holder *procfs_owners_find(const struct procfs_owners *owners, uint32_t inode);

/**
 * procfs_owners_holders() - call @found once for each process that holds a socket
 * @owners: the table
 * @inode: the socket's inode number; of one that is not in the table, @found is not called
 * @found: is called in the order in which the processes were added; it must not change the table
 * @context: is handed to @found
 */
void procfs_owners_holders(const struct procfs_owners *owners, uint32_t inode, void (*found)(void *context, pid_t pid),
			   void *context);

/** procfs_owners_refused() - number of sockets, and of further holders of a socket, without room since the table was
 * last cleared */
size_t procfs_owners_refused(const struct procfs_owners *owners);

/** procfs_owners_unreadable() - number of processes that the last refresh was not allowed to read */
size_t procfs_owners_unreadable(const struct procfs_owners *owners);

#endif
