/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_CALL_REPORT_H
#define CONNTRACE_SOURCE_PTRACE_CALL_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** enum call_report_op - where in a system call a thread is stopped; numbers as in linux/ptrace.h */
enum call_report_op {
	CALL_REPORT_ENTRY = 1,
	CALL_REPORT_EXIT = 2,
	CALL_REPORT_SECCOMP = 3,
};

/**
 * struct call_report - what PTRACE_GET_SYSCALL_INFO (Linux 5.3) writes
 *
 * struct ptrace_syscall_info of linux/ptrace.h, which can't be included beside sys/ptrace.h everywhere.
 */
struct call_report {
	uint8_t op;
	uint8_t pad[3];
	uint32_t arch;
	uint64_t instruction_pointer;
	uint64_t stack_pointer;
	union {
		/* at the entry stop and at the seccomp stop alike */
		struct {
			uint64_t number;
			uint64_t arguments[6];
		} entry;
		struct {
			int64_t value;
			uint8_t is_error;
		} exit;
	};
	uint32_t seccomp_data;
};

/**
 * call_report_read() - the system call a thread is in, or its result
 * @report: set on success
 * @tid: the thread, in a system-call or seccomp stop of the calling thread
 * @is_exit: it was in a call before; a kernel that does not report the kind of stop then means the exit
 *
 * A kernel before 5.3 is queried for the registers instead, on x86-64 and aarch64. There a 64-bit program that makes an
 * i386 call by int 0x80 is taken for one that makes a 64-bit call.
 *
 * Return: false when it is unknown: the thread is being killed, or the kernel is too old for this architecture.
 */
bool call_report_read(struct call_report *report, pid_t tid, bool is_exit);

/** call_report_current() - the call that a thread is in, stopped for another reason; as call_report_read() */
bool call_report_current(struct call_report *report, pid_t tid);

#endif
