// SPDX-License-Identifier: GPL-2.0-or-later
/* Which threads have breakpoints, and where. */
#include "source/perf/breakpoints_state.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "source/perf/sites.h"
#include "system/procfs.h"
#include "system/procfs_children.h"

/* Sites of one program, and of those that its processes execute. */
#define PLACES_MAX 65536
/* A program maps its libraries sooner than this after it was executed. */
#define BARE_NS CLOCK_NS_PER_SEC

static void keep_sites(struct breakpoints *breakpoints, pid_t pid, const struct sites *sites)
{
	*(struct path_taken *)idmap_put(breakpoints->paths, (uint64_t)pid) =
		(struct path_taken){pid, (uint8_t)sites->path, sites->path != SITE_PATH_ANY, sites->is_partial};
	if (idmap_count(breakpoints->places) > PLACES_MAX)
		return;
	for (size_t i = 0; i < sites->count; i++)
		*(struct place *)idmap_put(breakpoints->places, sites->list[i].address) =
			(struct place){(uint8_t)sites->list[i].call, (uint8_t)sites->list[i].path};
}

/* The children that a process has already, and theirs. */
struct offspring {
	pid_t *list;
	size_t count, size;
};

static void see_child(void *context, pid_t child)
{
	struct offspring *offspring = context;

	for (size_t i = 0; i < offspring->count; i++)
		if (offspring->list[i] == child)
			return;
	offspring->list = array_reserve(offspring->list, offspring->count, &offspring->size, sizeof(pid_t));
	offspring->list[offspring->count++] = child;
}

struct priming {
	struct breakpoints *breakpoints;
	pid_t pid;
};

/* callback of procfs_sockets() */
static void keep_listener(void *context, int fd, uint32_t inode)
{
	const struct priming *priming = context;
	const struct breakpoints_config *config = &priming->breakpoints->config;
	struct known_listener known = {.inode = inode};

	if (config->find_listener(config->context, inode, &known.local))
		*connect_calls_listener(priming->breakpoints->calls, priming->pid, fd) = known;
}

static int arm(struct breakpoints *breakpoints, pid_t pid, enum armed_origin origin, struct err *err)
{
	const struct path_taken *taken = idmap_find(breakpoints->paths, (uint64_t)pid);
	const struct sites_wish wish = {
		.accepts = breakpoints->config.accepts,
		.one_accept = breakpoints->config.one_accept,
		.outcomes = true,
		.path = taken != NULL ? taken->path : SITE_PATH_ANY,
	};
	struct sites sites;
	int rc = sites_find(pid, &wish, &sites, err);

	if (rc == 0)
		rc = armed_process(breakpoints->armed, pid, &sites, origin, err);
	/* A debugger has a place. */
	if (rc == -ENOSPC && sites.list[sites.count - 1].call == SITE_GETSOCKOPT) {
		sites.count--;
		rc = armed_process(breakpoints->armed, pid, &sites, origin, err);
	}
	if (rc != 0)
		return rc;
	keep_sites(breakpoints, pid, &sites);
	breakpoints->lacks_outcomes |= sites.list[sites.count - 1].call != SITE_GETSOCKOPT;
	if (breakpoints->config.accepts)
		(void)procfs_sockets(pid, keep_listener, &(struct priming){breakpoints, pid});
	breakpoints_report_ring(breakpoints, pid);
	return 0;
}

static void report_exec(struct breakpoints *breakpoints, pid_t pid)
{
	struct procfs_name name;

	if (breakpoints->execs++ > 0)
		return;
	notices_add(
		&breakpoints->notices,
		"PID %d (%s) was started by execve(2) in a watched process: of such programs the connections of the "
		"first moment may be missing",
		(int)pid, procfs_name(&name, pid));
}

/* It had breakpoints, and could not get them again. One that has ended, or is about to, needs none. */
static void report_unarmed(struct breakpoints *breakpoints, pid_t pid, int rc, const struct err *reason)
{
	char exe[PATH_MAX];

	if (rc == 0 || rc == -ESRCH || idmap_find(breakpoints->paths, (uint64_t)pid) == NULL ||
	    procfs_exe(pid, exe, sizeof(exe)) == -ENOENT)
		return;
	breakpoints_gap(breakpoints, pid, "unarmed");
	notices_add(&breakpoints->notices,
		    "PID %d has lost its breakpoints (%s): what it connects is found by samples only", (int)pid,
		    reason->text);
}

/* It has no breakpoints now, nor have children whose breakpoints came from it. */
void breakpoints_executed(struct breakpoints *breakpoints, pid_t pid)
{
	struct offspring offspring = {NULL, 0, 0};
	struct err ignored;

	armed_forget(breakpoints->armed, pid);
	idmap_remove(breakpoints->paths, (uint64_t)pid);
	if (arm(breakpoints, pid, ARMED_EXEC, &ignored) != 0)
		*(struct bare *)idmap_put(breakpoints->bare, (uint64_t)pid) = (struct bare){pid, clock_monotonic()};
	else
		report_exec(breakpoints, pid);
	if (breakpoints->config.follow)
		(void)procfs_children(pid, see_child, &offspring);
	for (size_t i = 0; i < offspring.count; i++) {
		struct err reason = {""};
		int rc = arm(breakpoints, offspring.list[i], ARMED_CHILD, &reason);

		report_unarmed(breakpoints, offspring.list[i], rc, &reason);
	}
	free(offspring.list);
}

/* The dynamic linker has mapped something: perhaps the C library. */
void breakpoints_mapped(struct breakpoints *breakpoints, pid_t pid)
{
	struct err ignored;

	if (idmap_find(breakpoints->bare, (uint64_t)pid) == NULL || arm(breakpoints, pid, ARMED_EXEC, &ignored) != 0)
		return;
	idmap_remove(breakpoints->bare, (uint64_t)pid);
	report_exec(breakpoints, pid);
}

/* A program that still runs without breakpoints is reported, the first one. */
void breakpoints_report_bare(struct breakpoints *breakpoints)
{
	const struct bare *bare = idmap_next(breakpoints->bare, NULL);
	struct procfs_name name;

	if (bare == NULL || clock_monotonic() - bare->since_ns < BARE_NS)
		return;
	if (!breakpoints->has_bare && procfs_thread_group(bare->pid) == bare->pid) {
		notices_add(&breakpoints->notices,
			    "PID %d (%s), started by execve(2) in a watched process, has no place where connect(2) is "
			    "known to return: its connections are found by samples only",
			    (int)bare->pid, procfs_name(&name, bare->pid));
		breakpoints->has_bare = true;
	}
	idmap_remove(breakpoints->bare, (uint64_t)bare->pid);
}

/*
 * A process that has ended is no failure, nor is a child that cannot be watched, nor a process that the samples have
 * refused, too: they name and count it.
 */
static int arm_list(struct breakpoints *breakpoints, bool is_again, struct err *err)
{
	size_t named = breakpoints->config.pid_count;
	struct offspring offspring = {NULL, 0, 0};
	bool is_any = false;
	int rc = 0;

	for (size_t i = 0; i < named; i++)
		see_child(&offspring, breakpoints->pids[i]);
	for (size_t i = 0; i < offspring.count; i++) {
		bool is_child = i >= named;
		enum armed_origin origin = is_again ? ARMED_AGAIN : is_child ? ARMED_CHILD : ARMED_NAMED;
		struct err reason = {""};

		rc = arm(breakpoints, offspring.list[i], origin, &reason);
		is_any |= rc == 0;
		if (is_again)
			report_unarmed(breakpoints, offspring.list[i], rc, &reason);
		else if (rc != 0 && rc != -ESRCH && !is_child && procfs_may_list(offspring.list[i]) >= 0) {
			*err = reason;
			break;
		}
		if (rc != 0 && !is_any)
			*err = reason;
		if (breakpoints->config.follow)
			(void)procfs_children(offspring.list[i], see_child, &offspring);
		rc = 0;
	}
	free(offspring.list);
	return rc == 0 && !is_any ? -ESRCH : rc;
}

int breakpoints_arm_all(struct breakpoints *breakpoints, struct err *err)
{
	return arm_list(breakpoints, false, err);
}

/* ---- the code that calls take ---------------------------------------------------------- */

/* A child has the breakpoints of its parent, which close with them: so all are set again. */
static void change_path(struct breakpoints *breakpoints, pid_t pid, struct path_taken *taken, enum site_path path)
{
	struct err ignored;

	if (breakpoints->changed_pid == 0)
		breakpoints->changed_pid = pid;
	if (breakpoints->changed_pid == pid)
		breakpoints->was_partial = taken->is_partial;
	taken->path = (uint8_t)path;
	breakpoints_gap_all(breakpoints, "path");
	armed_forget(breakpoints->armed, 0);
	(void)arm_list(breakpoints, true, &ignored);
}

void breakpoints_report_path(struct breakpoints *breakpoints)
{
	struct procfs_name name;

	if (breakpoints->changed_pid == 0 || breakpoints->has_path)
		return;
	breakpoints->has_path = true;
	notices_add(
		&breakpoints->notices,
		breakpoints->was_partial
			? "PID %d (%s): until its first accept(2) its breakpoints did not include connect(2), because "
			  "its memory may not be read: its own connections before are found by samples only"
			: "PID %d (%s) has its first thread: the breakpoints have been set again, and connections of "
			  "that moment may be missing",
		(int)breakpoints->changed_pid, procfs_name(&name, breakpoints->changed_pid));
}

void breakpoints_created(struct breakpoints *breakpoints, pid_t pid, pid_t parent)
{
	struct path_taken *taken = idmap_find(breakpoints->paths, (uint64_t)parent);
	struct path_taken inherited;

	if (taken == NULL)
		return;
	inherited = *taken;
	inherited.pid = pid;
	if (pid != parent)
		*(struct path_taken *)idmap_put(breakpoints->paths, (uint64_t)pid) = inherited;
	else if (taken->path != SITE_PATH_THREADS && (taken->is_narrow || taken->is_partial))
		change_path(breakpoints, pid, taken, SITE_PATH_THREADS);
}

void breakpoints_reached(struct breakpoints *breakpoints, pid_t pid, const struct place *place)
{
	struct path_taken *taken = idmap_find(breakpoints->paths, (uint64_t)pid);

	if (taken != NULL && taken->is_partial && place->path != SITE_PATH_ANY)
		change_path(breakpoints, pid, taken, (enum site_path)place->path);
}
