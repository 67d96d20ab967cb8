/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_FILTER_H
#define CONNTRACE_SOURCE_PTRACE_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

#include "base/err.h"

/**
 * filter_build() - the seccomp filter of a launched command
 * @program: on success a classic BPF program; its instructions are the caller's to free
 * @closes: stop close, dup2, dup3 and close_range too
 * @err: the story of a failure
 *
 * The filter stops (SECCOMP_RET_TRACE) accept, accept4, connect, shutdown and
 * getsockopt(SOL_SOCKET, SO_ERROR), also through socketcall(2), for each
 * architecture a program on this machine may use. Everything else runs at
 * full speed. Without a tracer such a call fails with ENOSYS (seccomp(2)).
 *
 * Return: 0 or a negative errno.
 */
int filter_build(struct sock_fprog *program, bool closes, struct err *err);

/**
 * filter_load() - put the calling thread under the filter
 * @program: of filter_build()
 *
 * Async-signal-safe, for use between fork and exec. Without CAP_SYS_ADMIN the
 * kernel wants PR_SET_NO_NEW_PRIVS first (seccomp(2)); with it, set-user-ID
 * programs keep working and it is left alone.
 *
 * Return: 0 or a negative errno.
 */
int filter_load(const struct sock_fprog *program);

#endif
