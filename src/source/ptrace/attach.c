// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/attach.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "base/array.h"
#include "system/procfs.h"
#include "source/ptrace/handshake.h"

struct seizure {
	struct tracee_table *table;
	pid_t pid;
	struct target *target;
	long options;
	int count;
	int error;
};

static void seize_thread(void *context, pid_t tid)
{
	struct seizure *seizure = context;
	struct tracee *tracee;

	if (tracee_find(seizure->table, tid) != NULL)
		return;
	handshake_await(seizure->pid, tid);
	if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)(uintptr_t)seizure->options) != 0) {
		/* A thread that ended meanwhile is no failure. */
		if (errno != ESRCH && seizure->error == 0)
			seizure->error = errno;
		return;
	}
	tracee = tracee_add(seizure->table, tid, seizure->pid, NULL);
	tracee->announced = true;
	tracee->target->tid = tid;
	seizure->target = tracee->target;
	(void)ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	seizure->count++;
}

struct listing {
	struct attach_sockets *sockets;
	pid_t pid;
};

static void list_socket(void *context, int fd, uint32_t inode)
{
	const struct listing *listing = context;
	struct attach_sockets *sockets = listing->sockets;
	size_t count = sockets->count;

	(void)inode;
	sockets->list = array_extend(sockets->list, count, sizeof(*sockets->list));
	sockets->list[count] = (struct attach_socket){listing->pid, fd};
	sockets->count++;
}

void attach_list_sockets(pid_t pid, struct attach_sockets *sockets)
{
	struct listing listing = {sockets, pid};

	(void)procfs_sockets(pid, list_socket, &listing);
}

int attach_process(struct tracee_table *table, pid_t pid, long options, struct attach_sockets *sockets, struct err *err)
{
	struct seizure seizure = {.table = table, .pid = pid, .options = options};
	int before, error;

	if (procfs_is_ancestor(pid, getpid()))
		return err_set(err, EPERM, "cannot attach to PID %d: conntrace runs inside it", pid);
	/* Threads may be created during the walk; each round finds those of the one before. */
	do {
		before = seizure.count;
		(void)procfs_threads(pid, seize_thread, &seizure);
	} while (seizure.count > before);
	if (seizure.count > 0) {
		/* The first thread may have ended long ago: then it can't be traced, and it has no descriptors. */
		seizure.target->leader_ended = tracee_find(table, pid) == NULL;
		attach_list_sockets(target_descriptors(seizure.target), sockets);
		return 0;
	}
	/* A process missing from /proc may be hidden there (mount option hidepid). */
	error = seizure.error != 0 ? seizure.error : kill(pid, 0) != 0 ? errno : ESRCH;
	procfs_why_not_attachable(pid, error, err->text, sizeof(err->text));
	return -error;
}
