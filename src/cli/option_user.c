// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/option_user.h"

#include <errno.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/number.h"
#include "base/xalloc.h"

int option_user_set(char **user, const char *option, const char *word, struct err *err)
{
	const struct passwd *entry = getpwnam(word);
	int64_t uid;

	if (entry == NULL && number_parse(word, 0, UINT32_MAX - 1, &uid) == 0)
		entry = getpwuid((uid_t)uid);
	free(*user);
	*user = xstrdup(entry != NULL ? entry->pw_name : word);
	if (entry == NULL)
		return err_set(err, EINVAL, "%s " ERR_QUOTED " is not a user here; see \"getent passwd\"", option,
			       word);
	return 0;
}
