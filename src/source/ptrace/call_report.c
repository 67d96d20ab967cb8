// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/call_report.h"

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

/* The C library may be older than the kernel. */
#define GET_SYSCALL_INFO 0x420e

#if defined(__x86_64__)
/* The code segment of 32-bit programs (arch/x86/include/asm/segment.h). */
#define CODE_SEGMENT_32 0x23

static void from_registers(struct call_report *report, const struct user_regs_struct *registers)
{
	if (report->op == CALL_REPORT_EXIT) {
		report->exit.value = (int64_t)registers->rax;
		if (registers->cs == CODE_SEGMENT_32)
			report->exit.value = (int32_t)registers->rax;
		return;
	}
	report->entry.number = registers->orig_rax;
	if (registers->cs == CODE_SEGMENT_32) {
		const uint64_t arguments[6] = {registers->rbx, registers->rcx, registers->rdx,
					       registers->rsi, registers->rdi, registers->rbp};

		report->arch = AUDIT_ARCH_I386;
		for (int i = 0; i < 6; i++)
			report->entry.arguments[i] = (uint32_t)arguments[i];
	} else {
		const uint64_t arguments[6] = {registers->rdi, registers->rsi, registers->rdx,
					       registers->r10, registers->r8,  registers->r9};

		report->arch = AUDIT_ARCH_X86_64;
		memcpy(report->entry.arguments, arguments, sizeof(arguments));
	}
}

static bool read_registers(struct call_report *report, pid_t tid)
{
	struct user_regs_struct registers;

	/* Not PTRACE_GETREGSET, which gives a 32-bit tracee's registers in a layout of their own. */
	if (ptrace(PTRACE_GETREGS, tid, NULL, &registers) != 0)
		return false;
	from_registers(report, &registers);
	return true;
}

#elif defined(__aarch64__)

/* The kernel gives a 32-bit thread's registers as struct compat_user_regs: r0 to r15, cpsr, orig_r0. */
static void from_registers_32(struct call_report *report, const uint32_t registers[18])
{
	report->arch = AUDIT_ARCH_ARM;
	if (report->op == CALL_REPORT_EXIT) {
		report->exit.value = (int32_t)registers[0];
		return;
	}
	report->entry.number = registers[7];
	for (int i = 0; i < 6; i++)
		report->entry.arguments[i] = registers[i];
	report->entry.arguments[0] = registers[17];
}

static void from_registers(struct call_report *report, const struct user_regs_struct *registers)
{
	if (report->op == CALL_REPORT_EXIT) {
		report->exit.value = (int64_t)registers->regs[0];
		return;
	}
	report->arch = AUDIT_ARCH_AARCH64;
	report->entry.number = registers->regs[8];
	memcpy(report->entry.arguments, registers->regs, sizeof(report->entry.arguments));
}

static bool read_registers(struct call_report *report, pid_t tid)
{
	struct user_regs_struct registers;
	struct iovec room = {&registers, sizeof(registers)};
	uint32_t narrow[18];

	if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &room) != 0)
		return false;
	if (room.iov_len == sizeof(narrow)) {
		memcpy(narrow, &registers, sizeof(narrow));
		from_registers_32(report, narrow);
	} else {
		from_registers(report, &registers);
	}
	return true;
}

#else

static bool read_registers(struct call_report *report, pid_t tid)
{
	(void)report, (void)tid;
	return false;
}

#endif

bool call_report_read(struct call_report *report, pid_t tid, bool is_exit)
{
	/* The kernel returns EIO for a request it does not know. */
	if (ptrace((__typeof__(PTRACE_CONT))GET_SYSCALL_INFO, tid, (void *)sizeof(*report), report) > 0)
		return true;
	if (errno != EIO && errno != ENOSYS)
		return false;
	report->op = is_exit ? CALL_REPORT_EXIT : CALL_REPORT_ENTRY;
	return read_registers(report, tid);
}

bool call_report_current(struct call_report *report, pid_t tid)
{
	report->op = CALL_REPORT_ENTRY;
	return read_registers(report, tid);
}
