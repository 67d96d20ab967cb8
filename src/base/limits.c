// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/limits.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>

static struct rlimit before;
static bool is_raised;

void limits_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &before) != 0 || before.rlim_cur == before.rlim_max)
		return;
	limit = before;
	limit.rlim_cur = limit.rlim_max;
	is_raised = setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

void limits_restore(void)
{
	if (is_raised)
		(void)setrlimit(RLIMIT_NOFILE, &before);
}

const char *limits_of(int error)
{
	switch (abs(error)) {
	case EMFILE:
		return "the limit of open files is too low: ulimit -n";
	/* Of fork(2) and pthread_create(3). */
	case EAGAIN:
		return "a limit of processes, threads or memory: ulimit -u, ulimit -v, or pids.max of the control "
		       "group";
	case EFBIG:
		return "a limit of sizes: ulimit -f, or that of the file system";
	default:
		return NULL;
	}
}
