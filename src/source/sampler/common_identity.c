// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/common_identity.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "system/procfs.h"

/* No further ones are reported beyond it: a program could change its name all the time. */
#define COMMON_IDENTITY_MAX 1024

struct common_identities {
	void (*sink)(void *context, const struct event *event);
	void *context;
	char *paths[COMMON_IDENTITY_MAX];
	size_t path_count;
	struct common_identity reported[COMMON_IDENTITY_MAX]; /* numbered by index, counted down from -1 */
	size_t reported_count;
};

struct common_identities *common_identity_new(void (*sink)(void *context, const struct event *event), void *context)
{
	struct common_identities *common_identities = xcalloc(1, sizeof(*common_identities));

	common_identities->sink = sink;
	common_identities->context = context;
	return common_identities;
}

void common_identity_free(struct common_identities *common_identities)
{
	if (common_identities == NULL)
		return;
	for (size_t i = 0; i < common_identities->path_count; i++)
		free(common_identities->paths[i]);
	free(common_identities);
}

struct common_identity common_identity_unknown(void)
{
	return (struct common_identity){.comm = "", .exe = NULL, .cgroup = NULL, .uid = (uid_t)-1};
}

static const char *keep_path(struct common_identities *common_identities, const char *path)
{
	for (size_t i = 0; i < common_identities->path_count; i++)
		if (strcmp(common_identities->paths[i], path) == 0)
			return common_identities->paths[i];
	if (common_identities->path_count == COMMON_IDENTITY_MAX)
		return NULL;
	common_identities->paths[common_identities->path_count] = xstrdup(path);
	return common_identities->paths[common_identities->path_count++];
}

struct common_identity common_identity_of(struct common_identities *common_identities, pid_t pid)
{
	struct common_identity common_identity = common_identity_unknown();
	char path[PATH_MAX];

	procfs_comm(pid, common_identity.comm);
	if (procfs_exe(pid, path, sizeof(path)) > 0)
		common_identity.exe = keep_path(common_identities, path);
	if (procfs_cgroup(pid, path, PROCFS_CGROUP))
		common_identity.cgroup = keep_path(common_identities, path);
	common_identity.uid = procfs_owner(pid, "");
	return common_identity;
}

struct common_identity common_identity_join(const struct common_identity *a, const struct common_identity *b)
{
	struct common_identity both = common_identity_unknown();

	if (memcmp(a->comm, b->comm, sizeof(a->comm)) == 0)
		memcpy(both.comm, a->comm, sizeof(both.comm));
	if (a->exe == b->exe)
		both.exe = a->exe;
	if (a->cgroup == b->cgroup)
		both.cgroup = a->cgroup;
	if (a->uid == b->uid)
		both.uid = a->uid;
	return both;
}

static void tell(struct common_identities *common_identities, pid_t pid, uid_t uid, enum process_fact fact,
		 const char *text)
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
		common_identities->sink(common_identities->context, &event);
	}
}

static bool is_same(const struct common_identity *a, const struct common_identity *b)
{
	return memcmp(a->comm, b->comm, sizeof(a->comm)) == 0 && a->exe == b->exe && a->cgroup == b->cgroup &&
	       a->uid == b->uid;
}

pid_t common_identity_pid(struct common_identities *common_identities, const struct common_identity *common_identity)
{
	size_t at = 0;
	pid_t pid;

	while (at < common_identities->reported_count && !is_same(&common_identities->reported[at], common_identity))
		at++;
	pid = at < COMMON_IDENTITY_MAX ? -1 - (pid_t)at : INT32_MIN;
	if (at < common_identities->reported_count || at == COMMON_IDENTITY_MAX)
		return pid;
	common_identities->reported[common_identities->reported_count++] = *common_identity;
	tell(common_identities, pid, common_identity->uid, PROCESS_COMM, common_identity->comm);
	tell(common_identities, pid, common_identity->uid, PROCESS_EXE,
	     common_identity->exe != NULL ? common_identity->exe : "");
	tell(common_identities, pid, common_identity->uid, PROCESS_CGROUP,
	     common_identity->cgroup != NULL ? common_identity->cgroup : "");
	return pid;
}
