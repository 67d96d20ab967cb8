// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/option_pids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/number.h"
#include "base/xalloc.h"
#include "cli/options.h"

/** PID_MAX_LIMIT of the kernel on 64 bits: no process has a larger number. */
#define PID_MOST 4194304

int option_pids_add(struct options *options, const char *word, struct err *err)
{
	int64_t pid;

	if (number_parse(word, 1, PID_MOST, &pid) != 0)
		return err_set(err, EINVAL, ERR_QUOTED " is not a PID; allowed are numbers from 1 to %d", word,
			       PID_MOST);
	for (size_t i = 0; i < options->pid_count; i++)
		if (options->pids[i] == pid)
			return 0;
	options->pids = array_extend(options->pids, options->pid_count, sizeof(*options->pids));
	options->pids[options->pid_count++] = (pid_t)pid;
	return 0;
}

int option_pids_parse(struct options *options, const char *word, struct err *err)
{
	char *words = xstrdup(word), *rest = words, *pid;
	size_t before = options->pid_count;
	bool any = false;
	int error = 0;

	while (error == 0 && (pid = strsep(&rest, ", \t\n")) != NULL) {
		if (*pid == '\0')
			continue;
		any = true;
		error = option_pids_add(options, pid, err);
	}
	free(words);
	if (!any)
		return err_set(err, EINVAL, "--pid " ERR_QUOTED " contains no PID; does the program run?", word);
	if (error != 0 && before == options->pid_count && word[0] == '-')
		return err_set(err, EINVAL, "--pid " ERR_QUOTED " is not a PID; does the program run?", word);
	return error;
}
