// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/untraced.h"

#include <elf.h>
#include <linux/audit.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

/* clone3(2): the flags are the first word of struct clone_args, in the program's memory. */
static void write_flags(const struct tracee *tracee, uint64_t flags)
{
	struct iovec local = {&flags, sizeof(flags)};
	struct iovec remote = {(void *)(uintptr_t)tracee->call.address, /* NOLINT(performance-no-int-to-ptr) */
			       sizeof(flags)};

	(void)process_vm_writev(tracee->tid, &local, 1, &remote, 1, 0);
}

#if defined(__x86_64__)
/* clone(2): they are the first argument, in a register that the program finds again after the call. */
static void write_register(const struct tracee *tracee, uint64_t flags)
{
	size_t offset = tracee->call.arch == AUDIT_ARCH_I386 ? offsetof(struct user, regs.rbx)
							     : offsetof(struct user, regs.rdi);

	(void)ptrace(PTRACE_POKEUSER, tracee->tid, (void *)offset, (void *)(uintptr_t)flags);
}
#elif defined(__aarch64__)
/* clone(2): they are in the first register, which the call's result overwrites, so nothing needs to be restored. */
static void write_register(const struct tracee *tracee, uint64_t flags)
{
	union {
		struct user_regs_struct wide;
		uint32_t narrow[18]; /* struct compat_user_regs, of a 32-bit thread: r0 to r15, cpsr, orig_r0 */
	} registers;
	struct iovec vector = {&registers, sizeof(registers)};

	if (flags & CLONE_UNTRACED || ptrace(PTRACE_GETREGSET, tracee->tid, (void *)NT_PRSTATUS, &vector) != 0)
		return;
	if (vector.iov_len == sizeof(registers.narrow))
		registers.narrow[0] = (uint32_t)flags;
	else
		registers.wide.regs[0] = flags;
	(void)ptrace(PTRACE_SETREGSET, tracee->tid, (void *)NT_PRSTATUS, &vector);
}
#else
#error "which register has the first argument of clone(2)?"
#endif

static void write_where_it_was(const struct tracee *tracee, uint64_t flags)
{
	if (tracee->call.address != 0)
		write_flags(tracee, flags);
	else
		write_register(tracee, flags);
}

void untraced_take(const struct tracee *tracee)
{
	write_where_it_was(tracee, tracee->call.length & ~(uint64_t)CLONE_UNTRACED);
}

void untraced_give_back(const struct tracee *tracee)
{
	write_where_it_was(tracee, tracee->call.length);
}
