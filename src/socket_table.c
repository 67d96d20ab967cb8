// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Open addressing, at most half full. Removing moves what stood behind forward,
 * so that there are no graves: sockets come and go all the time.
 */
#include "socket_table.h"

#include <stdlib.h>

#include "base/xalloc.h"

#define FIRST_SIZE 1024

struct socket_table {
	struct socket_seen *places;
	size_t size; /* a power of two */
	size_t count;
};

struct socket_table *socket_table_new(void)
{
	struct socket_table *table = xcalloc(1, sizeof(*table));

	table->size = FIRST_SIZE;
	table->places = xcalloc(table->size, sizeof(*table->places));
	return table;
}

void socket_table_free(struct socket_table *table)
{
	if (table == NULL)
		return;
	free(table->places);
	free(table);
}

/* Cookies count up, on each processor in steps of its own: multiplying (Knuth) spreads them. */
static size_t home_of(const struct socket_table *table, uint64_t cookie)
{
	return (size_t)(cookie * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (table->size - 1);
}

static struct socket_seen *place_for(const struct socket_table *table, uint64_t cookie)
{
	size_t at = home_of(table, cookie);

	while (table->places[at].cookie != 0 && table->places[at].cookie != cookie)
		at = (at + 1) & (table->size - 1);
	return &table->places[at];
}

struct socket_seen *socket_table_find(const struct socket_table *table, uint64_t cookie)
{
	struct socket_seen *place = cookie != 0 ? place_for(table, cookie) : NULL;

	return place != NULL && place->cookie == cookie ? place : NULL;
}

static void resize(struct socket_table *table, size_t size, uint32_t least_look)
{
	struct socket_seen *old = table->places;
	size_t old_size = table->size;

	table->places = xcalloc(size, sizeof(*table->places));
	table->size = size;
	table->count = 0;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i].cookie == 0 || old[i].look < least_look)
			continue;
		*place_for(table, old[i].cookie) = old[i];
		table->count++;
	}
	free(old);
}

struct socket_seen *socket_table_add(struct socket_table *table, uint64_t cookie)
{
	struct socket_seen *place;

	if ((table->count + 1) * 2 > table->size)
		resize(table, table->size * 2, 0);
	place = place_for(table, cookie);
	if (place->cookie == 0) {
		*place = (struct socket_seen){.cookie = cookie};
		table->count++;
	}
	return place;
}

void socket_table_remove(struct socket_table *table, uint64_t cookie)
{
	struct socket_seen *place = socket_table_find(table, cookie);
	size_t hole, at;

	if (place == NULL)
		return;
	hole = at = (size_t)(place - table->places);
	for (;;) {
		size_t home;

		at = (at + 1) & (table->size - 1);
		if (table->places[at].cookie == 0)
			break;
		home = home_of(table, table->places[at].cookie);
		/* It may move into the hole unless its home lies behind that. */
		if (((at - home) & (table->size - 1)) >= ((at - hole) & (table->size - 1))) {
			table->places[hole] = table->places[at];
			hole = at;
		}
	}
	table->places[hole].cookie = 0;
	table->count--;
}

size_t socket_table_count(const struct socket_table *table)
{
	return table->count;
}

void socket_table_sweep(struct socket_table *table, uint32_t look)
{
	resize(table, table->size, look);
}
