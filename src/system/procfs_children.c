// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/procfs_children.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
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
