/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_INJECT_H
#define CONNTRACE_SOURCE_PTRACE_INJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/*
 * System calls that a stopped thread makes for the tracer, between one of its own calls and the next instruction of the
 * program: the thread goes back to the instruction of its call and enters another one. Its signals wait meanwhile, and
 * its registers are restored afterwards. Only programs of 64 bits on x86-64.
 */

/**
 * struct injection - a thread that makes calls for the tracer
 * @tid: the thread
 * @registers: its own
 * @mask: the signals that it blocks by itself
 * @was_stopped: a stop signal of its process came meanwhile
 * @is_lost: it is about to end
 */
struct injection {
	pid_t tid;
	struct user_regs_struct registers;
	uint64_t mask;
	bool was_stopped;
	bool is_lost;
};

/**
 * inject_begin() - prepare a thread in the exit stop of a call
 *
 * Return: false when no call can be made here: another architecture, the call will be restarted, or it did not return
 * to its own instruction. Nothing has changed then.
 */
bool inject_begin(struct injection *injection, pid_t tid);

/**
 * inject_call() - make a call, which must not wait for another thread
 *
 * Return: its result, a negative errno on failure; -ESRCH when the thread is about to end.
 */
int64_t inject_call(struct injection *injection, long number, const uint64_t arguments[6]);

/** inject_end() - the thread is again as inject_begin() found it */
void inject_end(struct injection *injection);

#endif
