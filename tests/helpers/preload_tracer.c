// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For LD_PRELOAD into conntrace: what happens seldom happens each time.
 *
 *   PRELOAD_SLOW_MS=N  having resumed a thread, the tracer has to wait N milliseconds for a processor
 *   PRELOAD_KILL=1     it traces a thread, the only one of its process, that calls getsockopt(2) again and again:
 *                      when wait4(2), in a round of several, reports a stop of it, it is killed before the report
 *                      is handed over, and has gone on to its last stop by then. What it is let go by, it has
 *                      ended of when that call is back.
 */
#include <dlfcn.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SYSCALL_STOP (SIGTRAP | 0x80)

static pid_t busy, killed;

static long real_ptrace(long request, pid_t tid, void *address, void *data)
{
	static long (*real)(long request, pid_t tid, void *address, void *data);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "ptrace");
	return real(request, tid, address, data);
}

static void wait_until(pid_t tid, int what)
{
	siginfo_t info;

	(void)waitid(P_PID, (id_t)tid, &info, what | __WALL | WNOWAIT);
}

static bool is_getsockopt(pid_t tid)
{
	struct ptrace_syscall_info info;

	return real_ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_getsockopt;
}

pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	static pid_t (*real)(pid_t pid, int *status, int options, struct rusage *usage);
	pid_t tid;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "wait4");
	/* A round that would find nothing is waited for. */
	tid = real(pid, status, busy != 0 && killed == 0 ? options & ~WNOHANG : options, usage);
	if (tid <= 0 || !WIFSTOPPED(*status) || *status >> 8 != SYSCALL_STOP)
		return tid;
	if (getenv("PRELOAD_KILL") == NULL)
		return tid;
	if (busy == 0 && is_getsockopt(tid))
		busy = tid;
	if (!(options & WNOHANG) || killed != 0 || tid != busy)
		return tid;
	killed = tid;
	kill(tid, SIGKILL);
	wait_until(tid, WSTOPPED | WEXITED);
	return tid;
}

long ptrace(int request, ...)
{
	const char *slow = getenv("PRELOAD_SLOW_MS");
	va_list list;
	pid_t tid;
	void *address, *data;
	long value;

	va_start(list, request);
	tid = va_arg(list, pid_t);
	address = va_arg(list, void *);
	data = va_arg(list, void *);
	va_end(list);
	value = real_ptrace(request, tid, address, data);
	if (slow != NULL && (request == PTRACE_SYSCALL || request == PTRACE_CONT))
		nanosleep(&(struct timespec){ .tv_nsec = atoi(slow) * 1000000L }, NULL);
	if (killed == tid && request == PTRACE_SYSCALL)
		wait_until(tid, WEXITED);
	return value;
}
