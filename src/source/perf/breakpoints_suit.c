// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether breakpoints show all that processes connect, as far as that can be known before. */
#include "source/perf/breakpoints.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "source/source.h"
#include "system/procfs.h"
#include "system/procfs_children.h"

/* They execute other programs, whose first moments have no breakpoints. */
static const char *const shells[] = {"sh", "dash", "bash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "busybox"};

/**
 * struct subject - a process and its descendants
 * @exe: its executable
 * @rings: descriptors of io_uring(7) that they have
 * @other: one of them runs another program
 * @follow: descendants count
 */
struct subject {
	char exe[PATH_MAX];
	int rings;
	bool other;
	bool follow;
};

static bool is_shell(const char *exe)
{
	const char *slash = strrchr(exe, '/');

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(slash != NULL ? slash + 1 : exe, shells[i]) == 0)
			return true;
	return false;
}

static void ignore_socket(void *context, int fd, uint32_t inode)
{
	(void)context, (void)fd, (void)inode;
}

static void count_ring(void *context, int fd)
{
	(void)fd;
	((struct subject *)context)->rings++;
}

/* A program that this user may not watch is another one. One that has ended is none. */
static void inspect(void *context, pid_t pid)
{
	struct subject *subject = context;
	char exe[PATH_MAX];
	ssize_t length = procfs_exe(pid, exe, sizeof(exe));

	subject->other |= length > 0 ? strcmp(exe, subject->exe) != 0 : length == -EACCES;
	(void)procfs_sockets_and_rings(pid, ignore_socket, count_ring, subject);
	if (subject->follow)
		(void)procfs_children(pid, inspect, subject);
}

static int suits(pid_t pid, bool follow, struct err *err)
{
	struct subject subject = {.exe = "", .follow = follow};
	struct procfs_name name;

	if (procfs_exe(pid, subject.exe, sizeof(subject.exe)) < 0)
		return procfs_why_not_watchable(pid, err->text, sizeof(err->text));
	inspect(&subject, pid);
	if (is_shell(subject.exe))
		return err_set(err, ENOTSUP, "PID %d (%s) is a shell, which executes other programs", (int)pid,
			       procfs_name(&name, pid));
	if (subject.rings > 0)
		return err_set(err, ENOTSUP, "PID %d (%s), or a child of it, uses io_uring(7)", (int)pid,
			       procfs_name(&name, pid));
	if (subject.other)
		return err_set(err, ENOTSUP, "PID %d (%s) has executed other programs", (int)pid,
			       procfs_name(&name, pid));
	return 0;
}

static int64_t never_sampled(const void *context)
{
	(void)context;
	return 0;
}

static int64_t never_reported(const void *context, int64_t *pushed_ns)
{
	(void)pushed_ns;
	return never_sampled(context);
}

static bool find_none(const void *context, uint32_t inode, struct endpoint *local)
{
	(void)context, (void)inode, (void)local;
	return false;
}

int breakpoints_suit(const pid_t *pids, size_t count, bool follow, struct err *err)
{
	struct breakpoints *breakpoints = NULL;
	struct breakpoints_config config = {
		.pids = pids,
		.pid_count = count,
		.follow = follow,
		.accepts = true,
		.events = queue_new(sizeof(struct event), 16),
		.sampled_ns = never_sampled,
		.reported_ns = never_reported,
		.find_listener = find_none,
	};
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = suits(pids[i], follow, err);
	if (rc == 0)
		rc = breakpoints_open(&breakpoints, &config, err);
	breakpoints_close(breakpoints);
	queue_free(config.events);
	return rc;
}
