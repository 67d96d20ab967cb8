/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOCKET_TABLE_H
#define CONNTRACE_SOCKET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** enum socket_whose - whose is a socket */
enum socket_whose {
	/** nobody of ours was found to hold it; that may have been too early or too late */
	SOCKET_UNDECIDED,
	SOCKET_TARGETS,
	SOCKET_OTHERS,
};

/**
 * struct socket_seen - a TCP socket that a look has seen
 * @cookie: its cookie, 0 no socket
 * @inode: its inode number, 0 when no process has it (not accepted yet, or closed)
 * @look: number of the look that saw it last
 * @from: number of the last look before it was accepted, as far as is known: the same if it waited then
 * @whose: enum socket_whose
 * @state: its TCP state then
 * @tries: how often nobody of ours was found
 */
struct socket_seen {
	uint64_t cookie;
	uint32_t inode;
	uint32_t look;
	uint32_t from;
	uint8_t whose;
	uint8_t state;
	uint8_t tries;
};

/** struct socket_table - finds them by cookie, which the kernel counts up */
struct socket_table;

/** socket_table_new() - empty */
struct socket_table *socket_table_new(void);

/** socket_table_free() - NULL is fine */
void socket_table_free(struct socket_table *table);

/** socket_table_find() - NULL when no look has seen it; valid until one is added or removed */
struct socket_seen *socket_table_find(const struct socket_table *table, uint64_t cookie);

/** socket_table_add() - as socket_table_find(), made when it is not there; all but its cookie is zero then */
struct socket_seen *socket_table_add(struct socket_table *table, uint64_t cookie);

/** socket_table_remove() - nothing happens when it is not there */
void socket_table_remove(struct socket_table *table, uint64_t cookie);

/** socket_table_count() - how many there are */
size_t socket_table_count(const struct socket_table *table);

/** socket_table_sweep() - remove those that look number @look did not see */
void socket_table_sweep(struct socket_table *table, uint32_t look);

#endif
