// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/inject.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "base/crash.h"
#include "source/ptrace/memory.h"

#if defined(__x86_64__) && defined(__LP64__)

/* The code segment of 64-bit programs (arch/x86/include/asm/segment.h). */
#define CODE_SEGMENT_64 0x33
#define INSTRUCTION_SIZE 2
#define SIGNALS_SIZE ((void *)sizeof(uint64_t))

static bool set_mask(const struct injection *injection, uint64_t mask)
{
	return ptrace(PTRACE_SETSIGMASK, injection->tid, SIGNALS_SIZE, &mask) == 0;
}

/* While the registers are not the thread's own, a crash elsewhere must not let it go (standby.h). */
static void hold_standby(int how)
{
	sigset_t wake;

	sigemptyset(&wake);
	sigaddset(&wake, CRASH_WAKE_SIGNAL);
	pthread_sigmask(how, &wake, NULL);
}

static bool take_signals(struct injection *injection)
{
	if (ptrace(PTRACE_GETSIGMASK, injection->tid, SIGNALS_SIZE, &injection->mask) != 0 ||
	    !set_mask(injection, UINT64_MAX))
		return false;
	hold_standby(SIG_BLOCK);
	return true;
}

bool inject_begin(struct injection *injection, pid_t tid)
{
	static const unsigned char instruction[INSTRUCTION_SIZE] = {0x0f, 0x05}; /* syscall */
	struct user_regs_struct *registers = &injection->registers;
	unsigned char found[INSTRUCTION_SIZE];

	*injection = (struct injection){.tid = tid};
	/* EINTR, and ERESTARTSYS to ERESTART_RESTARTBLOCK, belong to a signal that is about to be handled. */
	return ptrace(PTRACE_GETREGS, tid, NULL, registers) == 0 && registers->cs == CODE_SEGMENT_64 &&
	       (int64_t)registers->orig_rax >= 0 && (int64_t)registers->rax != -EINTR &&
	       !((int64_t)registers->rax <= -512 && (int64_t)registers->rax >= -516) &&
	       memory_read(tid, registers->rip - INSTRUCTION_SIZE, found, sizeof(found)) &&
	       memcmp(found, instruction, sizeof(found)) == 0 && take_signals(injection);
}

/* To its next stop at a call. Return: false when it is about to end; then that stop is left to be waited for. */
static bool run_to_call(struct injection *injection)
{
	intptr_t number = 0;

	for (;;) {
		siginfo_t report = {.si_pid = 0};

		if (ptrace(PTRACE_SYSCALL, injection->tid, NULL, (void *)number) != 0)
			return false;
		while (waitid(P_PID, (id_t)injection->tid, &report, WEXITED | WNOWAIT | __WALL) != 0)
			if (errno != EINTR)
				return false;
		if (report.si_code != CLD_TRAPPED || report.si_status >> 8 == PTRACE_EVENT_EXIT)
			return false;
		(void)waitid(P_PID, (id_t)injection->tid, &report, WEXITED | __WALL);
		if (report.si_status == (SIGTRAP | 0x80))
			return true;
		/* SIGSTOP, which can't be blocked, is delivered, and the stop that follows it comes again at the end.
		 */
		number = report.si_status >> 8 == 0 ? report.si_status : 0;
		injection->was_stopped = true;
	}
}

int64_t inject_call(struct injection *injection, long number, const uint64_t arguments[6])
{
	struct user_regs_struct registers = injection->registers;

	registers.rip -= INSTRUCTION_SIZE;
	registers.rax = (uint64_t)number;
	registers.rdi = arguments[0];
	registers.rsi = arguments[1];
	registers.rdx = arguments[2];
	registers.r10 = arguments[3];
	registers.r8 = arguments[4];
	registers.r9 = arguments[5];
	/* Entry and exit. */
	if (injection->is_lost || ptrace(PTRACE_SETREGS, injection->tid, NULL, &registers) != 0 ||
	    !run_to_call(injection) || !run_to_call(injection) ||
	    ptrace(PTRACE_GETREGS, injection->tid, NULL, &registers) != 0) {
		injection->is_lost = true;
		return -ESRCH;
	}
	return (int64_t)registers.rax;
}

void inject_end(struct injection *injection)
{
	/* ESRCH: it is about to end. */
	(void)ptrace(PTRACE_SETREGS, injection->tid, NULL, &injection->registers);
	(void)set_mask(injection, injection->mask);
	if (injection->was_stopped)
		(void)ptrace(PTRACE_INTERRUPT, injection->tid, NULL, NULL);
	hold_standby(SIG_UNBLOCK);
}

#else

bool inject_begin(struct injection *injection, pid_t tid)
{
	(void)injection, (void)tid;
	return false;
}

int64_t inject_call(struct injection *injection, long number, const uint64_t arguments[6])
{
	(void)injection, (void)number, (void)arguments;
	return -ENOSYS;
}

void inject_end(struct injection *injection)
{
	(void)injection;
}

#endif
