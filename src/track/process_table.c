// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/process_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/lru.h"
#include "base/xalloc.h"

/*
 * A process that gets a new name (exec) or a PID that is used again becomes a new struct process; connections of the
 * old one keep it. Ended processes are not removed: beyond the limit, the process used longest ago makes room.
 */
#define PROCESSES 65536

struct process_table {
	struct lru *lru; /* the hash is the PID */
	struct process *processes[PROCESSES];
	uint64_t gaps; /* how many have had them */
};

struct process_table *process_table_new(void)
{
	struct process_table *table = xcalloc(1, sizeof(*table));

	table->lru = lru_new(PROCESSES);
	return table;
}

void process_table_free(struct process_table *table)
{
	if (table == NULL)
		return;
	for (uint32_t i = 0; i < lru_begun(table->lru); i++)
		process_unref(table->processes[i]);
	lru_free(table->lru);
	free(table);
}

static struct process *renew(struct process_table *table, uint32_t place, pid_t pid)
{
	bool has_gaps = table->processes[place] != NULL && table->processes[place]->pid == pid &&
			table->processes[place]->has_gaps;

	process_unref(table->processes[place]);
	table->processes[place] = process_new(pid);
	table->processes[place]->has_gaps = has_gaps;
	return table->processes[place];
}

struct process *process_table_get(struct process_table *table, pid_t pid)
{
	uint32_t place = lru_find(table->lru, (uint32_t)pid);

	if (place == LRU_NONE)
		return renew(table, lru_take(table->lru, (uint32_t)pid), pid);
	lru_use(table->lru, place);
	return table->processes[place];
}

uint64_t process_table_gaps(const struct process_table *table)
{
	return table->gaps;
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

/* Append a piece to a text. */
static void feed_text(char **text, const struct event_process *fact)
{
	size_t before = *text != NULL && fact->offset > 0 ? strlen(*text) : 0;

	/* A piece is missing before this one: part of a path is useless. */
	if (fact->offset != before) {
		free(*text);
		*text = NULL;
		return;
	}
	*text = xreallocarray(*text, before + fact->length + 1, 1);
	memcpy(*text + before, fact->text, fact->length);
	(*text)[before + fact->length] = '\0';
}

static void feed_cgroup(struct process *process, const struct event_process *fact)
{
	char *path = process->cgroup != NULL ? xstrdup(process->cgroup) : NULL;

	feed_text(&path, fact);
	process_set_cgroup(process, path);
	free(path);
}

/* "4711 bash" */
static void feed_parent(struct process *process, const struct event_process *fact)
{
	char text[EVENT_PROCESS_TEXT + 1], *name;

	memcpy(text, fact->text, fact->length);
	text[fact->length] = '\0';
	process->ppid = (pid_t)strtol(text, &name, 10);
	memset(process->parent, 0, sizeof(process->parent));
	if (*name == ' ')
		memcpy(process->parent, name + 1, strnlen(name + 1, sizeof(process->parent) - 1));
}

/* Neither another name nor another program ends it. */
static void feed_gaps(struct process_table *table, struct process *process, const struct event_process *fact)
{
	table->gaps += fact->length > 0 && !process->has_gaps;
	process->has_gaps = fact->length > 0;
}

void process_table_feed(struct process_table *table, const struct event *event)
{
	const struct event_process *fact = &event->process;
	struct process *process = process_table_get(table, fact->pid);

	if (fact->fact == PROCESS_COMM && fact->offset == 0 && process->comm[0] != '\0')
		process = renew(table, lru_find(table->lru, (uint32_t)fact->pid), fact->pid);
	if (fact->uid != (uint32_t)-1)
		process->uid = fact->uid;
	if (fact->fact == PROCESS_COMM)
		feed_comm(process, fact);
	else if (fact->fact == PROCESS_EXE)
		feed_text(&process->exe, fact);
	else if (fact->fact == PROCESS_CGROUP)
		feed_cgroup(process, fact);
	else if (fact->fact == PROCESS_PARENT)
		feed_parent(process, fact);
	else if (fact->fact == PROCESS_CMDLINE)
		feed_text(&process->cmdline, fact);
	else if (fact->fact == PROCESS_GAPS)
		feed_gaps(table, process, fact);
}
