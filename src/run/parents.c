// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/parents.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/redact.h"
#include "base/xalloc.h"
#include "system/procfs.h"
#include "system/remedy.h"

/* Limit of parents reported. */
#define PARENTS_MAX 8
/* Limit of known children of one parent; a server has fewer workers. */
#define CHILDREN_MAX 1024
/* Limit of a worker's sockets that are checked; its listening ones are among the first. */
#define SOCKETS_MAX 4096
/* Limit of new children that are named. */
#define NAMED_MAX 8

struct parent {
	pid_t pid;
	pid_t child;           /* one that is watched */
	char comm[16];         /* of the child, and so of the parent */
	char name[4 * 16 + 1]; /* escaped */
	char exe[PATH_MAX];
	pid_t known[CHILDREN_MAX];
	size_t known_count;
};

struct parents {
	const struct options *options;
	struct parent *list[PARENTS_MAX];
	size_t count, announced, reported;
	struct err text;
};

/* State of the search for the children of one parent. */
struct search {
	const struct parent *parent;
	pid_t found[CHILDREN_MAX];
	size_t count;
};

static bool is_target(const struct options *options, pid_t pid)
{
	for (size_t i = 0; i < options->pid_count; i++)
		if (options->pids[i] == pid)
			return true;
	return false;
}

/* Only the name of another user's process can be read. */
static bool runs_same(pid_t pid, const struct parent *parent)
{
	char exe[PATH_MAX], comm[16];

	if (parent->exe[0] != '\0' && procfs_exe(pid, exe, sizeof(exe)) > 0)
		return strcmp(exe, parent->exe) == 0;
	procfs_comm(pid, comm);
	return strncmp(comm, parent->comm, sizeof(comm)) == 0;
}

struct sockets {
	uint32_t inodes[SOCKETS_MAX];
	size_t count;
	bool shared;
};

static void add_socket(void *context, int fd, uint32_t inode)
{
	struct sockets *sockets = context;

	(void)fd;
	if (sockets->count < SOCKETS_MAX)
		sockets->inodes[sockets->count++] = inode;
}

static void find_socket(void *context, int fd, uint32_t inode)
{
	struct sockets *sockets = context;

	(void)fd;
	for (size_t i = 0; i < sockets->count; i++)
		sockets->shared |= sockets->inodes[i] == inode;
}

/*
 * A master has the socket that its workers listen on; a shell and its script share none. If the sockets cannot be read,
 * the parent counts as a master, because the program is the same.
 */
static bool shares_socket(pid_t pid, pid_t child)
{
	struct sockets *sockets = xcalloc(1, sizeof(*sockets));
	bool shared = procfs_sockets(child, add_socket, sockets) < 0 || procfs_sockets(pid, find_socket, sockets) < 0 ||
		      sockets->shared;

	free(sockets);
	return shared;
}

static void add_child(void *context, pid_t pid)
{
	struct search *search = context;
	struct procfs_status status;

	if (search->count < CHILDREN_MAX && procfs_status(pid, &status) == 0 && status.ppid == search->parent->pid &&
	    status.state != 'Z' && runs_same(pid, search->parent))
		search->found[search->count++] = pid;
}

static void add_parent(struct parents *parents, pid_t child)
{
	struct procfs_status status;
	struct parent *parent;
	struct search search;
	char comm[16] = "";

	if (procfs_status(child, &status) != 0 || status.ppid <= 1 || is_target(parents->options, status.ppid) ||
	    parents->count == PARENTS_MAX)
		return;
	for (size_t i = 0; i < parents->count; i++)
		if (parents->list[i]->pid == status.ppid)
			return;
	parent = xcalloc(1, sizeof(*parent));
	parent->pid = status.ppid;
	parent->child = child;
	procfs_comm(child, parent->comm);
	snprintf(comm, sizeof(comm), "%.15s", parent->comm);
	escape_text(parent->name, sizeof(parent->name), redact_text(REDACT_COMM, comm));
	if (procfs_exe(child, parent->exe, sizeof(parent->exe)) <= 0)
		parent->exe[0] = '\0';
	if (!runs_same(parent->pid, parent) || !shares_socket(parent->pid, child)) {
		free(parent);
		return;
	}
	search = (struct search){.parent = parent};
	(void)procfs_processes(add_child, &search);
	memcpy(parent->known, search.found, sizeof(parent->known));
	parent->known_count = search.count;
	parents->list[parents->count++] = parent;
}

struct parents *parents_open(const struct options *options)
{
	struct parents *parents;

	if (options->pid_count == 0)
		return NULL;
	parents = xcalloc(1, sizeof(*parents));
	parents->options = options;
	for (size_t i = 0; i < options->pid_count; i++)
		add_parent(parents, options->pids[i]);
	if (parents->count > 0)
		return parents;
	free(parents);
	return NULL;
}

static bool may_watch(const struct options *options, pid_t pid)
{
	if (options->via == OPTIONS_VIA_BPF || options->via == OPTIONS_VIA_AUDIT)
		return true;
	return options_samples(options) ? procfs_may_watch(pid) : procfs_may_attach(pid);
}

const char *parents_announce(struct parents *parents)
{
	const struct parent *parent;
	bool allowed;

	if (parents == NULL || parents->announced == parents->count)
		return NULL;
	parent = parents->list[parents->announced++];
	allowed = may_watch(parents->options, parent->pid);
	(void)err_set(&parents->text, 0,
		      "PID %d is a child of %s (PID %d), which is not watched; processes that %s starts from now on, "
		      "for example by a reload, are not watched either; %s%sadd -p %d to watch them",
		      parent->child, parent->name, parent->pid, parent->name, allowed ? "" : remedy_rights(),
		      allowed ? "" : ", ", parent->pid);
	return parents->text.text;
}

static bool is_known(const struct parent *parent, pid_t pid)
{
	for (size_t i = 0; i < parent->known_count; i++)
		if (parent->known[i] == pid)
			return true;
	return false;
}

const char *parents_report(struct parents *parents)
{
	while (parents != NULL && parents->reported < parents->count) {
		const struct parent *parent = parents->list[parents->reported++];
		struct search search = {.parent = parent};
		char pids[NAMED_MAX * 12] = "";
		size_t count = 0;

		(void)procfs_processes(add_child, &search);
		for (size_t i = 0; i < search.count; i++) {
			if (is_known(parent, search.found[i]) || is_target(parents->options, search.found[i]))
				continue;
			if (count++ < NAMED_MAX)
				snprintf(pids + strlen(pids), sizeof(pids) - strlen(pids), " %d", search.found[i]);
		}
		if (count == 0)
			continue;
		(void)err_set(&parents->text, 0,
			      "%s (PID %d) started %zu process%s during the run that %s not watched:%s%s", parent->name,
			      parent->pid, count, count == 1 ? "" : "es", count == 1 ? "was" : "were", pids,
			      count > NAMED_MAX ? " ..." : "");
		return parents->text.text;
	}
	return NULL;
}

void parents_close(struct parents *parents)
{
	for (size_t i = 0; parents != NULL && i < parents->count; i++)
		free(parents->list[i]);
	free(parents);
}
