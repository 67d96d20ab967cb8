/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_BPF_KERNEL_CALLS_BPF_H
#define CONNTRACE_SOURCE_BPF_KERNEL_CALLS_BPF_H

/* System calls; a part of kernel.bpf.c. */

#include "source/bpf/kernel_descriptors.bpf.h"

/* ---- system calls ---------------------------------------------------------------------- */

/** enum number - the calls of interest, on every architecture */
enum number {
	NUMBER_OTHER,
	NUMBER_ACCEPT,
	NUMBER_CONNECT,
	NUMBER_SHUTDOWN,
	NUMBER_LISTEN,
	NUMBER_RECVMSG,
	NUMBER_GETSOCKOPT,
};

/* Numbers and calls of i386; those of socketcall(2) are in linux/net.h. */
#define I386_SOCKETCALL 102
#define I386_CONNECT 362
#define I386_LISTEN 363
#define I386_ACCEPT4 364
#define I386_GETSOCKOPT 365
#define I386_RECVMSG 372
#define I386_SHUTDOWN 373
#define SOCKETCALL_CONNECT 3
#define SOCKETCALL_LISTEN 4
#define SOCKETCALL_ACCEPT 5
#define SOCKETCALL_SHUTDOWN 13
#define SOCKETCALL_GETSOCKOPT 15
#define SOCKETCALL_RECVMSG 17
#define SOCKETCALL_ACCEPT4 18

struct arguments {
	__u64 values[4];
};

static __always_inline bool is_i386(const struct pt_regs *regs)
{
	const struct pt_regs___x86 *x86 = (const void *)regs;

	return bpf_core_field_exists(x86->cs) && (x86->cs & 0xffff) == CODE_SEGMENT_32;
}

/* Constants: all calls of all processes are compared with them. */
static __always_inline enum number number_of_x86(__s64 nr)
{
	switch (nr) {
	case 43:
	case 288:
		return NUMBER_ACCEPT;
	case 42:
		return NUMBER_CONNECT;
	case 48:
		return NUMBER_SHUTDOWN;
	case 50:
		return NUMBER_LISTEN;
	case 47:
		return NUMBER_RECVMSG;
	case 55:
		return NUMBER_GETSOCKOPT;
	default:
		return NUMBER_OTHER;
	}
}

static __always_inline enum number number_of_arm64(__s64 nr)
{
	switch (nr) {
	case 202:
	case 242:
		return NUMBER_ACCEPT;
	case 203:
		return NUMBER_CONNECT;
	case 210:
		return NUMBER_SHUTDOWN;
	case 201:
		return NUMBER_LISTEN;
	case 212:
		return NUMBER_RECVMSG;
	case 209:
		return NUMBER_GETSOCKOPT;
	default:
		return NUMBER_OTHER;
	}
}

static __always_inline enum number number_of_socketcall(const struct pt_regs *regs)
{
	const struct pt_regs___x86 *x86 = (const void *)regs;

	switch ((__u32)x86->bx) {
	case SOCKETCALL_ACCEPT:
	case SOCKETCALL_ACCEPT4:
		return NUMBER_ACCEPT;
	case SOCKETCALL_CONNECT:
		return NUMBER_CONNECT;
	case SOCKETCALL_SHUTDOWN:
		return NUMBER_SHUTDOWN;
	case SOCKETCALL_LISTEN:
		return NUMBER_LISTEN;
	case SOCKETCALL_RECVMSG:
		return NUMBER_RECVMSG;
	case SOCKETCALL_GETSOCKOPT:
		return NUMBER_GETSOCKOPT;
	default:
		return NUMBER_OTHER;
	}
}

static __always_inline enum number number_of_i386(const struct pt_regs *regs, __s64 nr)
{
	switch (nr) {
	case I386_SOCKETCALL:
		return number_of_socketcall(regs);
	case I386_ACCEPT4:
		return NUMBER_ACCEPT;
	case I386_CONNECT:
		return NUMBER_CONNECT;
	case I386_SHUTDOWN:
		return NUMBER_SHUTDOWN;
	case I386_LISTEN:
		return NUMBER_LISTEN;
	case I386_RECVMSG:
		return NUMBER_RECVMSG;
	case I386_GETSOCKOPT:
		return NUMBER_GETSOCKOPT;
	default:
		return NUMBER_OTHER;
	}
}

/* All calls of all processes come here: most end at the first comparisons. */
static __always_inline enum number classify(const struct pt_regs *regs, __s64 nr)
{
	const struct pt_regs___x86 *x86 = (const void *)regs;

	if (!bpf_core_field_exists(x86->orig_ax))
		return number_of_arm64(nr);
	if (nr == I386_SOCKETCALL || (nr >= I386_CONNECT && nr <= I386_SHUTDOWN))
		return is_i386(regs) ? number_of_i386(regs, nr) : NUMBER_OTHER;
	return number_of_x86(nr);
}

static __always_inline void read_arguments(const struct pt_regs *regs, __s64 nr, struct arguments *arguments)
{
	const struct pt_regs___x86 *x86 = (const void *)regs;
	const struct pt_regs___arm64 *arm64 = (const void *)regs;
	__u32 narrow[4] = {0};

	if (!bpf_core_field_exists(x86->orig_ax)) {
		arguments->values[0] = arm64->orig_x0;
		arguments->values[1] = arm64->regs[1];
		arguments->values[2] = arm64->regs[2];
		arguments->values[3] = arm64->regs[3];
	} else if (!is_i386(regs)) {
		arguments->values[0] = x86->di;
		arguments->values[1] = x86->si;
		arguments->values[2] = x86->dx;
		arguments->values[3] = x86->r10;
	} else if (nr != I386_SOCKETCALL) {
		arguments->values[0] = x86->bx;
		arguments->values[1] = x86->cx;
		arguments->values[2] = x86->dx;
		arguments->values[3] = x86->si;
	} else {
		bpf_probe_read_user(narrow, sizeof(narrow), (void *)x86->cx);
		for (int i = 0; i < 4; i++)
			arguments->values[i] = narrow[i];
	}
}

/* The registers of the current system call, to be read by plain loads; NULL unknown. */
static __always_inline const struct pt_regs *current_registers(void)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	__u32 size = bpf_core_type_size(struct pt_regs___x86);

	/* Linux 5.15; before, a copy from their place by task_pt_regs() in the kernel */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (const void *)bpf_task_pt_regs((void *)task);
	return copy_to(COPY_REGISTERS, BPF_CORE_READ(task, stack) + STACK_SIZE - size, size);
}

static __always_inline __s64 number_of_registers(const struct pt_regs *regs)
{
	const struct pt_regs___x86 *x86 = (const void *)regs;
	const struct pt_regs___arm64 *arm64 = (const void *)regs;

	if (bpf_core_field_exists(x86->orig_ax))
		return (__s64)x86->orig_ax;
	return arm64->syscallno;
}

/* The system call of the current process that a change of state belongs to. That of one that is killed is over. */
static __always_inline enum number read_current_call(struct arguments *arguments)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	const struct pt_regs *regs = current_registers();
	enum number number;
	__s64 nr;

	if (regs == NULL)
		return NUMBER_OTHER;
	nr = number_of_registers(regs);
	number = task->flags & PF_EXITING ? NUMBER_OTHER : classify(regs, nr);
	read_arguments(regs, nr, arguments);
	return number;
}

/* Not of the connection, or the lack of one, that a server waits for. */
static __always_inline bool is_accept_failure(int error)
{
	return error < RESTART_FIRST && error != EAGAIN && error != EINTR && error != EBADF && error != ENOTSOCK &&
	       error != EINVAL && error != EFAULT && error != EOPNOTSUPP && error != ENOSYS;
}

/* ---- accept(2), listen(2) ----------------------------------------------------------------- */

/* The current process has got the connection @sk by accept(2). */
static __always_inline void accepted(const struct sock *sk, __s32 fd)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct known fresh = {.pid = thread >> 32, .tid = (__u32)thread, .fd = fd, .is_passive = 1};
	const struct tcp_sock *tp = copy_of(sk);
	struct known *known;

	if (tp == NULL)
		return;
	known = find_same(sk, &tp->inet_conn.icsk_inet.sk);
	if (known == NULL) {
		fresh.cookie = tp->inet_conn.icsk_inet.sk.__sk_common.skc_cookie.counter;
		read_ends(&fresh.ends, tp);
		fresh.has_ends = fresh.ends.rport != 0;
		listens_at(fresh.ends.lport);
		known = know(sk, &fresh);
	} else if (known->pid == 0) {
		known->pid = fresh.pid;
		known->tid = fresh.tid;
		known->fd = fd;
	} else {
		return;
	}
	report_copy(KERNEL_ACCEPT, tp, known, fd, 0);
}

static __always_inline void returned_accept(__s32 listener, long result)
{
	struct sock *sk = sock_at(result >= 0 ? (__s32)result : listener);

	if (sk == NULL)
		return;
	if (result >= 0)
		accepted(sk, (__s32)result);
	else if (is_accept_failure((int)-result) && BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN)
		report_call(KERNEL_ACCEPT_FAILED, sk, NULL, listener, (__s32)-result);
}

static __always_inline void returned_listen(__s32 fd)
{
	struct sock *sk = sock_at(fd);

	if (sk == NULL || BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_LISTEN)
		return;
	listens_at(BPF_CORE_READ(sk, __sk_common.skc_num));
	report_call(KERNEL_LISTEN, sk, NULL, fd, 0);
}

/* ---- connect(2) ------------------------------------------------------------------------------- */

/**
 * struct attempt - a call of connect(2) that has returned
 * @fd: its descriptor
 * @error: its result
 * @remote: the address it was given
 * @rport: the port
 * @is_early: it failed before a SYN was made
 */
struct attempt {
	__s32 fd;
	__s32 error;
	__u8 remote[16];
	__u16 rport;
	__u16 is_early;
};

/* As much of struct sockaddr_in6 as both families need. */
struct address {
	__u16 family;
	__be16 port;
	__be32 ipv4;
	__u8 ipv6[16];
	__u32 scope;
};

/* Return: whether the call has an address to connect to. */
static __always_inline bool read_address(struct attempt *attempt, const struct arguments *arguments)
{
	struct address address = {0};
	__u64 length = (__u32)arguments->values[2];

	if (length < 16)
		return false;
	if (length > sizeof(address))
		length = sizeof(address);
	if (bpf_probe_read_user(&address, length, (void *)arguments->values[1]) != 0)
		return false;
	attempt->rport = __builtin_bswap16(address.port);
	if (address.family == AF_INET)
		map_v4(attempt->remote, address.ipv4);
	else
		__builtin_memcpy(attempt->remote, address.ipv6, 16);
	return address.family == AF_INET || (address.family == AF_INET6 && length >= 24);
}

static __always_inline bool is_undecided(int error)
{
	return error == EINPROGRESS || error == EALREADY || error == EINTR || error == EAGAIN;
}

/* An attempt that failed before a SYN was made: its begin was not seen. */
static __always_inline void report_early(const struct sock *sk, const struct attempt *attempt)
{
	struct kernel_record *record;

	name_current(bpf_get_current_pid_tgid() >> 32);
	record = begin(KERNEL_CONNECT);
	if (record == NULL)
		return;
	read_current(record);
	record->fd = attempt->fd;
	record->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	__builtin_memcpy(record->ends.remote, attempt->remote, 16);
	record->ends.rport = attempt->rport;
	end(record);
}

/* The kernel has removed the remote end of a socket that failed. */
static __always_inline void report_connected(const struct sock *sk, const struct known *known,
					     const struct attempt *attempt)
{
	const struct tcp_sock *tp = copy_of(sk);
	struct kernel_record *record = tp != NULL ? begin(KERNEL_CONNECTED) : NULL;

	if (record == NULL)
		return;
	read_current(record);
	record->fd = attempt->fd;
	record->error = attempt->error;
	record->argument = attempt->is_early;
	read_socket(record, tp, known);
	record->netns = netns_of(tp);
	if (record->ends.rport == 0) {
		__builtin_memcpy(record->ends.remote, attempt->remote, 16);
		record->ends.rport = attempt->rport;
	}
	end(record);
}

static __noinline void returned_connect(const struct arguments *arguments, __s32 error)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct attempt attempt = {.fd = (__s32)arguments->values[0], .error = error < RESTART_FIRST ? error : EINTR};
	struct sock *sk = sock_at(attempt.fd);
	struct known *known = sk != NULL ? find(sk) : NULL;
	bool is_first = known != NULL && known->caller == tid;

	if (sk == NULL)
		return;
	if (is_first)
		known->caller = 0;
	if (is_first && known->is_disconnected) {
		known->is_disconnected = known->is_open = known->is_closed = known->reset = 0;
		report_call(KERNEL_DISCONNECT, sk, known, attempt.fd, 0);
		return;
	}
	/* Asked again: the outcome, which was reported, is what it returns. */
	if (!is_first && known != NULL && known->is_open && known->outcome > 0) {
		known->is_open = 0;
		return;
	}
	if (!read_address(&attempt, arguments))
		return;
	if (!is_first && (known == NULL || !known->is_open)) {
		attempt.is_early = error != 0 && !is_undecided(error);
		report_early(sk, &attempt);
	}
	/* Success without an answer yet: Fast Open puts the data into the SYN. */
	if (error == 0 && BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_SYN_SENT)
		attempt.error = EINPROGRESS;
	report_connected(sk, known, &attempt);
	if (known == NULL)
		return;
	known->is_open = is_undecided(attempt.error);
	if (known->is_open && is_first && known->outcome > 0)
		report_call(KERNEL_OUTCOME, sk, known, attempt.fd, known->outcome - 1);
}

/* ---- getsockopt(2) ---------------------------------------------------------------------------- */

/*
 * SO_ERROR of an attempt. While the socket is locked, an ICMP message changes no state: the error waits there, and the
 * program that is woken by it reads it. Of another error, too, the reading removes it before the state changes.
 */
static __always_inline void returned_getsockopt(const struct arguments *arguments)
{
	struct sock *sk;
	struct known *known;
	__s32 error = 0;

	if (arguments->values[1] != SOL_SOCKET || arguments->values[2] != SO_ERROR)
		return;
	sk = sock_at((__s32)arguments->values[0]);
	known = sk != NULL ? find(sk) : NULL;
	if (known == NULL || !known->is_open || known->outcome > 0)
		return;
	if (bpf_probe_read_user(&error, sizeof(error), (void *)arguments->values[3]) != 0 || error <= 0)
		return;
	known->outcome = 1 + error;
	report_call(KERNEL_OUTCOME, sk, known, (__s32)arguments->values[0], error);
}

/* ---- shutdown(2) ------------------------------------------------------------------------------ */

/**
 * struct shutdown - the last shutdown(2) of a processor that changed a state
 * @sk: the socket
 * @tid: the thread
 */
struct shutdown {
	const struct sock *sk;
	__u32 tid;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct shutdown);
} shutdowns SEC(".maps");

static __always_inline void leave_shutdown(const struct sock *sk, __u32 tid)
{
	__u32 zero = 0;
	struct shutdown *last = bpf_map_lookup_elem(&shutdowns, &zero);

	if (last == NULL)
		return;
	last->sk = sk;
	last->tid = tid;
}

static __always_inline void report_shutdown(const struct sock *sk, const struct known *known,
					    const struct arguments *arguments)
{
	const struct tcp_sock *tp = copy_of(sk);
	struct kernel_record *record;

	name_current(bpf_get_current_pid_tgid() >> 32);
	record = tp != NULL ? begin(KERNEL_SHUTDOWN) : NULL;
	if (record == NULL)
		return;
	read_current(record);
	record->fd = (__s32)arguments->values[0];
	record->argument = (__s32)arguments->values[1];
	read_socket(record, tp, known);
	record->netns = netns_of(tp);
	end(record);
}

/* One that changed the state was reported then, and left the socket here. */
static __always_inline bool was_reported(void)
{
	__u32 zero = 0, tid = (__u32)bpf_get_current_pid_tgid();
	struct shutdown *last = bpf_map_lookup_elem(&shutdowns, &zero);
	struct known *known = last != NULL && last->tid == tid ? find(last->sk) : NULL;

	if (known == NULL || known->caller != tid)
		return false;
	known->caller = 0;
	return true;
}

static __always_inline void returned_shutdown(const struct arguments *arguments)
{
	__s32 fd = (__s32)arguments->values[0];
	struct sock *sk = was_reported() ? NULL : sock_at(fd);
	struct known *known = sk != NULL ? find(sk) : NULL;

	if (known == NULL)
		return;
	/* The thread was moved to another processor. */
	if (known->caller == (__u32)bpf_get_current_pid_tgid())
		known->caller = 0;
	else
		report_shutdown(sk, known, arguments);
}

/* ---- all calls -------------------------------------------------------------------------------- */

/* It waited at a listener whose process was not known to be unwanted. */
static __always_inline void forget_waiting(__s32 fd)
{
	struct sock *sk = fd >= 0 ? sock_at(fd) : NULL;
	struct known *known = sk != NULL ? find(sk) : NULL;

	if (known != NULL && known->pid == 0)
		forget(sk);
}

/* The entry of a call is not attached: changes of state show it, and half of the cost is saved. */
SEC("tp_btf/sys_exit")
int BPF_PROG(returned, const struct pt_regs *regs, long result)
{
	__s64 nr = number_of_registers(regs);
	enum number number = classify(regs, nr);
	struct arguments arguments = {0};
	const struct task_struct *task;

	if (number == NUMBER_OTHER)
		return 0;
	task = bpf_get_current_task_btf();
	if (!may_watch(task, bpf_get_current_pid_tgid() >> 32))
		return 0;
	/* A socket that is known stays so when its process gets another name. */
	if (number != NUMBER_SHUTDOWN && !is_chosen(task)) {
		if (number == NUMBER_ACCEPT && by_group)
			forget_waiting((__s32)result);
		return 0;
	}
	read_arguments(regs, nr, &arguments);
	if (number == NUMBER_ACCEPT)
		returned_accept((__s32)arguments.values[0], result);
	else if (number == NUMBER_CONNECT)
		returned_connect(&arguments, result < 0 ? (__s32)-result : 0);
	else if (number == NUMBER_SHUTDOWN && result == 0)
		returned_shutdown(&arguments);
	else if (number == NUMBER_LISTEN && result == 0)
		returned_listen((__s32)arguments.values[0]);
	else if (number == NUMBER_GETSOCKOPT && result == 0)
		returned_getsockopt(&arguments);
	else if (number == NUMBER_RECVMSG && result >= 0)
		received_message(arguments.values[1], is_i386(regs));
	return 0;
}

#endif
