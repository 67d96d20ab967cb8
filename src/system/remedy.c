// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/remedy.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/escape.h"
#include "system/procfs.h"
#include "system/procfs_privilege.h"

/* Directories of setcap(8) and nsenter(1), which may not be in the PATH of an ordinary user. */
#define ADMIN_PATH "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"

/* A longer path of this program is not quoted. */
#define PATH_SHOWN 200

bool remedy_in_user_namespace(void)
{
	FILE *file = fopen("/proc/self/uid_map", "re");
	unsigned long inside = 0, outside = 0, count = 0;
	bool whole = file != NULL && fscanf(file, "%lu %lu %lu", &inside, &outside, &count) == 3 && inside == 0 &&
		     outside == 0 && count == UINT32_MAX;

	if (file != NULL)
		fclose(file);
	return !whole;
}

static bool has_program(const char *folders, const char *name)
{
	while (*folders != '\0') {
		size_t length = strcspn(folders, ":");
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%.*s/%s", (int)length, folders, name);
		if (length > 0 && length < PATH_MAX && access(path, X_OK) == 0)
			return true;
		folders += length + (folders[length] == ':');
	}
	return false;
}

bool remedy_has_program(const char *name)
{
	const char *path = getenv("PATH");

	return has_program(path != NULL ? path : "", name) || has_program(ADMIN_PATH, name);
}

/* Whether no child of this process can have it. PR_CAPBSET_READ fails for a capability that the kernel has not. */
static bool is_bounded(unsigned long capability)
{
	return prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 0;
}

const char *remedy_rights(void)
{
	return geteuid() == 0 || is_bounded(CAP_SYS_PTRACE)
		       ? "with CAP_SYS_PTRACE (in a container: --cap-add=SYS_PTRACE)"
		       : "as root";
}

/* In a container the file is read-only, or belongs to a root outside (Documentation/admin-guide/LSM/Yama.rst). */
const char *remedy_yama(void)
{
	bool is_read_only = access("/proc/sys/kernel/yama/ptrace_scope", W_OK) != 0 && errno == EROFS;

	return is_read_only || remedy_in_user_namespace() ? "" : ", or as root: sysctl kernel.yama.ptrace_scope=0";
}

const char *remedy_capture(char *text, size_t size)
{
	struct procfs_status self;
	char path[PATH_MAX], shown[PATH_MAX];
	bool has_it = procfs_status(getpid(), &self) == 0 && (self.effective & (UINT64_C(1) << CAP_NET_RAW)) != 0;
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[length > 0 ? length : 0] = '\0';
	escape_message(shown, sizeof(shown), path);
	if (has_it)
		snprintf(text, size,
			 "needs CAP_NET_RAW in the user namespace that this network namespace belongs to, "
			 "and has it in another one");
	else if (geteuid() == 0 || is_bounded(CAP_NET_RAW))
		snprintf(text, size,
			 "needs CAP_NET_RAW, which root has not either here (in a container: "
			 "--cap-add=NET_RAW)");
	else if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		snprintf(text, size,
			 "needs CAP_NET_RAW: run as root from elsewhere, because what is started here gets "
			 "no new privileges (no_new_privs)");
	else if (path[0] == '/' && strlen(path) < PATH_SHOWN && strcmp(path, shown) == 0 &&
		 procfs_heeds_privilege(path) && remedy_has_program("setcap"))
		snprintf(text, size, "needs CAP_NET_RAW: run as root, or once as root: setcap cap_net_raw+ep \"%s\"",
			 path);
	else
		snprintf(text, size, "needs CAP_NET_RAW: run as root");
	return text;
}
