// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The BPF programs: what watched processes do with TCP sockets, as records in a ring.
 *
 * All programs are attached to tracepoints by their BTF types (tp_btf), which needs CAP_BPF and CAP_PERFMON, or root.
 * A socket is known by its address in the kernel from the connect(2) or accept(2) of a watched process until it is
 * destroyed. Whether a change of state comes from the process or from a packet is shown by the lock of the socket: it
 * is owned in process context only.
 */
#include "source/bpf/kernel_calls.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* ---- changes of state ------------------------------------------------------------------ */

/* Is the socket's lock held by the current process? */
static __always_inline bool is_own(const struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_lock.owned) != 0;
}

/* A connection that came to the current process from elsewhere, at the first sign of it. */
static __always_inline struct known *take(const struct sock *sk)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct known known = {.pid = thread >> 32, .tid = (__u32)thread, .fd = -1};

	if (!is_own(sk) || !is_watched(known.pid))
		return NULL;
	read_ends(sk, known.local, known.remote, &known.lport, &known.rport);
	if (known.rport == 0)
		return NULL;
	known.has_ends = 1;
	known.cookie = bpf_get_socket_cookie((void *)sk);
	know(sk, &known);
	report_call(lists ? KERNEL_EXISTING : KERNEL_TAKE, sk, &known, -1, 0);
	return find(sk);
}

/* A waiting connection that a watched process works with: it was accepted by a way that is not seen (io_uring). */
static __always_inline void claim(const struct sock *sk, struct known *known)
{
	__u64 thread = bpf_get_current_pid_tgid();

	if (known->pid != 0 || !is_own(sk) || !is_watched(thread >> 32))
		return;
	known->pid = thread >> 32;
	known->tid = (__u32)thread;
	known->fd = -1;
	report_call(KERNEL_TAKE, sk, known, -1, 0);
}

/* Two states in one argument: a function has five at most. */
#define CHANGE(from, to) ((from) << 8 | (to))

static __noinline void report_change(enum kernel_type type, const struct sock *sk, struct known *known, int states,
				     __s32 error)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct kernel_record *record;

	if (type == KERNEL_CLOSE)
		name_current(bpf_get_current_pid_tgid() >> 32);
	record = begin(type);
	if (record == NULL)
		return;
	/* Another process, or the kernel, may close it last. */
	if (type == KERNEL_CLOSE && !is_watched(bpf_get_current_pid_tgid() >> 32)) {
		record->uid = -1;
	} else if (type == KERNEL_CLOSE) {
		read_current(record);
		if (BPF_CORE_READ(task, flags) & PF_EXITING)
			record->argument = 1 + BPF_CORE_READ(task, exit_code);
	} else {
		record->pid = known->pid;
		record->tid = known->tid;
		record->uid = -1;
	}
	record->fd = known->fd;
	record->error = error;
	read_socket(record, sk, known, bpf_skc_to_tcp_sock((void *)sk));
	record->old_state = (__u8)(states >> 8);
	record->state = (__u8)states;
	end(record);
}

/* The first argument of the current system call, if that is a descriptor of the socket; else -1. */
static __always_inline __s32 fd_of(const struct sock *sk)
{
	struct arguments arguments = {0};
	const struct pt_regs *regs;

	/* Linux 5.15 */
	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return -1;
	regs = (const void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	read_arguments(regs, number_at_exit(regs), &arguments);
	return sock_at((__s32)arguments.values[0]) == sk ? (__s32)arguments.values[0] : -1;
}

/* Not by its call: the SYN of a send with Fast Open, or of io_uring. */
static __always_inline void opened(const struct sock *sk)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct known known = {.pid = thread >> 32, .tid = (__u32)thread, .fd = -1};
	struct call *call = bpf_map_lookup_elem(&calls, &thread);
	struct known *kept;

	if (!is_watched(known.pid))
		return;
	if (call != NULL) {
		known.fd = call->fd;
		call->has_opened = 1;
	} else {
		known.fd = fd_of(sk);
	}
	known.cookie = bpf_get_socket_cookie((void *)sk);
	kept = know(sk, &known);
	if (call != NULL || kept == NULL)
		return;
	name_current(known.pid);
	report_change(KERNEL_CONNECT, sk, kept, CHANGE(TCP_CLOSE, TCP_SYN_SENT), 0);
	report_change(KERNEL_CONNECTED, sk, kept, CHANGE(TCP_CLOSE, TCP_SYN_SENT), EINPROGRESS);
	kept->is_open = 1;
}

/* The handshake of a socket that a listener made has finished. */
static __always_inline void arrived(const struct sock *sk)
{
	__u32 port = BPF_CORE_READ(sk, __sk_common.skc_num);
	struct known known = {.fd = -1, .is_passive = 1};
	struct known *earlier = find(sk);
	__u8 *listens;

	if (earlier != NULL) {
		earlier->established = bpf_ktime_get_ns();
		return;
	}
	listens = bpf_map_lookup_elem(&ports, &port);
	if (listens == NULL || *listens == 0)
		return;
	known.established = bpf_ktime_get_ns();
	known.cookie = bpf_get_socket_cookie((void *)sk);
	read_ends(sk, known.local, known.remote, &known.lport, &known.rport);
	known.has_ends = 1;
	know(sk, &known);
}

static __always_inline void decided(const struct sock *sk, struct known *known, int from, int to)
{
	int error = BPF_CORE_READ(sk, sk_err);

	if (to == TCP_ESTABLISHED)
		known->established = bpf_ktime_get_ns();
	read_ends(sk, known->local, known->remote, &known->lport, &known->rport);
	known->has_ends = known->lport != 0;
	/* Closed by its owner, or no port: the call says it. */
	if (to == TCP_CLOSE && error == 0)
		return;
	known->outcome = 1 + error;
	if (known->is_open)
		report_change(KERNEL_OUTCOME, sk, known, CHANGE(from, to), error);
}

/* Whether the owner ends it, by close(2), by its end, or by a disconnection. */
static __always_inline bool is_closing(const struct sock *sk, const struct known *known, int from)
{
	__u64 flags = BPF_CORE_READ(sk, __sk_common.skc_flags);

	if (!is_own(sk) || BPF_CORE_READ(sk, sk_err) != 0)
		return false;
	if (from == TCP_ESTABLISHED || from == TCP_CLOSE_WAIT || from == TCP_SYN_RECV || from == TCP_SYN_SENT)
		return true;
	return (flags & (1UL << SOCK_DEAD)) != 0 && from == TCP_FIN_WAIT2;
}

static __always_inline void note_reset(const struct sock *sk, struct known *known, int from)
{
	int error = BPF_CORE_READ(sk, sk_err);

	/* The errors of tcp_reset() in the kernel. */
	if (error == 104 || (error == 32 && from == TCP_CLOSE_WAIT))
		known->reset = KERNEL_RESET_PEER;
	/* tcp_abort() in the kernel. */
	else if (error == 103)
		known->reset = KERNEL_RESET_LOCAL;
	else if (error == 0 && (from == TCP_ESTABLISHED || from == TCP_SYN_RECV) && is_own(sk))
		known->reset = KERNEL_RESET_LOCAL;
}

static __always_inline void closed(const struct sock *sk, struct known *known, int from)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call *call;

	if (from == TCP_SYN_SENT)
		decided(sk, known, from, TCP_CLOSE);
	note_reset(sk, known, from);
	if (known->pid == 0 || known->is_closed || !is_closing(sk, known, from))
		return;
	call = bpf_map_lookup_elem(&calls, &thread);
	/* entered_disconnect() has reported it, or connect(2) has failed. */
	if (call != NULL)
		return;
	known->is_closed = 1;
	report_change(KERNEL_CLOSE, sk, known, CHANGE(from, from), 0);
}

/* The owner sends its FIN. */
static __always_inline void finished(const struct sock *sk, struct known *known, int from, int to)
{
	if (known->shutdown_tid == (__u32)bpf_get_current_pid_tgid()) {
		known->shutdown_tid = 0;
	} else if (!known->is_closed) {
		known->is_closed = 1;
		report_change(KERNEL_CLOSE, sk, known, CHANGE(from, from), 0);
	}
	if (to == TCP_FIN_WAIT1)
		report_change(KERNEL_STATE, sk, known, CHANGE(from, to), 0);
}

static __always_inline void changed(const struct sock *sk, int from, int to)
{
	struct known *known = find(sk);

	if (known == NULL && (to == TCP_FIN_WAIT1 || to == TCP_LAST_ACK || to == TCP_CLOSE))
		known = take(sk);
	if (known == NULL)
		return;
	if (to == TCP_FIN_WAIT1 || to == TCP_LAST_ACK || to == TCP_CLOSE)
		claim(sk, known);
	if (to == TCP_CLOSE)
		closed(sk, known, from);
	else if (from == TCP_SYN_SENT)
		decided(sk, known, from, to);
	else if (known->pid == 0)
		return;
	else if (to == TCP_FIN_WAIT1 || to == TCP_LAST_ACK)
		finished(sk, known, from, to);
	else if (to == TCP_CLOSE_WAIT || to == TCP_CLOSING)
		report_change(KERNEL_STATE, sk, known, CHANGE(from, to), 0);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state, const struct sock *sk, int from, int to)
{
	if (sk->sk_protocol != PROTOCOL_TCP)
		return 0;
	if (to == TCP_SYN_SENT)
		opened(sk);
	else if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED)
		arrived(sk);
	else
		changed(sk, from, to);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(destroyed, struct sock *sk)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	struct known *known = find(sk);
	__u64 key = key_of(sk);

	if (known == NULL)
		known = take(sk);
	if (known == NULL)
		return 0;
	claim(sk, known);
	if (known->pid != 0 && !known->is_closed && is_own(sk)) {
		known->is_closed = 1;
		report_change(KERNEL_CLOSE, sk, known, CHANGE(state, state), 0);
	}
	report_change(KERNEL_DESTROY, sk, known, CHANGE(state, state), 0);
	bpf_map_delete_elem(&sockets, &key);
	return 0;
}

/* ---- sockets of before the run ------------------------------------------------------------- */

SEC("iter/task_file")
int list_sockets(struct bpf_iter__task_file *context)
{
	struct seq_file *seq = context->meta->seq;
	struct task_struct *task = context->task;
	struct file *file = context->file;
	struct kernel_record record = {.type = KERNEL_EXISTING};
	struct known known = {0};
	struct socket *socket;
	struct sock *sk, *shown;

	if (task == NULL || file == NULL)
		return 0;
	known.pid = BPF_CORE_READ(task, tgid);
	if (!is_watched(known.pid))
		return 0;
	sk = sock_of(file);
	socket = bpf_sock_from_file(file);
	if (sk == NULL || socket == NULL)
		return 0;
	/* The helper that makes a cookie takes no other pointer. An MPTCP socket has that of its first subflow. */
	shown = socket->sk;
	if (shown != NULL)
		known.cookie = bpf_get_socket_cookie(shown);
	if (shown != sk)
		known.cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	record.state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (record.state == TCP_LISTEN) {
		listens_at(BPF_CORE_READ(sk, __sk_common.skc_num));
	} else {
		read_ends(sk, known.local, known.remote, &known.lport, &known.rport);
		if (known.rport == 0 || find(sk) != NULL)
			return 0;
		known.has_ends = 1;
		known.fd = context->fd;
		known.is_open = record.state == TCP_SYN_SENT;
		know(sk, &known);
	}
	record.time = bpf_ktime_get_ns();
	record.pid = known.pid;
	record.fd = context->fd;
	record.uid = BPF_CORE_READ(task, cred, euid.val);
	BPF_CORE_READ_STR_INTO(&record.comm, task, comm);
	read_socket(&record, sk, NULL, NULL);
	bpf_seq_write(seq, &record, sizeof(record));
	return 0;
}
