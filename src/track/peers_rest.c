// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/peers.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/xalloc.h"

/* Selects the groups that a full table folds, and sums them up. */

/* Weight of an established connection, in failed attempts. */
#define WORTH_OK 16
/* Bytes that weigh as much as a failed attempt. */
#define WORTH_BYTES 4096

void peers_remember_pid(struct peers_group *group, int32_t pid)
{
	bool known = pid <= 0;

	for (unsigned int i = 0; i < group->pid_count && !known; i++)
		known = group->pids[i] == pid;
	if (!known && group->pid_count == PEERS_LIST_MAX) {
		group->more_pids = true;
	} else if (!known) {
		group->pids = array_extend(group->pids, group->pid_count, sizeof(*group->pids));
		group->pids[group->pid_count++] = pid;
	}
}

void peers_remember_comm(struct peers_group *group, const char comm[16])
{
	bool known = comm[0] == '\0';

	for (unsigned int i = 0; i < group->comm_count && !known; i++)
		known = strncmp(group->comms[i], comm, sizeof(group->comms[i])) == 0;
	if (!known && group->comm_count == PEERS_LIST_MAX) {
		group->more_comms = true;
	} else if (!known) {
		group->comms = array_extend(group->comms, group->comm_count, sizeof(*group->comms));
		memcpy(group->comms[group->comm_count], comm, sizeof(*group->comms));
		group->comms[group->comm_count++][sizeof(*group->comms) - 1] = '\0';
	}
}

/* Of a sum that overflows, something is unknown. */
static void add_sum(struct peers_sum *to, const struct peers_sum *from)
{
	to->unknown += from->unknown + __builtin_add_overflow(to->known, from->known, &to->known);
}

void peers_merge(struct peers_group *to, const struct peers_group *from, int64_t *budget)
{
	to->conns += from->conns;
	to->open += from->open;
	to->why |= from->why;
	for (unsigned int i = 0; i < RESULT_NUM; i++)
		to->results[i] += from->results[i];
	for (unsigned int i = 0; i < PEERS_TOTAL_NUM; i++)
		add_sum(&to->totals[i], &from->totals[i]);
	to->totals_known |= from->totals_known;
	for (unsigned int i = 0; i < PEERS_SPREAD_NUM; i++) {
		distribution_merge(&to->spreads[i], &from->spreads[i], budget);
		to->spreads_unknown[i] += from->spreads_unknown[i];
	}
	add_sum(&to->duration, &from->duration);
	to->durations += from->durations;
	if (from->first_ns >= 0 && (to->first_ns < 0 || from->first_ns < to->first_ns))
		to->first_ns = from->first_ns;
	if (from->last_ns > to->last_ns)
		to->last_ns = from->last_ns;
	for (unsigned int i = 0; i < from->pid_count; i++)
		peers_remember_pid(to, from->pids[i]);
	for (unsigned int i = 0; i < from->comm_count; i++)
		peers_remember_comm(to, from->comms[i]);
	to->more_pids |= from->more_pids;
	to->more_comms |= from->more_comms;
}

static uint64_t weight(const struct peers_group *group)
{
	uint64_t bytes = (uint64_t)group->totals[PEERS_RX_BYTES].known + (uint64_t)group->totals[PEERS_TX_BYTES].known;

	return group->conns + WORTH_OK * group->results[RESULT_OK] + bytes / WORTH_BYTES;
}

struct ranked {
	uint64_t weight;
	size_t place; /* in order of appearance */
};

static int compare(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	if (a->weight != b->weight)
		return a->weight < b->weight ? -1 : 1;
	return (a->place > b->place) - (a->place < b->place);
}

bool *peers_lightest(const struct peers_group *groups, size_t count)
{
	struct ranked *ranked = xcalloc(count, sizeof(*ranked));
	bool *light = xcalloc(count, sizeof(*light));
	/* A quarter at a time keeps the cost of sorting low. */
	size_t going = count / 4 > 0 ? count / 4 : 1;

	for (size_t i = 0; i < count; i++)
		ranked[i] = (struct ranked){weight(&groups[i]), i};
	qsort(ranked, count, sizeof(*ranked), compare);
	for (size_t i = 0; i < going; i++)
		light[ranked[i].place] = true;
	free(ranked);
	return light;
}
