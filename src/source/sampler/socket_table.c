// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/socket_table.h"

#include <netinet/tcp.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/idmap.h"
#include "base/xalloc.h"

struct socket_table {
	struct idmap *sockets;
	struct hash_key key;
};

struct socket_table *socket_table_new(void)
{
	struct socket_table *table = xcalloc(1, sizeof(*table));

	table->sockets = idmap_new(sizeof(struct socket_seen));
	hash_key_random(&table->key);
	return table;
}

void socket_table_free(struct socket_table *table)
{
	if (table == NULL)
		return;
	idmap_free(table->sockets);
	free(table);
}

struct socket_seen *socket_table_find(const struct socket_table *table, uint64_t cookie)
{
	return cookie != 0 ? idmap_find(table->sockets, cookie) : NULL;
}

static int64_t bytes_of(const struct event_info *info)
{
	return info->bytes_acked + info->bytes_received + info->bytes_sent;
}

bool socket_table_is_renewed(const struct socket_table *table, const struct socket_seen *seen,
			     const struct event *event)
{
	/* A socket that is not connected has lost its ends. */
	if (!flow_is_complete(&event->flow))
		return false;
	if (seen->ends != flow_hash(&table->key, &event->flow))
		return true;
	if (event->info.bytes_received >= 0 && bytes_of(&event->info) < seen->bytes)
		return true;
	return event->info.state == TCP_SYN_SENT && seen->state != TCP_SYN_SENT;
}

static void renew(struct socket_seen *seen)
{
	if (seen->owner == SOCKET_TARGETS)
		seen->renewal = SOCKET_RENEWED;
	else if (seen->renewal == SOCKET_FIRST)
		seen->renewal = SOCKET_RENEWAL_REPORTED;
	seen->owner = SOCKET_UNDECIDED;
	seen->tries = 0;
}

/* Return: true when it was waiting to be accepted, and no longer is. */
static bool note(struct socket_seen *seen, const struct event *event, uint32_t sample)
{
	const struct event_info *info = &event->info;
	bool was_accepted = seen->sample != 0 && seen->inode == 0 && info->inode != 0;

	/* A process that closes a socket leaves neither of these states. */
	if (info->inode == 0 && (info->state == TCP_ESTABLISHED || info->state == TCP_CLOSE_WAIT))
		seen->from = sample;
	seen->sample = sample;
	seen->state = info->state;
	seen->bytes = bytes_of(info);
	seen->was_mptcp = info->mptcp != MPTCP_NO;
	if (info->inode != 0)
		seen->inode = info->inode;
	if (was_accepted) {
		seen->tries = 0;
		if (seen->owner == SOCKET_OTHERS)
			seen->owner = SOCKET_UNDECIDED;
	}
	return was_accepted;
}

bool socket_table_is_orphan(const struct event_info *info)
{
	return info->inode == 0 && info->state != TCP_ESTABLISHED && info->state != TCP_CLOSE_WAIT;
}

enum socket_news socket_table_see(struct socket_table *table, const struct event *event, uint32_t sample,
				  uint32_t before)
{
	struct socket_seen *seen = idmap_put(table->sockets, event->info.cookie);
	bool is_new = seen->sample == 0, was_accepted;
	bool is_renewed = !is_new && socket_table_is_renewed(table, seen, event);
	bool changed = seen->state != event->info.state;

	seen->cookie = event->info.cookie;
	if (is_renewed)
		renew(seen);
	if (is_new || is_renewed) {
		seen->from = before;
		seen->ends = flow_hash(&table->key, &event->flow);
	}
	was_accepted = note(seen, event, sample);
	/* Without an inode it waits to be accepted, when another query is of no use, or has been closed. */
	if (is_new || is_renewed || was_accepted ||
	    (seen->owner == SOCKET_UNDECIDED && (event->info.inode != 0 || socket_table_is_orphan(&event->info))))
		return SOCKET_FRESH;
	return seen->owner == SOCKET_TARGETS && changed ? SOCKET_CHANGED : SOCKET_SAME;
}

void socket_table_see_again(struct socket_table *table, const struct event *event, uint32_t sample)
{
	struct socket_seen *seen = socket_table_find(table, event->info.cookie);

	if (seen != NULL && seen->sample == sample && seen->state == event->info.state &&
	    seen->ends == flow_hash(&table->key, &event->flow))
		seen->sure = sample;
}

void socket_table_remove(struct socket_table *table, uint64_t cookie)
{
	if (cookie != 0)
		idmap_remove(table->sockets, cookie);
}

size_t socket_table_count(const struct socket_table *table)
{
	return idmap_count(table->sockets);
}

void socket_table_sweep(struct socket_table *table, uint32_t sample)
{
	struct idmap *kept = idmap_new(sizeof(struct socket_seen));
	const struct socket_seen *seen = NULL;

	while ((seen = idmap_next(table->sockets, seen)) != NULL) {
		if (seen->sample >= sample)
			*(struct socket_seen *)idmap_put(kept, seen->cookie) = *seen;
	}
	idmap_free(table->sockets);
	table->sockets = kept;
}
