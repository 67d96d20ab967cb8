// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/kin.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "system/procfs.h"

/* Beyond it nothing is said of further ones: a program could change its name all the time. */
#define KIN_MAX 1024

struct kinfolk {
	void (*sink)(void *context, const struct event *event);
	void *context;
	char *paths[KIN_MAX];
	size_t path_count;
	struct kin told[KIN_MAX]; /* the number of one is its place, counted down from -1 */
	size_t told_count;
};

struct kinfolk *kin_new(void (*sink)(void *context, const struct event *event), void *context)
{
	struct kinfolk *kinfolk = xcalloc(1, sizeof(*kinfolk));

	kinfolk->sink = sink;
	kinfolk->context = context;
	return kinfolk;
}

void kin_free(struct kinfolk *kinfolk)
{
	if (kinfolk == NULL)
		return;
	for (size_t i = 0; i < kinfolk->path_count; i++)
		free(kinfolk->paths[i]);
	free(kinfolk);
}

struct kin kin_unknown(void)
{
	return (struct kin){.comm = "", .exe = NULL, .uid = (uid_t)-1};
}

static const char *keep_path(struct kinfolk *kinfolk, const char *path)
{
	for (size_t i = 0; i < kinfolk->path_count; i++)
		if (strcmp(kinfolk->paths[i], path) == 0)
			return kinfolk->paths[i];
	if (kinfolk->path_count == KIN_MAX)
		return NULL;
	kinfolk->paths[kinfolk->path_count] = xstrdup(path);
	return kinfolk->paths[kinfolk->path_count++];
}

struct kin kin_of(struct kinfolk *kinfolk, pid_t pid)
{
	struct kin kin = kin_unknown();
	char path[PATH_MAX];

	procfs_comm(pid, kin.comm);
	if (procfs_exe(pid, path, sizeof(path)) > 0)
		kin.exe = keep_path(kinfolk, path);
	kin.uid = procfs_owner(pid, "");
	return kin;
}

struct kin kin_join(const struct kin *a, const struct kin *b)
{
	struct kin both = kin_unknown();

	if (memcmp(a->comm, b->comm, sizeof(a->comm)) == 0)
		memcpy(both.comm, a->comm, sizeof(both.comm));
	if (a->exe == b->exe)
		both.exe = a->exe;
	if (a->uid == b->uid)
		both.uid = a->uid;
	return both;
}

static void tell(struct kinfolk *kinfolk, pid_t pid, uid_t uid, enum process_fact fact, const char *text)
{
	size_t length = strlen(text);

	for (size_t offset = 0; offset < length; offset += EVENT_PROCESS_TEXT) {
		struct event event = event_new(EVENT_PROCESS, ORIGIN_KERNEL, clock_now());
		size_t piece = length - offset < EVENT_PROCESS_TEXT ? length - offset : EVENT_PROCESS_TEXT;

		event.process.pid = pid;
		event.process.uid = uid;
		event.process.fact = (uint8_t)fact;
		event.process.offset = (uint16_t)offset;
		event.process.length = (uint8_t)piece;
		memcpy(event.process.text, text + offset, piece);
		kinfolk->sink(kinfolk->context, &event);
	}
}

static bool is_same(const struct kin *a, const struct kin *b)
{
	return memcmp(a->comm, b->comm, sizeof(a->comm)) == 0 && a->exe == b->exe && a->uid == b->uid;
}

pid_t kin_pid(struct kinfolk *kinfolk, const struct kin *kin)
{
	size_t at = 0;
	pid_t pid;

	while (at < kinfolk->told_count && !is_same(&kinfolk->told[at], kin))
		at++;
	pid = at < KIN_MAX ? -1 - (pid_t)at : INT32_MIN;
	if (at < kinfolk->told_count || at == KIN_MAX)
		return pid;
	kinfolk->told[kinfolk->told_count++] = *kin;
	tell(kinfolk, pid, kin->uid, PROCESS_COMM, kin->comm);
	tell(kinfolk, pid, kin->uid, PROCESS_EXE, kin->exe != NULL ? kin->exe : "");
	return pid;
}
