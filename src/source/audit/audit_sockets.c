// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_sockets.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/lru.h"
#include "base/xalloc.h"

/* A log may name any number of descriptors and processes. */
#define SOCKETS_MAX 65536
#define PROCESSES_MAX 16384

struct audit_sockets {
	struct hash_key key;
	struct lru *socket_lru;
	struct lru *process_lru;
	uint64_t forgotten;
	struct audit_socket sockets[SOCKETS_MAX];
	struct audit_process processes[PROCESSES_MAX];
};

struct audit_sockets *audit_sockets_new(void)
{
	struct audit_sockets *sockets = xcalloc(1, sizeof(*sockets));

	hash_key_random(&sockets->key);
	sockets->socket_lru = lru_new(SOCKETS_MAX);
	sockets->process_lru = lru_new(PROCESSES_MAX);
	return sockets;
}

void audit_sockets_free(struct audit_sockets *sockets)
{
	if (sockets == NULL)
		return;
	lru_free(sockets->socket_lru);
	lru_free(sockets->process_lru);
	free(sockets);
}

static uint32_t hash_of(const struct audit_sockets *sockets, uint32_t node, int32_t pid, int32_t fd)
{
	return (uint32_t)hash_short(&sockets->key, (uint64_t)node << 32 | (uint32_t)pid, (uint32_t)fd);
}

static uint32_t place_of(const struct audit_sockets *sockets, uint32_t node, int32_t pid, int32_t fd)
{
	uint32_t place = lru_find(sockets->socket_lru, hash_of(sockets, node, pid, fd));

	while (place != LRU_NONE) {
		const struct audit_socket *socket = &sockets->sockets[place];

		if (socket->node == node && socket->pid == pid && socket->fd == fd)
			break;
		place = lru_next(sockets->socket_lru, place);
	}
	return place;
}

struct audit_socket *audit_sockets_find(struct audit_sockets *sockets, uint32_t node, int32_t pid, int32_t fd)
{
	uint32_t place = place_of(sockets, node, pid, fd);

	if (place == LRU_NONE)
		return NULL;
	lru_use(sockets->socket_lru, place);
	return &sockets->sockets[place];
}

struct audit_socket *audit_sockets_add(struct audit_sockets *sockets, uint32_t node, int32_t pid, int32_t fd,
				       int64_t time_ns)
{
	struct audit_socket *socket;

	audit_sockets_drop(sockets, node, pid, fd);
	socket = &sockets->sockets[lru_take(sockets->socket_lru, hash_of(sockets, node, pid, fd))];
	sockets->forgotten += socket->pid != 0 && socket->cookie != 0;
	*socket = (struct audit_socket){.node = node, .pid = pid, .fd = fd, .since_ns = time_ns, .connect_error = -1};
	return socket;
}

void audit_sockets_drop(struct audit_sockets *sockets, uint32_t node, int32_t pid, int32_t fd)
{
	uint32_t place = place_of(sockets, node, pid, fd);

	if (place == LRU_NONE)
		return;
	sockets->sockets[place].pid = 0;
	lru_give(sockets->socket_lru, place);
}

struct audit_process *audit_sockets_process(struct audit_sockets *sockets, uint32_t node, int32_t pid)
{
	uint32_t hash = hash_of(sockets, node, pid, 0), place = lru_find(sockets->process_lru, hash);
	struct audit_process *process;

	while (place != LRU_NONE) {
		process = &sockets->processes[place];
		if (process->node == node && process->pid == pid) {
			lru_use(sockets->process_lru, place);
			return process;
		}
		place = lru_next(sockets->process_lru, place);
	}
	process = &sockets->processes[lru_take(sockets->process_lru, hash)];
	*process = (struct audit_process){.node = node, .pid = pid, .forked_ns = CLOCK_UNKNOWN};
	return process;
}

uint64_t audit_sockets_forgotten(const struct audit_sockets *sockets)
{
	return sockets->forgotten;
}
