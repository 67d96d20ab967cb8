// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/redact.h"
#include "base/number.h"

static char root[PATH_MAX] = "/proc";

void procfs_set_root(const char *path)
{
	snprintf(root, sizeof(root), "%s", path);
}

/** struct place - a path below /proc */
struct place {
	char path[PROCFS_PATH];
};

const char *procfs_path(char path[PROCFS_PATH], pid_t pid, const char *name)
{
	if (pid == 0)
		snprintf(path, PROCFS_PATH, "%s/%s", root, name);
	else
		snprintf(path, PROCFS_PATH, "%s/%d/%s", root, pid, name);
	return path;
}

static const char *place_of(struct place *place, pid_t pid, const char *name)
{
	return procfs_path(place->path, pid, name);
}

ssize_t procfs_read(pid_t pid, const char *name, char *text, size_t size)
{
	struct place place;
	int fd = open(place_of(&place, pid, name), O_RDONLY | O_CLOEXEC);
	ssize_t length;

	text[0] = '\0';
	if (fd < 0)
		return -errno;
	length = read(fd, text, size - 1);
	if (length < 0)
		length = -errno;
	else
		text[length] = '\0';
	close(fd);
	return length;
}

uid_t procfs_owner(pid_t pid, const char *name)
{
	struct place place;
	struct stat facts;

	return stat(place_of(&place, pid, name), &facts) == 0 ? facts.st_uid : (uid_t)-1;
}

static int to_number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

/** read_ids() - the first three of the four numbers behind Uid: and Gid: */
static void read_ids(const char *text, uint32_t ids[3])
{
	unsigned int real, effective, saved;

	if (sscanf(text, "%u %u %u", &real, &effective, &saved) == 3) {
		ids[0] = real;
		ids[1] = effective;
		ids[2] = saved;
	}
}

int procfs_status(pid_t pid, struct procfs_status *status)
{
	struct procfs_status result = {
		.uid = {(uid_t)-1, (uid_t)-1, (uid_t)-1},
		.gid = {(gid_t)-1, (gid_t)-1, (gid_t)-1},
		.peak_bytes = -1,
		.seccomp_filters = -1,
	};
	char text[4096], *rest = text, *line;

	if (procfs_read(pid, "status", text, sizeof(text)) <= 0)
		return -ESRCH;
	while ((line = strsep(&rest, "\n")) != NULL) {
		char *value = strchr(line, ':');

		if (value == NULL)
			continue;
		*value++ = '\0';
		value += strspn(value, " \t");
		if (strcmp(line, "Tgid") == 0)
			result.tgid = to_number(value);
		else if (strcmp(line, "PPid") == 0)
			result.ppid = to_number(value);
		else if (strcmp(line, "TracerPid") == 0)
			result.tracer = to_number(value);
		else if (strcmp(line, "Uid") == 0)
			read_ids(value, result.uid);
		else if (strcmp(line, "VmHWM") == 0)
			result.peak_bytes = strtoll(value, NULL, 10) * 1024;
		else if (strcmp(line, "Gid") == 0)
			read_ids(value, result.gid);
		else if (strcmp(line, "CapPrm") == 0)
			result.permitted = strtoull(value, NULL, 16);
		else if (strcmp(line, "CapEff") == 0)
			result.effective = strtoull(value, NULL, 16);
		else if (strcmp(line, "SigPnd") == 0)
			result.pending = strtoull(value, NULL, 16);
		else if (strcmp(line, "SigBlk") == 0)
			result.blocked = strtoull(value, NULL, 16);
		else if (strcmp(line, "SigIgn") == 0)
			result.ignored = strtoull(value, NULL, 16);
		else if (strcmp(line, "SigCgt") == 0)
			result.caught = strtoull(value, NULL, 16);
		else if (strcmp(line, "Seccomp") == 0)
			result.seccomp = to_number(value);
		else if (strcmp(line, "Seccomp_filters") == 0)
			result.seccomp_filters = to_number(value);
		else if (strcmp(line, "State") == 0)
			result.state = *value;
		else if (strcmp(line, "VmSize") == 0)
			result.has_memory = true;
	}
	*status = result;
	return 0;
}

void procfs_comm(pid_t pid, char comm[16])
{
	char text[64];
	ssize_t length = procfs_read(pid, "comm", text, sizeof(text));

	/* A name may hold line feeds; the last one is the file's. */
	if (length > 0 && text[length - 1] == '\n')
		text[length - 1] = '\0';
	memset(comm, 0, 16);
	memcpy(comm, text, strnlen(text, 15));
}

const char *procfs_name(struct procfs_name *name, pid_t pid)
{
	char comm[16];

	procfs_comm(pid, comm);
	escape_text(name->text, sizeof(name->text), comm[0] != '\0' ? redact_text(REDACT_COMM, comm) : "?");
	return name->text;
}

ssize_t procfs_exe(pid_t pid, char *path, size_t size)
{
	char target[PATH_MAX];
	struct place place;
	ssize_t length = readlink(place_of(&place, pid, "exe"), target, sizeof(target));

	if (length < 0)
		return -errno;
	if ((size_t)length >= size)
		return -ENAMETOOLONG;
	memcpy(path, target, (size_t)length);
	path[length] = '\0';
	return length;
}

uint32_t procfs_netns(pid_t pid)
{
	struct place place;
	struct stat facts;

	return stat(place_of(&place, pid, "ns/net"), &facts) == 0 ? (uint32_t)facts.st_ino : 0;
}

pid_t procfs_thread_group(pid_t tid)
{
	struct procfs_status status;

	return procfs_status(tid, &status) == 0 && status.tgid != 0 ? status.tgid : -1;
}

int procfs_call(pid_t tid, uint64_t *number, uint64_t arguments[6])
{
	uint64_t reported, v[6];
	char text[256];
	ssize_t length = procfs_read(tid, "syscall", text, sizeof(text));

	if (length < 0)
		return (int)length;
	/* "running", or -1 and no arguments when it was stopped outside a call */
	if (sscanf(text, "%" SCNu64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64, &reported,
		   &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]) != 7)
		return -EAGAIN;
	*number = reported;
	memcpy(arguments, v, sizeof(v));
	return 0;
}

int64_t procfs_run_time(pid_t tid)
{
	char text[128];
	int64_t run_ns;

	if (procfs_read(tid, "schedstat", text, sizeof(text)) < 0 || sscanf(text, "%" SCNd64, &run_ns) != 1)
		return -1;
	return run_ns;
}

/* A field behind the name in /proc/PID/stat, the state is 0. Return: a part of @text, NULL unknown. */
static const char *stat_field(pid_t pid, int field, char text[1024])
{
	char *rest, *word;

	if (procfs_read(pid, "stat", text, 1024) <= 0)
		return NULL;
	/* The name may contain any byte, parentheses too; the state and numbers follow it. */
	rest = strrchr(text, ')');
	if (rest == NULL || rest[1] != ' ')
		return NULL;
	rest += 2;
	while ((word = strsep(&rest, " ")) != NULL && field > 0)
		field--;
	return word;
}

uint64_t procfs_start(pid_t pid)
{
	char text[1024];
	const char *start = stat_field(pid, 19, text);

	return start != NULL ? strtoull(start, NULL, 10) : 0;
}

bool procfs_has_ended(pid_t pid, int64_t then_ns)
{
	char text[1024];
	const char *state = stat_field(pid, 0, text);
	int64_t ticks = sysconf(_SC_CLK_TCK), age_ns;
	struct timespec since_boot;

	if (state == NULL)
		return kill(pid, 0) != 0 && errno == ESRCH;
	if (*state == 'Z' || *state == 'X')
		return true;
	(void)clock_gettime(CLOCK_BOOTTIME, &since_boot);
	age_ns = since_boot.tv_sec * CLOCK_NS_PER_SEC + since_boot.tv_nsec -
		 (int64_t)procfs_start(pid) * (CLOCK_NS_PER_SEC / (ticks > 0 ? ticks : 100));
	return clock_now() - age_ns > then_ns + CLOCK_NS_PER_SEC;
}

static const char *number_behind(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at != NULL ? at + strlen(word) : NULL;
}

bool procfs_switches(pid_t tid, uint64_t *count)
{
	char text[8192];
	const char *state, *voluntary, *forced;

	if (procfs_read(tid, "status", text, sizeof(text)) <= 0)
		return false;
	state = strstr(text, "\nState:\t");
	if (state == NULL || strchr("SDTt", state[8]) == NULL)
		return false;
	voluntary = number_behind(text, "\nvoluntary_ctxt_switches:");
	forced = number_behind(text, "\nnonvoluntary_ctxt_switches:");
	if (voluntary == NULL || forced == NULL)
		return false;
	*count = strtoull(voluntary, NULL, 10) + strtoull(forced, NULL, 10);
	return true;
}

bool procfs_is_ancestor(pid_t pid, pid_t of)
{
	struct procfs_status status;

	for (pid_t at = of; at > 0; at = status.ppid) {
		if (at == pid)
			return true;
		if (procfs_status(at, &status) != 0)
			return false;
	}
	return false;
}

/* A number in a file of the whole system; @unknown when there is none within the limits. */
static int read_number(const char *name, int64_t high, int unknown)
{
	char text[16];
	int64_t number;

	if (procfs_read(0, name, text, sizeof(text)) <= 0)
		return unknown;
	text[strcspn(text, "\n")] = '\0';
	return number_parse(text, 0, high, &number) == 0 ? (int)number : unknown;
}

int procfs_ptrace_scope(void)
{
	return read_number("sys/kernel/yama/ptrace_scope", 3, 0);
}

int procfs_syn_retries(void)
{
	return read_number("sys/net/ipv4/tcp_syn_retries", 255, -1);
}

/** number_of() - a file name that is a number, else -1 */
static int number_of(const struct dirent *entry)
{
	int64_t number;

	return number_parse(entry->d_name, 0, INT_MAX, &number) == 0 ? (int)number : -1;
}

typedef void number_callback(void *context, pid_t number);

static int each_number(pid_t pid, const char *name, number_callback *callback, void *context)
{
	struct place place;
	DIR *directory = opendir(place_of(&place, pid, name));
	const struct dirent *entry;
	int count = 0;

	if (directory == NULL)
		return -errno;
	while ((entry = readdir(directory)) != NULL) {
		int number = number_of(entry);

		if (number < 0)
			continue;
		callback(context, number);
		count++;
	}
	closedir(directory);
	return count;
}

int procfs_threads(pid_t pid, void (*callback)(void *context, pid_t tid), void *context)
{
	return each_number(pid, "task", callback, context);
}

int procfs_processes(void (*callback)(void *context, pid_t pid), void *context)
{
	return each_number(0, "", callback, context);
}

int procfs_may_list(pid_t pid)
{
	struct place place;
	DIR *directory = opendir(place_of(&place, pid, "fd"));

	if (directory == NULL)
		return -errno;
	closedir(directory);
	return 0;
}

int procfs_sockets(pid_t pid, void (*callback)(void *context, int fd, uint32_t inode), void *context)
{
	return procfs_sockets_and_rings(pid, callback, NULL, context);
}

int procfs_sockets_and_rings(pid_t pid, void (*callback)(void *context, int fd, uint32_t inode),
			     void (*ring)(void *context, int fd), void *context)
{
	struct place place;
	DIR *directory = opendir(place_of(&place, pid, "fd"));
	const struct dirent *entry;
	bool is_refused = false;
	int count = 0;

	if (directory == NULL)
		return -errno;
	while ((entry = readdir(directory)) != NULL) {
		static const char kind[] = "socket:[";
		const size_t before = sizeof(kind) - 1;
		char target[64];
		ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);

		is_refused |= length < 0 && errno == EACCES;
		if (length <= 0)
			continue;
		target[length] = '\0';
		if (ring != NULL && strcmp(target, "anon_inode:[io_uring]") == 0)
			ring(context, number_of(entry));
		if (strncmp(target, kind, before) != 0)
			continue;
		callback(context, number_of(entry), (uint32_t)strtoul(target + before, NULL, 10));
		count++;
	}
	closedir(directory);
	/* The directory of a process may be readable, and its content not (ptrace(2)). */
	return is_refused && count == 0 ? -EACCES : count;
}
