// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes of which connections may be missing: their rows and the summary show it. */
#include "source/perf/breakpoints_state.h"

#include <string.h>

#include "base/clock.h"
#include "system/procfs.h"

/* Descriptors are searched once a second at most, and for at most this part of the time. */
#define SEARCH_NS CLOCK_NS_PER_SEC
#define SEARCH_PART 100

static void push_gap(struct breakpoints *breakpoints, pid_t pid, const char *why)
{
	struct event event = event_new(EVENT_PROCESS, ORIGIN_PERF, breakpoints->last_ns);

	event.process.pid = pid;
	event.process.uid = (uint32_t)-1;
	event.process.fact = PROCESS_GAPS;
	event.process.length = (uint8_t)strlen(why);
	memcpy(event.process.text, why, event.process.length);
	if (queue_push(breakpoints->config.events, &event))
		breakpoints->pushed++;
}

void breakpoints_gap(struct breakpoints *breakpoints, pid_t pid, const char *why)
{
	if (idmap_find(breakpoints->gaps, (uint64_t)pid) != NULL)
		return;
	*(struct gap *)idmap_put(breakpoints->gaps, (uint64_t)pid) = (struct gap){pid, why};
	push_gap(breakpoints, pid, why);
}

void breakpoints_gap_all(struct breakpoints *breakpoints, const char *why)
{
	for (const struct path_taken *taken = NULL; (taken = idmap_next(breakpoints->paths, taken)) != NULL;)
		breakpoints_gap(breakpoints, taken->pid, why);
}

void breakpoints_gap_none(struct breakpoints *breakpoints, pid_t pid)
{
	if (idmap_find(breakpoints->gaps, (uint64_t)pid) == NULL)
		return;
	idmap_remove(breakpoints->gaps, (uint64_t)pid);
	push_gap(breakpoints, pid, "");
}

static void count_ring(void *context, int fd)
{
	(void)fd;
	++*(int *)context;
}

static void ignore_socket(void *context, int fd, uint32_t inode)
{
	(void)context, (void)fd, (void)inode;
}

void breakpoints_report_ring(struct breakpoints *breakpoints, pid_t pid)
{
	const struct gap *gap = idmap_find(breakpoints->gaps, (uint64_t)pid);
	struct procfs_name name;
	int rings = 0;

	if (gap != NULL && strcmp(gap->why, "io_uring") == 0)
		return;
	(void)procfs_sockets_and_rings(pid, ignore_socket, count_ring, &rings);
	if (rings == 0)
		return;
	idmap_remove(breakpoints->gaps, (uint64_t)pid);
	breakpoints_gap(breakpoints, pid, "io_uring");
	notices_add(
		&breakpoints->notices,
		"PID %d (%s) uses io_uring(7): what it connects by that passes no breakpoint, and is found by samples "
		"only",
		(int)pid, procfs_name(&name, pid));
}

void breakpoints_search_rings(struct breakpoints *breakpoints, bool is_last)
{
	int64_t begin_ns = clock_monotonic(), part_ns;

	if (begin_ns < breakpoints->searched_ns && !is_last)
		return;
	for (const struct path_taken *taken = NULL; (taken = idmap_next(breakpoints->paths, taken)) != NULL;)
		breakpoints_report_ring(breakpoints, taken->pid);
	part_ns = (clock_monotonic() - begin_ns) * SEARCH_PART;
	breakpoints->searched_ns = begin_ns + (part_ns > SEARCH_NS ? part_ns : SEARCH_NS);
}
