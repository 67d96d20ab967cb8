/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_PROCESS_H
#define CONNTRACE_MODEL_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct process - a process under one name
 * @pid: thread group id as the tracer sees it; below 0 one of several, unknown which
 * @uid: effective user, -1 (as uid_t) unknown
 * @comm: the kernel's short name, raw bytes, "" unknown
 * @exe: the path of the executable, raw bytes, NULL unknown
 * @cgroup: path of its control group, raw bytes, NULL unknown
 * @unit: unit of systemd that @cgroup names, NULL none
 * @container: container that @cgroup names, NULL none
 * @cmdline: its arguments, separated by blanks, raw bytes, NULL unknown
 * @parent: short name of its parent, raw bytes, "" unknown
 * @ppid: process id of its parent, 0 unknown
 * @has_gaps: connections of it may be missing (SEEN_GAPS)
 * @references: number of holders
 *
 * A process that executes another program becomes a new struct process, so that connections keep the name of the
 * process at their creation.
 */
struct process {
	pid_t pid;
	uid_t uid;
	char comm[16];
	char *exe;
	char *cgroup;
	char *unit;
	char *container;
	char *cmdline;
	char parent[16];
	pid_t ppid;
	bool has_gaps;
	unsigned int references;
};

/** process_new() - a process with one reference and nothing else known */
struct process *process_new(pid_t pid);

/** process_set_cgroup() - set the path, which is copied, and what it names; NULL: unknown */
void process_set_cgroup(struct process *process, const char *path);

/** process_ref() - one more holder; Return: @process; NULL is fine */
struct process *process_ref(struct process *process);

/** process_unref() - one holder less; the last one frees it; NULL is fine */
void process_unref(struct process *process);

#endif
