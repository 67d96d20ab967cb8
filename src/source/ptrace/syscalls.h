/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_SYSCALLS_H
#define CONNTRACE_SOURCE_PTRACE_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** enum syscall_kind - what a system call means for connections */
enum syscall_kind {
	/** nothing */
	SYSCALL_OTHER,
	/** accept(2), accept4(2) */
	SYSCALL_ACCEPT,
	/** connect(2) */
	SYSCALL_CONNECT,
	/** shutdown(2) */
	SYSCALL_SHUTDOWN,
	/** getsockopt(2) of SO_ERROR */
	SYSCALL_SO_ERROR,
	/** close(2), or dup2(2), dup3(2) over a descriptor */
	SYSCALL_CLOSE,
	/** close_range(2) */
	SYSCALL_CLOSE_RANGE,
	/** ptrace(2) that would make somebody a tracer */
	SYSCALL_PTRACE,
	/** i386's socketcall(2), before its arguments have been read */
	SYSCALL_SOCKETCALL,
};

/**
 * struct syscall - a decoded call
 * @kind: enum syscall_kind
 * @fd: the descriptor it is about; for SYSCALL_CLOSE the one that is closed; for SYSCALL_PTRACE
 *	the process that is to be traced, 0 the caller itself
 * @address: tracee address of the sockaddr (accept, connect), or of the value (SO_ERROR); 0 none
 * @length: connect: length of the sockaddr
 * @last_fd: SYSCALL_CLOSE_RANGE: the last descriptor that is closed
 */
struct syscall {
	enum syscall_kind kind;
	int fd;
	uint64_t address;
	uint64_t length;
	uint32_t last_fd;
};

/**
 * typedef syscall_memory - read tracee memory for a decoder
 * @context: the caller's
 * @address: in the tracee
 * @to: @length bytes are written here on success
 *
 * Return: false when it can't be read.
 */
typedef bool syscall_memory(void *context, uint64_t address, void *to, size_t length);

/** syscalls_init() - learn the numbers of this machine's architectures; once, before the threads start */
void syscalls_init(void);

/**
 * syscalls_decode() - what does a call mean for connections?
 * @decoded: filled unless SYSCALL_OTHER is returned
 * @arch: AUDIT_ARCH_*, as PTRACE_GET_SYSCALL_INFO tells it
 * @number: system call number (x32 calls carry their bit)
 * @arguments: its six arguments
 * @memory: reads the tracee, for socketcall(2) only
 * @context: passed to @memory
 */
enum syscall_kind syscalls_decode(struct syscall *decoded, uint32_t arch, uint64_t number, const uint64_t arguments[6],
				  syscall_memory *memory, void *context);

#endif
