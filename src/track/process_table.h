/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_PROCESS_TABLE_H
#define CONNTRACE_TRACK_PROCESS_TABLE_H

#include "model/event.h"
#include "model/process.h"

/** struct process_table - the known processes, by PID */
struct process_table;

/** process_table_new() - an empty table */
struct process_table *process_table_new(void);

/** process_table_free() - free it; processes held elsewhere stay valid; NULL is fine */
void process_table_free(struct process_table *table);

/** process_table_feed() - process an EVENT_PROCESS */
void process_table_feed(struct process_table *table, const struct event *event);

/** process_table_gaps() - processes of which connections may be missing (PROCESS_GAPS) */
uint64_t process_table_gaps(const struct process_table *table);

/** process_table_get() - the process of a PID now, made if it is new; borrowed from the table */
struct process *process_table_get(struct process_table *table, pid_t pid);

#endif
