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
 * @result: read end of the pipe on which it reports a failure; closed by a successful exec
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
 * launch_fork() - create the child that will become the command
 * @launch: set on success
 * @config: the command, its user and signal mask
 * @program: the seccomp filter it enters before exec, or NULL
 * @err: the message on failure
 *
 * Nothing of the caller leaks into the command: the mask is the one given, and all other descriptors are close-on-exec.
 *
 * Return: 0 or a negative errno.
 */
int launch_fork(struct launch *launch, const struct tracer_config *config, const struct sock_fprog *program,
		struct err *err);

/**
 * launch_remember_signals() - note which ignored or blocked signals this program can't avoid changing
 *
 * The C library takes signals of its own (two in glibc, three in musl) once there is a thread, and the tracer takes
 * one. execve(2) would set them to default although they were inherited as ignored, and a mask would lose them. It must
 * be called before the first thread is started.
 */
void launch_remember_signals(void);

/**
 * launch_release_inherited() - close the sockets that were meant for the command
 *
 * While they are open here too, their connections would not end with the command's close(2). Descriptors opened by this
 * program are close-on-exec and stay; so do standard output and standard error.
 */
void launch_release_inherited(void);

/** launch_go() - let the child continue towards exec, now that it is traced */
void launch_go(struct launch *launch);

/**
 * launch_result() - the result of the exec; call it once the child has either executed or ended
 * @launch: its descriptors are closed
 * @command: for the message
 * @exit_status: set on failure, as tracer_open()'s
 * @err: the message on failure
 *
 * Return: 0 when the command runs, or a negative errno.
 */
int launch_result(struct launch *launch, const char *command, int *exit_status, struct err *err);

#endif
