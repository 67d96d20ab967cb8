// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/process.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "model/cgroup.h"

struct process *process_new(pid_t pid)
{
	struct process *process = xcalloc(1, sizeof(*process));

	process->pid = pid;
	process->uid = (uid_t)-1;
	process->references = 1;
	return process;
}

static void set_text(char **to, const char *text)
{
	free(*to);
	*to = text != NULL ? xstrdup(text) : NULL;
}

void process_set_cgroup(struct process *process, const char *path)
{
	char name[CGROUP_NAME];

	set_text(&process->cgroup, path);
	set_text(&process->unit, path != NULL && cgroup_unit(path, name) ? name : NULL);
	set_text(&process->container, path != NULL && cgroup_container(path, name) ? name : NULL);
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
	free(process->cgroup);
	free(process->unit);
	free(process->container);
	free(process->cmdline);
	free(process);
}
