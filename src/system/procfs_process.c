// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/procfs.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/cgroup.h"

/* What is known of a process, and the events of it. */

/* Room for a path in each of the hierarchies of version 1, a dozen. */
#define CGROUP_FILE 16384

/* Reading the details takes five times as long as reading the name and the executable. */
static bool skips_details;

void procfs_skip_details(void)
{
	skips_details = true;
}

bool procfs_cgroup(pid_t pid, char *path, size_t size)
{
	char text[CGROUP_FILE];

	return !skips_details && procfs_read(pid, "cgroup", text, sizeof(text)) > 0 && cgroup_path(text, path, size);
}

/* The fourth field of the open /proc/PID/stat; the second one may contain anything, also ")" (proc_pid_stat(5)). */
static pid_t read_parent(int fd)
{
	char text[512], *name_end;
	ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
	int parent;

	text[length > 0 ? length : 0] = '\0';
	name_end = strrchr(text, ')');
	return name_end != NULL && sscanf(name_end + 1, " %*c %d", &parent) == 1 && parent > 0 ? parent : 0;
}

/* @comm: the short name of the parent. Return: 0 when it has none in the own PID namespace, or none any more. */
static pid_t parent_of(pid_t pid, char comm[16])
{
	char path[PROCFS_PATH];
	int fd = open(procfs_path(path, pid, "stat"), O_RDONLY | O_CLOEXEC);
	pid_t parent = fd >= 0 ? read_parent(fd) : 0;

	memset(comm, 0, 16);
	if (parent > 0)
		procfs_comm(parent, comm);
	/* If the parent ends, the process gets another one, and the name may be that of a process with the PID reused.
	 */
	if (parent > 0 && read_parent(fd) != parent) {
		memset(comm, 0, 16);
		parent = 0;
	}
	if (fd >= 0)
		close(fd);
	return parent;
}

/* The arguments, separated by blanks, raw bytes; "" when there are none, or they are unknown. */
static void read_cmdline(pid_t pid, char text[PROCFS_CMDLINE])
{
	static const char cut[] = "...";
	char read[PROCFS_CMDLINE + 1];
	ssize_t length = procfs_read(pid, "cmdline", read, sizeof(read));

	/* The last argument ends with NUL, and a program that has written a title of its own may leave several. */
	while (length > 0 && read[length - 1] == '\0')
		length--;
	text[0] = '\0';
	if (length <= 0)
		return;
	for (ssize_t i = 0; i < length; i++)
		if (read[i] == '\0')
			read[i] = ' ';
	if (length >= PROCFS_CMDLINE) {
		length = PROCFS_CMDLINE - 1;
		memcpy(read + length - (sizeof(cut) - 1), cut, sizeof(cut) - 1);
	}
	memcpy(text, read, (size_t)length);
	text[length] = '\0';
}

/** struct telling - events of one process
 * @event: the next one
 * @sink: gets each
 * @context: for @sink
 */
struct telling {
	struct event event;
	void (*sink)(void *context, const struct event *event);
	void *context;
};

/* Emit one string in as many events as it needs. */
static void tell(struct telling *telling, enum process_fact fact, const char *text)
{
	struct event_process *process = &telling->event.process;
	size_t length = strlen(text);

	for (size_t offset = 0; offset < length; offset += EVENT_PROCESS_TEXT) {
		size_t piece = length - offset < EVENT_PROCESS_TEXT ? length - offset : EVENT_PROCESS_TEXT;

		process->fact = (uint8_t)fact;
		process->offset = (uint16_t)offset;
		process->length = (uint8_t)piece;
		memset(process->text, 0, sizeof(process->text));
		memcpy(process->text, text + offset, piece);
		telling->sink(telling->context, &telling->event);
	}
}

void procfs_detail_events(const struct event *process, void (*sink)(void *context, const struct event *event),
			  void *context)
{
	struct telling telling = {*process, sink, context};
	char path[PROCFS_CGROUP], cmdline[PROCFS_CMDLINE], comm[16], parent[32];
	pid_t pid = process->process.pid, ppid;

	if (skips_details)
		return;
	if (procfs_cgroup(pid, path, sizeof(path)))
		tell(&telling, PROCESS_CGROUP, path);
	ppid = parent_of(pid, comm);
	snprintf(parent, sizeof(parent), "%d %s", ppid, comm);
	if (ppid > 0)
		tell(&telling, PROCESS_PARENT, parent);
	read_cmdline(pid, cmdline);
	tell(&telling, PROCESS_CMDLINE, cmdline);
}

void procfs_process_events(pid_t pid, int64_t time_ns, void (*sink)(void *context, const struct event *event),
			   void *context)
{
	struct telling telling = {event_new(EVENT_PROCESS, ORIGIN_CALLS, time_ns), sink, context};
	char path[PATH_MAX], comm[16];

	telling.event.process.pid = pid;
	/* The directory itself belongs to the effective user, even when its content is root's (not dumpable). */
	telling.event.process.uid = procfs_owner(pid, "");
	procfs_comm(pid, comm);
	tell(&telling, PROCESS_COMM, comm);
	if (procfs_exe(pid, path, sizeof(path)) > 0)
		tell(&telling, PROCESS_EXE, path);
	procfs_detail_events(&telling.event, sink, context);
}

struct facts {
	struct event *list;
	size_t count;
};

static void keep(void *context, const struct event *event)
{
	struct facts *facts = context;

	if (facts->count < PROCFS_PROCESS_EVENTS)
		facts->list[facts->count++] = *event;
}

size_t procfs_process_list(pid_t pid, int64_t time_ns, struct event list[PROCFS_PROCESS_EVENTS])
{
	struct facts facts = {list, 0};

	procfs_process_events(pid, time_ns, keep, &facts);
	return facts.count;
}
