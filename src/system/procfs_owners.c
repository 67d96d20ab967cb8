// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An open-addressing table that is at most half full, so that a search ends soon. The kernel assigns inode numbers, but
 * a program can make sockets until it gets colliding ones, so the hash is keyed.
 */
#include "system/procfs_owners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/xalloc.h"
#include "system/procfs.h"
#include "system/procfs_uring.h"

#define FIRST_SIZE 256

/** struct holding - one of several processes that hold a socket */
struct holding {
	uint32_t inode;
	pid_t pid;
};

struct procfs_owners {
	struct hash_key key;
	/** a power of two of places; inode 0 is a free one */
	struct procfs_holder *places;
	size_t size;
	size_t count;
	size_t limit;
	size_t refused;
	size_t unreadable;
	/** all holders of the sockets that are shared, in the order in which they were added */
	struct holding *holdings;
	size_t holding_count, holding_room;
	/** the process whose sockets are being added */
	pid_t pid;
	uint64_t identity;
};

struct procfs_owners *procfs_owners_new(size_t limit)
{
	struct procfs_owners *owners = xcalloc(1, sizeof(*owners));

	hash_key_random(&owners->key);
	owners->limit = limit;
	owners->size = FIRST_SIZE;
	owners->places = xcalloc(owners->size, sizeof(*owners->places));
	return owners;
}

void procfs_owners_free(struct procfs_owners *owners)
{
	if (owners == NULL)
		return;
	free(owners->holdings);
	free(owners->places);
	free(owners);
}

void procfs_owners_clear(struct procfs_owners *owners)
{
	memset(owners->places, 0, owners->size * sizeof(*owners->places));
	owners->count = owners->refused = owners->unreadable = owners->holding_count = 0;
}

/** place_for() - where the inode is, or the empty place where it would be */
static struct procfs_holder *place_for(const struct procfs_owners *owners, uint32_t inode)
{
	size_t at = hash_bytes(&owners->key, &inode, sizeof(inode)) & (owners->size - 1);

	while (owners->places[at].inode != 0 && owners->places[at].inode != inode)
		at = (at + 1) & (owners->size - 1);
	return &owners->places[at];
}

static void grow(struct procfs_owners *owners)
{
	struct procfs_holder *old = owners->places;
	size_t size = owners->size;

	owners->size = size * 2;
	owners->places = xcalloc(owners->size, sizeof(*owners->places));
	for (size_t i = 0; i < size; i++) {
		if (old[i].inode != 0)
			*place_for(owners, old[i].inode) = old[i];
	}
	free(old);
}

static void add_holding(struct procfs_owners *owners, uint32_t inode, pid_t pid)
{
	if (owners->holding_count >= owners->limit) {
		owners->refused++;
		return;
	}
	owners->holdings = array_reserve(owners->holdings, owners->holding_count, &owners->holding_room,
					 sizeof(*owners->holdings));
	owners->holdings[owners->holding_count++] = (struct holding){inode, pid};
}

static void add_socket(void *context, int fd, uint32_t inode)
{
	struct procfs_owners *owners = context;
	struct procfs_holder *place;

	if (inode == 0)
		return;
	place = place_for(owners, inode);
	if (place->inode == 0) {
		if (owners->count >= owners->limit) {
			owners->refused++;
			return;
		}
		if ((owners->count + 1) * 2 > owners->size) {
			grow(owners);
			place = place_for(owners, inode);
		}
		*place = (struct procfs_holder){
			.inode = inode, .pid = owners->pid, .fd = fd, .identity = owners->identity};
		owners->count++;
	} else if (place->pid == owners->pid) {
		if (fd >= 0 && (place->fd < 0 || fd < place->fd))
			place->fd = fd;
	} else {
		if (!place->shared)
			add_holding(owners, inode, place->pid);
		add_holding(owners, inode, owners->pid);
		place->shared = true;
		if (owners->pid < place->pid) {
			place->pid = owners->pid;
			place->identity = owners->identity;
			place->fd = fd;
		}
	}
}

static void add_direct(void *context, uint32_t inode)
{
	add_socket(context, -1, inode);
}

static void add_ring(void *context, int fd)
{
	struct procfs_owners *owners = context;

	(void)procfs_uring_sockets(owners->pid, fd, add_direct, owners);
}

int procfs_owners_add(struct procfs_owners *owners, pid_t pid)
{
	int rc;

	owners->pid = pid;
	/* Read before: if it is the same when it is checked, the data read in between is of this process. */
	owners->identity = procfs_identity(pid);
	rc = procfs_sockets_and_rings(pid, add_socket, add_ring, owners);
	/* Of a /proc with hidepid=1. */
	return rc == -EPERM ? -EACCES : rc;
}

static void add_process(void *context, pid_t pid)
{
	struct procfs_owners *owners = context;

	/* A process that ended meanwhile has no sockets. */
	owners->unreadable += procfs_owners_add(owners, pid) == -EACCES;
}

int procfs_owners_refresh(struct procfs_owners *owners)
{
	int count;

	procfs_owners_clear(owners);
	count = procfs_processes(add_process, owners);
	return count < 0 ? count : (int)owners->count;
}

const struct procfs_holder *procfs_owners_find(const struct procfs_owners *owners, uint32_t inode)
{
	const struct procfs_holder *place = place_for(owners, inode);

	return inode != 0 && place->inode == inode ? place : NULL;
}

void procfs_owners_holders(const struct procfs_owners *owners, uint32_t inode, void (*found)(void *context, pid_t pid),
			   void *context)
{
	const struct procfs_holder *holder = procfs_owners_find(owners, inode);
	pid_t before = 0;

	if (holder == NULL)
		return;
	if (!holder->shared) {
		found(context, holder->pid);
		return;
	}
	for (size_t i = 0; i < owners->holding_count; i++) {
		const struct holding *holding = &owners->holdings[i];

		/* A process with several descriptors of it was added several times, one after the other. */
		if (holding->inode != inode || holding->pid == before)
			continue;
		before = holding->pid;
		found(context, before);
	}
}

size_t procfs_owners_refused(const struct procfs_owners *owners)
{
	return owners->refused;
}

size_t procfs_owners_unreadable(const struct procfs_owners *owners)
{
	return owners->unreadable;
}
