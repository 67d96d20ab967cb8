// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/named.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "system/procfs.h"
#include "system/procfs_children.h"

/* Beyond it pgrep(1) lists them. */
#define CHILDREN_NAMED 32

static bool is_among(const pid_t *pids, size_t count, pid_t pid)
{
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

size_t named_processes(const pid_t *pids, size_t count, pid_t *resolved, named_notice *notice, void *context)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		pid_t pid = procfs_thread_group(pids[i]);
		struct procfs_name name;
		char text[200];

		if (pid <= 0)
			pid = pids[i];
		if (pid != pids[i]) {
			snprintf(text, sizeof(text), "%d is a thread of PID %d (%s): the whole process is watched",
				 pids[i], pid, procfs_name(&name, pid));
			notice(context, text);
		}
		if (!is_among(resolved, kept, pid))
			resolved[kept++] = pid;
	}
	return kept;
}

struct family {
	const pid_t *pids;
	size_t pid_count;
	pid_t *list;
	size_t count;
};

static void add_child(void *context, pid_t child)
{
	struct family *family = context;

	if (is_among(family->pids, family->pid_count, child) || is_among(family->list, family->count, child))
		return;
	family->list = array_extend(family->list, family->count, sizeof(*family->list));
	family->list[family->count++] = child;
}

static void ignore_socket(void *context, int fd, uint32_t inode)
{
	(void)context, (void)fd, (void)inode;
}

/* Those that hold sockets, or may not be inspected. */
static size_t keep_holders(struct family *family)
{
	size_t kept = 0;

	for (size_t i = 0; i < family->count; i++)
		if (procfs_sockets(family->list[i], ignore_socket, NULL) != 0)
			family->list[kept++] = family->list[i];
	return family->count = kept;
}

static void tell_children(pid_t pid, const struct family *family, named_notice *notice, void *context)
{
	struct procfs_name name;
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (to == NULL)
		return;
	fprintf(to, "PID %d (%s) has %zu %s with sockets already, which %s not watched; to watch %s too: conntrace -p ",
		pid, procfs_name(&name, pid), family->count, family->count == 1 ? "child" : "children",
		family->count == 1 ? "is" : "are", family->count == 1 ? "it" : "them");
	for (size_t i = 0; i < family->pid_count; i++)
		fprintf(to, "%s%d", i > 0 ? "," : "", family->pids[i]);
	for (size_t i = 0; i < family->count && family->count <= CHILDREN_NAMED; i++)
		fprintf(to, ",%d", family->list[i]);
	if (family->count > CHILDREN_NAMED)
		fprintf(to, ",$(pgrep -d, -P %d)", pid);
	if (fclose(to) == 0)
		notice(context, text);
	free(text);
}

void named_children(const pid_t *pids, size_t count, named_notice *notice, void *context)
{
	for (size_t i = 0; i < count; i++) {
		struct family family = {pids, count, NULL, 0};

		(void)procfs_children(pids[i], add_child, &family);
		for (size_t at = 0; at < family.count; at++)
			(void)procfs_children(family.list[at], add_child, &family);
		if (keep_holders(&family) > 0)
			tell_children(pids[i], &family, notice, context);
		free(family.list);
	}
}
