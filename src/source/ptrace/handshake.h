/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_HANDSHAKE_H
#define CONNTRACE_SOURCE_PTRACE_HANDSHAKE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Attaching interrupts the call that a thread sleeps in, and the kernel restarts it. A TCP Fast Open that waits for its
 * answer would send its data twice (signal_hold.h). It may therefore finish first, if it does so soon.
 */

/** handshake_await() - wait, at most two seconds, until the thread @tid of @pid is in no such call */
void handshake_await(pid_t pid, pid_t tid);

/**
 * handshake_await_all() - wait, at most two seconds, for all threads of all these processes that are in one now
 *
 * They are awaited together: an answer that arrives while another is awaited leaves a thread that has not run yet.
 */
void handshake_await_all(const pid_t *pids, size_t count);

#endif
