// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/process_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/*
 * A process that gets a new name (exec) or a PID that is used again becomes a new struct process; connections of the
 * old one keep it. The kernel assigns PIDs in sequence, so their low bits choose the slot. A newer process replaces the
 * one whose PID is a multiple of the size away, so the table never grows and the older one is dropped.
 */
#define TABLE_SIZE 65536

struct process_table {
	struct process *slots[TABLE_SIZE];
};

struct process_table *process_table_new(void)
{
	return xcalloc(1, sizeof(struct process_table));
}

void process_table_free(struct process_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < TABLE_SIZE; i++)
		process_unref(table->slots[i]);
	free(table);
}

static struct process **slot_of(struct process_table *table, pid_t pid)
{
	return &table->slots[(size_t)pid % TABLE_SIZE];
}

static struct process *renew(struct process_table *table, pid_t pid)
{
	struct process **slot = slot_of(table, pid);

	process_unref(*slot);
	*slot = process_new(pid);
	return *slot;
}

struct process *process_table_get(struct process_table *table, pid_t pid)
{
	struct process *process = *slot_of(table, pid);

	return process != NULL && process->pid == pid ? process : renew(table, pid);
}

static void feed_comm(struct process *process, const struct event_process *fact)
{
	size_t offset = fact->offset, length = fact->length;

	if (offset >= sizeof(process->comm) - 1)
		return;
	if (length > sizeof(process->comm) - 1 - offset)
		length = sizeof(process->comm) - 1 - offset;
	memcpy(process->comm + offset, fact->text, length);
	process->comm[offset + length] = '\0';
}

static void feed_exe(struct process *process, const struct event_process *fact)
{
	size_t before = process->exe != NULL ? strlen(process->exe) : 0;

	/* A piece is missing before this one: part of a path is useless. */
	if (fact->offset != before) {
		free(process->exe);
		process->exe = NULL;
		return;
	}
	process->exe = xreallocarray(process->exe, before + fact->length + 1, 1);
	memcpy(process->exe + before, fact->text, fact->length);
	process->exe[before + fact->length] = '\0';
}

void process_table_feed(struct process_table *table, const struct event *event)
{
	const struct event_process *fact = &event->process;
	struct process *process = process_table_get(table, fact->pid);

	if (fact->fact == PROCESS_COMM && fact->offset == 0 && process->comm[0] != '\0')
		process = renew(table, fact->pid);
	if (fact->uid != (uint32_t)-1)
		process->uid = fact->uid;
	if (fact->fact == PROCESS_COMM)
		feed_comm(process, fact);
	else if (fact->fact == PROCESS_EXE)
		feed_exe(process, fact);
}
