// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * baretracer COMMAND [ARG...] - stop a command where conntrace does, and ask nothing
 *
 * Under the filter, connect(2) and accept(2) stop at entry and return, shutdown(2)
 * at entry, and the tracer runs where conntrace's does (placement.h). That is the floor of launching: what is left to
 * a tracer is what it asks at these stops and what it makes of it.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/ptrace/placement.h"

#define TWO_STOPS 1
#define ONE_STOP 2
#define IF_CALL(number, data) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | (data))

static long trace(long request, pid_t pid, void *address, long data)
{
	return syscall(SYS_ptrace, request, pid, address, data);
}

static void become_command(char *argv[])
{
	struct sock_filter words[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		IF_CALL(SYS_accept, TWO_STOPS),
		IF_CALL(SYS_accept4, TWO_STOPS),
		IF_CALL(SYS_connect, TWO_STOPS),
		IF_CALL(SYS_shutdown, ONE_STOP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(words) / sizeof(words[0]), words};

	raise(SIGSTOP);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) == 0)
		execvp(argv[0], argv);
	fprintf(stderr, "baretracer: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Let a stopped thread run on. */
static void on_stop(pid_t pid, int status)
{
	int event = status >> 16, number = WSTOPSIG(status);
	unsigned long message = 0;

	if (event == PTRACE_EVENT_SECCOMP && trace(PTRACE_GETEVENTMSG, pid, NULL, (long)&message) == 0 &&
	    message == TWO_STOPS)
		(void)trace(PTRACE_SYSCALL, pid, NULL, 0);
	else if (event != 0 || number == (SIGTRAP | 0x80) || number == SIGSTOP)
		(void)trace(PTRACE_CONT, pid, NULL, 0);
	else
		(void)trace(PTRACE_CONT, pid, NULL, number);
}

int main(int argc, char *argv[])
{
	struct placement placement;
	pid_t child, pid;
	int status, result = 1;

	if (argc < 2) {
		fputs("usage: baretracer COMMAND [ARG...]\n", stderr);
		return 2;
	}
	child = fork();
	if (child == 0)
		become_command(argv + 1);
	if (child < 0 || waitpid(child, &status, WUNTRACED) != child ||
	    trace(PTRACE_SEIZE, child, NULL,
		  PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
			  PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL) != 0) {
		fprintf(stderr, "baretracer: %s\n", strerror(errno));
		return 1;
	}
	kill(child, SIGCONT);
	placement_init(&placement);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			on_stop(pid, status);
			placement_stop(&placement, pid);
		} else if (pid == child) {
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		}
	}
	return result;
}
