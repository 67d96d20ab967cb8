/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_HANDSHAKE_H
#define CONNTRACE_SOURCE_PTRACE_HANDSHAKE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Attaching interrupts the call that a thread sleeps in, and the kernel makes
 * it again. A TCP Fast Open that waits for its answer would send its data twice
 * by that (signal_hold.h), so it may finish first, if it does so soon.
 */

/** handshake_await() - wait, at most two seconds, until the thread @tid of @pid is in no such call */
void handshake_await(pid_t pid, pid_t tid);

/**
 * handshake_await_all() - wait, at most two seconds, for all threads of all these processes that are in one now
 *
 * Not one after the other: an answer that comes while another is waited for leaves a thread that has not run yet.
 */
void handshake_await_all(const pid_t *pids, size_t count);

#endif
