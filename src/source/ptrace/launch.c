// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/limits.h"
#include "system/procfs.h"
#include "source/ptrace/seccomp_filter.h"

#define EXIT_OWN_FAILURE 125
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

/*
 * NPTL's own signals (SIGCANCEL, SIGSETXID), which sigaction(2) of the C library refuses to change, and those the
 * tracer needs: SIGCHLD, because children can't be waited for while it is ignored, and the signal that wakes it.
 */
static const int taken_signals[] = {SIGCHLD, 32, 33, 64};
#define TAKEN_COUNT (sizeof(taken_signals) / sizeof(taken_signals[0]))
static bool was_ignored[TAKEN_COUNT];
/* Signals of the C library's own (three in musl), which its functions neither report in a mask nor set. */
#define LIBRARY_SIGNALS (UINT64_C(7) << (32 - 1))
static uint64_t was_blocked;

/* The kernel's struct sigaction begins with the handler on every architecture. */
struct kernel_sigaction {
	unsigned long handler;
	unsigned long rest[7];
};
#define KERNEL_SIGSET_SIZE 8

void launch_remember_signals(void)
{
	(void)syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &was_blocked, KERNEL_SIGSET_SIZE);
	for (size_t i = 0; i < TAKEN_COUNT; i++) {
		struct kernel_sigaction action = {0};

		was_ignored[i] = syscall(SYS_rt_sigaction, taken_signals[i], NULL, &action, KERNEL_SIGSET_SIZE) == 0 &&
				 action.handler == (unsigned long)SIG_IGN;
	}
}

static void ignore_again(void)
{
	const struct kernel_sigaction ignore = {.handler = (unsigned long)SIG_IGN};

	for (size_t i = 0; i < TAKEN_COUNT; i++)
		if (was_ignored[i])
			(void)syscall(SYS_rt_sigaction, taken_signals[i], &ignore, NULL, KERNEL_SIGSET_SIZE);
}

/* A sigset_t begins with the kernel's. */
static void mask_again(const sigset_t *mask)
{
	uint64_t bits;

	memcpy(&bits, mask, sizeof(bits));
	bits |= was_blocked & LIBRARY_SIGNALS;
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &bits, NULL, KERNEL_SIGSET_SIZE);
}

/* Written by a child that can't continue. */
struct failure {
	int stage;
	int error;
};

static void fail(int result, enum launch_stage stage, int error) __attribute__((noreturn));
static void fail(int result, enum launch_stage stage, int error)
{
	struct failure failure = {(int)stage, error};
	ssize_t written = write(result, &failure, sizeof(failure));

	_exit(written == (ssize_t)sizeof(failure) ? EXIT_OWN_FAILURE : EXIT_OWN_FAILURE + 1);
}

/*
 * execvp(3) returns EACCES for a file that may not be executed, and also for a directory of PATH that may not be
 * searched. As in the shell, the first is 126 and the second, when no other directory has the command, 127.
 */
static int exec_error(const char *command, int error)
{
	const char *at = getenv("PATH");
	size_t size = strlen(command) + 1;
	char path[PATH_MAX];

	if (error != EACCES || at == NULL || strchr(command, '/') != NULL)
		return error;
	while (*at != '\0') {
		size_t length = strcspn(at, ":");
		struct stat facts;

		/* An empty entry is the current directory. */
		if (length + 1 + size <= sizeof(path)) {
			memcpy(path, at, length);
			path[length] = '/';
			memcpy(path + length + 1, command, size);
			if (stat(length > 0 ? path : command, &facts) == 0 && !S_ISDIR(facts.st_mode))
				return EACCES;
		}
		at += length;
		at += *at == ':';
	}
	return ENOENT;
}

/* The child after fork: only async-signal-safe calls, the parent has threads. */
static void become_command(const struct tracer_config *config, const struct sock_fprog *program, int go, int result)
	__attribute__((noreturn));
static void become_command(const struct tracer_config *config, const struct sock_fprog *program, int go, int result)
{
	const struct tracer_user *user = config->user;
	ssize_t length;
	char byte;
	int rc;

	do {
		length = read(go, &byte, 1);
	} while (length < 0 && errno == EINTR);
	/* Orphaned before it was traced: under the filter its calls would fail, and no process would end it. */
	if (length != 1)
		_exit(EXIT_OWN_FAILURE);
	/* First, while the privilege may exist to do it without no_new_privs. */
	if (program != NULL) {
		rc = seccomp_filter_load(program);
		if (rc != 0)
			fail(result, LAUNCH_FILTER, -rc);
	}
	if (user != NULL && (setgroups((size_t)user->group_count, user->groups) != 0 || setgid(user->gid) != 0 ||
			     setuid(user->uid) != 0))
		fail(result, LAUNCH_USER, errno);
	ignore_again();
	limits_restore();
	mask_again(&config->mask);
	execvp(config->command[0], config->command);
	fail(result, LAUNCH_EXEC, exec_error(config->command[0], errno));
}

int launch_fork(struct launch *launch, const struct tracer_config *config, const struct sock_fprog *program,
		struct err *err)
{
	int go[2], result[2], error;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) != 0)
		return err_set(err, errno, "cannot launch \"%s\": pipe: %s", config->command[0], strerror(errno));
	if (pipe2(result, O_CLOEXEC) != 0) {
		error = errno;
		close(go[0]);
		close(go[1]);
		return err_set(err, error, "cannot launch \"%s\": pipe: %s", config->command[0], strerror(error));
	}
	pid = fork();
	error = errno;
	if (pid == 0) {
		close(go[1]);
		close(result[0]);
		become_command(config, program, go[0], result[1]);
	}
	close(go[0]);
	close(result[1]);
	if (pid < 0) {
		close(go[1]);
		close(result[0]);
		return err_set(err, error, "cannot launch \"%s\": fork: %s", config->command[0], strerror(error));
	}
	launch->pid = pid;
	launch->go = go[1];
	launch->result = result[0];
	return 0;
}

static void release(void *context, int fd, uint32_t inode)
{
	int flags = fcntl(fd, F_GETFD), null;

	(void)context;
	(void)inode;
	if (flags < 0 || (flags & FD_CLOEXEC) != 0 || fd == STDOUT_FILENO || fd == STDERR_FILENO)
		return;
	if (fd != STDIN_FILENO) {
		close(fd);
		return;
	}
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null >= 0 && dup2(null, fd) >= 0)
		close(null);
}

void launch_release_inherited(void)
{
	(void)procfs_sockets(getpid(), release, NULL);
}

void launch_go(struct launch *launch)
{
	/* The reader lives, or has been killed, which its result shows. */
	if (write(launch->go, "", 1) != 1 && errno != EPIPE)
		kill(launch->pid, SIGKILL);
	close(launch->go);
	launch->go = -1;
}

int launch_result(struct launch *launch, const char *command, int *exit_status, struct err *err)
{
	struct failure failure;
	ssize_t length;

	do {
		length = read(launch->result, &failure, sizeof(failure));
	} while (length < 0 && errno == EINTR);
	close(launch->result);
	if (length != (ssize_t)sizeof(failure))
		return 0;
	*exit_status = EXIT_OWN_FAILURE;
	switch (failure.stage) {
	case LAUNCH_USER:
		return err_set(err, failure.error,
			       "cannot become the user of -u: %s; it needs CAP_SETUID and CAP_SETGID, which root has",
			       strerror(failure.error));
	case LAUNCH_FILTER:
		return err_set(err, failure.error,
			       "cannot install the system-call filter: %s; --no-filter does without it",
			       strerror(failure.error));
	default:
		*exit_status = failure.error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
		return err_set(err, failure.error, "cannot execute \"%s\": %s", command,
			       failure.error == ENOENT && strchr(command, '/') == NULL ? "not found in PATH"
										       : strerror(failure.error));
	}
}
