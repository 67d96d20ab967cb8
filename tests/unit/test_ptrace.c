// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/kcmp.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/ptrace/control.h"
#include "source/ptrace/seccomp_filter.h"
#include "source/ptrace/syscalls.h"
#include "source/ptrace/tracee.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define NARROW_ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#define NARROW_ARCH AUDIT_ARCH_ARM
#endif

static bool no_memory(void *context, uint64_t address, void *to, size_t length)
{
	(void)context, (void)address, (void)to, (void)length;
	return false;
}

#ifdef NATIVE_ARCH
static enum syscall_kind decode(struct syscall *call, long number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	const uint64_t arguments[6] = {a0, a1, a2, a3, 0, 0};

	return syscalls_decode(call, NATIVE_ARCH, (uint64_t)number, arguments, no_memory, NULL);
}

static void syscalls_that_matter(void **state)
{
	struct syscall call;

	(void)state;
	syscalls_init();
	assert_int_equal(decode(&call, SYS_accept4, 3, 0, 0, 0), SYSCALL_ACCEPT);
	assert_int_equal(call.fd, 3);
	assert_int_equal(decode(&call, SYS_connect, 4, 0x1000, 16, 0), SYSCALL_CONNECT);
	assert_int_equal(call.address, 0x1000);
	assert_int_equal(call.length, 16);
	assert_int_equal(decode(&call, SYS_getsockopt, 4, SOL_SOCKET, SO_ERROR, 0x2000), SYSCALL_SO_ERROR);
	assert_int_equal(call.address, 0x2000);
	assert_int_equal(decode(&call, SYS_getsockopt, 4, SOL_SOCKET, SO_TYPE, 0x2000), SYSCALL_OTHER);
	assert_int_equal(decode(&call, SYS_dup3, 4, 9, 0, 0), SYSCALL_CLOSE);
	assert_int_equal(call.fd, 9);
	assert_int_equal(decode(&call, SYS_dup3, 9, 9, 0, 0), SYSCALL_OTHER);
	assert_int_equal(decode(&call, SYS_ptrace, PTRACE_ATTACH, 77, 0, 0), SYSCALL_PTRACE);
	assert_int_equal(call.fd, 77);
	assert_int_equal(decode(&call, SYS_ptrace, PTRACE_TRACEME, 77, 0, 0), SYSCALL_PTRACE);
	assert_int_equal(call.fd, 0);
	assert_int_equal(decode(&call, SYS_ptrace, PTRACE_CONT, 77, 0, 0), SYSCALL_OTHER);
	/* What opens a connection beside connect(2), and what only looks like it. */
	assert_int_equal(decode(&call, SYS_sendto, 4, 0x1000, 5, MSG_FASTOPEN), SYSCALL_CONNECT);
	assert_int_equal(decode(&call, SYS_sendto, 4, 0x1000, 5, MSG_NOSIGNAL), SYSCALL_SEND);
	assert_int_equal(decode(&call, SYS_write, 7, 0x1000, 5, 0), SYSCALL_SEND);
	assert_int_equal(call.fd, 7);
	assert_int_equal(decode(&call, SYS_splice, 7, 0, 8, 0), SYSCALL_SEND);
	assert_int_equal(call.fd, 8);
	assert_int_equal(decode(&call, SYS_write, 7, 0x1000, 5, 0), SYSCALL_SEND);
	assert_int_equal(call.fd, 7);
	assert_int_equal(decode(&call, SYS_splice, 7, 0, 8, 0), SYSCALL_SEND);
	assert_int_equal(call.fd, 8);
	assert_int_equal(decode(&call, SYS_close_range, 3, 9, 0, 0), SYSCALL_CLOSE_RANGE);
	assert_int_equal(decode(&call, SYS_close_range, 3, 9, 4, 0), SYSCALL_OTHER);
	assert_int_equal(decode(&call, SYS_fcntl, 3, F_DUPFD_CLOEXEC, 0, 0), SYSCALL_DUP);
	assert_int_equal(decode(&call, SYS_fcntl, 3, F_GETFL, 0, 0), SYSCALL_OTHER);
	assert_int_equal(decode(&call, SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0), SYSCALL_CLONE_UNTRACED);
	assert_int_equal(decode(&call, SYS_clone, SIGCHLD, 0, 0, 0), SYSCALL_OTHER);
	assert_int_equal(decode(&call, SYS_read, 4, 0, 0, 0), SYSCALL_OTHER);
	assert_int_equal(decode(&call, 100000, 4, 0, 0, 0), SYSCALL_OTHER);
}
#endif

#ifdef __x86_64__
static bool i386_memory(void *context, uint64_t address, void *to, size_t length)
{
	static const uint32_t words[] = {6, 0x3000, 16};

	(void)context;
	if (address != 0x4000 || length > sizeof(words))
		return false;
	memcpy(to, words, length);
	return true;
}

static void socketcall_hides_its_arguments(void **state)
{
	const uint64_t arguments[6] = {3, 0x4000};
	const uint64_t unreadable[6] = {3, 0x9999};
	const uint64_t so_error[6] = {3, SOL_SOCKET, SO_ERROR, 0x5000, 0x6000, 0};
	struct syscall call;

	(void)state;
	syscalls_init();
	/* 102 is socketcall on i386; 3 is connect. */
	assert_int_equal(syscalls_decode(&call, AUDIT_ARCH_I386, 102, arguments, i386_memory, NULL), SYSCALL_CONNECT);
	assert_int_equal(call.fd, 6);
	assert_int_equal(call.address, 0x3000);
	assert_int_equal(call.length, 16);
	assert_int_equal(syscalls_decode(&call, AUDIT_ARCH_I386, 102, unreadable, i386_memory, NULL), SYSCALL_OTHER);
	/* The direct calls: connect(2), accept4(2), shutdown(2), and SO_ERROR asked for */
	assert_int_equal(syscalls_decode(&call, AUDIT_ARCH_I386, 362, arguments, no_memory, NULL), SYSCALL_CONNECT);
	assert_int_equal(syscalls_decode(&call, AUDIT_ARCH_I386, 364, arguments, no_memory, NULL), SYSCALL_ACCEPT);
	assert_int_equal(syscalls_decode(&call, AUDIT_ARCH_I386, 373, arguments, no_memory, NULL), SYSCALL_SHUTDOWN);
	assert_int_equal(syscalls_decode(&call, AUDIT_ARCH_I386, 365, so_error, no_memory, NULL), SYSCALL_SO_ERROR);
	/* The same number with the x32 bit is accept4's sibling there. */
	assert_int_equal(syscalls_decode(&call, AUDIT_ARCH_X86_64, 0x40000000U | 288, arguments, no_memory, NULL),
			 SYSCALL_ACCEPT);
}
#endif

/* Under the filter and without a tracer, what it stops fails with ENOSYS and nothing else does. */
static int calls_under_filter(const struct sock_fprog *program, bool closes)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(int);
	int value, fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || seccomp_filter_load(program) != 0)
		return 1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno != ENOSYS)
		return 2;
	if (accept(fd, NULL, NULL) >= 0 || errno != ENOSYS)
		return 3;
	if (shutdown(fd, SHUT_WR) == 0 || errno != ENOSYS)
		return 4;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &length) == 0 || errno != ENOSYS)
		return 5;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length) != 0)
		return 6;
	if ((close(fd) == 0) == closes)
		return 7;
	return 0;
}

static void filter_stops_what_matters(void **state)
{
	(void)state;
	for (int closes = 0; closes <= 1; closes++) {
		const struct seccomp_filter_choice choice = {.closes = closes, .no_uring = closes};
		struct sock_fprog program;
		struct err err = {""};
		int status;
		pid_t child;

		assert_int_equal(seccomp_filter_build(&program, &choice, &err), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0)
			_exit(calls_under_filter(&program, closes));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
		free(program.filter);
	}
}

#ifdef NARROW_ARCH
/* What the filter makes of a call: the few instructions libseccomp writes. */
static uint32_t result(const struct sock_fprog *program, const struct seccomp_data *data)
{
	uint32_t value = 0;

	for (unsigned int at = 0; at < program->len; at++) {
		const struct sock_filter *one = &program->filter[at];
		bool jumps = false;

		switch (one->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&value, (const char *)data + one->k, sizeof(value));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			value &= one->k;
			continue;
		case BPF_JMP | BPF_JA:
			at += one->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			jumps = value == one->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			jumps = value > one->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			jumps = value >= one->k;
			break;
		case BPF_RET | BPF_K:
			return one->k;
		default:
			fail_msg("instruction 0x%x", one->code);
		}
		at += jumps ? one->jt : one->jf;
	}
	fail_msg("the filter has no end");
	return 0;
}

/* The numbers are those of i386 and of ARM. */
static void filter_knows_calls_of_32_bit_programs(void **state)
{
	const struct {
		int call;
		unsigned int argument;
		uint64_t value;
		uint32_t result;
	} cases[] = {
		{221 /* fcntl64 */, 1, F_DUPFD, SECCOMP_RET_TRACE},
		{221, 1, F_DUPFD_CLOEXEC, SECCOMP_RET_TRACE},
		{221, 1, F_GETFD, SECCOMP_RET_ALLOW},
		{55 /* fcntl */, 1, F_DUPFD, SECCOMP_RET_TRACE},
		{417 /* recvmmsg_time64 */, 3, MSG_CMSG_CLOEXEC, SECCOMP_RET_TRACE},
		{417, 3, MSG_DONTWAIT, SECCOMP_RET_ALLOW},
		{120 /* clone */, 0, CLONE_UNTRACED | SIGCHLD, SECCOMP_RET_TRACE},
		{120, 0, SIGCHLD, SECCOMP_RET_ALLOW},
	};
	const struct seccomp_filter_choice choice = {.closes = true};
	struct sock_fprog program;
	struct err err = {""};

	(void)state;
	assert_int_equal(seccomp_filter_build(&program, &choice, &err), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seccomp_data data = {.nr = cases[i].call, .arch = NARROW_ARCH};

		data.args[cases[i].argument] = cases[i].value;
		assert_int_equal(result(&program, &data), cases[i].result);
	}
	free(program.filter);
}
#endif

static void descriptors_in_a_message(void **state)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(2 * sizeof(int))];
	} control = {.bytes = ""};
	struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	const int passed[] = {5, 7};
	int fds[2] = {-1, -1};

	(void)state;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_CREDENTIALS;
	header->cmsg_len = CMSG_LEN(sizeof(struct ucred));
	header = CMSG_NXTHDR(&message, header);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(passed));
	memcpy(CMSG_DATA(header), passed, sizeof(passed));
	assert_int_equal(control_descriptors(&control, sizeof(control), sizeof(size_t) == 4, fds, 2), 2);
	assert_memory_equal(fds, passed, sizeof(passed));
	assert_int_equal(control_descriptors(&control, sizeof(control), sizeof(size_t) == 4, fds, 1), 1);
	assert_int_equal(control_descriptors(&control, sizeof(struct cmsghdr) - 1, sizeof(size_t) == 4, fds, 2), 0);
}

#ifdef NATIVE_ARCH
/* /proc/PID/syscall does not say whose number it is: of i386 or of this machine. */
static void sends_by_number_alone(void **state)
{
	const uint64_t fast[6] = {7, 0x1000, 5, MSG_FASTOPEN, 0x2000, 16};
	const uint64_t plain[6] = {7, 0x1000, 5, 0, 0, 0};
	struct syscall call;

	(void)state;
	syscalls_init();
	assert_true(syscalls_is_send(&call, SYS_sendto, fast, no_memory, NULL));
	assert_int_equal(call.kind, SYSCALL_CONNECT);
	assert_true(syscalls_is_send(&call, SYS_write, plain, no_memory, NULL));
	assert_int_equal(call.kind, SYSCALL_SEND);
	assert_int_equal(call.fd, 7);
	assert_false(syscalls_is_send(&call, SYS_connect, fast, no_memory, NULL));
	assert_false(syscalls_is_send(&call, SYS_accept4, fast, no_memory, NULL));
#if defined(__x86_64__)
	/* sendto(2) of i386 */
	assert_true(syscalls_is_send(&call, 369, fast, no_memory, NULL));
	assert_int_equal(call.kind, SYSCALL_CONNECT);
#endif
}

static void the_end_of_a_process_is_known(void **state)
{
	const uint32_t arch = NATIVE_ARCH;

	(void)state;
	syscalls_init();
	assert_true(syscalls_is_exit_group(arch, SYS_exit_group));
	assert_false(syscalls_is_exit_group(arch, SYS_exit));
	assert_false(syscalls_is_exit_group(arch, SYS_accept4));
	/* Of a thread that is in no call. */
	assert_false(syscalls_is_exit_group(arch, (uint64_t)-1));
#ifdef __x86_64__
	assert_true(syscalls_is_exit_group(AUDIT_ARCH_I386, 252));
	assert_false(syscalls_is_exit_group(AUDIT_ARCH_I386, SYS_exit_group));
#endif
}
#endif

static void tracees_are_found_by_thread(void **state)
{
	struct tracee_table *table = tracee_table_new();
	struct tracee *leader = tracee_add(table, 10, 10, NULL);
	struct tracee *thread = tracee_add(table, 11, 10, NULL);
	struct tracee *child;

	(void)state;
	assert_ptr_equal(leader->target, thread->target);
	target_mark_socket(leader->target, 5, true);
	target_mark_socket(leader->target, 200, true);
	target_mark_socket(leader->target, 63, true);
	target_mark_socket(leader->target, 63, false);
	child = tracee_add(table, 20, 20, leader->target);
	assert_int_equal(target_next_socket(child->target, 0), 5);
	assert_int_equal(target_next_socket(child->target, 6), 200);
	assert_int_equal(target_next_socket(child->target, 201), -1);
	/* The leader may end before its threads. */
	tracee_remove(table, leader);
	assert_ptr_equal(tracee_add(table, 12, 10, NULL)->target, thread->target);
	for (pid_t tid = 1000; tid < 2000; tid++)
		tracee_add(table, tid, tid, NULL);
	assert_int_equal(tracee_find(table, 1500)->tid, 1500);
	assert_null(tracee_find(table, 2500));
	assert_int_equal(tracee_count(table), 1003);
	tracee_table_free(table);
}

/* As clone(2), but the child comes back here, on its own copy of the stack, and waits to be killed. */
static pid_t child_with(unsigned long flags)
{
	pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

	assert_true(pid >= 0);
	while (pid == 0)
		pause();
	return pid;
}

static void who_owns_its_descriptors(void **state)
{
	struct tracee_table *table = tracee_table_new();
	struct target *target = tracee_add(table, getpid(), getpid(), NULL)->target;

	(void)state;
	if (syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILES, 0UL, 0UL) != 0)
		skip();
	/* Unproven is no. */
	assert_false(target_is_alone(target));
	target->owns_descriptors = true;
	assert_true(target_is_alone(target));
	for (int shared = 0; shared < 2; shared++) {
		pid_t pid = child_with(shared ? CLONE_FILES : 0);
		struct target *child = tracee_add(table, pid, pid, target)->target;

		target_born(child, target);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_int_equal(target_is_alone(child), !shared);
		assert_int_equal(target_is_alone(target), !shared);
	}
	target->owns_descriptors = true;
	tracee_add(table, 1 << 30, target->pid, NULL);
	assert_false(target_is_alone(target));
	tracee_table_free(table);
}

static void killed_at_a_stop_it_tells_nothing(void **state)
{
	struct tracee_table *table = tracee_table_new();
	pid_t pid = fork(), grandchild, ended;
	struct tracee *tracee;
	unsigned long message;
	siginfo_t info;
	int status;

	(void)state;
	if (pid == 0) {
		raise(SIGSTOP);
		_exit(fork() < 0);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL) != 0) {
		/* An emulated processor may have no ptrace(2). */
		assert_int_equal(errno, ENOSYS);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		tracee_table_free(table);
		skip();
	}
	kill(pid, SIGCONT);
	/* Its stops on the way: SIGCONT. */
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) && status >> 16 != PTRACE_EVENT_FORK)
		ptrace(PTRACE_CONT, pid, NULL, (void *)(intptr_t)(status >> 16 == 0 ? WSTOPSIG(status) : 0));
	tracee = tracee_add(table, pid, pid, NULL);
	assert_true(tracee_is_at(tracee, PTRACE_EVENT_FORK));
	assert_true(tracee_message(tracee, PTRACE_EVENT_FORK, &message));
	grandchild = (pid_t)message;
	assert_int_equal(kill(grandchild, 0), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOWAIT | __WALL), 0);
	assert_false(tracee_message(tracee, PTRACE_EVENT_FORK, &message));
	kill(grandchild, SIGKILL);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	while ((ended = waitpid(-1, &status, __WALL)) > 0)
		if (WIFSTOPPED(status))
			ptrace(PTRACE_CONT, ended, NULL, NULL);
	tracee_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef NATIVE_ARCH
		cmocka_unit_test(syscalls_that_matter),
		cmocka_unit_test(sends_by_number_alone),
		cmocka_unit_test(the_end_of_a_process_is_known),
#endif
#ifdef __x86_64__
		cmocka_unit_test(socketcall_hides_its_arguments),
#endif
		cmocka_unit_test(filter_stops_what_matters),
#ifdef NARROW_ARCH
		cmocka_unit_test(filter_knows_calls_of_32_bit_programs),
#endif
		cmocka_unit_test(descriptors_in_a_message),
		cmocka_unit_test(tracees_are_found_by_thread),
		cmocka_unit_test(who_owns_its_descriptors),
		cmocka_unit_test(killed_at_a_stop_it_tells_nothing),
	};

	return UNIT_RUN(tests);
}
