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
	/** connect(2), or sendto(2), sendmsg(2), sendmmsg(2) with MSG_FASTOPEN */
	SYSCALL_CONNECT,
	/** listen(2) */
	SYSCALL_LISTEN,
	/** shutdown(2) */
	SYSCALL_SHUTDOWN,
	/** getsockopt(2) of SO_ERROR */
	SYSCALL_SO_ERROR,
	/** setsockopt(2) of SO_LINGER */
	SYSCALL_LINGER,
	/** close(2), or dup2(2), dup3(2) over a descriptor */
	SYSCALL_CLOSE,
	/** close_range(2) that closes */
	SYSCALL_CLOSE_RANGE,
	/** ptrace(2) that would make the caller or its parent a tracer */
	SYSCALL_PTRACE,
	/** dup(2), fcntl(2) with F_DUPFD or F_DUPFD_CLOEXEC */
	SYSCALL_DUP,
	/** recvmsg(2), recvmmsg(2): descriptors may come with it */
	SYSCALL_RECEIVE,
	/** pidfd_getfd(2) */
	SYSCALL_TAKE,
	/** clone(2), clone3(2) with CLONE_UNTRACED */
	SYSCALL_CLONE_UNTRACED,
	/** io_uring_setup(2) */
	SYSCALL_URING_SETUP,
	/** io_uring_enter(2) */
	SYSCALL_URING_ENTER,
	/** any other call that sends on a socket, or writes */
	SYSCALL_SEND,
	/** socket(2) of TCP */
	SYSCALL_SOCKET,
	/** prctl(2) with PR_SET_DUMPABLE, or a change of user or group: the process may not be inspected afterwards */
	SYSCALL_CREDENTIALS,
	/** connect(2) to AF_UNSPEC, which ends a connection; distinguished by stop_at_call() */
	SYSCALL_DISCONNECT,
};

/**
 * struct syscall - a decoded call
 * @kind: enum syscall_kind
 * @fd: its descriptor; for SYSCALL_CLOSE the one that is closed; for SYSCALL_PTRACE the process to be
 *	    traced, 0 the caller itself
 * @address: tracee address of the sockaddr (accept, connect), of the value (SO_ERROR, SO_LINGER), of the struct msghdr
 *	    (receive) or of struct clone_args (clone, 0 for clone(2) itself); 0 none
 * @length: connect: length of the sockaddr; accept: tracee address of the room for it, 0 when none is
 *	    wanted; receive: number of struct mmsghdr, 0 for one struct msghdr; clone: the flags
 * @last_fd: SYSCALL_CLOSE_RANGE: the last descriptor that is closed
 * @source_fd: dup2(2) and dup3(2), which are SYSCALL_CLOSE: the descriptor that is duplicated; else -1
 * @arch: AUDIT_ARCH_* of the call
 * @is_send: connect: it is a send with MSG_FASTOPEN
 * @is_narrow: pointers in the tracee's memory have 32 bits
 */
struct syscall {
	enum syscall_kind kind;
	int fd;
	uint64_t address;
	uint64_t length;
	uint32_t last_fd;
	int source_fd;
	uint32_t arch;
	bool is_send;
	bool is_narrow;
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
 * syscalls_decode() - what a call means for connections
 * @decoded: filled unless SYSCALL_OTHER is returned
 * @arch: AUDIT_ARCH_*, as PTRACE_GET_SYSCALL_INFO reports it
 * @number: system call number (x32 calls carry their bit)
 * @arguments: its six arguments
 * @memory: reads the tracee, where a call's arguments are in memory
 * @context: passed to @memory
 */
enum syscall_kind syscalls_decode(struct syscall *decoded, uint32_t arch, uint64_t number, const uint64_t arguments[6],
				  syscall_memory *memory, void *context);

/**
 * syscalls_is_send() - whether a call sends on a socket, as far as its number and arguments show
 * @decoded: filled when it does: SYSCALL_SEND, or SYSCALL_CONNECT
 *
 * /proc/PID/syscall gives a number without the table of the machine it belongs to: if the call is a send in one of the
 * tables, it is a send. Other parameters as of syscalls_decode().
 */
bool syscalls_is_send(struct syscall *decoded, uint64_t number, const uint64_t arguments[6], syscall_memory *memory,
		      void *context);

/** syscalls_is_exit_group() - whether it is exit_group(2); parameters as of syscalls_decode() */
bool syscalls_is_exit_group(uint32_t arch, uint64_t number);

#endif
