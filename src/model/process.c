// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/process.h"

#include <stdlib.h>

#include "base/xalloc.h"

struct process *process_new(pid_t pid)
{
	struct process *process = xcalloc(1, sizeof(*process));

	process->pid = pid;
	process->uid = (uid_t)-1;
	process->references = 1;
	return process;
}

struct process *process_ref(struct process *process)
{
	if (process != NULL)
		process->references++;
	return process;
}

void process_unref(struct process *process)
{
	if (process == NULL || --process->references > 0)
		return;
	free(process->exe);
	free(process);
}
