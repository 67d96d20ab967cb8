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

/* Numbers of system calls; those of 32-bit programs are of i386. */
const volatile __s64 nr_accept = -1, nr_accept4 = -1, nr_connect = -1, nr_shutdown = -1, nr_listen = -1;
/* Watch every process but those in "excluded". */
const volatile bool all;
/* Watch the children of watched processes. */
const volatile bool follow;

/* ---- shared with user space while it runs -------------------------------------- */

/* Watched processes that have not ended. */
int live;
/* Sockets of before the run are being listed. */
bool lists;
/* Records without room in the ring, and sockets and processes without room in a map. */
__u64 lost;

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

/** enum call_kind - a call under way that returned() needs */
enum call_kind {
	CALL_CONNECT,
	CALL_DISCONNECT,
	/** connect(2) once more, to ask for the outcome of an earlier one */
	CALL_ASK,
};

/**
 * struct call - a call of connect(2)
 * @fd: its descriptor
 * @kind: enum call_kind
 * @remote: the address it was given
 * @rport: the port
 * @has_opened: it has changed the state to SYN_SENT
 */
struct call {
	__s32 fd;
	__u32 kind;
	__u8 remote[16];
	__u16 rport;
	__u16 has_opened;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct call);
} calls SEC(".maps");

/**
 * struct known - a socket of a watched process, or one that waits at its listener
 * @cookie: socket cookie
 * @established: when the handshake finished, 0 unknown
 * @pid: who opened or accepted it; 0 it waits to be accepted
 * @tid: the thread
 * @fd: the descriptor, -1 unknown
 * @shutdown_tid: this thread is in shutdown(2), which will change the state
 * @outcome: 1 + errno of an attempt that was decided before its connect(2) returned
 * @is_open: connect(2) has returned before the attempt was decided
 * @is_closed: KERNEL_CLOSE was reported
 * @has_ends: @local to @rport are set
 */
struct known {
	__u64 cookie;
	__u64 established;
	__u32 pid;
	__u32 tid;
	__s32 fd;
	__u32 shutdown_tid;
	__s32 outcome;
	__u8 is_open;
	__u8 is_closed;
	__u8 has_ends;
	__u8 is_passive;
	__u8 reset;
	__u8 zero[3];
	__u8 local[16];
	__u8 remote[16];
	__u16 lport;
	__u16 rport;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1048576);
	__uint(map_flags, BPF_F_NO_PREALLOC);
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

static void map_v4(__u8 to[16], __be32 address)
{
	__builtin_memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, &address, 4);
}

/* IPv4 is mapped into IPv6. */
static __always_inline void read_ends(const struct sock *sk, __u8 local[16], __u8 remote[16], __u16 *lport,
				      __u16 *rport)
{
	const struct inet_sock *inet = (const void *)sk;
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family == AF_INET6) {
		struct in6_addr address;

		BPF_CORE_READ_INTO(&address, sk, __sk_common.skc_v6_rcv_saddr);
		__builtin_memcpy(local, &address, 16);
		BPF_CORE_READ_INTO(&address, sk, __sk_common.skc_v6_daddr);
		__builtin_memcpy(remote, &address, 16);
	} else {
		map_v4(local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		map_v4(remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	}
	/* Not skc_num, which is 0 as soon as the port may be used by others. */
	*lport = __builtin_bswap16(BPF_CORE_READ(inet, inet_sport));
	*rport = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

static __always_inline void read_counters(struct kernel_record *record, const struct sock *sk)
{
	const struct inet_connection_sock *icsk = (const void *)sk;
	const struct tcp_sock *tp = (const void *)sk;

	record->bytes_acked = BPF_CORE_READ(tp, bytes_acked);
	record->bytes_received = BPF_CORE_READ(tp, bytes_received);
	record->bytes_sent = BPF_CORE_READ(tp, bytes_sent);
	record->bytes_retrans = BPF_CORE_READ(tp, bytes_retrans);
	record->rtt = BPF_CORE_READ(tp, srtt_us) >> 3;
	record->min_rtt = BPF_CORE_READ(tp, rtt_min.s[0].v);
	record->total_retrans = BPF_CORE_READ(tp, total_retrans);
	record->write_seq = BPF_CORE_READ(tp, write_seq);
	record->snd_nxt = BPF_CORE_READ(tp, snd_nxt);
	record->snd_una = BPF_CORE_READ(tp, snd_una);
	record->rcv_nxt = BPF_CORE_READ(tp, rcv_nxt);
	record->copied_seq = BPF_CORE_READ(tp, copied_seq);
	record->packets_out = BPF_CORE_READ(tp, packets_out);
	record->segs_in = BPF_CORE_READ(tp, segs_in);
	record->segs_out = BPF_CORE_READ(tp, segs_out);
	record->data_segs_in = BPF_CORE_READ(tp, data_segs_in);
	record->data_segs_out = BPF_CORE_READ(tp, data_segs_out);
	record->retransmits = BPF_CORE_READ(icsk, icsk_retransmits);
	record->probes = BPF_CORE_READ(icsk, icsk_probes_out);
	record->has |= KERNEL_HAS_COUNTERS;
	if (BPF_CORE_READ(sk, __sk_common.skc_flags) & (1UL << SOCK_DONE))
		record->has |= KERNEL_HAS_FIN;
	if (BPF_CORE_READ(tp, advmss) != 0)
		record->has |= KERNEL_HAS_PEER;
	if (bpf_core_field_exists(tp->is_mptcp) && BPF_CORE_READ(tp, is_mptcp))
		record->has |= KERNEL_HAS_MPTCP;
}

/* As read_counters(), by plain loads: a call of a helper for each member takes longer than all the rest. */
static __always_inline void load_counters(struct kernel_record *record, const struct tcp_sock *tp)
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
	if (bpf_core_field_exists(tp->is_mptcp) && BPF_CORE_READ(tp, is_mptcp))
		record->has |= KERNEL_HAS_MPTCP;
}

/* Who runs now. */
static __always_inline void read_current(struct kernel_record *record)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct task_struct *task = (void *)bpf_get_current_task();

	record->pid = pid_tgid >> 32;
	record->tid = (__u32)pid_tgid;
	record->uid = BPF_CORE_READ(task, cred, euid.val);
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

/* @tp: the same socket where it may be loaded from, NULL where helpers read it */
static __always_inline void read_socket(struct kernel_record *record, const struct sock *sk, const struct known *known,
					const struct tcp_sock *tp)
{
	record->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	record->cookie = known != NULL ? known->cookie : BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	record->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	read_ends(sk, record->local, record->remote, &record->lport, &record->rport);
	/* The kernel removes the remote end when a connect(2) that waited fails, and when it disconnects. */
	if (record->rport == 0)
		record->has |= KERNEL_HAS_DISCONNECTED;
	if (known != NULL && known->has_ends && record->rport == 0) {
		__builtin_memcpy(record->local, known->local, 16);
		__builtin_memcpy(record->remote, known->remote, 16);
		record->lport = known->lport;
		record->rport = known->rport;
	}
	if (tp != NULL)
		load_counters(record, tp);
	else
		read_counters(record, sk);
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
