/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_SECCOMP_FILTER_H
#define CONNTRACE_SOURCE_PTRACE_SECCOMP_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

#include "base/err.h"

/**
 * struct seccomp_filter_choice - what a filter does beyond the necessary
 * @closes: stop for calls that close descriptors, or duplicate them
 * @only_closes: stop for nothing else: a second filter, beside one without @closes
 * @no_uring: io_uring_setup(2), io_uring_enter(2) and io_uring_register(2) fail with ENOSYS
 */
struct seccomp_filter_choice {
	bool closes;
	bool only_closes;
	bool no_uring;
};

/**
 * seccomp_filter_build() - the seccomp filter of a launched command
 * @program: on success a classic BPF program; the caller frees its instructions
 * @choice: what is stopped, and forbidden, in addition
 * @err: the message on failure
 *
 * The filter stops (SECCOMP_RET_TRACE) accept, accept4, connect, shutdown, getsockopt(SOL_SOCKET, SO_ERROR), calls that
 * send with MSG_FASTOPEN or receive with MSG_CMSG_CLOEXEC, pidfd_getfd, io_uring_setup, io_uring_enter, clone3 and
 * clone with CLONE_UNTRACED, also through socketcall(2), for each architecture a program on this machine may use.
 * Everything else runs at full speed. Without a tracer such a call fails with ENOSYS (seccomp(2)).
 *
 * Return: 0 or a negative errno.
 */
int seccomp_filter_build(struct sock_fprog *program, const struct seccomp_filter_choice *choice, struct err *err);

/**
 * seccomp_filter_load() - put the calling thread under the filter
 * @program: of seccomp_filter_build()
 *
 * Async-signal-safe, for use between fork and exec. Without CAP_SYS_ADMIN the kernel requires PR_SET_NO_NEW_PRIVS first
 * (seccomp(2)). With it, set-user-ID programs keep working and the flag is not set.
 *
 * Return: 0 or a negative errno.
 */
int seccomp_filter_load(const struct sock_fprog *program);

#endif
