// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/unseen_holders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/xalloc.h"
#include "system/procfs.h"
#include "system/procfs_children.h"

/* Of more threads than this the activity is not read: they count as running. */
#define THREADS_MAX 64
#define GROUP_SIZE 512
#define INIT 1

/**
 * struct unseen - one of them
 * @pid: the process
 * @master: the master it descends from, or is
 * @began: its activity when the last sample began, 0 unknown, or it was running
 * @next: the same of the present sample
 * @run: see struct unseen_run
 * @found: this search has found it
 */
struct unseen {
	pid_t pid, master;
	uint64_t began, next;
	struct unseen_run run;
	bool found;
};

/* A process of this host in a search. */
struct relative {
	pid_t pid, parent;
	uint64_t start; /* see procfs_start() */
};

struct relatives {
	struct relative *list;
	size_t count, size;
};

struct unseen_holders {
	struct process_set *process_set;
	struct unseen *list;
	size_t count, size;
	struct hash_key key;
	int64_t forks; /* of the system at the last search */
};

struct unseen_holders *unseen_holders_new(struct process_set *process_set)
{
	struct unseen_holders *holders = xcalloc(1, sizeof(*holders));

	holders->process_set = process_set;
	hash_key_random(&holders->key);
	return holders;
}

void unseen_holders_free(struct unseen_holders *holders)
{
	if (holders == NULL)
		return;
	free(holders->list);
	free(holders);
}

/* ---- activity ---------------------------------------------------------------------- */

struct activity {
	const struct hash_key *key;
	uint64_t sum;
	size_t threads;
	bool is_running;
};

static void add_thread(void *context, pid_t tid)
{
	struct activity *activity = context;
	uint64_t words[2] = {(uint64_t)tid, 0};

	if (activity->is_running || ++activity->threads > THREADS_MAX || !procfs_switches(tid, &words[1])) {
		activity->is_running = true;
		return;
	}
	/* The sum does not depend on the order of the threads. */
	activity->sum += hash_words(activity->key, words, 2);
}

/* Return: a number that changes whenever the process runs; 0 when it runs now, or nothing is known. */
static uint64_t read_activity(const struct unseen_holders *holders, pid_t pid)
{
	struct activity activity = {.key = &holders->key};

	/* The number of a process that has ended, or is a zombie, may be reused: it has run. */
	if (procfs_threads(pid, add_thread, &activity) <= 0 || activity.is_running)
		return 0;
	return activity.sum != 0 ? activity.sum : 1;
}

void unseen_holders_begin(struct unseen_holders *holders)
{
	for (size_t i = 0; i < holders->count; i++)
		holders->list[i].next = read_activity(holders, holders->list[i].pid);
}

bool unseen_holders_sample(struct unseen_holders *holders, uint32_t sample)
{
	bool any = false;

	for (size_t i = 0; i < holders->count; i++) {
		struct unseen *unseen = &holders->list[i];
		uint64_t now = read_activity(holders, unseen->pid);

		unseen->run.before = unseen->run.last;
		if (now == 0 || now != unseen->began) {
			unseen->run.last = sample;
			any = true;
		}
		/* What it did since then belongs to the next sample, too. */
		unseen->began = unseen->next;
	}
	return any && (holders->forks < 0 || procfs_forks() != holders->forks);
}

bool unseen_holders_are_still(const struct unseen_holders *holders)
{
	for (size_t i = 0; i < holders->count; i++) {
		uint64_t now = read_activity(holders, holders->list[i].pid);

		if (now == 0 || now != holders->list[i].began)
			return false;
	}
	return true;
}

struct unseen_run unseen_holders_run(const struct unseen_holders *holders, pid_t master)
{
	struct unseen_run run = {0, 0};
	bool any = false;

	for (size_t i = 0; i < holders->count; i++) {
		const struct unseen *unseen = &holders->list[i];

		if (master != 0 && unseen->master != master)
			continue;
		any = true;
		if (unseen->run.last > run.last)
			run.last = unseen->run.last;
		if (unseen->run.before > run.before)
			run.before = unseen->run.before;
	}
	return any ? run : (struct unseen_run){UINT32_MAX, UINT32_MAX};
}

/* ---- search ------------------------------------------------------------------------ */

pid_t unseen_holders_master(pid_t pid)
{
	struct procfs_status status;

	while (procfs_status(pid, &status) == 0 && status.ppid > 0) {
		pid = status.ppid;
		if (procfs_may_list(pid) == -EACCES)
			return pid;
	}
	return procfs_status(pid, &status) == 0 ? 0 : -1;
}

static void add_relative(void *context, pid_t pid)
{
	struct relatives *relatives = context;
	struct relative relative = {.pid = pid, .start = procfs_start(pid)};
	struct procfs_status status;

	if (procfs_status(pid, &status) != 0)
		return;
	relative.parent = status.ppid;
	relatives->list = array_reserve(relatives->list, relatives->count, &relatives->size, sizeof(relative));
	relatives->list[relatives->count++] = relative;
}

static int by_pid(const void *a, const void *b)
{
	const struct relative *left = a, *right = b;

	return (left->pid > right->pid) - (left->pid < right->pid);
}

static const struct relative *find_relative(const struct relatives *relatives, pid_t pid)
{
	const struct relative wanted = {.pid = pid};

	if (relatives->count == 0)
		return NULL;
	return bsearch(&wanted, relatives->list, relatives->count, sizeof(wanted), by_pid);
}

static bool descends(const struct relatives *relatives, const struct relative *from, pid_t master)
{
	const struct relative *at = from;

	/* The list is not of one moment: a circle is possible. */
	for (size_t i = 0; at != NULL && i < relatives->count; i++) {
		if (at->parent == master)
			return true;
		at = find_relative(relatives, at->parent);
	}
	return false;
}

static bool is_same(pid_t a, pid_t b, const char *name)
{
	char left[GROUP_SIZE], right[GROUP_SIZE];

	return procfs_read(a, name, left, sizeof(left)) >= 0 && procfs_read(b, name, right, sizeof(right)) >= 0 &&
	       strcmp(left, right) == 0;
}

/*
 * The child of a process that has ended belongs to the first process or to a subreaper (PR_SET_CHILD_SUBREAPER), which
 * was an ancestor of both. Only the name distinguishes it from the other children of a subreaper.
 */
static bool may_be_orphan(const struct relatives *relatives, const struct relative *process,
			  const struct relative *master)
{
	if (process->start != 0 && process->start < master->start)
		return false;
	if (process->parent != INIT &&
	    (!descends(relatives, master, process->parent) || !is_same(process->pid, master->pid, "comm")))
		return false;
	return is_same(process->pid, master->pid, "cgroup");
}

/* The children of the first process are services: only a master's own descendants may have inherited from it. */
static bool may_inherit(const struct relatives *relatives, const struct relative *process,
			const struct relative *master)
{
	if (master->pid == INIT)
		return false;
	return descends(relatives, process, master->pid) || may_be_orphan(relatives, process, master);
}

static void add(struct unseen_holders *holders, pid_t pid, pid_t master, uint32_t sample)
{
	for (size_t i = 0; i < holders->count; i++) {
		if (holders->list[i].pid != pid || holders->list[i].master != master)
			continue;
		holders->list[i].found = true;
		return;
	}
	holders->list = array_reserve(holders->list, holders->count, &holders->size, sizeof(*holders->list));
	holders->list[holders->count++] = (struct unseen){
		.pid = pid,
		.master = master,
		.began = read_activity(holders, pid),
		/* It may have run since this sample has listed the sockets. */
		.run = {sample + 1, sample + 1},
		.found = true,
	};
}

static bool is_target(const struct unseen_holders *holders, pid_t pid)
{
	const struct target *target = process_set_find(holders->process_set, pid);

	return target != NULL && target->ended == 0;
}

static void add_family(struct unseen_holders *holders, const struct relatives *relatives, pid_t pid, uint32_t sample)
{
	const struct relative *master = find_relative(relatives, pid);

	add(holders, pid, pid, sample);
	for (size_t i = 0; master != NULL && i < relatives->count; i++) {
		const struct relative *process = &relatives->list[i];

		if (process != master && may_inherit(relatives, process, master) && !is_target(holders, process->pid) &&
		    procfs_may_list(process->pid) == -EACCES)
			add(holders, process->pid, pid, sample);
	}
}

static bool is_known_master(const pid_t *masters, size_t count, pid_t pid)
{
	for (size_t i = 0; i < count; i++)
		if (masters[i] == pid)
			return true;
	return false;
}

void unseen_holders_search(struct unseen_holders *holders, uint32_t sample)
{
	struct relatives relatives = {NULL, 0, 0};
	const struct target *target;
	pid_t *masters = NULL;
	size_t count = 0, kept = 0;

	holders->forks = procfs_forks();
	(void)procfs_processes(add_relative, &relatives);
	if (relatives.count > 0)
		qsort(relatives.list, relatives.count, sizeof(*relatives.list), by_pid);
	for (size_t i = 0; i < holders->count; i++)
		holders->list[i].found = false;
	for (size_t i = 0; (target = process_set_at(holders->process_set, i)) != NULL; i++) {
		pid_t master = target->ended == 0 ? unseen_holders_master(target->pid) : 0;

		if (master <= 0 || is_known_master(masters, count, master))
			continue;
		masters = array_extend(masters, count, sizeof(*masters));
		masters[count++] = master;
		add_family(holders, &relatives, master, sample);
	}
	for (size_t i = 0; i < holders->count; i++)
		if (holders->list[i].found)
			holders->list[kept++] = holders->list[i];
	holders->count = kept;
	free(masters);
	free(relatives.list);
}
