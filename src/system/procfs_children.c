// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/procfs_children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"
#include "system/procfs.h"

/* The kernel gives no more than a page at once, and less only at the end: numbers have up to eleven characters. */
#define LIST_SIZE 4096
#define SHORT_READ 2048

/* Return: how many bytes of an unfinished number at the end of @text were moved to its begin. */
static size_t take_children(char *text, void (*callback)(void *context, pid_t child), void *context)
{
	char *end;
	int64_t pid;

	for (char *at = text;; at = end + 1) {
		end = strchr(at, ' ');
		if (end == NULL) {
			memmove(text, at, strlen(at) + 1);
			return strlen(text);
		}
		*end = '\0';
		if (number_parse(at, 1, INT32_MAX, &pid) == 0)
			callback(context, (pid_t)pid);
	}
}

int procfs_thread_children(pid_t tid, void (*callback)(void *context, pid_t child), void *context)
{
	char path[PROCFS_PATH], name[64], text[LIST_SIZE + 1];
	size_t kept = 0;
	ssize_t length;
	int fd, rc = 0;

	snprintf(name, sizeof(name), "task/%d/children", tid);
	fd = open(procfs_path(path, tid, name), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		length = read(fd, text + kept, LIST_SIZE - kept);
		if (length < 0)
			rc = -errno;
		text[kept + (length > 0 ? (size_t)length : 0)] = '\0';
		kept = take_children(text, callback, context);
	} while (length >= SHORT_READ);
	close(fd);
	return rc;
}

int64_t procfs_forks(void)
{
	char path[PROCFS_PATH], *line = NULL;
	FILE *file = fopen(procfs_path(path, 0, "stat"), "re");
	int64_t births = -1;
	size_t size = 0;

	if (file == NULL)
		return -1;
	/* Before it stands a line of interrupts of any length. */
	while (births < 0 && getline(&line, &size, file) > 0) {
		if (strncmp(line, "processes ", 10) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (number_parse(line + 10, 0, INT64_MAX, &births) != 0)
			break;
	}
	free(line);
	fclose(file);
	return births;
}

uint64_t procfs_identity(pid_t pid)
{
	char path[PROCFS_PATH];
	struct stat facts;

	/* The kernel makes a new inode for each process that is looked up. */
	return stat(procfs_path(path, pid, ""), &facts) == 0 ? facts.st_ino : 0;
}

struct walk {
	pid_t parent;
	void (*callback)(void *context, pid_t child);
	void *context;
	bool is_listed;
};

static void add_thread(void *context, pid_t tid)
{
	struct walk *walk = context;

	if (procfs_thread_children(tid, walk->callback, walk->context) == 0)
		walk->is_listed = true;
}

static void add_process(void *context, pid_t pid)
{
	const struct walk *walk = context;
	struct procfs_status status;

	if (procfs_status(pid, &status) == 0 && status.ppid == walk->parent)
		walk->callback(walk->context, pid);
}

int procfs_children(pid_t pid, void (*callback)(void *context, pid_t child), void *context)
{
	struct walk walk = {pid, callback, context, false};
	int rc = procfs_threads(pid, add_thread, &walk);

	if (rc < 0 || walk.is_listed)
		return rc < 0 ? rc : 0;
	rc = procfs_processes(add_process, &walk);
	return rc < 0 ? rc : 0;
}

/* The field of /proc/PID/stat, counted from the one behind the name: 0 is the state. */
enum stat_field {
	STAT_CHILD_MINOR_FAULTS = 8,
	STAT_CHILD_MAJOR_FAULTS = 10,
	STAT_CHILD_USER_TIME = 13,
	STAT_CHILD_SYSTEM_TIME = 14,
	STAT_SIGNALS_IGNORED = 30,
};

bool procfs_waited(pid_t pid, uint64_t *sum)
{
	char text[1024], *rest, *word;
	uint64_t ignored = 0;
	int field = 0;

	*sum = 0;
	if (procfs_read(pid, "stat", text, sizeof(text)) <= 0)
		return false;
	/* The name may contain any byte, parentheses too; numbers follow it. */
	rest = strrchr(text, ')');
	if (rest == NULL || rest[1] != ' ')
		return false;
	rest += 2;
	for (; field <= STAT_SIGNALS_IGNORED && (word = strsep(&rest, " ")) != NULL; field++) {
		uint64_t number = strtoull(word, NULL, 10);

		if (field == STAT_CHILD_MINOR_FAULTS || field == STAT_CHILD_MAJOR_FAULTS ||
		    field == STAT_CHILD_USER_TIME || field == STAT_CHILD_SYSTEM_TIME)
			*sum += number;
		else if (field == STAT_SIGNALS_IGNORED)
			ignored = number;
	}
	return field > STAT_SIGNALS_IGNORED && (ignored & UINT64_C(1) << (SIGCHLD - 1)) == 0;
}

static void add_child(void *context, pid_t pid)
{
	/* The sum does not depend on the order; the factor spreads the numbers (Knuth). */
	*(uint64_t *)context += (uint64_t)pid * UINT64_C(0x9e3779b97f4a7c15);
}

void procfs_offspring(pid_t pid, struct procfs_offspring *offspring)
{
	*offspring = (struct procfs_offspring){0, 0, false};
	offspring->is_known =
		procfs_children(pid, add_child, &offspring->children) == 0 && procfs_waited(pid, &offspring->waited);
}

bool procfs_offspring_is_same(const struct procfs_offspring *before, const struct procfs_offspring *now)
{
	return before->is_known && now->is_known && before->waited == now->waited && before->children == now->children;
}
