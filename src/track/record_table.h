/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_RECORD_TABLE_H
#define CONNTRACE_TRACK_RECORD_TABLE_H

#include <stddef.h>

#include "base/hash.h"
#include "model/event.h"
#include "track/record.h"

/**
 * struct record_list - records in an order
 * @first: oldest
 * @last: newest
 * @count: how many
 */
struct record_list {
	struct record *first, *last;
	size_t count;
};

/** record_list_append() - add @record, which is on no list, at the end */
void record_list_append(struct record_list *list, struct record *record);

/** record_list_remove() - take @record from the list it is on */
void record_list_remove(struct record_list *list, struct record *record);

/** struct record_table - finds records by flow and by socket cookie; owns none of them */
struct record_table;

/** record_table_new() - an empty table; @key is that of the flow_hash() in events */
struct record_table *record_table_new(const struct hash_key *key);

/** record_table_clear() - remove all records; they may have been freed already */
void record_table_clear(struct record_table *table);

/** record_table_free() - free the table, not the records; NULL is fine */
void record_table_free(struct record_table *table);

/**
 * record_table_find_flow() - by both ends
 *
 * Network namespaces are compared when both are known.
 *
 * Return: the record or NULL.
 */
struct record *record_table_find_flow(const struct record_table *table, const struct flow *flow);

/** record_table_locate() - the hash at which records of both ends of @event are found; its memory is prefetched */
uint32_t record_table_locate(const struct record_table *table, const struct event *event);

/** record_table_prefetch() - fetch the record that is first found at @hash; only speed depends on it */
void record_table_prefetch(const struct record_table *table, uint32_t hash);

/** record_table_prefetch_slot() - fetch what record_table_remove_flow() will read; only speed depends on it */
void record_table_prefetch_slot(const struct record_table *table, const struct record *record);

/**
 * struct record_ends - the two records that a packet may belong to
 * @sender: the record whose local end sent it, or NULL
 * @receiver: the one whose local end it was sent to, or NULL; a socket connected to itself is the sender
 */
struct record_ends {
	struct record *sender;
	struct record *receiver;
};

/**
 * record_table_find_both() - the records of both ends of a packet, in one search
 * @table: the table
 * @flow: local is the sender
 * @hash: result of record_table_locate()
 */
struct record_ends record_table_find_both(const struct record_table *table, const struct flow *flow, uint32_t hash);

/**
 * record_table_next() - all records of both ends, the oldest first
 * @table: the table
 * @flow: local is one end
 * @hash: result of record_table_locate()
 * @at: where the search goes on; SIZE_MAX begins it
 * @is_reverse: set: the local end of the record is the remote one of @flow
 *
 * Return: a record, or NULL at the end.
 */
struct record *record_table_next(const struct record_table *table, const struct flow *flow, uint32_t hash, size_t *at,
				 bool *is_reverse);

/** record_table_find_cookie() - Return: the record or NULL; cookie 0 finds nothing */
struct record *record_table_find_cookie(const struct record_table *table, uint64_t cookie);

/** record_table_add_flow() - add a record that is not in the table by flow */
void record_table_add_flow(struct record_table *table, struct record *record);

/** record_table_add_cookie() - add a record that is not in the table by cookie */
void record_table_add_cookie(struct record_table *table, struct record *record);

/** record_table_remove_flow() - no error when the record is not in it */
void record_table_remove_flow(struct record_table *table, struct record *record);

/** record_table_remove_cookie() - no error when the record is not in it */
void record_table_remove_cookie(struct record_table *table, struct record *record);

/** record_table_add() - after record_table_clear(), add @record to the tables in which it was */
void record_table_add(struct record_table *table, struct record *record);

/** record_table_remove() - from both tables */
void record_table_remove(struct record_table *table, struct record *record);

#endif
