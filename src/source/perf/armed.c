// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Breakpoints of the processor (perf_event_open(2), PERF_TYPE_BREAKPOINT). The kernel takes a record when a thread
 * comes there, and the thread goes on without a stop. An event is of one thread, one place and one processor; the
 * threads that this one creates inherit it. The kernel removes all when conntrace ends, whichever way.
 */
#include "source/perf/armed.h"

#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/idmap.h"
#include "base/xalloc.h"
#include "system/procfs.h"

/* Listings of the threads of a process until no new one is there. */
#define LISTINGS_MAX 16

/**
 * struct armed_event - an event
 * @fd: its descriptor
 * @pid: process of its thread
 */
struct armed_event {
	int fd;
	pid_t pid;
};

/* Those of one kind, in the order of opening. */
struct armed_events {
	struct armed_event *list;
	size_t count, size;
};

/**
 * struct armed - see armed.h
 * @sites: breakpoints
 * @tasks: events that report execve(2), fork(2) and mmap(2)
 * @closed_hits: of breakpoints that were closed
 */
struct armed {
	const struct hit_rings *rings;
	bool follow;
	struct armed_events sites, tasks;
	uint64_t closed_hits;
};

struct armed *armed_new(const struct hit_rings *rings, bool follow)
{
	struct armed *armed = xcalloc(1, sizeof(*armed));

	armed->rings = rings;
	armed->follow = follow;
	return armed;
}

static void add_event(struct armed_events *events, int fd, pid_t pid)
{
	events->list = array_reserve(events->list, events->count, &events->size, sizeof(*events->list));
	events->list[events->count++] = (struct armed_event){fd, pid};
}

static void close_from(struct armed_events *events, size_t first)
{
	while (events->count > first)
		close(events->list[--events->count].fd);
}

/* Return: 0 or a negative errno. */
static int control_from(const struct armed_events *events, size_t first, unsigned long request)
{
	for (size_t i = first; i < events->count; i++)
		if (ioctl(events->list[i].fd, request, 0) != 0)
			return -errno;
	return 0;
}

void armed_free(struct armed *armed)
{
	if (armed == NULL)
		return;
	close_from(&armed->sites, 0);
	close_from(&armed->tasks, 0);
	free(armed->sites.list);
	free(armed->tasks.list);
	free(armed);
}

void armed_disable(struct armed *armed)
{
	(void)control_from(&armed->sites, 0, PERF_EVENT_IOC_DISABLE);
	(void)control_from(&armed->tasks, 0, PERF_EVENT_IOC_DISABLE);
}

static uint64_t hits_of(const struct armed_event *event)
{
	uint64_t hits;

	return read(event->fd, &hits, sizeof(hits)) == (ssize_t)sizeof(hits) ? hits : 0;
}

uint64_t armed_hits(const struct armed *armed)
{
	uint64_t sum = armed->closed_hits;

	for (size_t i = 0; i < armed->sites.count; i++)
		sum += hits_of(&armed->sites.list[i]);
	return sum;
}

void armed_forget(struct armed *armed, pid_t pid)
{
	struct armed_events *sites = &armed->sites;
	size_t left = 0;

	for (size_t i = 0; i < sites->count; i++) {
		if (pid != 0 && sites->list[i].pid != pid) {
			sites->list[left++] = sites->list[i];
			continue;
		}
		armed->closed_hits += hits_of(&sites->list[i]);
		close(sites->list[i].fd);
	}
	sites->count = left;
}

static struct perf_event_attr attributes(const struct armed *armed, bool has_stack)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.disabled = 1,
		.inherit = 1,
		.inherit_thread = !armed->follow,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	hit_records_ask(&attr, has_stack);
	return attr;
}

/* Return: the descriptor, or a negative errno. */
static int open_event(const struct armed *armed, struct perf_event_attr *attr, pid_t tid, size_t ring)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, tid, hit_rings_cpu(armed->rings, ring), -1,
			      PERF_FLAG_FD_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	rc = hit_rings_add(armed->rings, ring, fd, attr->type == PERF_TYPE_SOFTWARE);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

/* It counts nothing, and reports execve(2), fork(2), and mmap(2) of what is to be executed. */
static int open_task(struct armed *armed, pid_t pid, pid_t tid, size_t ring)
{
	struct perf_event_attr attr = attributes(armed, false);
	int fd;

	attr.type = PERF_TYPE_SOFTWARE;
	attr.config = PERF_COUNT_SW_DUMMY;
	attr.task = 1;
	attr.mmap = 1;
	attr.comm = 1;
	attr.comm_exec = 1;
	fd = open_event(armed, &attr, tid, ring);
	if (fd < 0)
		return fd;
	add_event(&armed->tasks, fd, pid);
	return 0;
}

/*
 * An event that is not inherited. Without it the kernel takes the events of a thread and those that a child inherited
 * for the same, and exchanges them when one runs after the other: execve(2) of the child would then remove the
 * parent's, and the child's would keep their places in the processor.
 */
static int open_own(struct armed *armed, pid_t pid, pid_t tid)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.disabled = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	add_event(&armed->tasks, fd, pid);
	return 0;
}

/* Return: the descriptor, or a negative errno. */
static int open_breakpoint(const struct armed *armed, pid_t tid, const struct site *site, size_t ring)
{
	struct perf_event_attr attr = attributes(armed, site->call != SITE_SOCKET);

	attr.type = PERF_TYPE_BREAKPOINT;
	attr.bp_type = HW_BREAKPOINT_X;
	attr.bp_addr = site->address;
	attr.bp_len = sizeof(long);
	attr.sample_period = 1;
	/* Another program has other code there. */
	attr.remove_on_exec = 1;
	return open_event(armed, &attr, tid, ring);
}

static int open_site(struct armed *armed, pid_t pid, pid_t tid, const struct site *site, size_t ring)
{
	int fd = open_breakpoint(armed, tid, site, ring);

	if (fd < 0)
		return fd;
	add_event(&armed->sites, fd, pid);
	return 0;
}

/* Whether a thread has inherited them: then there is no room for the others. */
static bool has_breakpoints(const struct armed *armed, pid_t tid, const struct sites *sites)
{
	int fds[SITES_MAX];
	size_t wanted = SITES_MAX - sites->count + 1, count = 0;
	int fd = 0;

	while (count < wanted && fd >= 0) {
		fd = open_breakpoint(armed, tid, &sites->list[0], 0);
		if (fd >= 0)
			fds[count++] = fd;
	}
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	return fd == -ENOSPC;
}

static int arm_thread(struct armed *armed, pid_t pid, pid_t tid, const struct sites *sites, bool has_task)
{
	size_t first = armed->sites.count, first_task = armed->tasks.count;
	int rc = open_own(armed, pid, tid);

	for (size_t ring = 0; ring < hit_rings_count(armed->rings) && rc == 0; ring++) {
		for (size_t i = 0; i < sites->count && rc == 0; i++)
			rc = open_site(armed, pid, tid, &sites->list[i], ring);
		if (!has_task && rc == 0)
			rc = open_task(armed, pid, tid, ring);
	}
	if (rc == 0)
		rc = control_from(&armed->tasks, first_task, PERF_EVENT_IOC_ENABLE);
	if (rc == 0)
		rc = control_from(&armed->sites, first, PERF_EVENT_IOC_ENABLE);
	if (rc != 0) {
		close_from(&armed->sites, first);
		close_from(&armed->tasks, first_task);
	}
	return rc;
}

/* The threads of a process that are to be armed. */
struct listing {
	pid_t pid;
	struct idmap *known;
	pid_t *fresh;
	size_t count, size;
};

static void see_thread(void *context, pid_t tid)
{
	struct listing *listing = context;

	if (idmap_find(listing->known, (uint64_t)tid) != NULL)
		return;
	*(bool *)idmap_put(listing->known, (uint64_t)tid) = true;
	listing->fresh = array_reserve(listing->fresh, listing->count, &listing->size, sizeof(*listing->fresh));
	listing->fresh[listing->count++] = tid;
}

static int explain(int error, pid_t pid, struct err *err)
{
	switch (-error) {
	case ENOSPC:
		return err_set(err, ENOSPC,
			       "the breakpoints of PID %d are in use: a debugger, or another conntrace, watches it",
			       (int)pid);
	case EMFILE:
		return err_set(err, EMFILE, "PID %d has too many threads for the limit of open files (ulimit -n)",
			       (int)pid);
	case EACCES:
	case EPERM:
		return err_set(err, EACCES,
			       "breakpoints are not permitted for PID %d: it is another user's, or "
			       "kernel.perf_event_paranoid is above 2",
			       (int)pid);
	default:
		return err_set(err, -error, "no breakpoints for PID %d: %s", (int)pid, strerror(-error));
	}
}

/* @may_have: it may have been created by a thread that has breakpoints. */
static int arm_listed(struct armed *armed, const struct listing *listing, const struct sites *sites, bool may_have,
		      bool has_task, bool *is_any)
{
	int rc = 0;

	for (size_t i = 0; i < listing->count && rc == 0; i++) {
		if (!may_have || !has_breakpoints(armed, listing->fresh[i], sites))
			rc = arm_thread(armed, listing->pid, listing->fresh[i], sites, has_task);
		*is_any |= rc == 0;
		/* This thread has ended. */
		if (rc == -ESRCH)
			rc = 0;
	}
	return rc;
}

int armed_process(struct armed *armed, pid_t pid, const struct sites *sites, enum armed_origin origin, struct err *err)
{
	struct listing listing = {.pid = pid, .known = idmap_new(sizeof(bool))};
	bool may_have = origin == ARMED_CHILD || origin == ARMED_AGAIN;
	bool has_task = origin == ARMED_EXEC || origin == ARMED_AGAIN;
	bool is_any = false;
	int rc = 0;

	/* A thread that is created by one without breakpoints has none either, so all are listed again. */
	for (int i = 0; i < LISTINGS_MAX && rc == 0; i++) {
		listing.count = 0;
		(void)procfs_threads(pid, see_thread, &listing);
		if (listing.count == 0)
			break;
		rc = arm_listed(armed, &listing, sites, i > 0 || may_have, has_task, &is_any);
	}
	idmap_free(listing.known);
	free(listing.fresh);
	if (rc == 0 && !is_any)
		rc = -ESRCH;
	return rc == 0 ? 0 : explain(rc, pid, err);
}
