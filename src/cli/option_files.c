// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/option_files.h"

#include <errno.h>

#include "base/array.h"

int option_files_add(const char ***files, size_t *count, const char *option, const char *word, struct err *err)
{
	if (*word == '\0')
		return err_set(err, EINVAL, "%s needs the name of a file", option);
	*files = array_extend(*files, *count, sizeof(**files));
	(*files)[(*count)++] = word;
	return 0;
}
