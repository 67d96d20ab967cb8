// SPDX-License-Identifier: GPL-2.0-or-later
#include "socket_table.h"

#include <stdlib.h>

#include "base/idmap.h"
#include "base/xalloc.h"

struct socket_table {
	struct idmap *sockets;
};

struct socket_table *socket_table_new(void)
{
	struct socket_table *table = xcalloc(1, sizeof(*table));

	table->sockets = idmap_new(sizeof(struct socket_seen));
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

struct socket_seen *socket_table_add(struct socket_table *table, uint64_t cookie)
{
	struct socket_seen *seen = idmap_put(table->sockets, cookie);

	seen->cookie = cookie;
	return seen;
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

void socket_table_sweep(struct socket_table *table, uint32_t look)
{
	struct idmap *kept = idmap_new(sizeof(struct socket_seen));
	const struct socket_seen *seen = NULL;

	while ((seen = idmap_next(table->sockets, seen)) != NULL) {
		if (seen->look >= look)
			*(struct socket_seen *)idmap_put(kept, seen->cookie) = *seen;
	}
	idmap_free(table->sockets);
	table->sockets = kept;
}
