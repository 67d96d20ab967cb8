// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <poll.h>
#include <unistd.h>

#include "base/array.h"
#include "base/xalloc.h"
#include "system/procfs.h"
#include "system/socket.h"

/*
 * A rule by PID covers the threads of a process, not its children. A rule by the parent's PID covers those until each
 * has rules of its own. A grandchild is not covered between its creation and the rule that its parent gets.
 */

/** struct watched - a process; the list is sorted by PID */
struct watched {
	pid_t pid;
	int pidfd;
	bool has_ended; /* its last records still come */
};

struct audit_watch {
	struct audit_control *control;
	struct audit_rule_owner owner;
	bool follow, all;
	bool no_uring; /* the kernel has no such rules */
	int epoll;
	struct watched *list;
	size_t count, room;
};

struct audit_watch *audit_watch_new(struct audit_control *control, const struct audit_rule_owner *owner, bool follow,
				    int epoll)
{
	struct audit_watch *watch = xcalloc(1, sizeof(*watch));

	watch->control = control;
	watch->owner = *owner;
	watch->follow = follow;
	watch->epoll = epoll;
	return watch;
}

static void close_pidfd(struct watched *watched)
{
	if (watched->pidfd >= 0)
		close(watched->pidfd);
	watched->pidfd = -1;
}

void audit_watch_free(struct audit_watch *watch)
{
	if (watch == NULL)
		return;
	for (size_t i = 0; i < watch->count; i++)
		close_pidfd(&watch->list[i]);
	free(watch->list);
	free(watch);
}

/* The place of @pid, or where it would be. */
static size_t place_of(const struct audit_watch *watch, pid_t pid)
{
	size_t low = 0, high = watch->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (watch->list[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct watched *find(const struct audit_watch *watch, pid_t pid)
{
	size_t place = place_of(watch, pid);

	return place < watch->count && watch->list[place].pid == pid ? &watch->list[place] : NULL;
}

/* ---- rules ---------------------------------------------------------------------------- */

typedef int rule_function(struct audit_control *control, const struct audit_rule_data *rule, size_t size);

static int apply(struct audit_watch *watch, rule_function *function, enum audit_rule_kind kind, size_t machine,
		 pid_t pid)
{
	struct audit_rule rule;

	audit_rule_make(&rule, kind, machine, pid, &watch->owner);
	return function(watch->control, &rule.data, audit_rule_size(&rule));
}

/* Return: number of rules, or the negative errno of the first one that failed. */
static int apply_all(struct audit_watch *watch, rule_function *function, pid_t pid)
{
	const enum audit_rule_kind kinds[] = {watch->all ? AUDIT_RULE_ALL : AUDIT_RULE_PROCESS, AUDIT_RULE_CHILDREN};
	size_t kind_count = watch->follow && !watch->all ? 2 : 1;
	int done = 0, rc = 0;

	for (size_t kind = 0; kind < kind_count; kind++) {
		for (size_t machine = 0; machine < audit_rule_machines(); machine++) {
			int error = apply(watch, function, kinds[kind], machine, pid);

			done += error == 0;
			rc = rc == 0 && error != -EEXIST ? error : rc;
		}
	}
	if (!watch->no_uring) {
		int error = apply(watch, function, watch->all ? AUDIT_RULE_URING_ALL : AUDIT_RULE_URING, 0, pid);

		watch->no_uring = error == -EINVAL;
		done += error == 0;
	}
	return rc != 0 ? rc : done;
}

int audit_watch_add(struct audit_watch *watch, pid_t pid)
{
	struct watched *found = find(watch, pid);
	struct epoll_event event = {.events = EPOLLIN};
	size_t place;
	int pidfd, rc;

	if (found != NULL && !found->has_ended)
		return 0;
	pidfd = socket_process(pid);
	/* Before Linux 5.3 there is none. */
	if (pidfd == -ESRCH || (pidfd < 0 && kill(pid, 0) != 0 && errno == ESRCH))
		return -ESRCH;
	rc = apply_all(watch, audit_control_add, pid);
	if (rc < 0) {
		if (pidfd >= 0)
			close(pidfd);
		return rc;
	}
	if (pidfd >= 0)
		(void)epoll_ctl(watch->epoll, EPOLL_CTL_ADD, pidfd, &event);
	if (found == NULL) {
		watch->list = array_reserve(watch->list, watch->count, &watch->room, sizeof(*watch->list));
		place = place_of(watch, pid);
		memmove(&watch->list[place + 1], &watch->list[place], (watch->count - place) * sizeof(*watch->list));
		watch->count++;
		found = &watch->list[place];
	}
	*found = (struct watched){pid, pidfd, false};
	return 0;
}

int audit_watch_add_all(struct audit_watch *watch)
{
	int rc;

	watch->all = true;
	rc = apply_all(watch, audit_control_add, getpid());
	return rc < 0 ? rc : 0;
}

bool audit_watch_meet(struct audit_watch *watch, pid_t pid, pid_t ppid)
{
	if (watch->all)
		return pid != getpid();
	if (find(watch, pid) != NULL)
		return true;
	if (!watch->follow || find(watch, ppid) == NULL)
		return false;
	/* If it has ended already, this is all that there is of it. */
	(void)audit_watch_add(watch, pid);
	return true;
}

int audit_watch_pidfd(const struct audit_watch *watch, pid_t pid)
{
	const struct watched *found = find(watch, pid);

	return found != NULL ? found->pidfd : -1;
}

/* ---- ends ------------------------------------------------------------------------------- */

static bool lives(const struct watched *watched)
{
	struct pollfd ended = {.fd = watched->pidfd, .events = POLLIN};

	if (watched->has_ended)
		return false;
	return watched->pidfd >= 0 ? poll(&ended, 1, 0) == 0 : kill(watched->pid, 0) == 0;
}

static size_t end(struct audit_watch *watch, struct watched *watched)
{
	int removed = apply_all(watch, audit_control_delete, watched->pid);

	close_pidfd(watched);
	watched->has_ended = true;
	return removed > 0 ? (size_t)removed : 0;
}

size_t audit_watch_refresh(struct audit_watch *watch)
{
	size_t removed = 0;

	for (size_t i = 0; i < watch->count; i++)
		if (!watch->list[i].has_ended && !lives(&watch->list[i]))
			removed += end(watch, &watch->list[i]);
	return removed;
}

void audit_watch_forget(struct audit_watch *watch)
{
	size_t kept = 0;

	for (size_t i = 0; i < watch->count; i++)
		if (!watch->list[i].has_ended)
			watch->list[kept++] = watch->list[i];
	watch->count = kept;
}

size_t audit_watch_stop(struct audit_watch *watch)
{
	int removed = watch->all ? apply_all(watch, audit_control_delete, getpid()) : 0;
	size_t count = removed > 0 ? (size_t)removed : 0;

	for (size_t i = 0; i < watch->count; i++)
		if (!watch->list[i].has_ended)
			count += end(watch, &watch->list[i]);
	return count;
}

size_t audit_watch_living(const struct audit_watch *watch, pid_t *pids, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < watch->count; i++) {
		if (!lives(&watch->list[i]))
			continue;
		if (count < room)
			pids[count] = watch->list[i].pid;
		count++;
	}
	return count;
}
