// SPDX-License-Identifier: GPL-2.0-or-later
#include "targets.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "base/xalloc.h"
#include "source/diag/socket.h"
#include "source/procfs/procfs.h"

/* Beyond it new children are not followed. */
#define TARGETS_MAX 65536

struct targets {
	struct target *list;
	struct pollfd *polls; /* as many */
	size_t count, size;
	bool follow;
	bool lists_children; /* the kernel does */
};

struct target *targets_find(struct targets *targets, pid_t pid)
{
	for (size_t i = 0; i < targets->count; i++)
		if (targets->list[i].pid == pid)
			return &targets->list[i];
	return NULL;
}

static void append(struct targets *targets, pid_t pid)
{
	int pidfd;

	if (targets->count >= TARGETS_MAX || targets_find(targets, pid) != NULL)
		return;
	if (targets->count == targets->size) {
		targets->size = targets->size > 0 ? targets->size * 2 : 8;
		targets->list = xreallocarray(targets->list, targets->size, sizeof(*targets->list));
		targets->polls = xreallocarray(targets->polls, targets->size, sizeof(*targets->polls));
	}
	pidfd = socket_process(pid);
	targets->list[targets->count++] = (struct target){.pid = pid, .pidfd = pidfd >= 0 ? pidfd : -1};
}

/* A thread's children, as the kernel lists them. Return: false when it does not (CONFIG_PROC_CHILDREN). */
static bool add_children(struct targets *targets, pid_t tid)
{
	char name[64], text[16384], *rest = text, *word;
	ssize_t length;
	int64_t pid;

	snprintf(name, sizeof(name), "task/%d/children", tid);
	length = procfs_read(tid, name, text, sizeof(text));
	if (length < 0)
		return false;
	/* The last number may be cut. */
	if ((size_t)length == sizeof(text) - 1)
		*strrchr(text, ' ') = '\0';
	while ((word = strsep(&rest, " \n")) != NULL)
		if (number_parse(word, 1, INT32_MAX, &pid) == 0)
			append(targets, (pid_t)pid);
	return true;
}

struct targets *targets_new(bool follow)
{
	struct targets *targets = xcalloc(1, sizeof(*targets));

	targets->follow = follow;
	targets->lists_children = add_children(&(struct targets){.count = TARGETS_MAX}, getpid());
	return targets;
}

void targets_free(struct targets *targets)
{
	if (targets == NULL)
		return;
	for (size_t i = 0; i < targets->count; i++)
		if (targets->list[i].pidfd >= 0)
			close(targets->list[i].pidfd);
	free(targets->list);
	free(targets->polls);
	free(targets);
}

struct target *targets_at(struct targets *targets, size_t index)
{
	return index < targets->count ? &targets->list[index] : NULL;
}

static void ignore_socket(void *context, int fd, uint32_t inode)
{
	(void)context;
	(void)fd;
	(void)inode;
}

int targets_add(struct targets *targets, pid_t pid, uint32_t netns, struct err *err)
{
	struct procfs_status status = {.tgid = 0};
	int rc = procfs_sockets(pid, ignore_socket, NULL);
	uint32_t theirs = rc >= 0 ? procfs_netns(pid) : 0;

	if (rc < 0 || procfs_status(pid, &status) != 0 || status.state == 'Z' || status.tgid != pid)
		rc = procfs_why_not_watchable(pid, err->text, sizeof(err->text));
	if (rc < 0)
		return rc;
	if (theirs != 0 && netns != 0 && theirs != netns)
		return err_set(err, EXDEV,
			       "cannot watch PID %d without stopping it: it is in another network namespace, whose "
			       "sockets are not seen from here; try nsenter -t %d -n conntrace ..., or --via=ptrace",
			       pid, pid);
	append(targets, pid);
	return 0;
}

size_t targets_refresh(struct targets *targets)
{
	size_t kept = 0;

	for (size_t i = 0; i < targets->count; i++)
		targets->polls[i] = (struct pollfd){.fd = targets->list[i].pidfd, .events = POLLIN};
	(void)poll(targets->polls, targets->count, 0);
	for (size_t i = 0; i < targets->count; i++) {
		struct target *target = &targets->list[i];
		bool ended = target->pidfd >= 0 ? targets->polls[i].revents != 0
						: kill(target->pid, 0) != 0 && errno == ESRCH;

		if (!ended)
			targets->list[kept++] = *target;
		else if (target->pidfd >= 0)
			close(target->pidfd);
	}
	targets->count = kept;
	return kept;
}

static void follow_thread(void *context, pid_t tid)
{
	(void)add_children(context, tid);
}

static void follow_process(void *context, pid_t pid)
{
	struct targets *targets = context;
	struct procfs_status status;

	if (procfs_status(pid, &status) == 0 && targets_find(targets, status.ppid) != NULL)
		append(targets, pid);
}

size_t targets_follow(struct targets *targets)
{
	size_t before = targets->count;

	if (!targets->follow)
		return 0;
	if (!targets->lists_children) {
		(void)procfs_processes(follow_process, targets);
		return targets->count - before;
	}
	/* The list grows while it is walked: children of children come in the same round. */
	for (size_t i = 0; i < targets->count; i++)
		(void)procfs_threads(targets->list[i].pid, follow_thread, targets);
	return targets->count - before;
}

struct strangers {
	struct targets *targets;
	struct procfs_owners *owners;
	bool unseen;
};

static void add_stranger(void *context, pid_t pid)
{
	struct strangers *strangers = context;

	if (pid == getpid() || targets_find(strangers->targets, pid) != NULL)
		return;
	if (procfs_owners_add(strangers->owners, pid) == -EACCES)
		strangers->unseen = true;
}

bool targets_strangers(struct targets *targets, struct procfs_owners *owners)
{
	struct strangers strangers = {targets, owners, false};

	(void)procfs_processes(add_stranger, &strangers);
	return strangers.unseen;
}
