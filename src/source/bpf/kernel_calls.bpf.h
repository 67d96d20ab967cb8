/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_BPF_KERNEL_CALLS_BPF_H
#define CONNTRACE_SOURCE_BPF_KERNEL_CALLS_BPF_H

/* System calls, and descriptors; a part of kernel.bpf.c. */

#include "source/bpf/kernel_processes.bpf.h"

/* ---- descriptors --------------------------------------------------------------------- */

/* The TCP socket of a file; of an MPTCP socket its first subflow; or NULL. */
static __always_inline struct sock *sock_of(struct file *file)
{
	struct socket *socket;
	struct sock *sk;
	__u16 family, protocol;

	if (file == NULL || (BPF_CORE_READ(file, f_inode, i_mode) & FILE_TYPE) != FILE_IS_SOCKET)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (sk == NULL)
		return NULL;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	protocol = BPF_CORE_READ(sk, sk_protocol);
	if (family != AF_INET && family != AF_INET6)
		return NULL;
	if (protocol == PROTOCOL_MPTCP && bpf_core_type_exists(struct mptcp_sock))
		return BPF_CORE_READ((struct mptcp_sock *)sk, first);
	return protocol == PROTOCOL_TCP ? sk : NULL;
}

static __always_inline struct sock *sock_at(__s32 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files, *file = NULL;

	if (fd < 0 || (__u32)fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	files = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return sock_of(file);
}

static __always_inline struct known *know(const struct sock *sk, const struct known *known)
{
	__u64 key = key_of(sk);

	if (bpf_map_update_elem(&sockets, &key, known, BPF_ANY) != 0)
		lose();
	return bpf_map_lookup_elem(&sockets, &key);
}

static __always_inline struct known *find(const struct sock *sk)
{
	__u64 key = key_of(sk);

	return bpf_map_lookup_elem(&sockets, &key);
}

static __always_inline void listens_at(__u32 port)
{
	__u8 one = 1;

	bpf_map_update_elem(&ports, &port, &one, BPF_ANY);
}

/* ---- system calls ---------------------------------------------------------------------- */

/** enum number - the calls of interest, on every architecture */
enum number {
	NUMBER_OTHER,
	NUMBER_ACCEPT,
	NUMBER_CONNECT,
	NUMBER_SHUTDOWN,
	NUMBER_LISTEN,
};

/* Numbers and calls of i386; those of socketcall(2) are in linux/net.h. */
#define I386_SOCKETCALL 102
#define I386_CONNECT 362
#define I386_LISTEN 363
#define I386_ACCEPT4 364
#define I386_SHUTDOWN 373
#define SOCKETCALL_CONNECT 3
#define SOCKETCALL_LISTEN 4
#define SOCKETCALL_ACCEPT 5
#define SOCKETCALL_SHUTDOWN 13
#define SOCKETCALL_ACCEPT4 18

struct arguments {
	__u64 values[3];
};

static __always_inline bool is_i386(const struct pt_regs *regs)
{
	const struct pt_regs___x86 *x86 = (const void *)regs;

	return bpf_core_field_exists(x86->cs) && (BPF_CORE_READ(x86, cs) & 0xffff) == CODE_SEGMENT_32;
}

static __always_inline enum number number_of(__s64 nr)
{
	if (nr == nr_accept || nr == nr_accept4)
		return NUMBER_ACCEPT;
	if (nr == nr_connect)
		return NUMBER_CONNECT;
	if (nr == nr_shutdown)
		return NUMBER_SHUTDOWN;
	return nr == nr_listen ? NUMBER_LISTEN : NUMBER_OTHER;
}

static __always_inline enum number number_of_socketcall(const struct pt_regs *regs)
{
	const struct pt_regs___x86 *x86 = (const void *)regs;

	switch ((__u32)BPF_CORE_READ(x86, bx)) {
	case SOCKETCALL_ACCEPT:
	case SOCKETCALL_ACCEPT4:
		return NUMBER_ACCEPT;
	case SOCKETCALL_CONNECT:
		return NUMBER_CONNECT;
	case SOCKETCALL_SHUTDOWN:
		return NUMBER_SHUTDOWN;
	case SOCKETCALL_LISTEN:
		return NUMBER_LISTEN;
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
	default:
		return NUMBER_OTHER;
	}
}

/* All calls of all processes come here: most end at the first comparisons. */
static __always_inline enum number classify(const struct pt_regs *regs, __s64 nr)
{
	const struct pt_regs___x86 *x86 = (const void *)regs;

	if (bpf_core_field_exists(x86->orig_ax) &&
	    (nr == I386_SOCKETCALL || (nr >= I386_CONNECT && nr <= I386_SHUTDOWN)))
		return is_i386(regs) ? number_of_i386(regs, nr) : NUMBER_OTHER;
	return number_of(nr);
}

static __always_inline void read_arguments(const struct pt_regs *regs, __s64 nr, struct arguments *arguments)
{
	const struct pt_regs___x86 *x86 = (const void *)regs;
	const struct pt_regs___arm64 *arm64 = (const void *)regs;
	__u32 narrow[3] = {0};

	if (!bpf_core_field_exists(x86->orig_ax)) {
		arguments->values[0] = BPF_CORE_READ(arm64, orig_x0);
		arguments->values[1] = BPF_CORE_READ(arm64, regs[1]);
		arguments->values[2] = BPF_CORE_READ(arm64, regs[2]);
	} else if (!is_i386(regs)) {
		arguments->values[0] = BPF_CORE_READ(x86, di);
		arguments->values[1] = BPF_CORE_READ(x86, si);
		arguments->values[2] = BPF_CORE_READ(x86, dx);
	} else if (nr != I386_SOCKETCALL) {
		arguments->values[0] = BPF_CORE_READ(x86, bx);
		arguments->values[1] = BPF_CORE_READ(x86, cx);
		arguments->values[2] = BPF_CORE_READ(x86, dx);
	} else {
		bpf_probe_read_user(narrow, sizeof(narrow), (void *)BPF_CORE_READ(x86, cx));
		for (int i = 0; i < 3; i++)
			arguments->values[i] = narrow[i];
	}
}

/* As much of struct sockaddr_in6 as both families need. */
struct address {
	__u16 family;
	__be16 port;
	__be32 ipv4;
	__u8 ipv6[16];
	__u32 scope;
};

static __always_inline void take_address(struct call *call, const struct address *address)
{
	if (address->family == AF_INET)
		map_v4(call->remote, address->ipv4);
	else
		__builtin_memcpy(call->remote, address->ipv6, 16);
	call->rport = __builtin_bswap16(address->port);
}

static __always_inline void entered_disconnect(__s32 fd, struct sock *sk)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call call = {.fd = fd, .kind = CALL_DISCONNECT};
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	struct kernel_record *record;
	struct known *known = find(sk);

	if (state == TCP_CLOSE || state == TCP_LISTEN || known == NULL)
		return;
	bpf_map_update_elem(&calls, &thread, &call, BPF_ANY);
	record = begin(KERNEL_CLOSE);
	if (record == NULL)
		return;
	read_current(record);
	record->fd = fd;
	read_socket(record, sk, known, NULL);
	record->old_state = state;
	end(record);
}

static __always_inline void entered_connect(const struct arguments *arguments)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call call = {.fd = (__s32)arguments->values[0], .kind = CALL_CONNECT};
	struct sock *sk = sock_at(call.fd);
	struct address address = {0};
	struct kernel_record *record;
	struct known *known;
	__u64 length = (__u32)arguments->values[2];

	if (sk == NULL || length < 2)
		return;
	if (length > sizeof(address))
		length = sizeof(address);
	if (bpf_probe_read_user(&address, length, (void *)arguments->values[1]) != 0)
		return;
	if (address.family == AF_UNSPEC) {
		entered_disconnect(call.fd, sk);
		return;
	}
	if (length < 16 || (address.family != AF_INET && (address.family != AF_INET6 || length < 24)))
		return;
	take_address(&call, &address);
	known = find(sk);
	if (known != NULL && known->is_open)
		call.kind = CALL_ASK;
	if (bpf_map_update_elem(&calls, &thread, &call, BPF_ANY) != 0)
		lose();
	if (call.kind == CALL_ASK)
		return;
	name_current(thread >> 32);
	record = begin(KERNEL_CONNECT);
	if (record == NULL)
		return;
	read_current(record);
	record->fd = call.fd;
	record->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	__builtin_memcpy(record->remote, call.remote, 16);
	record->rport = call.rport;
	end(record);
}

static __always_inline void entered_shutdown(const struct arguments *arguments)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct sock *sk = sock_at((__s32)arguments->values[0]);
	struct known *known = sk != NULL ? find(sk) : NULL;
	struct kernel_record *record;
	__u8 state;

	if (known == NULL)
		return;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (arguments->values[1] != SHUT_RD &&
	    (state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT || state == TCP_SYN_RECV))
		known->shutdown_tid = (__u32)thread;
	name_current(thread >> 32);
	record = begin(KERNEL_SHUTDOWN);
	if (record == NULL)
		return;
	read_current(record);
	record->fd = (__s32)arguments->values[0];
	record->argument = (__s32)arguments->values[1];
	read_socket(record, sk, known, NULL);
	end(record);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(entered, const struct pt_regs *regs, long nr)
{
	enum number number = classify(regs, nr);
	struct arguments arguments = {0};

	if ((number != NUMBER_CONNECT && number != NUMBER_SHUTDOWN) || !is_watched(bpf_get_current_pid_tgid() >> 32))
		return 0;
	read_arguments(regs, nr, &arguments);
	if (number == NUMBER_CONNECT)
		entered_connect(&arguments);
	else
		entered_shutdown(&arguments);
	return 0;
}

/* Not of the connection, or the lack of one, that a server waits for. */
static __always_inline bool is_accept_failure(int error)
{
	return error < RESTART_FIRST && error != EAGAIN && error != EINTR && error != EBADF && error != ENOTSOCK &&
	       error != EINVAL && error != EFAULT && error != EOPNOTSUPP && error != ENOSYS;
}

static __noinline void report_call(enum kernel_type type, const struct sock *sk, const struct known *known, __s32 fd,
				   __s32 error)
{
	struct kernel_record *record;

	name_current(bpf_get_current_pid_tgid() >> 32);
	record = begin(type);
	if (record == NULL)
		return;
	read_current(record);
	record->fd = fd;
	record->error = error;
	read_socket(record, sk, known, NULL);
	end(record);
}

static __always_inline void returned_accept(__s32 listener, long result)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct sock *sk = sock_at(result >= 0 ? (__s32)result : listener);
	struct known known = {.pid = thread >> 32, .tid = (__u32)thread, .fd = (__s32)result, .is_passive = 1};
	struct known *earlier;

	if (sk == NULL)
		return;
	if (result < 0) {
		if (is_accept_failure((int)-result) && BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN)
			report_call(KERNEL_ACCEPT_FAILED, sk, NULL, listener, (__s32)-result);
		return;
	}
	earlier = find(sk);
	if (earlier != NULL && earlier->pid != 0)
		return;
	known.cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	if (earlier != NULL) {
		known.cookie = earlier->cookie;
		known.established = earlier->established;
		known.reset = earlier->reset;
	}
	read_ends(sk, known.local, known.remote, &known.lport, &known.rport);
	known.has_ends = known.rport != 0;
	if (!known.has_ends && earlier != NULL && earlier->has_ends) {
		__builtin_memcpy(known.local, earlier->local, 16);
		__builtin_memcpy(known.remote, earlier->remote, 16);
		known.lport = earlier->lport;
		known.rport = earlier->rport;
		known.has_ends = 1;
	}
	listens_at(known.lport);
	report_call(KERNEL_ACCEPT, sk, know(sk, &known), known.fd, 0);
}

static __always_inline bool is_undecided(int error)
{
	return error == EINPROGRESS || error == EALREADY || error == EINTR || error == EAGAIN;
}

/* connect(2) has returned; the kernel has removed the remote end of a socket that failed. */
static __always_inline void report_connected(const struct sock *sk, const struct known *known, const struct call *call,
					     int error)
{
	struct kernel_record *record = begin(KERNEL_CONNECTED);

	if (record == NULL)
		return;
	read_current(record);
	record->fd = call->fd;
	record->error = error;
	record->argument = error != 0 && !is_undecided(error) && call->kind == CALL_CONNECT && !call->has_opened;
	read_socket(record, sk, known, NULL);
	if (record->rport == 0) {
		__builtin_memcpy(record->remote, call->remote, 16);
		record->rport = call->rport;
	}
	end(record);
}

static __always_inline void returned_connect(long result)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call *found = bpf_map_lookup_elem(&calls, &thread);
	int error = result < 0 ? (int)-result : 0;
	struct known *known;
	struct call call;
	struct sock *sk;

	if (found == NULL)
		return;
	call = *found;
	bpf_map_delete_elem(&calls, &thread);
	sk = sock_at(call.fd);
	if (error >= RESTART_FIRST)
		error = EINTR;
	if (sk == NULL)
		return;
	known = find(sk);
	if (call.kind == CALL_DISCONNECT) {
		if (error == 0)
			report_call(KERNEL_DISCONNECT, sk, known, call.fd, 0);
		if (error == 0 && known != NULL)
			known->is_open = known->is_closed = known->shutdown_tid = known->reset = 0;
		return;
	}
	/* Success without an answer yet: Fast Open puts the data into the SYN. */
	if (error == 0 && BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_SYN_SENT)
		error = EINPROGRESS;
	report_connected(sk, known, &call, error);
	if (known == NULL)
		return;
	known->is_open = is_undecided(error);
	if (known->is_open && call.kind == CALL_CONNECT && known->outcome > 0)
		report_call(KERNEL_OUTCOME, sk, known, call.fd, known->outcome - 1);
}

static __always_inline void returned_listen(__s32 fd)
{
	struct sock *sk = sock_at(fd);

	if (sk == NULL || BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_LISTEN)
		return;
	listens_at(BPF_CORE_READ(sk, __sk_common.skc_num));
	report_call(KERNEL_LISTEN, sk, NULL, fd, 0);
}

static __always_inline __s64 number_at_exit(const struct pt_regs *regs)
{
	const struct pt_regs___x86 *x86 = (const void *)regs;
	const struct pt_regs___arm64 *arm64 = (const void *)regs;

	/* Read without a helper, because it happens at each call of each process. */
	if (bpf_core_field_exists(x86->orig_ax))
		return (__s64)x86->orig_ax;
	return arm64->syscallno;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(returned, const struct pt_regs *regs, long result)
{
	__s64 nr = number_at_exit(regs);
	enum number number = classify(regs, nr);
	struct arguments arguments = {0};

	if (number == NUMBER_OTHER || number == NUMBER_SHUTDOWN || !is_watched(bpf_get_current_pid_tgid() >> 32))
		return 0;
	if (number == NUMBER_CONNECT) {
		returned_connect(result);
		return 0;
	}
	read_arguments(regs, nr, &arguments);
	if (number == NUMBER_ACCEPT)
		returned_accept((__s32)arguments.values[0], result);
	else if (result == 0)
		returned_listen((__s32)arguments.values[0]);
	return 0;
}

#endif
