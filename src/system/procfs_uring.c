// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/procfs_uring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "system/procfs.h"

int procfs_uring_sockets(pid_t tid, int ring, void (*callback)(void *context, uint32_t inode), void *context)
{
	char path[PROCFS_PATH], name[32];
	char *line = NULL;
	size_t size = 0;
	FILE *file;

	snprintf(name, sizeof(name), "fdinfo/%d", ring);
	file = fopen(procfs_path(path, tid, name), "re");
	if (file == NULL)
		return -errno;
	/* Under "UserFiles:" each place that is taken: "    3: socket:[4711]". */
	while (getline(&line, &size, file) >= 0) {
		unsigned int place, inode;

		if (sscanf(line, "%u: socket:[%u]", &place, &inode) == 2)
			callback(context, inode);
	}
	free(line);
	fclose(file);
	return 0;
}
