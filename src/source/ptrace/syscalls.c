// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/syscalls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#include "base/table.h"

/*
 * The numbers come from libseccomp, so that no table is needed here. An architecture's token there is its AUDIT_ARCH_*
 * value, except for x32, which the kernel reports as x86-64 with a bit set in the number.
 */
#define X32_BIT UINT64_C(0x40000000)
#define NUMBER_MAX 560

/* recvmmsg(2) and shutdown(2) of i386 */
#define DIRECT_CALL_FIRST 337
#define DIRECT_CALL_LAST 373

/* Arguments of socketcall(2), from the kernel's include/uapi/linux/net.h. */
enum {
	SOCKETCALL_CONNECT = 3,
	SOCKETCALL_LISTEN = 4,
	SOCKETCALL_ACCEPT = 5,
	SOCKETCALL_SEND = 9,
	SOCKETCALL_SENDTO = 11,
	SOCKETCALL_SHUTDOWN = 13,
	SOCKETCALL_GETSOCKOPT = 15,
	SOCKETCALL_SENDMSG = 16,
	SOCKETCALL_RECVMSG = 17,
	SOCKETCALL_ACCEPT4 = 18,
	SOCKETCALL_RECVMMSG = 19,
	SOCKETCALL_SENDMMSG = 20,
	SOCKETCALL_NUM
};

/* linux/close_range.h, which is newer than some C libraries */
#define CLOSE_RANGE_FLAG_CLOEXEC 4

/* IPPROTO_MPTCP of linux/in.h, since Linux 5.6 */
#define PROTOCOL_MPTCP 262

/* IORING_ENTER_REGISTERED_RING of linux/io_uring.h, since Linux 5.18 */
#define URING_ENTER_REGISTERED 16

/* Layout of the arguments. */
enum form {
	FORM_NONE,
	FORM_ACCEPT,
	FORM_CONNECT,
	FORM_LISTEN,
	FORM_SHUTDOWN,
	FORM_GETSOCKOPT,
	FORM_SETSOCKOPT,
	FORM_SENDTO,
	FORM_SENDMSG,
	FORM_SENDMMSG,
	FORM_SEND,
	FORM_SPLICE,
	FORM_RECVMSG,
	FORM_RECVMMSG,
	FORM_CLOSE,
	FORM_CLOSE_RANGE,
	FORM_DUP,
	FORM_DUP2,
	FORM_FCNTL,
	FORM_PIDFD_GETFD,
	FORM_CLONE,
	FORM_CLONE3,
	FORM_PTRACE,
	FORM_URING_SETUP,
	FORM_URING_ENTER,
	FORM_EXIT_GROUP,
	FORM_SOCKET,
	FORM_PRCTL,
	FORM_CREDENTIALS,
	FORM_SOCKETCALL,
};

static const struct {
	const char *name;
	enum form form;
} calls[] = {
	{"accept", FORM_ACCEPT},
	{"accept4", FORM_ACCEPT},
	{"connect", FORM_CONNECT},
	{"listen", FORM_LISTEN},
	{"shutdown", FORM_SHUTDOWN},
	{"getsockopt", FORM_GETSOCKOPT},
	{"setsockopt", FORM_SETSOCKOPT},
	{"sendto", FORM_SENDTO},
	{"sendmsg", FORM_SENDMSG},
	{"sendmmsg", FORM_SENDMMSG},
	{"send", FORM_SEND},
	{"write", FORM_SEND},
	{"writev", FORM_SEND},
	{"pwritev2", FORM_SEND},
	{"sendfile", FORM_SEND},
	{"sendfile64", FORM_SEND},
	{"splice", FORM_SPLICE},
	{"recvmsg", FORM_RECVMSG},
	{"recvmmsg", FORM_RECVMMSG},
	{"recvmmsg_time64", FORM_RECVMMSG},
	{"close", FORM_CLOSE},
	{"close_range", FORM_CLOSE_RANGE},
	{"dup", FORM_DUP},
	{"dup2", FORM_DUP2},
	{"dup3", FORM_DUP2},
	{"fcntl", FORM_FCNTL},
	{"fcntl64", FORM_FCNTL},
	{"pidfd_getfd", FORM_PIDFD_GETFD},
	{"clone", FORM_CLONE},
	{"clone3", FORM_CLONE3},
	{"ptrace", FORM_PTRACE},
	{"io_uring_setup", FORM_URING_SETUP},
	{"io_uring_enter", FORM_URING_ENTER},
	{"exit_group", FORM_EXIT_GROUP},
	{"socket", FORM_SOCKET},
	{"prctl", FORM_PRCTL},
	{"setuid", FORM_CREDENTIALS},
	{"setgid", FORM_CREDENTIALS},
	{"setreuid", FORM_CREDENTIALS},
	{"setregid", FORM_CREDENTIALS},
	{"setresuid", FORM_CREDENTIALS},
	{"setresgid", FORM_CREDENTIALS},
	{"setuid32", FORM_CREDENTIALS},
	{"setgid32", FORM_CREDENTIALS},
	{"setreuid32", FORM_CREDENTIALS},
	{"setregid32", FORM_CREDENTIALS},
	{"setresuid32", FORM_CREDENTIALS},
	{"setresgid32", FORM_CREDENTIALS},
	{"socketcall", FORM_SOCKETCALL},
};
#define CALL_COUNT (sizeof(calls) / sizeof(calls[0]))

/* An architecture's numbers: index into calls[] plus one, by number without the x32 bit. */
static struct {
	uint32_t audit_arch;
	uint32_t seccomp_arch;
	bool x32;
	uint8_t call[NUMBER_MAX];
} machines[3];
static size_t machine_count;

/*
 * The calls of i386 that only socketcall(2) made before Linux 4.3: libseccomp gives numbers of its own for them, and
 * their names only for the real ones.
 */
static void add_direct_calls(size_t at)
{
	for (int number = DIRECT_CALL_FIRST; number <= DIRECT_CALL_LAST; number++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86, number);

		for (size_t i = 0; name != NULL && i < CALL_COUNT; i++)
			if (strcmp(calls[i].name, name) == 0)
				machines[at].call[number] = (uint8_t)(i + 1);
		free(name);
	}
}

static void add_machine(uint32_t audit_arch, uint32_t seccomp_arch, bool x32)
{
	size_t at = machine_count++;

	machines[at].audit_arch = audit_arch;
	machines[at].seccomp_arch = seccomp_arch;
	machines[at].x32 = x32;
	for (size_t i = 0; i < CALL_COUNT; i++) {
		int number = seccomp_syscall_resolve_name_arch(seccomp_arch, calls[i].name);

		if (x32 && number >= 0)
			number &= ~(int)X32_BIT;
		if (number >= 0 && number < NUMBER_MAX)
			machines[at].call[number] = (uint8_t)(i + 1);
	}
	if (seccomp_arch == SCMP_ARCH_X86)
		add_direct_calls(at);
}

void syscalls_init(void)
{
	uint32_t native = seccomp_arch_native();

	machine_count = 0;
	add_machine(native, native, false);
	if (native == SCMP_ARCH_X86_64) {
		add_machine(SCMP_ARCH_X86, SCMP_ARCH_X86, false);
		add_machine(SCMP_ARCH_X86_64, SCMP_ARCH_X32, true);
	} else if (native == SCMP_ARCH_AARCH64) {
		add_machine(SCMP_ARCH_ARM, SCMP_ARCH_ARM, false);
	}
}

struct reader {
	syscall_memory *memory;
	void *context;
};

/* The name of a struct msghdr: its pointer and its length come first. */
static enum syscall_kind message_name(struct syscall *decoded, uint64_t message, const struct reader *reader)
{
	uint32_t narrow[2];
	uint64_t wide[2];

	if (decoded->is_narrow) {
		if (!reader->memory(reader->context, message, narrow, sizeof(narrow)))
			return SYSCALL_OTHER;
		decoded->address = narrow[0];
		decoded->length = narrow[1];
	} else {
		if (!reader->memory(reader->context, message, wide, sizeof(wide)))
			return SYSCALL_OTHER;
		decoded->address = wide[0];
		decoded->length = (uint32_t)wide[1];
	}
	return SYSCALL_CONNECT;
}

static enum syscall_kind decode_accept(struct syscall *decoded, const uint64_t arguments[6])
{
	decoded->address = arguments[1];
	decoded->length = arguments[1] != 0 ? arguments[2] : 0;
	return SYSCALL_ACCEPT;
}

/* clone3(2) has its flags at the beginning of struct clone_args. */
static enum syscall_kind decode_clone(struct syscall *decoded, bool is_clone3, const uint64_t arguments[6],
				      const struct reader *reader)
{
	uint64_t flags = arguments[0];

	decoded->address = is_clone3 ? arguments[0] : 0;
	if (is_clone3 && !reader->memory(reader->context, arguments[0], &flags, sizeof(flags)))
		return SYSCALL_OTHER;
	decoded->length = flags;
	return flags & CLONE_UNTRACED ? SYSCALL_CLONE_UNTRACED : SYSCALL_OTHER;
}

static bool is_tcp(const uint64_t arguments[6])
{
	int domain = (int)arguments[0], type = (int)arguments[1] & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
	int protocol = (int)arguments[2];

	return (domain == AF_INET || domain == AF_INET6) && type == SOCK_STREAM &&
	       (protocol == 0 || protocol == IPPROTO_TCP || protocol == PROTOCOL_MPTCP);
}

static enum syscall_kind decode_rare(struct syscall *decoded, enum form form, const uint64_t arguments[6],
				     const struct reader *reader)
{
	switch (form) {
	case FORM_SEND:
		return SYSCALL_SEND;
	case FORM_SPLICE:
		decoded->fd = (int)arguments[2];
		return SYSCALL_SEND;
	case FORM_URING_SETUP:
		return SYSCALL_URING_SETUP;
	case FORM_URING_ENTER:
		/* The ring may be given by its number in a table instead of by its descriptor. */
		if (arguments[3] & URING_ENTER_REGISTERED)
			decoded->fd = -1;
		return SYSCALL_URING_ENTER;
	case FORM_SETSOCKOPT:
		decoded->address = arguments[3];
		decoded->length = arguments[4];
		return (int)arguments[1] == SOL_SOCKET && (int)arguments[2] == SO_LINGER ? SYSCALL_LINGER
											 : SYSCALL_OTHER;
	case FORM_PTRACE:
		decoded->fd = arguments[0] == PTRACE_TRACEME ? 0 : (int)arguments[1];
		return arguments[0] == PTRACE_TRACEME || arguments[0] == PTRACE_ATTACH || arguments[0] == PTRACE_SEIZE
			       ? SYSCALL_PTRACE
			       : SYSCALL_OTHER;
	case FORM_SOCKET:
		return is_tcp(arguments) ? SYSCALL_SOCKET : SYSCALL_OTHER;
	case FORM_PRCTL:
		return (int)arguments[0] == PR_SET_DUMPABLE ? SYSCALL_CREDENTIALS : SYSCALL_OTHER;
	case FORM_CREDENTIALS:
		return SYSCALL_CREDENTIALS;
	case FORM_CLONE:
	case FORM_CLONE3:
		return decode_clone(decoded, form == FORM_CLONE3, arguments, reader);
	default:
		return SYSCALL_OTHER;
	}
}

static enum syscall_kind decode_form(struct syscall *decoded, enum form form, const uint64_t arguments[6],
				     const struct reader *reader)
{
	decoded->fd = (int)arguments[0];
	decoded->address = arguments[1];
	decoded->length = arguments[2];
	decoded->last_fd = (uint32_t)arguments[1];
	decoded->source_fd = -1;
	decoded->is_send = form == FORM_SENDTO || form == FORM_SENDMSG || form == FORM_SENDMMSG;
	switch (form) {
	case FORM_ACCEPT:
		return decode_accept(decoded, arguments);
	case FORM_CONNECT:
		return SYSCALL_CONNECT;
	case FORM_LISTEN:
		return SYSCALL_LISTEN;
	case FORM_SHUTDOWN:
		return SYSCALL_SHUTDOWN;
	case FORM_GETSOCKOPT:
		decoded->address = arguments[3];
		/* Of interest for SO_ERROR only. */
		return (int)arguments[1] == SOL_SOCKET && (int)arguments[2] == SO_ERROR ? SYSCALL_SO_ERROR
											: SYSCALL_OTHER;
	case FORM_SENDTO:
		decoded->address = arguments[4];
		decoded->length = arguments[5];
		return arguments[3] & MSG_FASTOPEN ? SYSCALL_CONNECT : SYSCALL_SEND;
	case FORM_SENDMSG:
		return arguments[2] & MSG_FASTOPEN ? message_name(decoded, arguments[1], reader) : SYSCALL_SEND;
	case FORM_SENDMMSG:
		return arguments[3] & MSG_FASTOPEN ? message_name(decoded, arguments[1], reader) : SYSCALL_SEND;
	case FORM_RECVMSG:
		decoded->length = 0;
		return SYSCALL_RECEIVE;
	case FORM_RECVMMSG:
		return SYSCALL_RECEIVE;
	case FORM_CLOSE:
		return SYSCALL_CLOSE;
	case FORM_CLOSE_RANGE:
		return arguments[2] & CLOSE_RANGE_FLAG_CLOEXEC ? SYSCALL_OTHER : SYSCALL_CLOSE_RANGE;
	case FORM_DUP:
		return SYSCALL_DUP;
	case FORM_DUP2:
		decoded->source_fd = (int)arguments[0];
		decoded->fd = (int)arguments[1];
		/* Of a descriptor onto itself: closes nothing. */
		return (int)arguments[0] == (int)arguments[1] ? SYSCALL_OTHER : SYSCALL_CLOSE;
	case FORM_FCNTL:
		return (int)arguments[1] == F_DUPFD || (int)arguments[1] == F_DUPFD_CLOEXEC ? SYSCALL_DUP
											    : SYSCALL_OTHER;
	case FORM_PIDFD_GETFD:
		return SYSCALL_TAKE;
	default:
		return decode_rare(decoded, form, arguments, reader);
	}
}

static enum syscall_kind decode_socketcall(struct syscall *decoded, const uint64_t arguments[6],
					   const struct reader *reader)
{
	static const struct {
		enum form form;
		size_t count;
	} forms[] = {
		[SOCKETCALL_CONNECT] = {FORM_CONNECT, 3},
		[SOCKETCALL_ACCEPT] = {FORM_ACCEPT, 3},
		[SOCKETCALL_SENDTO] = {FORM_SENDTO, 6},
		[SOCKETCALL_SHUTDOWN] = {FORM_SHUTDOWN, 2},
		[SOCKETCALL_GETSOCKOPT] = {FORM_GETSOCKOPT, 5},
		[SOCKETCALL_SENDMSG] = {FORM_SENDMSG, 3},
		[SOCKETCALL_RECVMSG] = {FORM_RECVMSG, 3},
		[SOCKETCALL_ACCEPT4] = {FORM_ACCEPT, 3},
		[SOCKETCALL_RECVMMSG] = {FORM_RECVMMSG, 4},
		[SOCKETCALL_SENDMMSG] = {FORM_SENDMMSG, 4},
		[SOCKETCALL_SEND] = {FORM_SEND, 4},
		[SOCKETCALL_LISTEN] = {FORM_LISTEN, 2},
	};
	TABLE_COVERS(forms, SOCKETCALL_NUM);
	uint64_t wide[6] = {0};
	uint32_t words[6];
	size_t count;

	if (arguments[0] >= SOCKETCALL_NUM || forms[arguments[0]].form == FORM_NONE)
		return SYSCALL_OTHER;
	count = forms[arguments[0]].count;
	if (!reader->memory(reader->context, arguments[1], words, count * sizeof(words[0])))
		return SYSCALL_OTHER;
	for (size_t i = 0; i < count; i++)
		wide[i] = words[i];
	return decode_form(decoded, forms[arguments[0]].form, wide, reader);
}

/* @number is without the x32 bit. */
static enum form form_of(uint32_t arch, uint64_t number, bool x32)
{
	for (size_t i = 0; i < machine_count && number < NUMBER_MAX; i++)
		if (machines[i].audit_arch == arch && machines[i].x32 == x32)
			return machines[i].call[number] == 0 ? FORM_NONE : calls[machines[i].call[number] - 1].form;
	return FORM_NONE;
}

static bool is_x32(uint32_t arch, uint64_t number)
{
	return arch == SCMP_ARCH_X86_64 && (number & X32_BIT) != 0;
}

enum syscall_kind syscalls_decode(struct syscall *decoded, uint32_t arch, uint64_t number, const uint64_t arguments[6],
				  syscall_memory *memory, void *context)
{
	const struct reader reader = {memory, context};
	bool x32 = is_x32(arch, number);
	enum form form = form_of(arch, number & ~(x32 ? X32_BIT : 0), x32);

	if (form == FORM_NONE)
		return SYSCALL_OTHER;
	decoded->arch = arch;
	decoded->is_narrow = x32 || arch == SCMP_ARCH_X86 || arch == SCMP_ARCH_ARM;
	decoded->kind = form == FORM_SOCKETCALL ? decode_socketcall(decoded, arguments, &reader)
						: decode_form(decoded, form, arguments, &reader);
	return decoded->kind;
}

bool syscalls_is_send(struct syscall *decoded, uint64_t number, const uint64_t arguments[6], syscall_memory *memory,
		      void *context)
{
	for (size_t i = 0; i < machine_count; i++) {
		enum syscall_kind kind =
			syscalls_decode(decoded, machines[i].audit_arch, number, arguments, memory, context);

		if (kind == SYSCALL_SEND || (kind == SYSCALL_CONNECT && decoded->is_send))
			return true;
	}
	return false;
}

bool syscalls_is_exit_group(uint32_t arch, uint64_t number)
{
	bool x32 = is_x32(arch, number);

	return form_of(arch, number & ~(x32 ? X32_BIT : 0), x32) == FORM_EXIT_GROUP;
}
