// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/syscalls.h"

#include <seccomp.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

/*
 * The numbers come from libseccomp, so that no table of them stands here. An
 * architecture's token there is its AUDIT_ARCH_* value, except for x32, which
 * the kernel reports as x86-64 with a bit set in the number.
 */
#define X32_BIT UINT64_C(0x40000000)
#define NUMBER_MAX 512

/* Arguments of socketcall(2), from the kernel's include/uapi/linux/net.h. */
enum {
	SOCKETCALL_CONNECT = 3,
	SOCKETCALL_ACCEPT = 5,
	SOCKETCALL_SHUTDOWN = 13,
	SOCKETCALL_GETSOCKOPT = 15,
	SOCKETCALL_ACCEPT4 = 18,
};

static const struct {
	const char *name;
	enum syscall_kind kind;
	unsigned int fd_argument;
} calls[] = {
	{"accept", SYSCALL_ACCEPT, 0},
	{"accept4", SYSCALL_ACCEPT, 0},
	{"connect", SYSCALL_CONNECT, 0},
	{"shutdown", SYSCALL_SHUTDOWN, 0},
	{"getsockopt", SYSCALL_SO_ERROR, 0},
	{"close", SYSCALL_CLOSE, 0},
	{"dup2", SYSCALL_CLOSE, 1},
	{"dup3", SYSCALL_CLOSE, 1},
	{"close_range", SYSCALL_CLOSE_RANGE, 0},
	{"ptrace", SYSCALL_PTRACE, 1},
	{"socketcall", SYSCALL_SOCKETCALL, 0},
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

/* getsockopt(2) is of interest for SO_ERROR only. */
static enum syscall_kind only_so_error(const uint64_t arguments[6])
{
	return (int)arguments[1] == SOL_SOCKET && (int)arguments[2] == SO_ERROR ? SYSCALL_SO_ERROR : SYSCALL_OTHER;
}

static enum syscall_kind fill(struct syscall *decoded, enum syscall_kind kind, unsigned int fd_argument,
			      const uint64_t arguments[6])
{
	if (kind == SYSCALL_SO_ERROR)
		kind = only_so_error(arguments);
	/* dup2(2) of a descriptor onto itself closes nothing. */
	if (kind == SYSCALL_CLOSE && fd_argument == 1 && (int)arguments[0] == (int)arguments[1])
		kind = SYSCALL_OTHER;
	if (kind == SYSCALL_PTRACE && arguments[0] != PTRACE_TRACEME && arguments[0] != PTRACE_ATTACH &&
	    arguments[0] != PTRACE_SEIZE)
		kind = SYSCALL_OTHER;
	decoded->kind = kind;
	decoded->fd = (int)arguments[fd_argument];
	if (kind == SYSCALL_PTRACE && arguments[0] == PTRACE_TRACEME)
		decoded->fd = 0;
	decoded->address = kind == SYSCALL_SO_ERROR ? arguments[3] : arguments[1];
	decoded->length = arguments[2];
	decoded->last_fd = (uint32_t)arguments[1];
	return kind;
}

static enum syscall_kind decode_socketcall(struct syscall *decoded, const uint64_t arguments[6], syscall_memory *memory,
					   void *context)
{
	uint64_t wide[6] = {0};
	uint32_t words[5];
	enum syscall_kind kind;
	size_t count = 3;

	switch (arguments[0]) {
	case SOCKETCALL_CONNECT:
		kind = SYSCALL_CONNECT;
		break;
	case SOCKETCALL_ACCEPT:
	case SOCKETCALL_ACCEPT4:
		kind = SYSCALL_ACCEPT;
		break;
	case SOCKETCALL_SHUTDOWN:
		kind = SYSCALL_SHUTDOWN;
		count = 2;
		break;
	case SOCKETCALL_GETSOCKOPT:
		kind = SYSCALL_SO_ERROR;
		count = 5;
		break;
	default:
		return SYSCALL_OTHER;
	}
	if (!memory(context, arguments[1], words, count * sizeof(words[0])))
		return SYSCALL_OTHER;
	for (size_t i = 0; i < count; i++)
		wide[i] = words[i];
	return fill(decoded, kind, 0, wide);
}

enum syscall_kind syscalls_decode(struct syscall *decoded, uint32_t arch, uint64_t number, const uint64_t arguments[6],
				  syscall_memory *memory, void *context)
{
	bool x32 = arch == SCMP_ARCH_X86_64 && (number & X32_BIT) != 0;

	if (x32)
		number &= ~X32_BIT;
	if (number >= NUMBER_MAX)
		return SYSCALL_OTHER;
	for (size_t i = 0; i < machine_count; i++) {
		unsigned int at;

		if (machines[i].audit_arch != arch || machines[i].x32 != x32)
			continue;
		at = machines[i].call[number];
		if (at == 0)
			return SYSCALL_OTHER;
		if (calls[at - 1].kind == SYSCALL_SOCKETCALL)
			return decode_socketcall(decoded, arguments, memory, context);
		return fill(decoded, calls[at - 1].kind, calls[at - 1].fd_argument, arguments);
	}
	return SYSCALL_OTHER;
}
