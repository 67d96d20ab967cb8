// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include "base/escape.h"
#include "base/redact.h"
#include "system/procfs.h"
#include "system/procfs_privilege.h"
#include "system/remedy.h"
#include "source/ptrace/stop.h"

/** struct name - a process's short name, fit to be printed */
struct name {
	char text[16 * 4 + 1];
};

static const char *name_of(struct name *name, pid_t pid)
{
	char comm[16];

	procfs_comm(pid, comm);
	escape_text(name->text, sizeof(name->text), redact_text(REDACT_COMM, comm));
	return name->text;
}

void stop_refused_ptrace(struct stop *stop, const struct tracee *tracee)
{
	pid_t wanted = tracee->call.fd != 0 ? tracee->call.fd : tracee->tid;
	struct procfs_status status;
	struct name name;

	if (procfs_status(wanted, &status) != 0 || status.tracer == 0 || procfs_thread_group(status.tracer) != getpid())
		return;
	notices_add(stop->notices,
		    "%s was refused to trace a process, because conntrace traces it, and only one can (ptrace(2)); "
		    "debug it without conntrace, or let conntrace trace less (--no-follow)",
		    name_of(&name, tracee->target->pid));
}

void stop_executed(struct stop *stop, const struct tracee *tracee)
{
	const char *lost = procfs_lost_privilege(tracee->target->pid);
	struct name name;

	if (lost == NULL)
		return;
	notices_add(stop->notices,
		    "%s is a %s program, but runs without that privilege, because it is traced (execve(2)); "
		    "run conntrace %s, or start it without conntrace",
		    name_of(&name, tracee->target->pid), lost, remedy_rights());
}
