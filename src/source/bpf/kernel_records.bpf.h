/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_BPF_KERNEL_RECORDS_BPF_H
#define CONNTRACE_SOURCE_BPF_KERNEL_RECORDS_BPF_H

/* The maps of the BPF programs, and how a record is made; a part of kernel.bpf.c. */

#include <linux/types.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "source/bpf/kernel.h"
#include "source/bpf/kernel_types.bpf.h"

/* ---- set before loading ----------------------------------------------------- */

/* Watch every process but those in "excluded". */
const volatile bool all;
/* Of these, only processes with one of "names". */
const volatile bool by_name;
/* And none of "unchosen". */
const volatile bool by_group;
/* Watch the children of watched processes. */
const volatile bool follow;
/* The tracepoint of completions of io_uring(7) has a struct io_uring_cqe, not its members. */
const volatile bool has_cqe;
/* Records have the measures, see KERNEL_HAS_MEASURES. */
const volatile bool measures;
/* Each change of a state is reported, see KERNEL_CHANGE. */
const volatile bool states;
/* Length of a tick (jiffy). */
const volatile __u32 tick_us = 4000;

/* ---- shared with user space while it runs -------------------------------------- */

/* Watched processes that have not ended. */
int live;
/* Sockets of before the run are being listed. */
bool lists;
/* Records without room in the ring, and sockets and processes without room in a map. */
__u64 lost;
/* Calls by the second programs, see kernel.bpf.c. */
__u64 second;
/* "more_sockets" has or had an entry. */
bool has_more;

/**
 * struct process - a watched process, or with "all" one that was named
 * @named: its name has been reported since it was started or executed a program
 */
struct process {
	__u32 named;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct process);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} excluded SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, char[KERNEL_COMM]);
	__type(value, __u32);
} names SEC(".maps");

/* Processes that user space does not want under their present name and group. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u32);
} unchosen SEC(".maps");

/**
 * struct known - a socket of a watched process, or one that waits at its listener
 * @cookie: socket cookie
 * @established: when the handshake finished, 0 unknown
 * @pid: who opened or accepted it; 0 it waits to be accepted
 * @tid: the thread
 * @fd: the descriptor, -1 unknown
 * @caller: this thread is in connect(2) or shutdown(2), which has changed the state; 0 none
 * @outcome: 1 + errno of an attempt that was decided; 0 it is not
 * @is_open: connect(2) has returned before the attempt was decided
 * @is_closed: KERNEL_CLOSE was reported
 * @is_new: KERNEL_TAKE is to be reported, which needs a cookie
 * @is_disconnected: @caller disconnects it
 * @has_ends: @ends is set
 */
struct known {
	__u64 cookie;
	__u64 established;
	__u32 pid;
	__u32 tid;
	__s32 fd;
	__u32 caller;
	__s32 outcome;
	__u8 is_open;
	__u8 is_closed;
	__u8 is_disconnected;
	__u8 is_new;
	__u8 has_ends;
	__u8 is_passive;
	__u8 reset;
	__u8 zero;
	struct kernel_ends ends;
};

/* Those that "sockets" has no room for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1048576);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct known);
} more_sockets SEC(".maps");

/*
 * Sockets by address. Each change of a TCP state on the host is looked up here: a small table stays in the cache. Its
 * entries are allocated at once, which saves a fifth of the time that a connection takes here.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct known);
} sockets SEC(".maps");

/* By port: does a watched process listen there? */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u8);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} ring SEC(".maps");

/* ---- records --------------------------------------------------------------------- */

static void lose(void)
{
	__sync_fetch_and_add(&lost, 1);
}

static __u64 key_of(const struct sock *sk)
{
	return (__u64)(unsigned long)sk;
}

/**
 * struct copy - a copy of a structure that was found by address
 * @bytes: struct tcp_sock has 2,000 to 3,000
 *
 * Members of a structure that was not passed to the program cannot be loaded. One call of a helper copies it, where
 * one call for each member would take five times as long.
 */
struct copy {
	__u8 bytes[4096];
};

/** enum copied - what there is a copy of; COPY_REGISTERS: before Linux 5.15 */
enum copied {
	COPY_SOCKET,
	COPY_REGISTERS,
	COPY_NUM
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COPY_NUM);
	__type(key, __u32);
	__type(value, struct copy);
} copies SEC(".maps");

static __always_inline const void *copy_to(enum copied which, const void *from, __u32 size)
{
	__u32 key = which;
	struct copy *copy = bpf_map_lookup_elem(&copies, &key);

	if (copy == NULL || bpf_probe_read_kernel(copy->bytes, size < sizeof(*copy) ? size : sizeof(*copy), from) != 0)
		return NULL;
	return copy->bytes;
}

static __always_inline const struct tcp_sock *copy_of(const struct sock *sk)
{
	return copy_to(COPY_SOCKET, sk, bpf_core_type_size(struct tcp_sock));
}

static void map_v4(__u8 to[16], __be32 address)
{
	__builtin_memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, &address, 4);
}

/* IPv4 is mapped into IPv6. */
static __always_inline void read_ends(struct kernel_ends *ends, const struct tcp_sock *tp)
{
	const struct sock *sk = &tp->inet_conn.icsk_inet.sk;

	if (sk->__sk_common.skc_family == AF_INET6) {
		__builtin_memcpy(ends->local, &sk->__sk_common.skc_v6_rcv_saddr, 16);
		__builtin_memcpy(ends->remote, &sk->__sk_common.skc_v6_daddr, 16);
	} else {
		map_v4(ends->local, sk->__sk_common.skc_rcv_saddr);
		map_v4(ends->remote, sk->__sk_common.skc_daddr);
	}
	/* Not skc_num, which is 0 as soon as the port may be used by others. */
	ends->lport = __builtin_bswap16(tp->inet_conn.icsk_inet.inet_sport);
	ends->rport = __builtin_bswap16(sk->__sk_common.skc_dport);
}

static __always_inline __u32 milliseconds_of(__u32 ticks)
{
	return (__u32)((__u64)ticks * tick_us / 1000);
}

/* As tcp_get_info() and tcp_compute_delivery_rate() in the kernel. */
static __always_inline void read_measures(struct kernel_record *record, const struct tcp_sock *tp)
{
	__u32 now = (__u32)bpf_jiffies64(), total = 0;
	__u8 waiting = BPF_CORE_READ_BITFIELD(tp, chrono_type);

	record->has |= KERNEL_HAS_MEASURES;
	record->mss = tp->mss_cache;
	record->cwnd = tp->snd_cwnd;
	record->rttvar = tp->mdev_us >> 2;
	if (tp->rate_interval_us != 0)
		record->rate = (__u64)tp->rate_delivered * tp->mss_cache * 1000000 / tp->rate_interval_us;
	for (int i = 0; i < 3; i++) {
		__u32 ticks = tp->chrono_stat[i];

		if (waiting == i + 1)
			ticks += now - tp->chrono_start;
		total += ticks;
		record->busy_ms[i] = milliseconds_of(ticks);
	}
	record->busy_ms[0] = milliseconds_of(total);
	record->silent_ms = milliseconds_of(now - tp->inet_conn.icsk_ack.lrcvtime);
	BPF_CORE_READ_STR_INTO(&record->comm, tp, inet_conn.icsk_ca_ops, name);
}

/* By plain loads: a call of a helper for each member takes longer than all the rest. */
static __always_inline void read_counters(struct kernel_record *record, const struct tcp_sock *tp)
{
	record->bytes_acked = tp->bytes_acked;
	record->bytes_received = tp->bytes_received;
	record->bytes_sent = tp->bytes_sent;
	record->bytes_retrans = tp->bytes_retrans;
	record->rtt = tp->srtt_us >> 3;
	record->min_rtt = tp->rtt_min.s[0].v;
	record->total_retrans = tp->total_retrans;
	record->write_seq = tp->write_seq;
	record->snd_nxt = tp->snd_nxt;
	record->snd_una = tp->snd_una;
	record->rcv_nxt = tp->rcv_nxt;
	record->copied_seq = tp->copied_seq;
	record->packets_out = tp->packets_out;
	record->segs_in = tp->segs_in;
	record->segs_out = tp->segs_out;
	record->data_segs_in = tp->data_segs_in;
	record->data_segs_out = tp->data_segs_out;
	record->retransmits = tp->inet_conn.icsk_retransmits;
	record->probes = tp->inet_conn.icsk_probes_out;
	record->has |= KERNEL_HAS_COUNTERS;
	if (tp->inet_conn.icsk_inet.sk.__sk_common.skc_flags & (1UL << SOCK_DONE))
		record->has |= KERNEL_HAS_FIN;
	if (tp->advmss != 0)
		record->has |= KERNEL_HAS_PEER;
	if (bpf_core_field_exists(tp->is_mptcp) && tp->is_mptcp)
		record->has |= KERNEL_HAS_MPTCP;
	if (measures)
		read_measures(record, tp);
}

/*
 * The effective user that runs now. Not static: the kernel verifies such a function once. Newer kernels search all
 * their types several times for each load of a pointer through a trusted one, such as that of the task.
 */
__noinline __u32 current_user(void)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	const struct cred *cred = task->cred;

	/* Never NULL; a kernel whose types have its RCU tags asks for the comparison. */
	return cred != NULL ? cred->euid.val : (__u32)-1;
}

/* Who runs now. */
static __always_inline void read_current(struct kernel_record *record)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();

	record->pid = pid_tgid >> 32;
	record->tid = (__u32)pid_tgid;
	record->uid = current_user();
}

/* The rest of the record is zero. */
static __always_inline struct kernel_record *begin(enum kernel_type type)
{
	struct kernel_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (record == NULL) {
		lose();
		return NULL;
	}
	__builtin_memset(record, 0, sizeof(*record));
	record->type = type;
	record->fd = -1;
	/* Taken behind the lock of the ring: the records are in the order of their times, but for some nanoseconds. */
	record->time = bpf_ktime_get_ns();
	return record;
}

static __always_inline void end(struct kernel_record *record)
{
	bpf_ringbuf_submit(record, 0);
}

static __always_inline __u32 netns_of(const struct tcp_sock *copy)
{
	return BPF_CORE_READ(copy->inet_conn.icsk_inet.sk.__sk_common.skc_net.net, ns.inum);
}

/* All but its network namespace. */
static __always_inline void read_socket(struct kernel_record *record, const struct tcp_sock *tp,
					const struct known *known)
{
	const struct sock *sk = &tp->inet_conn.icsk_inet.sk;

	record->state = sk->__sk_common.skc_state;
	record->cookie = known != NULL ? known->cookie : sk->__sk_common.skc_cookie.counter;
	read_ends(&record->ends, tp);
	/* The kernel removes the remote end when a connect(2) that waited fails, and when it disconnects. */
	if (record->ends.rport == 0)
		record->has |= KERNEL_HAS_DISCONNECTED;
	if (known != NULL && known->has_ends && record->ends.rport == 0)
		record->ends = known->ends;
	read_counters(record, tp);
	if (known != NULL) {
		record->established = known->established;
		record->reset = known->reset;
		if (known->is_passive)
			record->has |= KERNEL_HAS_LISTENER;
		if (known->pid == 0)
			record->has |= KERNEL_HAS_WAITED;
	}
}

#endif
