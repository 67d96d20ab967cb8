/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_BPF_KERNEL_H
#define CONNTRACE_SOURCE_BPF_KERNEL_H

/*
 * What the BPF programs (kernel.bpf.c) and their user (bpf.c) have in common. The programs are compiled without a C
 * library, so the types are those of linux/types.h, under names of their own.
 */

typedef unsigned char kernel_u8;
typedef unsigned short kernel_u16;
typedef int kernel_s32;
typedef unsigned int kernel_u32;
typedef unsigned long long kernel_u64;

/** enum kernel_type - kind of a record */
enum kernel_type {
	/** a process that will be named has its name and user: @comm, @uid */
	KERNEL_PROCESS,
	/** the last thread of a watched process ends */
	KERNEL_EXIT,
	/** accept(2) returned a connection, @fd */
	KERNEL_ACCEPT,
	/** accept(2) failed by @error; the socket is the listener */
	KERNEL_ACCEPT_FAILED,
	/** listen(2) succeeded */
	KERNEL_LISTEN,
	/** a connection is being opened: connect(2) entered, or the SYN of another call; only the remote end is known
	 */
	KERNEL_CONNECT,
	/** connect(2) returned @error */
	KERNEL_CONNECTED,
	/** the kernel has decided a connect that did not wait: @error */
	KERNEL_OUTCOME,
	/** shutdown(2); @argument is how */
	KERNEL_SHUTDOWN,
	/** the last descriptor is closed; @argument is 1 + the wait status if the process is ending, else 0 */
	KERNEL_CLOSE,
	/** connect(2) to AF_UNSPEC returned */
	KERNEL_DISCONNECT,
	/** a process that is watched was found with a connection that came from elsewhere */
	KERNEL_TAKE,
	/** the state has changed, or a segment was retransmitted */
	KERNEL_STATE,
	/** for a time line: the state has changed to @state; @error is sk_err. Between the same states: a
	 * retransmission */
	KERNEL_CHANGE,
	/** the socket is destroyed: final counters */
	KERNEL_DESTROY,
	/** KERNEL_CLOSE and KERNEL_DESTROY in one: nothing was left to be sent or received */
	KERNEL_CLOSE_DESTROY,
	/** a socket of a watched process from before the run */
	KERNEL_EXISTING,
	KERNEL_TYPE_NUM
};

/** enum kernel_reset - why a connection ended without two FINs */
enum kernel_reset {
	KERNEL_RESET_NONE,
	/** the peer's RST */
	KERNEL_RESET_PEER,
	/** this end's RST */
	KERNEL_RESET_LOCAL,
	/** none: the kernel has given it up */
	KERNEL_GIVEN_UP,
	/** a RST in the peer's name, perhaps by a packet filter of this host */
	KERNEL_RESET_EITHER,
	KERNEL_RESET_NUM
};

/** Bytes of a process's name (TASK_COMM_LEN). */
#define KERNEL_COMM 16

/** All bits of @has. */
enum kernel_has {
	/** the counters are valid */
	KERNEL_HAS_COUNTERS = 0x01,
	/** the peer's FIN was received (SOCK_DONE) */
	KERNEL_HAS_FIN = 0x02,
	/** a listener made the socket */
	KERNEL_HAS_LISTENER = 0x04,
	/** it has sent or answered a SYN */
	KERNEL_HAS_PEER = 0x08,
	/** it is a subflow of an MPTCP connection */
	KERNEL_HAS_MPTCP = 0x10,
	/** its remote end was removed (tcp_disconnect), and with it the counters */
	KERNEL_HAS_DISCONNECTED = 0x20,
	/** it waits, or waited until its end, to be accepted */
	KERNEL_HAS_WAITED = 0x40,
	/** the measures are valid */
	KERNEL_HAS_MEASURES = 0x80,
};

/**
 * struct kernel_ends - addresses and ports of a socket
 * @local: IPv4 is mapped into IPv6
 * @remote: likewise
 * @lport: host byte order
 * @rport: likewise
 */
struct kernel_ends {
	kernel_u8 local[16];
	kernel_u8 remote[16];
	kernel_u16 lport;
	kernel_u16 rport;
};

/**
 * struct kernel_record - a record of the ring, or of the list of existing sockets
 * @time: bpf_ktime_get_ns()
 * @cookie: socket cookie, 0 unknown
 * @established: @time of the end of the handshake, 0 unknown
 * @bytes_acked: as in struct tcp_info, and so are the following ones
 * @pid: thread group, 0 unknown
 * @tid: thread, 0 unknown
 * @fd: descriptor, -1 unknown
 * @error: errno, 0 success
 * @argument: see enum kernel_type
 * @uid: effective user
 * @netns: inode of the network namespace
 * @ends: of the connection
 * @type: enum kernel_type
 * @old_state: TCP state before
 * @state: TCP state
 * @reset: enum kernel_reset
 * @has: enum kernel_has
 * @rate: delivery rate, bytes per second; 0 unknown. This and the following ones to @congestion are of
 *        KERNEL_HAS_MEASURES
 * @mss: largest segment
 * @cwnd: congestion window
 * @rttvar: as in struct tcp_info
 * @busy_ms: time in which the socket was busy sending, and of it the one in which the receiver's window and the send
 *           buffer held it up; by ticks
 * @silent_ms: since data was received; by ticks
 * @comm: of KERNEL_PROCESS; with KERNEL_HAS_MEASURES the name of the congestion control
 */
struct kernel_record {
	kernel_u64 time;
	kernel_u64 cookie;
	kernel_u64 established;
	kernel_u64 bytes_acked;
	kernel_u64 bytes_received;
	kernel_u64 bytes_sent;
	kernel_u64 bytes_retrans;
	kernel_u64 rate;
	kernel_u32 pid;
	kernel_u32 tid;
	kernel_s32 fd;
	kernel_s32 error;
	kernel_s32 argument;
	kernel_u32 uid;
	kernel_u32 netns;
	kernel_u32 rtt;
	kernel_u32 min_rtt;
	kernel_u32 total_retrans;
	kernel_u32 write_seq;
	kernel_u32 snd_nxt;
	kernel_u32 snd_una;
	kernel_u32 rcv_nxt;
	kernel_u32 copied_seq;
	kernel_u32 packets_out;
	kernel_u32 segs_in;
	kernel_u32 segs_out;
	kernel_u32 data_segs_in;
	kernel_u32 data_segs_out;
	kernel_u32 mss;
	kernel_u32 cwnd;
	kernel_u32 rttvar;
	kernel_u32 busy_ms[3];
	kernel_u32 silent_ms;
	struct kernel_ends ends;
	kernel_u8 retransmits;
	kernel_u8 probes;
	kernel_u8 type;
	kernel_u8 old_state;
	kernel_u8 state;
	kernel_u8 reset;
	kernel_u16 has;
	kernel_u8 zero[8];
	char comm[KERNEL_COMM];
};

#endif
