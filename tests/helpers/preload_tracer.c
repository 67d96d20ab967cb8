// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For LD_PRELOAD into conntrace: what happens seldom happens each time.
 *
 *   PRELOAD_SLOW_MS=N  having resumed a thread, or let it go, the tracer has to wait N milliseconds for a
 *                      processor
 *   PRELOAD_ANSWER_MS=N  within a second after the first query of connections that wait to be accepted, the answers to
 *                        such queries are read N milliseconds late
 *   PRELOAD_NO_DEATHS=1  what the kernel reports by itself about sockets does not come before the end
 *   PRELOAD_SIGNAL_MS=N  having read all signals that have come, it has to wait N milliseconds for a processor
 *   PRELOAD_PROCESSOR_MS=N  on each processor that it asks for, it has to wait N milliseconds
 *   PRELOAD_COUNTERS_MS=N  reading the counters of a socket takes N milliseconds
 *   PRELOAD_KILL=1     it traces a thread, the only one of its process, that calls getsockopt(2) again and again:
 *                      when waitid(2), in a round of several, reports a stop of it, it is killed before the report
 *                      is handed over, and has gone on to its last stop by then. What it is let go by, it has
 *                      ended of when that call is back.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/ptrace.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

static int real_waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	static int (*real)(idtype_t type, id_t id, siginfo_t * info, int options);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "waitid");
	return real(type, id, info, options);
}

static void wait_until(pid_t tid, int what)
{
	siginfo_t info;

	(void)real_waitid(P_PID, (id_t)tid, &info, what | __WALL | WNOWAIT);
}

static bool is_getsockopt(pid_t tid)
{
	struct ptrace_syscall_info info;

	return real_ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_getsockopt;
}

int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	int rc;

	/* A round that would find nothing is waited for. */
	rc = real_waitid(type, id, info, busy != 0 && killed == 0 ? options & ~WNOHANG : options);
	if (rc != 0 || getenv("PRELOAD_KILL") == NULL || (options & WNOWAIT) || info->si_pid <= 0 ||
	    info->si_code != CLD_TRAPPED || info->si_status != SYSCALL_STOP)
		return rc;
	if (busy == 0 && is_getsockopt(info->si_pid))
		busy = info->si_pid;
	if (!(options & WNOHANG) || killed != 0 || info->si_pid != busy)
		return rc;
	killed = busy;
	kill(killed, SIGKILL);
	wait_until(killed, WSTOPPED | WEXITED);
	return rc;
}

static bool is_late;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

ssize_t sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *to, socklen_t to_length)
{
	static ssize_t (*real)(int fd, const void *data, size_t length, int flags, const struct sockaddr *to,
			       socklen_t to_length);
	static double first;
	const struct nlmsghdr *header = data;
	const struct inet_diag_req_v2 *question = NLMSG_DATA(header);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "sendto");
	if (length >= NLMSG_LENGTH(sizeof(*question)) && header->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
	    question->idiag_states == (1U << TCP_ESTABLISHED | 1U << TCP_CLOSE_WAIT)) {
		first = first == 0 ? seconds() : first;
		is_late = seconds() < first + 1;
	}
	return real(fd, data, length, flags, to, to_length);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	static ssize_t (*real)(int fd, struct msghdr *message, int flags);
	const char *late = getenv("PRELOAD_ANSWER_MS");

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "recvmsg");
	if (late != NULL && is_late)
		nanosleep(&(struct timespec){.tv_nsec = atoi(late) * 1000000L}, NULL);
	is_late = false;
	return real(fd, message, flags);
}

ssize_t read(int fd, void *data, size_t length)
{
	static ssize_t (*real)(int fd, void *data, size_t length);
	const char *slow = getenv("PRELOAD_SIGNAL_MS");
	static bool has_come;
	struct stat status;
	ssize_t got;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "read");
	got = real(fd, data, length);
	if (slow == NULL || length != sizeof(struct signalfd_siginfo) || fstat(fd, &status) != 0 ||
	    !S_ISFIFO(status.st_mode))
		return got;
	if (got < 0 && has_come) {
		nanosleep(&(struct timespec){.tv_nsec = atoi(slow) * 1000000L}, NULL);
		errno = EAGAIN;
	}
	has_come = got > 0;
	return got;
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	static int (*real)(int fd, int level, int name, void *value, socklen_t *length);
	const char *slow = getenv("PRELOAD_COUNTERS_MS");

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "getsockopt");
	if (slow != NULL && level == IPPROTO_TCP && name == TCP_INFO)
		nanosleep(&(struct timespec){.tv_nsec = atoi(slow) * 1000000L}, NULL);
	return real(fd, level, name, value, length);
}

int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
	static int (*real)(pid_t pid, size_t size, const cpu_set_t *set);
	const char *slow = getenv("PRELOAD_PROCESSOR_MS");
	int ms = slow != NULL ? atoi(slow) : 0;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "sched_setaffinity");
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
	return real(pid, size, set);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, struct timespec *timeout)
{
	static int (*real)(int fd, struct mmsghdr *messages, unsigned int count, int flags, struct timespec *timeout);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "recvmmsg");
	if (getenv("PRELOAD_NO_DEATHS") != NULL) {
		errno = EAGAIN;
		return -1;
	}
	return real(fd, messages, count, flags, timeout);
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
	if (slow != NULL && (request == PTRACE_SYSCALL || request == PTRACE_CONT || request == PTRACE_DETACH))
		nanosleep(&(struct timespec){.tv_nsec = atoi(slow) * 1000000L}, NULL);
	if (killed == tid && request == PTRACE_SYSCALL)
		wait_until(tid, WEXITED);
	return value;
}
