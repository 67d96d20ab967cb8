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
	return sk->sk_lock.owned != 0;
}

/* Two states in one argument: a function has five at most. */
#define CHANGE(from, to) ((from) << 8 | (to))

/*
 * While a program runs the kernel does not call it again on that processor, from a softirq that brings a packet. So
 * there is a second program, which does the work then. In a softirq no process owns the socket, and where none does
 * softirqs are disabled: there the first program leaves a mark, without which it was not called. What the second one
 * does is counted, because the kernel counts the call of the first one as missed.
 */
enum marked {
	MARKED_STATE,
	MARKED_DESTROY,
	MARKED_RETRANSMIT,
	MARKED_NUM
};

/**
 * struct mark - the last call of a first program without an owner of the socket
 * @sk: the socket
 * @states: its change
 */
struct mark {
	const struct sock *sk;
	__u32 states;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MARKED_NUM);
	__type(key, __u32);
	__type(value, struct mark);
} marks SEC(".maps");

static __always_inline void set_mark(enum marked which, const struct sock *sk, int states)
{
	__u32 key = which;
	struct mark *mark = is_own(sk) ? NULL : bpf_map_lookup_elem(&marks, &key);

	if (mark == NULL)
		return;
	mark->sk = sk;
	mark->states = (__u32)states;
}

static __always_inline bool lacks_mark(enum marked which, const struct sock *sk, int states)
{
	__u32 key = which;
	struct mark *mark = is_own(sk) ? NULL : bpf_map_lookup_elem(&marks, &key);

	if (mark == NULL)
		return false;
	if (mark->sk == sk && mark->states == (__u32)states) {
		mark->sk = NULL;
		return false;
	}
	__sync_fetch_and_add(&second, 1);
	return true;
}

static __always_inline bool is_close(enum kernel_type type)
{
	return type == KERNEL_CLOSE || type == KERNEL_CLOSE_DESTROY;
}

static __noinline void report_change(enum kernel_type type, const struct sock *sk, struct known *known, int states,
				     __s32 argument)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	const struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)sk);
	struct kernel_record *record;
	bool is_call = type != KERNEL_OUTCOME && type != KERNEL_STATE && type != KERNEL_CHANGE &&
		       type != KERNEL_DESTROY && !known->is_new;

	if (tp == NULL)
		return;
	if (is_call)
		name_current(bpf_get_current_pid_tgid() >> 32);
	record = begin(type);
	if (record == NULL)
		return;
	record->uid = -1;
	if (!is_call) {
		record->pid = known->pid;
		record->tid = known->tid;
	} else if (known->pid == bpf_get_current_pid_tgid() >> 32 || is_watched(bpf_get_current_pid_tgid() >> 32)) {
		read_current(record);
	}
	/* Another process, or the kernel, may close it last. */
	if (is_close(type) && record->pid != 0 && (task->flags & PF_EXITING))
		record->argument = 1 + task->exit_code;
	else if (type == KERNEL_SHUTDOWN)
		record->argument = argument;
	else
		record->error = argument;
	record->fd = known->fd;
	read_socket(record, tp, known);
	record->netns = tp->inet_conn.icsk_inet.sk.__sk_common.skc_net.net->ns.inum;
	record->old_state = (__u8)(states >> 8);
	record->state = (__u8)states;
	end(record);
}

/* A connection that came to the current process from elsewhere, at the first sign of it. */
static __always_inline struct known *take(const struct sock *sk, bool own)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct known known = {.pid = thread >> 32, .tid = (__u32)thread, .fd = -1};
	const struct tcp_sock *tp;
	int state = sk->__sk_common.skc_state;
	struct known *kept;

	if (!own || !is_watched(known.pid))
		return NULL;
	tp = bpf_skc_to_tcp_sock((void *)sk);
	if (tp == NULL)
		return NULL;
	read_ends(&known.ends, tp);
	if (known.ends.rport == 0)
		return NULL;
	known.has_ends = 1;
	known.cookie = bpf_get_socket_cookie((void *)sk);
	kept = know(sk, &known);
	if (kept != NULL)
		report_change(lists ? KERNEL_EXISTING : KERNEL_TAKE, sk, kept, CHANGE(state, state), 0);
	return kept;
}

/* A waiting connection that a watched process works with: it was accepted by a way that is not seen. */
static __always_inline void claim(const struct sock *sk, struct known *known, bool own)
{
	__u64 thread = bpf_get_current_pid_tgid();
	int state = sk->__sk_common.skc_state;

	if (known->pid != 0 || !own || !is_watched(thread >> 32))
		return;
	known->pid = thread >> 32;
	known->tid = (__u32)thread;
	known->fd = -1;
	report_change(KERNEL_TAKE, sk, known, CHANGE(state, state), 0);
}

/* A connection that was received before it had a cookie. */
static __always_inline void announce(const struct sock *sk, struct known *known)
{
	int state = sk->__sk_common.skc_state;

	if (!known->is_new)
		return;
	known->cookie = bpf_get_socket_cookie((void *)sk);
	report_change(KERNEL_TAKE, sk, known, CHANGE(state, state), 0);
	known->is_new = 0;
}

/* The current process sends a SYN: by connect(2), by a send with Fast Open, or by io_uring(7). */
static __always_inline void opened(const struct sock *sk)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct known known = {.pid = thread >> 32, .tid = (__u32)thread, .fd = -1};
	struct arguments arguments = {0};
	struct known *kept;
	bool is_connect;

	if (!is_watched(known.pid))
		return;
	is_connect = read_current_call(&arguments) == NUMBER_CONNECT;
	if (is_connect)
		known.caller = known.tid;
	if (is_connect || sock_at((__s32)arguments.values[0]) == sk)
		known.fd = (__s32)arguments.values[0];
	else
		known.fd = find_fd(sk);
	known.cookie = bpf_get_socket_cookie((void *)sk);
	kept = know(sk, &known);
	if (kept == NULL)
		return;
	name_current(known.pid);
	report_change(KERNEL_CONNECT, sk, kept, CHANGE(TCP_CLOSE, TCP_SYN_SENT), 0);
	if (is_connect)
		return;
	report_change(KERNEL_CONNECTED, sk, kept, CHANGE(TCP_CLOSE, TCP_SYN_SENT), EINPROGRESS);
	kept->is_open = 1;
}

/* The handshake of a socket that a listener made has finished. */
static __always_inline void arrived(const struct sock *sk)
{
	__u32 port = sk->__sk_common.skc_num;
	struct known known = {.fd = -1, .is_passive = 1};
	__u8 *listens = bpf_map_lookup_elem(&ports, &port);
	const struct tcp_sock *tp;
	__u64 key = key_of(sk);
	struct known *earlier;

	if (listens == NULL || *listens == 0)
		return;
	tp = bpf_skc_to_tcp_sock((void *)sk);
	if (tp == NULL)
		return;
	known.established = bpf_ktime_get_ns();
	known.cookie = bpf_get_socket_cookie((void *)sk);
	read_ends(&known.ends, tp);
	known.has_ends = 1;
	/* Mostly it is new, and nothing else need be done. */
	if (!has_more && bpf_map_update_elem(&sockets, &key, &known, BPF_NOEXIST) == 0)
		return;
	earlier = find_same(sk, sk);
	if (earlier != NULL)
		earlier->established = known.established;
	else
		know(sk, &known);
}

static __always_inline void decided(const struct sock *sk, struct known *known, int from, int to)
{
	const struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)sk);
	int error = sk->sk_err;
	bool is_known;

	if (tp == NULL)
		return;
	if (to == TCP_ESTABLISHED)
		known->established = bpf_ktime_get_ns();
	read_ends(&known->ends, tp);
	known->has_ends = known->ends.lport != 0;
	/* Closed by its owner, or no port: the call says it. */
	if (to == TCP_CLOSE && error == 0)
		return;
	is_known = known->outcome > 0;
	known->outcome = 1 + error;
	if (known->is_open && !is_known)
		report_change(KERNEL_OUTCOME, sk, known, CHANGE(from, to), error);
}

/* Whether the owner ends it, by close(2), by its end, or by a disconnection. */
static __always_inline bool is_closing(const struct sock *sk, int from, bool own)
{
	if (!own || sk->sk_err != 0)
		return false;
	if (from == TCP_ESTABLISHED || from == TCP_CLOSE_WAIT || from == TCP_SYN_RECV || from == TCP_SYN_SENT)
		return true;
	return (sk->__sk_common.skc_flags & (1UL << SOCK_DEAD)) != 0 && from == TCP_FIN_WAIT2;
}

/* The peer has not got what was sent last: a packet filter of this host may have made the RST. */
static __always_inline bool is_unsent(const struct tcp_sock *tp)
{
	return tp->snd_nxt == tp->snd_una && tp->write_seq != tp->snd_nxt;
}

static __always_inline void note_reset(const struct sock *sk, struct known *known, int from, bool own)
{
	const struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)sk);
	int error = sk->sk_err;

	if (tp == NULL || from == TCP_SYN_SENT)
		return;
	/* The errors of tcp_reset() in the kernel. */
	if (error == ECONNRESET || (error == EPIPE && from == TCP_CLOSE_WAIT))
		known->reset = is_unsent(tp) ? KERNEL_RESET_EITHER : KERNEL_RESET_PEER;
	/* tcp_abort() in the kernel. */
	else if (error == ECONNABORTED)
		known->reset = KERNEL_RESET_LOCAL;
	else if (error == 0 && (from == TCP_ESTABLISHED || from == TCP_SYN_RECV || from == TCP_CLOSE_WAIT) && own)
		known->reset = KERNEL_RESET_LOCAL;
	/* Without data it is the end of the keep-alive, which sends a RST; else tcp_write_err() has sent none. */
	else if (error != 0 && !own)
		known->reset = tp->write_seq == tp->snd_una ? KERNEL_RESET_LOCAL : KERNEL_GIVEN_UP;
}

static __always_inline void closed(const struct sock *sk, struct known *known, int from, bool own)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct arguments arguments;

	if (from == TCP_SYN_SENT)
		decided(sk, known, from, TCP_CLOSE);
	note_reset(sk, known, from, own);
	if (known->pid == 0 || known->is_closed || !own)
		return;
	if (read_current_call(&arguments) == NUMBER_CONNECT) {
		/* This connect(2) has failed, which its result says, or is one to AF_UNSPEC. */
		if (known->caller == tid)
			return;
		known->caller = tid;
		known->is_disconnected = 1;
	} else if (is_closing(sk, from, own)) {
		known->is_closed = 1;
	} else {
		return;
	}
	report_change(KERNEL_CLOSE, sk, known, CHANGE(from, from), 0);
}

/* The owner sends its FIN. */
static __always_inline void finished(const struct sock *sk, struct known *known, int from, int to, bool own)
{
	struct arguments arguments = {0};
	bool is_call;

	if (known->is_closed) {
		if (to == TCP_FIN_WAIT1)
			report_change(KERNEL_STATE, sk, known, CHANGE(from, to), 0);
		return;
	}
	is_call = own && read_current_call(&arguments) == NUMBER_SHUTDOWN;
	if (is_call) {
		known->caller = (__u32)bpf_get_current_pid_tgid();
		leave_shutdown(sk, known->caller);
	}
	if (is_call || sk->sk_shutdown == SEND_SHUTDOWN) {
		report_change(KERNEL_SHUTDOWN, sk, known, CHANGE(from, to),
			      is_call ? (__s32)arguments.values[1] : SHUT_WR);
		return;
	}
	known->is_closed = 1;
	report_change(KERNEL_CLOSE, sk, known, CHANGE(from, from), 0);
	if (to == TCP_FIN_WAIT1)
		report_change(KERNEL_STATE, sk, known, CHANGE(from, to), 0);
}

static __always_inline void changed(const struct sock *sk, int from, int to, bool own)
{
	bool is_ending = to == TCP_FIN_WAIT1 || to == TCP_LAST_ACK || to == TCP_CLOSE;
	struct known *known = find_same(sk, sk);

	if (known == NULL && is_ending)
		known = take(sk, own);
	if (known == NULL)
		return;
	announce(sk, known);
	if (is_ending)
		claim(sk, known, own);
	if (to == TCP_CLOSE)
		closed(sk, known, from, own);
	else if (from == TCP_SYN_SENT)
		decided(sk, known, from, to);
	else if (known->pid == 0)
		return;
	else if (is_ending)
		finished(sk, known, from, to, own);
	else if (to == TCP_CLOSE_WAIT || to == TCP_CLOSING)
		report_change(KERNEL_STATE, sk, known, CHANGE(from, to), 0);
}

/* Nothing is known by these: a child of a listener, and what follows the FIN of this end. */
static __always_inline bool says_nothing(int from, int to)
{
	return to == TCP_LISTEN || to == TCP_FIN_WAIT2 || (from == TCP_LISTEN && to == TCP_SYN_RECV);
}

static __always_inline void set_state_of(const struct sock *sk, int from, int to, bool own)
{
	if (says_nothing(from, to) || sk->sk_protocol != PROTOCOL_TCP)
		return;
	if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED)
		arrived(sk);
	else if (to != TCP_SYN_SENT)
		changed(sk, from, to, own);
	else if (own)
		opened(sk);
}

static __always_inline void report_state(const struct sock *sk, int from, int to)
{
	struct known *known = states ? find_same(sk, sk) : NULL;

	if (known != NULL && known->pid != 0)
		report_change(KERNEL_CHANGE, sk, known, CHANGE(from, to), sk->sk_err);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state, const struct sock *sk, int from, int to)
{
	set_mark(MARKED_STATE, sk, CHANGE(from, to));
	set_state_of(sk, from, to, is_own(sk));
	report_state(sk, from, to);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(second_set_state, const struct sock *sk, int from, int to)
{
	if (!lacks_mark(MARKED_STATE, sk, CHANGE(from, to)))
		return 0;
	set_state_of(sk, from, to, false);
	report_state(sk, from, to);
	return 0;
}

static __always_inline void destroy(struct sock *sk, bool own)
{
	__u8 state = sk->__sk_common.skc_state;
	struct known *known = find_same(sk, sk);
	bool is_closed;

	if (known == NULL)
		known = take(sk, own);
	if (known == NULL)
		return;
	announce(sk, known);
	claim(sk, known, own);
	is_closed = known->pid != 0 && !known->is_closed && own;
	report_change(is_closed ? KERNEL_CLOSE_DESTROY : KERNEL_DESTROY, sk, known, CHANGE(state, state), 0);
	forget(sk);
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(destroyed, struct sock *sk)
{
	set_mark(MARKED_DESTROY, sk, 0);
	destroy(sk, is_own(sk));
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(second_destroyed, struct sock *sk)
{
	if (lacks_mark(MARKED_DESTROY, sk, 0))
		destroy(sk, false);
	return 0;
}

/* The counters at the moment of a retransmission; that of a SYN shows an attempt that waits. */
static __always_inline void retransmit(const struct sock *sk)
{
	int state = sk->__sk_common.skc_state;
	struct known *known = find_same(sk, sk);

	if (known != NULL && known->pid != 0)
		report_change(KERNEL_STATE, sk, known, CHANGE(state, state), 0);
	report_state(sk, state, state);
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmitted, const struct sock *sk)
{
	set_mark(MARKED_RETRANSMIT, sk, 0);
	retransmit(sk);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(second_retransmitted, const struct sock *sk)
{
	if (lacks_mark(MARKED_RETRANSMIT, sk, 0))
		retransmit(sk);
	return 0;
}

/* ---- io_uring(7) ----------------------------------------------------------------------------- */

/*
 * An accept of io_uring is no system call, but its completion has the descriptor. Other operations have other results:
 * what counts is that the process has a descriptor of that number, which is a connection that waited at a listener.
 */
SEC("tp_btf/io_uring_complete")
int BPF_PROG(completed, void *ring_context, void *request)
{
	__s32 result = has_cqe ? ((const struct io_uring_cqe *)ctx[2])->res : (__s32)ctx[3];
	struct known *known;
	struct sock *sk;

	if (result < 0 || !is_watched(bpf_get_current_pid_tgid() >> 32))
		return 0;
	sk = sock_at(result);
	known = sk != NULL ? find(sk) : NULL;
	if (known != NULL && known->pid == 0)
		accepted(sk, result);
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
	const struct tcp_sock *tp;
	struct socket *socket;
	struct sock *sk, *shown;

	if (task == NULL || file == NULL)
		return 0;
	known.pid = task->tgid;
	if (!may_watch(task, known.pid) || !is_chosen(task))
		return 0;
	sk = sock_of(file);
	socket = bpf_sock_from_file(file);
	tp = sk != NULL ? copy_of(sk) : NULL;
	if (tp == NULL || socket == NULL)
		return 0;
	/* The helper that makes a cookie takes no other pointer. An MPTCP socket has that of its first subflow. */
	shown = socket->sk;
	if (shown != NULL)
		known.cookie = bpf_get_socket_cookie(shown);
	if (shown != sk)
		known.cookie = tp->inet_conn.icsk_inet.sk.__sk_common.skc_cookie.counter;
	record.state = tp->inet_conn.icsk_inet.sk.__sk_common.skc_state;
	if (record.state != TCP_LISTEN) {
		read_ends(&known.ends, tp);
		if (known.ends.rport == 0 || find(sk) != NULL)
			return 0;
		known.has_ends = 1;
		known.fd = context->fd;
		known.is_open = record.state == TCP_SYN_SENT;
	}
	record.time = bpf_ktime_get_ns();
	record.pid = known.pid;
	record.fd = context->fd;
	record.uid = BPF_CORE_READ(task, cred, euid.val);
	read_socket(&record, tp, &known);
	record.netns = netns_of(tp);
	record.has &= ~KERNEL_HAS_MEASURES;
	read_name(record.comm, task);
	/* Without room the kernel comes again with the same file. */
	if (bpf_seq_write(seq, &record, sizeof(record)) != 0)
		return 0;
	if (record.state == TCP_LISTEN)
		listens_at(tp->inet_conn.icsk_inet.sk.__sk_common.skc_num);
	else
		know(sk, &known);
	return 0;
}
