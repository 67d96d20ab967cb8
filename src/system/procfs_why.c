// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/number.h"
#include "system/diag.h"
#include "system/remedy.h"

/* Reasons why a process cannot be attached to or read, and remedies. */

/* linux/capability.h */
#define CAP_SYS_PTRACE_BIT (UINT64_C(1) << 19)
/* Maximum length of a name in bytes. */
#define NAME_BYTES 32
/* A user or group in a message: "postgres (110)" or "110". */
#define WHO_BYTES (NAME_BYTES + 16)

/** struct reason - the sentence after "cannot attach to PID n (name): " */
struct reason {
	char text[400];
};

static void explain(struct reason *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void explain(struct reason *reason, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason->text, sizeof(reason->text), format, arguments);
	va_end(arguments);
}

/**
 * name_of() - the name of a user or group, and the number
 *
 * Only the local file is read: a directory service may take seconds to answer, and a tracer may be waiting.
 */
static const char *name_of(char who[WHO_BYTES], const char *path, unsigned int id)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	snprintf(who, WHO_BYTES, "%u", id);
	while (file != NULL && getline(&line, &size, file) > 0) {
		char *password = strchr(line, ':');
		char *number = password != NULL ? strchr(password + 1, ':') : NULL;
		int64_t found;

		if (number == NULL)
			continue;
		number[1 + strcspn(number + 1, ":\n")] = '\0';
		if (number_parse(number + 1, 0, UINT32_MAX, &found) != 0 || found != id)
			continue;
		*password = '\0';
		snprintf(who, WHO_BYTES, "%.*s (%u)", NAME_BYTES, line, id);
		break;
	}
	free(line);
	if (file != NULL)
		fclose(file);
	return who;
}

bool procfs_may_watch(pid_t pid)
{
	return procfs_may_list(pid) == 0 && procfs_netns(pid) == procfs_netns(getpid());
}

/* A way without tracing that works for the process; each is tried. */
static const char *without_tracing(pid_t pid)
{
	return procfs_may_watch(pid) && diag_answers() ? "; --via=diag needs no tracing" : "";
}

/* PF_KTHREAD (linux/sched.h) in the ninth field of /proc/PID/stat (proc_pid_stat(5)), the seventh behind the name. */
static bool is_kernel_thread(pid_t pid)
{
	char text[1024];
	const char *rest = procfs_read(pid, "stat", text, sizeof(text)) > 0 ? strrchr(text, ')') : NULL;
	unsigned int flags;

	return rest != NULL && sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) == 1 &&
	       (flags & 0x00200000) != 0;
}

/** explain_state() - reasons against attaching that hold for any tracer; Return: found one */
static bool explain_state(struct reason *reason, pid_t pid, const struct procfs_status *target)
{
	struct procfs_name name;

	if (target->state == 'Z' || target->state == 'X')
		explain(reason, "it has ended, and its parent, PID %d (%s), has not asked for its exit status yet",
			target->ppid, procfs_name(&name, target->ppid));
	else if (!target->has_memory && is_kernel_thread(pid))
		explain(reason, "it is a thread of the kernel, which makes no system calls");
	else if (!target->has_memory)
		explain(reason, "it is ending");
	else if (target->tracer != 0)
		explain(reason, "it is traced by PID %d (%s) already, and only one can%s", target->tracer,
			procfs_name(&name, target->tracer), without_tracing(pid));
	else if (target->tgid != 0 && target->tgid != pid)
		explain(reason, "it is a thread of the process %d; name that", target->tgid);
	else
		return false;
	return true;
}

/** explain_user() - reasons that do not hold for a privileged tracer; Return: found one */
static bool explain_user(struct reason *reason, pid_t pid, const struct procfs_status *target,
			 const struct procfs_status *self)
{
	char who[WHO_BYTES];

	for (size_t i = 0; i < 3; i++) {
		if (target->uid[i] == self->uid[0])
			continue;
		explain(reason, "it %s user %s; run conntrace %s%s",
			target->uid[0] == self->uid[0] ? "runs a set-user-ID program of" : "belongs to",
			name_of(who, "/etc/passwd", target->uid[i]),
			target->uid[0] == self->uid[0] ? "" : "as that user or ", remedy_rights());
		return true;
	}
	for (size_t i = 0; i < 3; i++) {
		if (target->gid[i] == self->gid[0])
			continue;
		explain(reason, "it runs with the rights of group %s; run conntrace %s",
			name_of(who, "/etc/group", target->gid[i]), remedy_rights());
		return true;
	}
	if ((target->permitted & ~self->permitted) != 0) {
		explain(reason, "it has capabilities that conntrace has not; run conntrace %s", remedy_rights());
		return true;
	}
	/* The content of its directory then belongs to root, though the process does not (proc(5)). */
	if (procfs_owner(pid, "status") != target->uid[1]) {
		explain(reason,
			"it is not dumpable, like daemons that have changed their user (prctl(2), "
			"PR_SET_DUMPABLE); run conntrace %s",
			remedy_rights());
		return true;
	}
	return false;
}

/** is_descendant() - whether @pid is a descendant of this process */
static bool is_descendant(pid_t pid)
{
	struct procfs_status status;

	for (; pid > 0 && pid != getpid(); pid = status.ppid) {
		if (procfs_status(pid, &status) != 0)
			return false;
	}
	return pid > 0;
}

/** explain_yama() - the rules of Yama (Documentation/admin-guide/LSM/Yama.rst); Return: found one */
static bool explain_yama(struct reason *reason, pid_t pid, bool privileged)
{
	int scope = procfs_ptrace_scope();

	if (scope == 3)
		explain(reason, "Yama forbids all tracing until the next boot (kernel.yama.ptrace_scope is 3)%s",
			without_tracing(pid));
	else if (scope == 2 && !privileged)
		explain(reason, "Yama lets only root trace (kernel.yama.ptrace_scope is 2); run conntrace %s%s%s",
			remedy_rights(), remedy_yama(), without_tracing(pid));
	else if (scope == 1 && !privileged && !is_descendant(pid))
		explain(reason,
			"Yama lets a process be traced by its ancestors only (kernel.yama.ptrace_scope is 1); "
			"run conntrace %s, launch the program with conntrace%s%s",
			remedy_rights(), remedy_yama(), without_tracing(pid));
	else
		return false;
	return true;
}

bool procfs_may_attach(pid_t pid)
{
	struct procfs_status target, self;
	struct reason reason;

	return procfs_may_list(pid) == 0 && procfs_status(pid, &target) == 0 && procfs_status(getpid(), &self) == 0 &&
	       !explain_state(&reason, pid, &target) &&
	       !explain_yama(&reason, pid, self.effective & CAP_SYS_PTRACE_BIT);
}

/* Return: nothing can be read of any process, and @reason is set. */
static bool explain_proc(struct reason *reason)
{
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC), error = errno;

	if (fd >= 0) {
		close(fd);
		return false;
	}
	if (error == ENOENT)
		explain(reason, "there is no /proc here; mount it: mount -t proc proc /proc");
	else
		explain(reason, "/proc cannot be read: %s",
			limits_of(error) != NULL ? limits_of(error) : strerror(error));
	return true;
}

static void find_reason(struct reason *reason, pid_t pid, int error)
{
	struct procfs_status target, self = {0};
	bool privileged;

	if (explain_proc(reason))
		return;
	if (procfs_status(pid, &target) != 0) {
		if (error == EPERM || error == EACCES)
			explain(reason,
				"it belongs to another user, and /proc hides it (mount option hidepid); "
				"run conntrace %s",
				remedy_rights());
		else
			explain(reason, "there is no such process");
		return;
	}
	if (explain_state(reason, pid, &target))
		return;
	/* Container profiles return ENOSYS for forbidden calls, too. */
	if (error != EPERM && error != EACCES && error != ENOSYS) {
		explain(reason, "%s", error == ESRCH ? "it ended meanwhile" : strerror(error));
		return;
	}
	procfs_status(getpid(), &self);
	privileged = self.effective & CAP_SYS_PTRACE_BIT;
	if ((!privileged && explain_user(reason, pid, &target, &self)) || explain_yama(reason, pid, privileged))
		return;
	if (self.seccomp == 2)
		explain(reason,
			"neither users nor Yama are in the way, but conntrace runs under a system-call filter, "
			"as in a container; start that with --cap-add=SYS_PTRACE%s",
			without_tracing(pid));
	else
		explain(reason,
			"neither users nor Yama are in the way; a security module may be (SELinux: setsebool "
			"deny_ptrace off; AppArmor), or it is in another user namespace%s",
			without_tracing(pid));
}

void procfs_why_not_traceable(pid_t pid, int error, char *text, size_t size)
{
	struct reason reason;

	find_reason(&reason, pid, error);
	snprintf(text, size, "%s", reason.text);
}

static void write_scenario(const char *what, pid_t pid, const struct reason *reason, char *text, size_t size)
{
	struct procfs_name name;
	char comm[16];

	procfs_comm(pid, comm);
	if (comm[0] != '\0')
		snprintf(text, size, "cannot %s PID %d (%s): %s", what, pid, procfs_name(&name, pid), reason->text);
	else
		snprintf(text, size, "cannot %s PID %d: %s", what, pid, reason->text);
}

void procfs_why_not_attachable(pid_t pid, int error, char *text, size_t size)
{
	struct reason reason;

	find_reason(&reason, pid, error);
	write_scenario("attach to", pid, &reason, text, size);
}

int procfs_why_not_watchable(pid_t pid, char *text, size_t size)
{
	struct procfs_status target, self = {0};
	struct reason reason;
	int rc = -ESRCH;

	if (explain_proc(&reason)) {
		rc = -EACCES;
	} else if (procfs_status(pid, &target) != 0) {
		explain(&reason, "there is no such process, or it belongs to another user and /proc hides it "
				 "(mount option hidepid)");
	} else {
		/* A tracer and Yama do not matter: the process is only read. */
		target.tracer = 0;
		procfs_status(getpid(), &self);
		if (!explain_state(&reason, pid, &target)) {
			rc = -EACCES;
			if (!explain_user(&reason, pid, &target, &self))
				explain(&reason,
					"its open files may not be read: it is not dumpable (prctl(2)), a security "
					"module is in the way, or it is in another user namespace; run conntrace "
					"%s",
					remedy_rights());
		}
	}
	write_scenario("watch", pid, &reason, text, size);
	return rc;
}
