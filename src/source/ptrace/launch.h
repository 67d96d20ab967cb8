/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_LAUNCH_H
#define CONNTRACE_SOURCE_PTRACE_LAUNCH_H

#include <linux/filter.h>
#include <sys/types.h>

#include "source/ptrace/tracer.h"

/**
 * struct launch - a command between fork and exec
 * @pid: the child, waiting for launch_go()
 * @go: write end of the pipe it waits on
 * @result: read end of the pipe on which it says what failed; closed by a successful exec
 */
struct launch {
	pid_t pid;
	int go;
	int result;
};

/** enum launch_stage - what the child was doing when it failed */
enum launch_stage {
	LAUNCH_USER,
	LAUNCH_FILTER,
	LAUNCH_EXEC,
};

/**
 * launch_fork() - make the child that will become the command
 * @launch: set on success
 * @config: the command, its user and signal mask
 * @program: the seccomp filter it enters before exec, or NULL
 * @err: the story of a failure
 *
 * Nothing of the caller leaks into the command: the mask is the one given, and
 * all descriptors of ours are close-on-exec.
 *
 * Return: 0 or a negative errno.
 */
int launch_fork(struct launch *launch, const struct tracer_config *config, const struct sock_fprog *program,
		struct err *err);

/**
 * launch_remember_signals() - note which signals are ignored or blocked that this program can't help changing
 *
 * The C library takes signals of its own (two in glibc, three in musl) as soon
 * as there is a thread, and the tracer one; execve(2) would set them to default
 * although we were born with them ignored, and a mask would lose them. To be
 * called before the first thread is started.
 */
void launch_remember_signals(void);

/**
 * launch_release_inherited() - let go of the sockets that were meant for the command
 *
 * As long as we held them too, their connections would not end with the
 * command's close(2). What we opened ourselves is close-on-exec and stays; so
 * do standard output and standard error.
 */
void launch_release_inherited(void);

/** launch_go() - let the child go on towards exec, now that it is traced */
void launch_go(struct launch *launch);

/**
 * launch_result() - what came of the exec; call it once the child has either executed or died
 * @launch: its descriptors are closed
 * @command: for the message
 * @exit_status: set on failure, as tracer_open()'s
 * @err: the story of a failure
 *
 * Return: 0 when the command runs, or a negative errno.
 */
int launch_result(struct launch *launch, const char *command, int *exit_status, struct err *err);

#endif
