// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/launch_user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>

#include "base/number.h"
#include "base/xalloc.h"

int launch_user_find(struct tracer_user *user, const char *name, struct err *err)
{
	const struct passwd *entry = getpwnam(name);
	int64_t number;

	if (entry == NULL && number_parse(name, 0, UINT32_MAX - 1, &number) == 0) {
		user->uid = (uid_t)number;
		user->gid = (gid_t)number;
		entry = getpwuid(user->uid);
		if (entry == NULL)
			return 0;
		name = entry->pw_name;
	}
	if (entry == NULL)
		return err_set(err, ENOENT, "no user \"%s\" (-u)", name);
	user->uid = entry->pw_uid;
	user->gid = entry->pw_gid;
	user->group_count = 64;
	do {
		int wanted = user->group_count;

		user->groups = xreallocarray(user->groups, (size_t)wanted, sizeof(gid_t));
		if (getgrouplist(name, entry->pw_gid, user->groups, &user->group_count) >= 0)
			return 0;
		if (user->group_count <= wanted)
			user->group_count = wanted * 2;
	} while (user->group_count <= 65536); /* NGROUPS_MAX of Linux */
	return err_set(err, E2BIG, "user \"%s\" (-u) has too many groups", name);
}
