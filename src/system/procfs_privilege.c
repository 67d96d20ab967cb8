// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/procfs_privilege.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "system/procfs.h"

/* The ID that user namespaces show in place of unmapped users (overflowuid); no program runs under it. */
#define OVERFLOW_ID 65534

bool procfs_heeds_privilege(const char *path)
{
	struct statvfs place;

	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 && statvfs(path, &place) == 0 &&
	       (place.f_flag & ST_NOSUID) == 0;
}

const char *procfs_lost_privilege(pid_t pid)
{
	struct procfs_status status;
	char path[PROCFS_PATH];
	struct stat facts;
	bool sets_user, sets_group, has_capabilities;

	if (stat(procfs_path(path, pid, "exe"), &facts) != 0)
		return NULL;
	sets_user = (facts.st_mode & S_ISUID) != 0 && facts.st_uid != OVERFLOW_ID;
	sets_group = (facts.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && facts.st_gid != OVERFLOW_ID;
	has_capabilities = getxattr(path, "security.capability", NULL, 0) > 0;
	if ((!sets_user && !sets_group && !has_capabilities) || !procfs_heeds_privilege(path) ||
	    procfs_status(pid, &status) != 0)
		return NULL;
	if (sets_user && status.uid[1] != facts.st_uid)
		return "set-user-ID";
	if (sets_group && status.gid[1] != facts.st_gid)
		return "set-group-ID";
	if (has_capabilities && status.permitted == 0)
		return "privileged (file capabilities)";
	return NULL;
}
