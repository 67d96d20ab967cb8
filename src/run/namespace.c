// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "system/procfs.h"

static bool is_any_here(const struct options *options)
{
	uint32_t here = procfs_netns(getpid());

	for (size_t i = 0; i < options->pid_count; i++) {
		uint32_t theirs = procfs_netns(options->pids[i]);

		if (here == 0 || theirs == here)
			return true;
	}
	return false;
}

pid_t namespace_enter(const struct options *options)
{
	char path[PROCFS_PATH];
	int fd;

	if (!options_samples(options) || options->command != NULL || options->pid_count == 0 ||
	    options->interface_count > 0 || options->resolve || is_any_here(options))
		return 0;
	for (size_t i = 0; i < options->pid_count; i++) {
		int rc;

		fd = open(procfs_path(path, options->pids[i], "ns/net"), O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		rc = setns(fd, CLONE_NEWNET);
		close(fd);
		return rc == 0 ? options->pids[i] : 0;
	}
	return 0;
}
