// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/process_set.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "run/privileges.h"
#include "system/socket.h"
#include "system/procfs.h"
#include "system/procfs_children.h"
#include "system/remedy.h"

/* As many processes that are not seen, or not any more, are reported by name. */
#define DEPARTED_MAX 4
/* The kernel closes the sockets of a process that has ended in a work queue, some time after the exit. */
#define ENDED_LOOKS 4

/* Longest time between two searches for chosen processes: a name changes without a start. */
#define CHOOSE_NS CLOCK_NS_PER_SEC

/* Room for a remedy. */
#define REMEDY 96

struct process_set {
	struct target *list;
	struct pollfd *polls; /* one per target */
	size_t count, size;
	uint32_t sample;
	int64_t forks;     /* of the system, when children were last looked for */
	int64_t chosen_ns; /* monotonic: when chosen processes were last searched */
	int64_t started;   /* forks of the system then */
	bool had_started;  /* a process had been started then, which may execute its program later */
	pid_t distant;     /* the first chosen process of another network namespace; below 0 it was reported */
	uint32_t netns;    /* of this process, 0 unknown */
	size_t departed;   /* number of departed targets that were reported */
	struct err remark; /* of the last one */
	size_t asked;      /* number of targets whose namespace was checked since they were refreshed */
	size_t most;       /* room for this many */
	pid_t left_out;    /* the first child without room, 0 none */
	bool is_reported;  /* and that was reported */
	bool follow;
	bool may_enter;      /* other network namespaces */
	bool lists_children; /* the kernel lists them */
};

/* The parent whose children are being read. */
struct family {
	struct process_set *process_set;
	size_t parent;
};

static bool has_ended(pid_t pid, int pidfd)
{
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};

	if (pidfd < 0)
		return kill(pid, 0) != 0 && errno == ESRCH;
	return poll(&wait, 1, 0) > 0;
}

bool process_set_alive(const struct target *target)
{
	return target->ended == 0 && !has_ended(target->pid, target->pidfd);
}

struct target *process_set_find(struct process_set *process_set, pid_t pid)
{
	struct target *found = NULL;

	for (size_t i = 0; i < process_set->count; i++)
		if (process_set->list[i].pid == pid && (found == NULL || found->ended > 0))
			found = &process_set->list[i];
	return found;
}

/* The process that has this number now. */
static struct target *find_running(struct process_set *process_set, pid_t pid)
{
	struct target *target = process_set_find(process_set, pid);

	return target != NULL && process_set_alive(target) ? target : NULL;
}

/* With @parent it is a child, whose number may have been reused since it was listed. */
static void append(struct process_set *process_set, pid_t pid, pid_t parent)
{
	struct target target = {.pid = pid, .found = process_set->sample};
	struct procfs_status status;

	if (find_running(process_set, pid) != NULL)
		return;
	if (process_set->count >= process_set->most) {
		if (process_set->left_out == 0)
			process_set->left_out = pid;
		return;
	}
	target.pidfd = socket_process(pid);
	(void)procfs_waited(pid, &target.waited);
	if (parent != 0 &&
	    (procfs_status(pid, &status) != 0 || status.ppid != parent || has_ended(pid, target.pidfd))) {
		if (target.pidfd >= 0)
			close(target.pidfd);
		return;
	}
	if (process_set->count == process_set->size) {
		process_set->list = array_reserve(process_set->list, process_set->count, &process_set->size,
						  sizeof(*process_set->list));
		process_set->polls = xreallocarray(process_set->polls, process_set->size, sizeof(*process_set->polls));
	}
	process_set->list[process_set->count++] = target;
}

static void add_child(void *context, pid_t pid)
{
	const struct family *family = context;

	/* The sum does not depend on the order; the factor spreads the numbers (Knuth). */
	family->process_set->list[family->parent].children += (uint64_t)pid * UINT64_C(0x9e3779b97f4a7c15);
	if (family->process_set->follow)
		append(family->process_set, pid, family->process_set->list[family->parent].pid);
}

struct process_set *process_set_new(bool follow, size_t most)
{
	struct process_set *process_set = xcalloc(1, sizeof(*process_set));

	process_set->most = most;
	process_set->follow = follow;
	process_set->forks = -1;
	/* A later orphan goes to its reaper, except to the shell that started conntrace. */
	process_set->may_enter = privileges_has(CAP_SYS_ADMIN);
	process_set->lists_children = procfs_read(0, "thread-self/children", &(char){0}, 1) >= 0;
	return process_set;
}

void process_set_free(struct process_set *process_set)
{
	if (process_set == NULL)
		return;
	for (size_t i = 0; i < process_set->count; i++)
		if (process_set->list[i].pidfd >= 0)
			close(process_set->list[i].pidfd);
	free(process_set->list);
	free(process_set->polls);
	free(process_set);
}

struct target *process_set_at(struct process_set *process_set, size_t index)
{
	return index < process_set->count ? &process_set->list[index] : NULL;
}

/* Whether setns(2) works with CAP_SYS_ADMIN. It fails for namespaces of an outer user namespace (ioctl_nsfs(2)). */
static bool is_ours_to_enter(pid_t pid)
{
	char path[PROCFS_PATH];
	int netns = open(procfs_path(path, pid, "ns/net"), O_RDONLY | O_CLOEXEC);
	int owner = netns >= 0 ? ioctl(netns, NS_GET_USERNS) : -1;

	if (owner >= 0)
		close(owner);
	if (netns >= 0)
		close(netns);
	return owner >= 0;
}

/* The remedies that work here for a process in another network namespace: "; try nsenter ..." or "" */
static const char *far_remedy(const struct process_set *process_set, pid_t pid, char text[REMEDY])
{
	bool attach = procfs_may_attach(pid);
	bool enter = process_set->may_enter && is_ours_to_enter(pid) && remedy_has_program("nsenter");

	text[0] = '\0';
	if (enter && attach)
		snprintf(text, REMEDY, "; try nsenter -t %d -n conntrace ..., or --via=ptrace", pid);
	else if (enter)
		snprintf(text, REMEDY, "; try nsenter -t %d -n conntrace ...", pid);
	else if (attach)
		snprintf(text, REMEDY, "; try --via=ptrace");
	return text;
}

int process_set_add(struct process_set *process_set, pid_t pid, uint32_t netns, struct err *err)
{
	struct procfs_status status = {.tgid = 0};
	char remedy[REMEDY];
	int rc = procfs_may_list(pid);
	uint32_t theirs = rc >= 0 ? procfs_netns(pid) : 0;

	if (rc < 0 || procfs_status(pid, &status) != 0 || status.state == 'Z' || status.tgid != pid)
		rc = procfs_why_not_watchable(pid, err->text, sizeof(err->text));
	if (rc < 0)
		return rc;
	if (theirs != 0 && netns != 0 && theirs != netns)
		return err_set(err, EXDEV,
			       "cannot watch PID %d without stopping it: it is in another network namespace, whose "
			       "sockets are not seen from here%s",
			       pid, far_remedy(process_set, pid, remedy));
	if (process_set->count >= process_set->most)
		return err_set(err, E2BIG, "PID %d is not watched: the limit is %zu processes", pid, process_set->most);
	process_set->netns = netns;
	append(process_set, pid, 0);
	return 0;
}

static const char *others(const struct process_set *process_set)
{
	return process_set->departed == DEPARTED_MAX ? "; further ones are not named" : "";
}

const char *process_set_departed(struct process_set *process_set)
{
	if (process_set->left_out != 0 && !process_set->is_reported) {
		process_set->is_reported = true;
		(void)err_set(
			&process_set->remark, E2BIG,
			"%zu processes are watched, and that is the limit: connections of PID %d, and of children "
			"created later, are not seen",
			process_set->most, process_set->left_out);
		return process_set->remark.text;
	}
	if (process_set->distant > 0) {
		(void)err_set(&process_set->remark, EXDEV,
			      "PID %d is in another network namespace; connections of processes there are not seen "
			      "from here",
			      process_set->distant);
		process_set->distant = -1;
		return process_set->remark.text;
	}
	while (process_set->asked < process_set->count && process_set->departed < DEPARTED_MAX) {
		struct target *target = &process_set->list[process_set->asked++];
		uint32_t theirs = target->departed || target->ended ? 0 : procfs_netns(target->pid);
		char remedy[REMEDY];
		struct err why;

		if (target->unread == 1) {
			target->unread = 2;
			process_set->departed++;
			(void)procfs_why_not_watchable(target->pid, why.text, sizeof(why.text));
			(void)err_set(&process_set->remark, EACCES,
				      "%s; its connections have no rows and are only counted%s", why.text,
				      others(process_set));
			return process_set->remark.text;
		}

		if (theirs == 0 || process_set->netns == 0 || theirs == process_set->netns)
			continue;
		target->departed = true;
		process_set->departed++;
		(void)err_set(&process_set->remark, EXDEV,
			      "PID %d is in another network namespace now, and what it opens there is not seen from "
			      "here%s%s",
			      target->pid, far_remedy(process_set, target->pid, remedy), others(process_set));
		return process_set->remark.text;
	}
	return NULL;
}

/* What is compared; to be freed by process_unref(). */
static struct process *read_names(pid_t pid, bool needs_cgroup)
{
	struct process *process = process_new(pid);
	char path[PROCFS_CGROUP];

	procfs_comm(pid, process->comm);
	if (needs_cgroup && procfs_cgroup(pid, path, sizeof(path)))
		process_set_cgroup(process, path);
	return process;
}

/* Threads of the kernel have no executable. */
static bool may_choose(pid_t pid)
{
	char path[PATH_MAX];

	if (pid == getpid() || (geteuid() != 0 && procfs_owner(pid, "") != geteuid()))
		return false;
	return procfs_exe(pid, path, sizeof(path)) != -ENOENT;
}

struct choosing {
	struct process_set *process_set;
	const struct process_choice *choice;
	uint32_t netns;
};

/* Its sockets are in the lists of its own network namespace only. */
static bool is_distant(struct choosing *choosing, pid_t pid)
{
	uint32_t theirs = procfs_netns(pid);

	if (theirs == 0 || choosing->netns == 0 || theirs == choosing->netns)
		return false;
	if (choosing->process_set->distant == 0)
		choosing->process_set->distant = pid;
	return true;
}

static void choose(void *context, pid_t pid)
{
	struct choosing *choosing = context;
	struct process *process;

	if (find_running(choosing->process_set, pid) != NULL || !may_choose(pid))
		return;
	process = read_names(pid, process_choice_needs_cgroup(choosing->choice));
	if (process_choice_match(choosing->choice, process) == CHOICE_YES && !is_distant(choosing, pid) &&
	    procfs_may_list(pid) >= 0)
		append(choosing->process_set, pid, 0);
	process_unref(process);
}

struct search {
	const struct process_choice *choice;
	bool found;
};

static void search(void *context, pid_t pid)
{
	struct search *search = context;
	struct process *process;

	if (search->found || !may_choose(pid))
		return;
	process = read_names(pid, process_choice_needs_cgroup(search->choice));
	search->found = process_choice_match(search->choice, process) == CHOICE_YES;
	process_unref(process);
}

bool process_set_finds(const struct process_choice *choice)
{
	struct search found = {choice, false};

	return procfs_processes(search, &found) < 0 || found.found;
}

void process_set_choose(struct process_set *process_set, const struct process_choice *choice, uint32_t netns)
{
	struct choosing choosing = {process_set, choice, netns};
	int64_t started = procfs_forks(), now_ns = clock_monotonic();
	bool have_started = started < 0 || started != process_set->started;

	if (!have_started && !process_set->had_started && now_ns - process_set->chosen_ns < CHOOSE_NS)
		return;
	process_set->had_started = have_started;
	process_set->started = started;
	process_set->chosen_ns = now_ns;
	process_set->netns = netns;
	(void)procfs_processes(choose, &choosing);
}

size_t process_set_refresh(struct process_set *process_set)
{
	size_t kept = 0, run = 0;

	process_set->asked = 0;
	for (size_t i = 0; i < process_set->count; i++) {
		if (process_set->list[i].ended < ENDED_LOOKS)
			process_set->list[kept++] = process_set->list[i];
		else if (process_set->list[i].pidfd >= 0)
			close(process_set->list[i].pidfd);
	}
	process_set->count = kept;
	for (size_t i = 0; i < kept; i++)
		process_set->polls[i] = (struct pollfd){.fd = process_set->list[i].pidfd, .events = POLLIN};
	(void)poll(process_set->polls, kept, 0);
	for (size_t i = 0; i < kept; i++) {
		struct target *target = &process_set->list[i];

		/* Its number may have been reused. */
		if (target->ended > 0)
			target->ended++;
		else
			target->ended = target->pidfd >= 0 ? process_set->polls[i].revents != 0
							   : kill(target->pid, 0) != 0 && errno == ESRCH;
		run += target->ended == 0;
	}
	return run;
}

bool process_set_last(struct process_set *process_set)
{
	bool last = true;

	for (size_t i = 0; i < process_set->count; i++) {
		struct target *target = &process_set->list[i];

		if (target->ended > 0 || process_set_alive(target))
			continue;
		target->ended = 1;
		last = false;
	}
	return last;
}

static void follow_thread(void *context, pid_t tid)
{
	(void)procfs_thread_children(tid, add_child, context);
}

static void follow_process(void *context, pid_t pid)
{
	struct process_set *process_set = context;
	struct procfs_status status;
	const struct target *parent;

	if (procfs_status(pid, &status) != 0)
		return;
	parent = find_running(process_set, status.ppid);
	if (parent != NULL)
		add_child(&(struct family){process_set, (size_t)(parent - process_set->list)}, pid);
}

/* After its children were read. */
static bool had_forks(const struct process_set *process_set, struct target *target)
{
	uint64_t waited;
	bool is_known = procfs_waited(target->pid, &waited);
	bool had = !is_known || waited != target->waited || target->children != target->before;

	target->waited = waited;
	if (had)
		target->forks = process_set->sample;
	return had;
}

bool process_set_follow(struct process_set *process_set, uint32_t sample)
{
	int64_t forks = procfs_forks();
	bool any = false;

	process_set->sample = sample;
	if (forks >= 0 && forks == process_set->forks)
		return false;
	process_set->forks = forks;
	for (size_t i = 0; i < process_set->count; i++) {
		process_set->list[i].before = process_set->list[i].children;
		if (!target_is_over(&process_set->list[i]))
			process_set->list[i].children = 0;
	}
	if (!process_set->lists_children)
		(void)procfs_processes(follow_process, process_set);
	/* The list grows while it is walked: children of children are added in the same round. */
	for (size_t i = 0; i < process_set->count; i++) {
		if (target_is_over(&process_set->list[i]))
			continue;
		if (process_set->lists_children)
			(void)procfs_threads(process_set->list[i].pid, follow_thread, &(struct family){process_set, i});
		any |= had_forks(process_set, &process_set->list[i]);
	}
	return any;
}

bool process_set_are_all(const struct process_set *process_set)
{
	return process_set->forks >= 0 && procfs_forks() == process_set->forks;
}

bool process_set_had_forks(const struct process_set *process_set, uint32_t sample)
{
	for (size_t i = 0; i < process_set->count; i++)
		if (process_set->list[i].forks >= sample)
			return true;
	return false;
}

struct others {
	struct process_set *process_set;
	struct procfs_owners *owners;
	bool unseen;
};

/* A child born since the last search is one of them. */
static bool adopt(struct process_set *process_set, pid_t pid)
{
	struct procfs_status status;
	struct target *parent;

	if (!process_set->follow || procfs_status(pid, &status) != 0)
		return false;
	parent = find_running(process_set, status.ppid);
	if (parent == NULL)
		return false;
	parent->forks = process_set->sample;
	append(process_set, pid, status.ppid);
	return true;
}

static void add_other(void *context, pid_t pid)
{
	struct others *others = context;

	if (pid == getpid() || find_running(others->process_set, pid) != NULL || adopt(others->process_set, pid))
		return;
	/* The descriptors of a process that ends meanwhile are refused once, too. */
	if (procfs_owners_add(others->owners, pid) == -EACCES && procfs_owners_add(others->owners, pid) == -EACCES)
		others->unseen = true;
}

bool process_set_others(struct process_set *process_set, struct procfs_owners *owners)
{
	struct others others = {process_set, owners, false};

	(void)procfs_processes(add_other, &others);
	return others.unseen || procfs_owners_refused(owners) > 0;
}
