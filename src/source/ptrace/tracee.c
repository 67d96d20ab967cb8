// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/tracee.h"

#include <linux/kcmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/xalloc.h"
#include "source/ptrace/sealed_sockets.h"
#include "source/ptrace/uring.h"

/* Thread ids are assigned in sequence, so their low bits spread well by themselves. */
struct tracee_table {
	struct tracee **chains;
	size_t size; /* a power of two */
	size_t count;
	pid_t *early_ends;
	size_t early_end_count;
};

#define TABLE_SIZE_MIN 64
/* A descriptor number beyond this is not remembered: it would cost a target too much memory. */
#define SOCKET_FD_MAX (1 << 22)

struct tracee_table *tracee_table_new(void)
{
	struct tracee_table *table = xcalloc(1, sizeof(*table));

	table->size = TABLE_SIZE_MIN;
	table->chains = xcalloc(table->size, sizeof(struct tracee *));
	return table;
}

static struct tracee **chain_of(const struct tracee_table *table, pid_t tid)
{
	return &table->chains[(size_t)tid & (table->size - 1)];
}

static void grow(struct tracee_table *table)
{
	struct tracee **old = table->chains;
	size_t old_size = table->size;

	table->size *= 2;
	table->chains = xcalloc(table->size, sizeof(struct tracee *));
	for (size_t i = 0; i < old_size; i++) {
		while (old[i] != NULL) {
			struct tracee *tracee = old[i];
			struct tracee **chain = chain_of(table, tracee->tid);

			old[i] = tracee->next;
			tracee->next = *chain;
			*chain = tracee;
		}
	}
	free(old);
}

struct tracee *tracee_find(const struct tracee_table *table, pid_t tid)
{
	struct tracee *tracee = *chain_of(table, tid);

	while (tracee != NULL && tracee->tid != tid)
		tracee = tracee->next;
	return tracee;
}

/* A process is found through its leader or, when that has ended already, through any other thread. */
static struct target *find_target(const struct tracee_table *table, pid_t pid)
{
	struct tracee *leader = tracee_find(table, pid);

	if (leader != NULL)
		return leader->target;
	for (size_t i = 0; i < table->size; i++)
		for (struct tracee *tracee = table->chains[i]; tracee != NULL; tracee = tracee->next)
			if (tracee->target->pid == pid)
				return tracee->target;
	return NULL;
}

void target_inherit(struct target *target, const struct target *parent)
{
	if (target == parent)
		return;
	target->netns = parent->netns;
	if (target->sealed == NULL)
		sealed_inherit(target, parent);
	if (parent->close_stops == CLOSE_STOPS_ADDED || parent->close_stops == CLOSE_STOPS_REFUSED)
		target->close_stops = parent->close_stops;
	memcpy(target->deferred, parent->deferred, sizeof(target->deferred));
	target->deferred_count = parent->deferred_count;
	if (target->words < parent->words) {
		target->sockets = xreallocarray(target->sockets, parent->words, sizeof(*target->sockets));
		memset(target->sockets + target->words, 0, (parent->words - target->words) * sizeof(*target->sockets));
		target->words = parent->words;
	}
	for (size_t i = 0; i < parent->words; i++)
		target->sockets[i] |= parent->sockets[i];
}

static struct target *target_new(pid_t pid, const struct target *parent)
{
	struct target *target = xcalloc(1, sizeof(*target));

	target->pid = pid;
	target->pidfd = -1;
	if (parent != NULL)
		target_inherit(target, parent);
	return target;
}

static void target_free(struct target *target)
{
	if (target->pidfd >= 0)
		close(target->pidfd);
	free(target->sockets);
	free(target->exit_sockets);
	uring_free(target->uring);
	sealed_free(target->sealed);
	free(target);
}

struct tracee *tracee_add(struct tracee_table *table, pid_t tid, pid_t pid, const struct target *parent)
{
	struct tracee *tracee = xcalloc(1, sizeof(*tracee));
	struct tracee **chain;

	tracee->tid = tid;
	tracee->target = find_target(table, pid);
	if (tracee->target == NULL)
		tracee->target = target_new(pid, parent);
	tracee->target->threads++;
	if (table->count >= table->size)
		grow(table);
	chain = chain_of(table, tid);
	tracee->next = *chain;
	*chain = tracee;
	table->count++;
	return tracee;
}

bool tracee_is_at(const struct tracee *tracee, int event)
{
	siginfo_t info;

	return ptrace(PTRACE_GETSIGINFO, tracee->tid, NULL, &info) == 0 && info.si_code >> 8 == event;
}

bool tracee_message(const struct tracee *tracee, int event, unsigned long *message)
{
	/* The last query applies: the status of the last stop is the exit status. */
	return ptrace(PTRACE_GETEVENTMSG, tracee->tid, NULL, message) == 0 && tracee_is_at(tracee, event);
}

void tracee_exiting(struct tracee *tracee, bool exiting)
{
	if (tracee->exiting == exiting)
		return;
	tracee->exiting = exiting;
	tracee->target->exiting += exiting ? 1U : -1U;
}

struct tracee *tracee_next(const struct tracee_table *table, const struct tracee *previous)
{
	size_t chain = 0;

	if (previous != NULL) {
		if (previous->next != NULL)
			return previous->next;
		chain = ((size_t)previous->tid & (table->size - 1)) + 1;
	}
	for (; chain < table->size; chain++)
		if (table->chains[chain] != NULL)
			return table->chains[chain];
	return NULL;
}

void tracee_take(struct tracee_table *table, struct tracee *tracee)
{
	struct tracee **link = chain_of(table, tracee->tid);

	while (*link != tracee)
		link = &(*link)->next;
	*link = tracee->next;
	table->count--;
}

void tracee_free(struct tracee *tracee)
{
	tracee_exiting(tracee, false);
	if (--tracee->target->threads == 0)
		target_free(tracee->target);
	free(tracee);
}

void tracee_remove(struct tracee_table *table, struct tracee *tracee)
{
	tracee_take(table, tracee);
	tracee_free(tracee);
}

void tracee_end_early(struct tracee_table *table, pid_t tid)
{
	table->early_ends = array_extend(table->early_ends, table->early_end_count, sizeof(*table->early_ends));
	table->early_ends[table->early_end_count++] = tid;
}

bool tracee_ended_early(struct tracee_table *table, pid_t tid)
{
	for (size_t i = 0; i < table->early_end_count; i++) {
		if (table->early_ends[i] != tid)
			continue;
		table->early_ends[i] = table->early_ends[--table->early_end_count];
		return true;
	}
	return false;
}

size_t tracee_count(const struct tracee_table *table)
{
	return table->count;
}

void tracee_table_free(struct tracee_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->size; i++)
		while (table->chains[i] != NULL)
			tracee_remove(table, table->chains[i]);
	free(table->chains);
	free(table->early_ends);
	free(table);
}

void target_born(struct target *child, struct target *parent)
{
	if (child == parent)
		return;
	/* kcmp(2) returns 1, 2 or 3 for different tables. It may be missing, or refused. */
	child->owns_descriptors = syscall(SYS_kcmp, child->pid, parent->pid, KCMP_FILES, 0UL, 0UL) > 0;
	parent->owns_descriptors = parent->owns_descriptors && child->owns_descriptors;
}

bool target_is_alone(const struct target *target)
{
	return target->owns_descriptors && target->threads == 1 && target->uring == NULL;
}

pid_t target_descriptors(const struct target *target)
{
	return target->leader_ended && target->tid != 0 ? target->tid : target->pid;
}

void target_mark_socket(struct target *target, int fd, bool is_socket)
{
	size_t word = (size_t)fd / 64;
	uint64_t bit = UINT64_C(1) << ((unsigned int)fd % 64);

	if (fd < 0 || fd >= SOCKET_FD_MAX)
		return;
	if (word >= target->words) {
		size_t words = word + 1 > target->words * 2 ? word + 1 : target->words * 2;

		if (!is_socket)
			return;
		target->sockets = xreallocarray(target->sockets, words, sizeof(*target->sockets));
		memset(target->sockets + target->words, 0, (words - target->words) * sizeof(*target->sockets));
		target->words = words;
	}
	if (is_socket)
		target->sockets[word] |= bit;
	else
		target->sockets[word] &= ~bit;
}

int target_next_socket(const struct target *target, int from)
{
	if (from < 0)
		from = 0;
	for (size_t word = (size_t)from / 64; word < target->words; word++) {
		uint64_t bits = target->sockets[word];

		if (word == (size_t)from / 64)
			bits &= ~UINT64_C(0) << ((unsigned int)from % 64);
		if (bits != 0)
			return (int)(word * 64) + __builtin_ctzll(bits);
	}
	return -1;
}
