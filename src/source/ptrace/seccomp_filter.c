// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/seccomp_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/xalloc.h"

static int add_architectures(scmp_filter_ctx context)
{
	uint32_t native = seccomp_arch_native();
	int rc = 0;

	if (native == SCMP_ARCH_X86_64) {
		rc = seccomp_arch_add(context, SCMP_ARCH_X86);
		if (rc == 0)
			rc = seccomp_arch_add(context, SCMP_ARCH_X32);
	} else if (native == SCMP_ARCH_AARCH64) {
		rc = seccomp_arch_add(context, SCMP_ARCH_ARM);
	}
	return rc;
}

/* Calls that matter only with a certain bit in an argument. */
struct bit_rule {
	int call;
	unsigned int argument;
	uint64_t bit;
};

/* Rare calls, whose stops cost programs nothing noticeable. */
static int add_rare(scmp_filter_ctx context)
{
	/* Refused to a debugger that runs inside: the notice to the user requires that these calls stop. */
	static const uint64_t tracing[] = {PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_SEIZE};
	/* Afterwards the process may not be inspected. The last ones are of 32-bit programs. */
	static const int credentials[] = {
		SCMP_SYS(setuid),     SCMP_SYS(setgid),     SCMP_SYS(setreuid),    SCMP_SYS(setregid),
		SCMP_SYS(setresuid),  SCMP_SYS(setresgid),  SCMP_SYS(setuid32),    SCMP_SYS(setgid32),
		SCMP_SYS(setreuid32), SCMP_SYS(setregid32), SCMP_SYS(setresuid32), SCMP_SYS(setresgid32),
	};
	int rc =
		seccomp_rule_add(context, SCMP_ACT_TRACE(0), SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_DUMPABLE));

	for (size_t i = 0; rc == 0 && i < sizeof(credentials) / sizeof(credentials[0]); i++)
		rc = seccomp_rule_add(context, SCMP_ACT_TRACE(0), credentials[i], 0);
	for (size_t i = 0; i < sizeof(tracing) / sizeof(tracing[0]) && rc == 0; i++)
		rc = seccomp_rule_add(context, SCMP_ACT_TRACE(0), SCMP_SYS(ptrace), 1,
				      SCMP_A0(SCMP_CMP_EQ, tracing[i]));
	return rc;
}

static int add_closing(scmp_filter_ctx context)
{
	static const int closing[] = {SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
				      SCMP_SYS(close_range)};
	/* fcntl64 is the one of 32-bit programs. */
	static const struct {
		int call, command;
	} duplicating[] = {
		{SCMP_SYS(fcntl), F_DUPFD},
		{SCMP_SYS(fcntl), F_DUPFD_CLOEXEC},
		{SCMP_SYS(fcntl64), F_DUPFD},
		{SCMP_SYS(fcntl64), F_DUPFD_CLOEXEC},
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(closing) / sizeof(closing[0]) && rc == 0; i++)
		rc = seccomp_rule_add(context, SCMP_ACT_TRACE(0), closing[i], 0);
	for (size_t i = 0; i < sizeof(duplicating) / sizeof(duplicating[0]) && rc == 0; i++)
		rc = seccomp_rule_add(context, SCMP_ACT_TRACE(0), duplicating[i].call, 1,
				      SCMP_A1(SCMP_CMP_EQ, duplicating[i].command));
	return rc;
}

static int add_rules(scmp_filter_ctx context, const struct seccomp_filter_choice *choice)
{
	static const int whole[] = {SCMP_SYS(accept),      SCMP_SYS(accept4), SCMP_SYS(connect), SCMP_SYS(shutdown),
				    SCMP_SYS(pidfd_getfd), SCMP_SYS(clone3),  SCMP_SYS(listen)};
	static const int uring[] = {SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register)};
	/*
	 * Descriptors may come with any recvmsg(2). A program that expects them mostly sets the flag, and the others
	 * must not pay.
	 */
	static const struct bit_rule bits[] = {
		{SCMP_SYS(sendto), 3, MSG_FASTOPEN},
		{SCMP_SYS(sendmsg), 2, MSG_FASTOPEN},
		{SCMP_SYS(sendmmsg), 3, MSG_FASTOPEN},
		{SCMP_SYS(recvmsg), 2, MSG_CMSG_CLOEXEC},
		{SCMP_SYS(recvmmsg), 3, MSG_CMSG_CLOEXEC},
		{SCMP_SYS(clone), 0, CLONE_UNTRACED},
		/* of 32-bit programs, where the C library keeps 64-bit times */
		{SCMP_SYS(recvmmsg_time64), 3, MSG_CMSG_CLOEXEC},
	};
	int rc = choice->closes ? add_closing(context) : 0;

	if (choice->only_closes)
		return rc;
	if (rc == 0)
		rc = add_rare(context);
	for (size_t i = 0; rc == 0 && i < sizeof(whole) / sizeof(whole[0]); i++)
		rc = seccomp_rule_add(context, SCMP_ACT_TRACE(0), whole[i], 0);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]) && rc == 0; i++)
		rc = seccomp_rule_add(context, SCMP_ACT_TRACE(0), bits[i].call, 1,
				      SCMP_CMP(bits[i].argument, SCMP_CMP_MASKED_EQ, bits[i].bit, bits[i].bit));
	/* A program that finds io_uring missing works without it. Registering something is of no interest. */
	for (size_t i = 0; i < (choice->no_uring ? 3 : 2) && rc == 0; i++)
		rc = seccomp_rule_add(context, choice->no_uring ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_TRACE(0), uring[i],
				      0);
	if (rc != 0)
		return rc;
	rc = seccomp_rule_add(context, SCMP_ACT_TRACE(0), SCMP_SYS(getsockopt), 2, SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET),
			      SCMP_A2(SCMP_CMP_EQ, SO_ERROR));
	if (rc != 0 || choice->closes)
		return rc;
	return seccomp_rule_add(context, SCMP_ACT_TRACE(0), SCMP_SYS(setsockopt), 2, SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET),
				SCMP_A2(SCMP_CMP_EQ, SO_LINGER));
}

/*
 * socketcall(2) passes its arguments in memory, which no filter can read, so libseccomp can't express the rules above
 * there: all calls of these kinds stop, and the tracer reads them.
 */
static int add_socketcall(scmp_filter_ctx context)
{
	static const uint64_t stopped[] = {11, 15, 16, 17, 19, 20}; /* sendto, getsockopt, sendmsg, recvmsg, ... */
	int rc = 0;

	if (seccomp_arch_native() != SCMP_ARCH_X86_64 && seccomp_arch_native() != SCMP_ARCH_X86)
		return 0;
	for (size_t i = 0; i < sizeof(stopped) / sizeof(stopped[0]) && rc == 0; i++)
		rc = seccomp_rule_add(context, SCMP_ACT_TRACE(0), SCMP_SYS(socketcall), 1,
				      SCMP_A0(SCMP_CMP_EQ, stopped[i]));
	return rc;
}

/*
 * libseccomp before 2.6 exports to a descriptor only. A file, and one in memory too, is limited by the user's
 * RLIMIT_FSIZE, and the capacity of a pipe by the user's other pipes; a socket takes the longest program.
 */
static int export_program(scmp_filter_ctx context, struct sock_fprog *program)
{
	const size_t size = BPF_MAXINSNS * sizeof(struct sock_filter);
	struct sock_filter *instructions;
	size_t length = 0;
	ssize_t some;
	int rc, ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	rc = seccomp_export_bpf(context, ends[1]);
	close(ends[1]);
	instructions = xmalloc(size);
	while (rc == 0 && (some = read(ends[0], (char *)instructions + length, size - length)) > 0)
		length += (size_t)some;
	close(ends[0]);
	if (rc == 0 && (length == 0 || length % sizeof(*instructions) != 0))
		rc = -EIO;
	if (rc != 0) {
		free(instructions);
		return rc;
	}
	program->filter = instructions;
	program->len = (unsigned short)(length / sizeof(*instructions));
	return 0;
}

int seccomp_filter_build(struct sock_fprog *program, const struct seccomp_filter_choice *choice, struct err *err)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
	int rc = context == NULL ? -ENOMEM : 0;

	/* A call of an unknown architecture runs untraced rather than not at all. */
	if (rc == 0)
		rc = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	if (rc == 0)
		rc = add_architectures(context);
	if (rc == 0)
		rc = add_rules(context, choice);
	if (rc == 0 && !choice->only_closes)
		rc = add_socketcall(context);
	if (rc == 0)
		rc = export_program(context, program);
	if (context != NULL)
		seccomp_release(context);
	if (rc == 0)
		return 0;
	/* Without room for it there is none for the rest either. */
	return err_set(err, rc, "cannot build the system-call filter: %s%s", strerror(-rc),
		       rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM ? "" : "; --no-filter does without it");
}

/*
 * The filter is no sandbox, so the program must not pay for the speculation barriers that kernels before 5.16 put on
 * every filtered task (SECCOMP_FILTER_FLAG_SPEC_ALLOW, Linux 4.17).
 */
static int load_once(const struct sock_fprog *program)
{
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, program) == 0)
		return 0;
	return -errno;
}

int seccomp_filter_load(const struct sock_fprog *program)
{
	int rc = load_once(program);

	if (rc != -EACCES)
		return rc;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	return load_once(program);
}
