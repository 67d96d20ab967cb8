// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/orphans.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "system/procfs.h"

/* Limit of the wait for the end of a parent, in milliseconds. */
#define REAPER_TRIES 1000

/* Of /proc/PID/stat. */
struct facts {
	char state;
	int parent, session;
	uint64_t start;
};

struct search {
	uint64_t start;
	pid_t reaper;
	int reaper_session; /* -1: it starts no process in our control group */
	uint32_t netns;
	const pid_t *known;
	size_t known_count;
	pid_t *pids;
	size_t room, count;
	char group[1024];
};

static bool read_facts(pid_t pid, struct facts *facts)
{
	char text[1024];
	const char *rest;

	if (procfs_read(pid, "stat", text, sizeof(text)) <= 0)
		return false;
	/* The name may hold anything, parentheses too. */
	rest = strrchr(text, ')');
	return rest != NULL &&
	       sscanf(rest + 1, " %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
		      &facts->state, &facts->parent, &facts->session, &facts->start) == 4;
}

uint64_t orphans_start(pid_t pid)
{
	struct facts facts;

	return read_facts(pid, &facts) ? facts.start : 0;
}

static bool is_known(const struct search *search, pid_t pid)
{
	for (size_t i = 0; i < search->known_count; i++)
		if (search->known[i] == pid)
			return true;
	return pid == getpid();
}

/* Runs in a process whose parent has just ended, or is about to end. */
static void tell_parent(pid_t before, int to)
{
	const struct timespec pause = {.tv_nsec = CLOCK_NS_PER_MS};
	pid_t parent;

	for (int i = 0; i < REAPER_TRIES && getppid() == before; i++)
		nanosleep(&pause, NULL);
	parent = getppid();
	_exit(parent != before && write(to, &parent, sizeof(parent)) == (ssize_t)sizeof(parent) ? 0 : 1);
}

/* Find the process that adopts our orphans (PR_SET_CHILD_SUBREAPER), by making one. Return: 0 unknown. */
static pid_t find_reaper(void)
{
	pid_t reaper = 0, child;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return 0;
	child = fork();
	if (child == 0) {
		pid_t self = getpid();

		if (fork() == 0)
			tell_parent(self, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	if (child > 0)
		(void)waitpid(child, NULL, 0);
	if (child < 0 || read(ends[0], &reaper, sizeof(reaper)) != (ssize_t)sizeof(reaper))
		reaper = 0;
	close(ends[0]);
	return reaper;
}

/* Return: true for a child of the reaper, or of another orphan. */
static bool is_orphan(const struct search *search, int parent)
{
	for (size_t i = 0; i < search->count && i < search->room; i++)
		if (search->pids[i] == parent)
			return true;
	return parent == search->reaper;
}

/*
 * A service manager (systemd) puts the processes it starts into separate control groups. Another reaper, as the shell
 * of a container, may have started a process itself: in its own session, or as the first process of one.
 */
static bool may_be_reapers(const struct search *search, pid_t pid, const struct facts *facts)
{
	return search->reaper_session >= 0 && facts->parent == search->reaper &&
	       (facts->session == search->reaper_session || facts->session == (int)pid);
}

static int session_of_reaper(const struct search *search)
{
	char group[sizeof(search->group)];
	struct facts facts;

	if (procfs_read(search->reaper, "cgroup", group, sizeof(group)) < 0 || strcmp(group, search->group) != 0 ||
	    !read_facts(search->reaper, &facts))
		return -1;
	return facts.session;
}

/* The first process of a session may have ended; then the number of the session shows whether it is younger. */
static bool is_session_of_command(const struct search *search, int session)
{
	struct facts leader;

	return session == getsid(0) || !read_facts(session, &leader) || leader.start >= search->start;
}

static void consider(void *context, pid_t pid)
{
	struct search *search = context;
	char group[sizeof(search->group)];
	struct facts facts;

	if (is_known(search, pid) || !read_facts(pid, &facts) || facts.state == 'Z' || facts.start < search->start ||
	    !is_orphan(search, facts.parent) || may_be_reapers(search, pid, &facts) ||
	    !is_session_of_command(search, facts.session))
		return;
	if (procfs_netns(pid) != search->netns)
		return;
	if (procfs_read(pid, "cgroup", group, sizeof(group)) < 0 || strcmp(group, search->group) != 0)
		return;
	if (search->count < search->room)
		search->pids[search->count] = pid;
	search->count++;
}

size_t orphans_find(uint64_t start, const pid_t *known, size_t known_count, pid_t *pids, size_t room)
{
	struct search search = {start, find_reaper(), -1, procfs_netns(getpid()), known, known_count, pids, room, 0,
				""};

	if (start == 0 || search.reaper == 0 || procfs_read(getpid(), "cgroup", search.group, sizeof(search.group)) < 0)
		return 0;
	search.reaper_session = session_of_reaper(&search);
	(void)procfs_processes(consider, &search);
	return search.count;
}
