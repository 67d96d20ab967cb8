// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/holder_activity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/xalloc.h"
#include "system/procfs.h"

/* Of more threads than this the activity is not read: they count as running. */
#define THREADS_MAX 64
#define GROUP_SIZE 512
#define INIT 1

/**
 * struct holder - one of them
 * @pid: the process
 * @is_target: it is a target
 * @began: its activity when the last sample began, 0 unknown, or it was running
 * @next: the same of the present sample
 * @run: see struct holder_run
 */
struct holder {
	pid_t pid;
	bool is_target;
	uint64_t began, next;
	struct holder_run run;
};

/**
 * struct holding - what a holder has
 * @holder: its index
 * @inode: the listener; 0 unknown, it may not be inspected
 * @master: if @inode is 0: the master it descends from, or is
 */
struct holding {
	size_t holder;
	uint32_t inode;
	pid_t master;
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

struct holders {
	struct holder *list;
	size_t count, size;
};

struct holder_activity {
	struct process_set *process_set;
	struct holders holders, former; /* as of the last search, and of the one before */
	struct holding *holdings;
	size_t holding_count, holding_size;
	struct hash_key key;
	int64_t forks;   /* of the system at the last search */
	uint32_t sample; /* of the last search */
};

struct holder_activity *holder_activity_new(struct process_set *process_set)
{
	struct holder_activity *activity = xcalloc(1, sizeof(*activity));

	activity->process_set = process_set;
	hash_key_random(&activity->key);
	return activity;
}

void holder_activity_free(struct holder_activity *activity)
{
	if (activity == NULL)
		return;
	free(activity->holders.list);
	free(activity->former.list);
	free(activity->holdings);
	free(activity);
}

/* ---- activity ---------------------------------------------------------------------- */

struct thread_sum {
	const struct hash_key *key;
	uint64_t sum;
	size_t threads;
	bool is_running;
};

static void add_thread(void *context, pid_t tid)
{
	struct thread_sum *sum = context;
	uint64_t words[2] = {(uint64_t)tid, 0};

	if (sum->is_running || ++sum->threads > THREADS_MAX || !procfs_switches(tid, &words[1])) {
		sum->is_running = true;
		return;
	}
	/* The sum does not depend on the order of the threads. */
	sum->sum += hash_words(sum->key, words, 2);
}

/* Return: a number that changes whenever the process runs; 0 when it runs now, or nothing is known. */
static uint64_t read_activity(const struct holder_activity *activity, pid_t pid)
{
	struct thread_sum sum = {.key = &activity->key};

	/* The number of a process that has ended, or is a zombie, may be reused: it has run. */
	if (procfs_threads(pid, add_thread, &sum) <= 0 || sum.is_running)
		return 0;
	return sum.sum != 0 ? sum.sum : 1;
}

void holder_activity_begin(struct holder_activity *activity)
{
	for (size_t i = 0; i < activity->holders.count; i++)
		activity->holders.list[i].next = read_activity(activity, activity->holders.list[i].pid);
}

bool holder_activity_sample(struct holder_activity *activity, uint32_t sample)
{
	bool any = false;

	for (size_t i = 0; i < activity->holders.count; i++) {
		struct holder *holder = &activity->holders.list[i];
		uint64_t now = read_activity(activity, holder->pid);

		holder->run.before = holder->run.last;
		if (now == 0 || now != holder->began) {
			holder->run.last = sample;
			any |= !holder->is_target;
		}
		/* What it did since then belongs to the next sample, too. */
		holder->began = holder->next;
	}
	return any && (activity->forks < 0 || procfs_forks() != activity->forks);
}

bool holder_activity_is_none(const struct holder_activity *activity)
{
	for (size_t i = 0; i < activity->holders.count; i++) {
		const struct holder *holder = &activity->holders.list[i];
		uint64_t now = holder->is_target ? 0 : read_activity(activity, holder->pid);

		if (!holder->is_target && (now == 0 || now != holder->began))
			return false;
	}
	return true;
}

struct holder_run holder_activity_run_unseen(const struct holder_activity *activity, pid_t master)
{
	struct holder_run run = {0, 0};
	bool any = false;

	for (size_t i = 0; i < activity->holding_count; i++) {
		const struct holding *holding = &activity->holdings[i];

		if (holding->inode != 0 || (master != 0 && holding->master != master))
			continue;
		any = true;
		run = holder_run_later(&run, &activity->holders.list[holding->holder].run);
	}
	return any ? run : (struct holder_run){UINT32_MAX, UINT32_MAX};
}

struct holder_run holder_activity_run_others(const struct holder_activity *activity, uint32_t inode)
{
	struct holder_run run = {0, 0};

	for (size_t i = 0; i < activity->holding_count; i++) {
		const struct holder *holder = &activity->holders.list[activity->holdings[i].holder];

		if (activity->holdings[i].inode == inode && !holder->is_target)
			run = holder_run_later(&run, &holder->run);
	}
	return run;
}

pid_t holder_activity_last(const struct holder_activity *activity, uint32_t inode, uint32_t *since)
{
	const struct holder *last = NULL;

	*since = 0;
	for (size_t i = 0; i < activity->holding_count; i++) {
		const struct holder *holder = &activity->holders.list[activity->holdings[i].holder];
		const struct holder *other = holder;

		if (activity->holdings[i].inode != inode || !holder->is_target)
			continue;
		if (last == NULL || holder->run.last > last->run.last) {
			other = last;
			last = holder;
		}
		if (other != NULL && other->run.last > *since)
			*since = other->run.last;
	}
	return last != NULL ? last->pid : 0;
}

/* ---- search ------------------------------------------------------------------------ */

pid_t holder_activity_master(pid_t pid)
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

static const struct holder *find(const struct holders *holders, pid_t pid)
{
	for (size_t i = 0; i < holders->count; i++)
		if (holders->list[i].pid == pid)
			return &holders->list[i];
	return NULL;
}

static void add(struct holder_activity *activity, pid_t pid, bool is_target, struct holding holding)
{
	struct holders *holders = &activity->holders;
	const struct holder *known = find(holders, pid), *former = find(&activity->former, pid);

	holding.holder = known != NULL ? (size_t)(known - holders->list) : holders->count;
	if (known == NULL) {
		holders->list = array_reserve(holders->list, holders->count, &holders->size, sizeof(*holders->list));
		holders->list[holders->count++] = former != NULL
							  ? *former
							  : (struct holder){
								    .pid = pid,
								    /* It may have run, and have had children, since
								       this sample has listed the sockets. */
								    .run = {activity->sample + 1, activity->sample + 1},
							    };
	}
	holders->list[holding.holder].is_target = is_target;
	activity->holdings = array_reserve(activity->holdings, activity->holding_count, &activity->holding_size,
					   sizeof(*activity->holdings));
	activity->holdings[activity->holding_count++] = holding;
}

void holder_activity_add(struct holder_activity *activity, pid_t pid, uint32_t inode, bool is_target)
{
	add(activity, pid, is_target, (struct holding){.inode = inode});
}

static bool is_target(const struct holder_activity *activity, pid_t pid)
{
	const struct target *target = process_set_find(activity->process_set, pid);

	return target != NULL && target->ended == 0;
}

static void add_family(struct holder_activity *activity, const struct relatives *relatives, pid_t pid)
{
	const struct relative *master = find_relative(relatives, pid);

	add(activity, pid, false, (struct holding){.master = pid});
	for (size_t i = 0; master != NULL && i < relatives->count; i++) {
		const struct relative *process = &relatives->list[i];

		if (process != master && may_inherit(relatives, process, master) &&
		    !is_target(activity, process->pid) && procfs_may_list(process->pid) == -EACCES)
			add(activity, process->pid, false, (struct holding){.master = pid});
	}
}

void holder_activity_search(struct holder_activity *activity, uint32_t sample)
{
	struct holders former = activity->former;

	activity->former = activity->holders;
	activity->holders = former;
	activity->holders.count = activity->holding_count = 0;
	activity->sample = sample;
	activity->forks = procfs_forks();
}

struct masters {
	pid_t *list;
	size_t count;
};

static void add_master(struct masters *masters, pid_t pid)
{
	for (size_t i = 0; i < masters->count; i++)
		if (masters->list[i] == pid)
			return;
	masters->list = array_extend(masters->list, masters->count, sizeof(*masters->list));
	masters->list[masters->count++] = pid;
}

void holder_activity_add_unseen(struct holder_activity *activity)
{
	struct relatives relatives = {NULL, 0, 0};
	struct masters masters = {NULL, 0};
	const struct target *target;

	(void)procfs_processes(add_relative, &relatives);
	if (relatives.count > 0)
		qsort(relatives.list, relatives.count, sizeof(*relatives.list), by_pid);
	for (size_t i = 0; i < activity->holders.count; i++)
		if (!activity->holders.list[i].is_target)
			add_master(&masters, activity->holders.list[i].pid);
	for (size_t i = 0; (target = process_set_at(activity->process_set, i)) != NULL; i++) {
		pid_t master = target->ended == 0 ? holder_activity_master(target->pid) : 0;

		if (master > 0)
			add_master(&masters, master);
	}
	for (size_t i = 0; i < masters.count; i++)
		add_family(activity, &relatives, masters.list[i]);
	free(masters.list);
	free(relatives.list);
}
