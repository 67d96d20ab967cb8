/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_EVENT_H
#define CONNTRACE_MODEL_EVENT_H

#include <stdint.h>
#include <sys/types.h>

#include "model/event_segment.h"
#include "model/flow.h"
#include "model/measures.h"

/*
 * An event is one fact, from one source, at one time. It is a plain value without pointers, so it can cross a process
 * boundary, be written to a file and be replayed. No event requires an earlier one.
 *
 * An unknown quantity is -1 (EVENT_UNKNOWN) in signed fields. Where 0 is the unknown value the field's description says
 * so.
 */

#define EVENT_UNKNOWN (-1)

/** enum event_type - the kind of fact, which selects the valid member of the union */
enum event_type {
	EVENT_NONE,
	/** a system call of a traced process: @call */
	EVENT_CALL,
	/** the kernel's counters of one socket: @info */
	EVENT_INFO,
	/** a TCP segment on the wire: @segment; flow.local is the sender. A savefile may have no times */
	EVENT_SEGMENT,
	/** an ICMP or ICMPv6 error quoting a TCP segment: @icmp; flow.local is the quoted sender */
	EVENT_ICMP,
	/** who owns a socket: @owner */
	EVENT_OWNER,
	/** a piece of a process's description: @process */
	EVENT_PROCESS,
	/** something was lost, and where: @lost */
	EVENT_LOST,
	/** a piece of an application's message in packets: @message; flow.local is the sender */
	EVENT_MESSAGE,
	/** the kind of run; first of all events: @run */
	EVENT_RUN,
	/** a captured frame, TCP or not; reported only on request: @frame */
	EVENT_FRAME,
	/** current time, by a frame that has no other event */
	EVENT_TIME,
	/** a piece of the name that an answer of DNS gives for an address: @name; flow.remote is the address */
	EVENT_NAME,
	EVENT_TYPE_NUM
};

/** enum event_origin - the source; the letter is the one in the SEEN column */
enum event_origin {
	ORIGIN_CALLS = 's',
	ORIGIN_KERNEL = 'k',
	ORIGIN_WIRE = 'w',
	ORIGIN_AUDIT = 'a',
	ORIGIN_BPF = 'b',
	ORIGIN_PERF = 'h',
};

/** Set in the cookie of a call whose source has no socket cookie, but identifies the calls on one socket. */
#define EVENT_COOKIE_MADE_UP (UINT64_C(1) << 63)

/** enum call_kind - kind of a system call; only those that concern connections are reported */
enum call_kind {
	/**
	 * accept(2), accept4(2) returned a TCP socket; @fd is the new one. With @error it failed, though not for want
	 * of a connection: then @fd and the flow are the listener's
	 */
	CALL_ACCEPT,
	/** connect(2) was entered; the local side, and whether it is TCP, may be unknown yet */
	CALL_CONNECT_BEGIN,
	/**
	 * connect(2) returned: @error 0, EINPROGRESS or the reason of the failure; @argument 1: it is known that it
	 * failed before a SYN was made
	 */
	CALL_CONNECT_END,
	/** connect(2) returned and the socket is not TCP: forget the begin */
	CALL_CONNECT_OTHER,
	/** the program read SO_ERROR: @error is the result */
	CALL_SO_ERROR,
	/** shutdown(2) succeeded: @argument is how (SHUT_RD, SHUT_WR, SHUT_RDWR) */
	CALL_SHUTDOWN,
	/** the descriptor was closed (close, dup2, close_range); @argument 1: connect(2) with AF_UNSPEC ended it */
	CALL_CLOSE,
	/**
	 * the process ended (last thread) and with it the socket's last descriptor; @argument is the wait status.
	 * @fd -1, no cookie: it was killed, and its open descriptors are unknown
	 */
	CALL_EXIT,
	/** the process got the descriptor @fd of a connection by recvmsg(2), pidfd_getfd(2) or io_uring(7) */
	CALL_TAKE,
	/** connect(2) to AF_UNSPEC returned: the connection is gone and its counters are reset, the socket stays */
	CALL_DISCONNECT,
	/** the kernel decided an attempt whose connect(2) did not wait: @error, which the program may not have read */
	CALL_OUTCOME,
	/**
	 * the descriptor @fd has no connection any more, or that of @cookie has no descriptor: its end was not seen;
	 * @argument 1: the final counters of all sockets that had ended until then came before. Without @fd and
	 * @cookie: from now on calls are reported by breakpoints; @argument 1: accept(2), too
	 */
	CALL_GONE,
	/** no call: the TCP state has become @argument; @error is what the kernel keeps for the program, -1 none */
	CALL_STATE,
	/** no call: the kernel retransmits a segment in the state @argument */
	CALL_RETRANSMIT,
	CALL_NUM
};

/**
 * struct event_call - a system call
 * @begin_ns: when it was entered; event.time_ns is when it returned. -1 unknown
 * @cookie: SO_COOKIE of the socket, 0 unknown
 * @pid: thread group id as the tracer sees it
 * @tid: thread id
 * @fd: the connection's descriptor, -1 unknown
 * @error: errno, 0 for success, -1 unknown
 * @argument: see enum call_kind
 * @uid: effective user of the process, -1 (as uid_t) unknown
 * @kind: enum call_kind
 * @disputed: 1 when the address in the program's memory and that of the socket are not the same: then the flow is the
 *            one in the program's memory, and there is no cookie. Of CALL_EXIT: 1 when another process had the socket
 *            until a moment before, and it is unknown which of the two ended it
 */
struct event_call {
	int64_t begin_ns;
	uint64_t cookie;
	int32_t pid;
	int32_t tid;
	int32_t fd;
	int32_t error;
	int32_t argument;
	uint32_t uid;
	uint8_t kind;
	uint8_t disputed;
};

/** enum info_reason - when the counters were read */
enum info_reason {
	/** at the return of accept: the handshake's measures are still valid */
	INFO_ACCEPT,
	/** at the return of connect */
	INFO_CONNECT,
	/** at any moment of the socket's life; for a listener: a target accepts there unseen (io_uring) */
	INFO_SAMPLE,
	/** when shutdown(2) returned */
	INFO_SHUTDOWN,
	/** at the entry of the call that closes it */
	INFO_CLOSE,
	/** the socket was destroyed: the final counters (SKNLGRP_INET_TCP_DESTROY) */
	INFO_DESTROY,
	/** it existed before the run */
	INFO_EXISTING,
	/** it was connected again, to these ends: its earlier connection has ended, which was not seen */
	INFO_RENEWED,
	/** it waits at a target's listener to be accepted; for a listener: with the current length of its queue */
	INFO_WAITING,
	INFO_REASON_NUM
};

/** enum info_timewait - whether a TIME_WAIT socket with this cookie exists; then its own side closed first */
enum info_timewait {
	TIMEWAIT_UNKNOWN,
	TIMEWAIT_PRESENT,
	TIMEWAIT_ABSENT,
	/** it exists, in FIN_WAIT2: the peer's FIN has not come yet */
	TIMEWAIT_NO_FIN,
	TIMEWAIT_NUM
};

/** enum info_fin - whether the socket has received the peer's FIN; of a source of samples for TCP_CLOSE only */
enum info_fin {
	FIN_UNKNOWN,
	FIN_RECEIVED,
	FIN_NOT_RECEIVED,
	FIN_NUM
};

/** enum info_reset - which RST ended the connection, where the source sees that */
enum info_reset {
	RESET_UNSEEN,
	/** the peer's */
	RESET_BY_PEER,
	/** this host's: it was closed with data unread or without lingering, killed, or its keep-alive unanswered */
	RESET_BY_OWNER,
	/** none: the kernel gave it up, because what it sent was not answered */
	RESET_GIVEN_UP,
	/** the peer's, or one that a packet filter of this host made in its name */
	RESET_BY_EITHER,
	RESET_NUM
};

/** enum info_mptcp - whether it is a subflow of an MPTCP connection (RFC 8684) */
enum info_mptcp {
	/** it is not, or unknown */
	MPTCP_NO,
	MPTCP_PART,
	/** it came to a listener for both, and was not checked */
	MPTCP_PERHAPS,
};

/** enum info_delay - whether the kernel may have made the socket later than the handshake finished */
enum info_delay {
	DELAY_UNKNOWN,
	DELAY_NONE,
	/**
	 * by TCP_DEFER_ACCEPT, or because the accept queue was full: then it is made when data arrives, and the first
	 * round trip in its counters is from the SYN/ACK to the data
	 */
	DELAY_PERHAPS,
	DELAY_NUM
};

/**
 * struct event_info - a socket's counters (struct tcp_info of linux/tcp.h, sock_diag(7))
 * @cookie: socket cookie, never 0
 * @bytes_acked: counts the SYN and FIN too; since 4.1
 * @bytes_received: counts the peer's FIN too; since 4.1
 * @bytes_sent: payload sent, with retransmitted bytes; since 4.19
 * @bytes_retrans: payload retransmitted; since 4.19
 * @rtt_us: smoothed round trip; the handshake's own until the first data is acknowledged
 * @min_rtt_us: smallest round trip; -1 when the socket never measured one
 * @last_data_sent_ms: since data was last sent; at accept: since the handshake finished
 * @total_retrans: segments retransmitted in the socket's life
 * @retransmits: time-outs in a row that were not answered; unlike @total_retrans the kernel does not reset it after
 *               connect(2) failed (tcp_disconnect)
 * @probes: keep-alive or zero-window probes in a row that were not answered
 * @notsent_bytes: written by the program and not sent yet
 * @unacked: segments under way
 * @segs_in: segments received
 * @segs_out: segments sent
 * @data_segs_in: those with payload
 * @data_segs_out: those with payload
 * @rqueue: bytes received that the program has not read (a FIN not read counts as one, except in a sample in TCP_CLOSE)
 * @wqueue: bytes sequenced and not acknowledged
 * @inode: socket inode, 0 unknown
 * @uid: owner, -1 (as uid_t) unknown
 * @reason: enum info_reason
 * @state: TCP_ESTABLISHED ... as in netinet/tcp.h
 * @timewait: enum info_timewait
 * @listener: 1 when a listener accepted it, 0 when it never had a remote end, as a listener, -1 unknown
 * @fin: enum info_fin
 * @reset: enum info_reset, in the final counters
 * @mptcp: enum info_mptcp
 * @delay: enum info_delay, of an accepted socket
 * @v6only: of a listener: 1 when it takes no IPv4 (IPV6_V6ONLY), where sock_diag(7) has listed it
 * @measures: where it waits, see tcp_info_skip_measures()
 * @device: interface that it is bound to (SO_BINDTODEVICE), where sock_diag(7) has listed it; 0 none, or unknown
 */
struct event_info {
	uint64_t cookie;
	int64_t bytes_acked;
	int64_t bytes_received;
	int64_t bytes_sent;
	int64_t bytes_retrans;
	int32_t rtt_us;
	int32_t min_rtt_us;
	int32_t last_data_sent_ms;
	int32_t total_retrans;
	int32_t retransmits;
	int32_t probes;
	int32_t notsent_bytes;
	int32_t unacked;
	int32_t segs_in;
	int32_t segs_out;
	int32_t data_segs_in;
	int32_t data_segs_out;
	int32_t rqueue;
	int32_t wqueue;
	uint32_t inode;
	uint32_t uid;
	uint8_t reason;
	uint8_t state;
	uint8_t timewait;
	int8_t listener;
	uint8_t fin;
	uint8_t mptcp;
	uint8_t delay;
	uint8_t v6only;
	uint8_t reset;
	uint32_t device;
	struct measures measures;
};

/**
 * struct event_icmp - an error message about a segment
 * @seq: sequence number of the quoted segment
 * @version: 4 or 6
 * @type: ICMP type
 * @code: ICMP code
 */
struct event_icmp {
	uint32_t seq;
	uint8_t version;
	uint8_t type;
	uint8_t code;
};

/**
 * struct event_owner - the process that holds a socket, or accepted it
 * @cookie: socket cookie, 0 unknown
 * @inode: socket inode, 0 unknown
 * @pid: thread group id; below 0 one of several targets, unknown which: the number only distinguishes such groups; 0 no
 *       owner was found, it may be a target or another process
 * @fd: descriptor number, -1 unknown
 * @uid: user of the process, -1 (as uid_t) unknown
 * @born: 1 when the connection began within the run and its calls are not watched; 0 when it is older
 * @last: 1 when the process was only found with it; an earlier event has given the one that opened or accepted it
 * @since_ns: not 0: @pid was not found with it; since then it alone has held the listener for the local end
 * @failed: 1 when @pid is 0 and the final counters are those of an attempt that failed, or of a reset by SO_LINGER
 */
struct event_owner {
	uint64_t cookie;
	uint32_t inode;
	int32_t pid, fd;
	uint32_t uid;
	int64_t since_ns;
	uint8_t born, last, failed;
};

/** enum process_fact - the string of which a struct event_process contains a piece */
enum process_fact {
	PROCESS_COMM,
	PROCESS_EXE,
	/** path of its control group, see model/cgroup.h */
	PROCESS_CGROUP,
	/** PID of its parent, a blank, and the parent's short name */
	PROCESS_PARENT,
	/** arguments, separated by blanks; of long ones the begin and "..." */
	PROCESS_CMDLINE,
	/** connections of it may be missing, and why: "execve", "io_uring", "path", "lost"; "" no more */
	PROCESS_GAPS,
	PROCESS_FACT_NUM
};

/** Bytes of text that fit in one struct event_process. */
#define EVENT_PROCESS_TEXT 120

/**
 * struct event_process - a piece of a process's description
 * @pid: thread group id, or a number below 0 as in struct event_owner
 * @uid: effective user, -1 (as uid_t) unknown
 * @fact: enum process_fact
 * @length: bytes used in @text
 * @offset: offset of the piece in the string; 0 begins a new string
 * @text: the piece, not NUL-terminated; any bytes
 */
struct event_process {
	int32_t pid;
	uint32_t uid;
	uint8_t fact;
	uint8_t length;
	uint16_t offset;
	char text[EVENT_PROCESS_TEXT];
};

/** Maximum length of TCP options in bytes, by the data offset (RFC 9293, 3.1). */
#define EVENT_OPTIONS 40

/**
 * struct event_frame - data of a frame besides the segment in it
 *
 * The event of the segment follows immediately, unless @length is set.
 *
 * @length: length on the wire of a frame that has no other event; 0: the segment that follows has it
 * @filters: the filters of the packet process that match, from the lowest bit up
 * @options: TCP options as on the wire, padded with zeros (end of option list); none when they were cut
 */
struct event_frame {
	uint32_t length;
	uint32_t filters;
	uint8_t options[EVENT_OPTIONS];
};

/** enum message_kind - kind of a message */
enum message_kind {
	/** the head of a request, HTTP/1.x (RFC 9112) */
	MESSAGE_HTTP_REQUEST,
	/** the head of the response */
	MESSAGE_HTTP_RESPONSE,
	/** ClientHello (RFC 8446, 4.1.2) */
	MESSAGE_TLS_HELLO,
	/** ServerHello (RFC 8446, 4.1.3): its status is the version, its target the protocol chosen by ALPN (RFC 7301)
	 */
	MESSAGE_TLS_ANSWER,
	/** the first record of application data (RFC 8446, 5.1) in the direction of a ClientHello */
	MESSAGE_TLS_DATA,
	MESSAGE_KIND_NUM
};

/** enum message_part - the text of which a struct event_message contains a piece */
enum message_part {
	MESSAGE_METHOD,
	/** the request-target, as in the first line */
	MESSAGE_TARGET,
	/** the Host field, or the server name of TLS */
	MESSAGE_HOST,
	/** the requested fields, a line each */
	MESSAGE_FIELDS,
	MESSAGE_PART_NUM
};

/** Bytes of text that fit in one struct event_message: no more than an event of a segment has. */
#define EVENT_MESSAGE_TEXT 31

/**
 * struct event_message - a piece of an application's message
 * @offset: offset of the piece in its part
 * @status: of an HTTP response, version of a MESSAGE_TLS_ANSWER, else 0
 * @kind: enum message_kind
 * @part: enum message_part
 * @length: bytes used in @text
 * @first: it begins a message
 * @last: it ends the message; no piece of another message of the same source comes between
 * @text: the piece, not NUL-terminated; any bytes
 */
struct event_message {
	uint16_t offset;
	uint16_t status;
	uint8_t kind;
	uint8_t part;
	uint8_t length;
	uint8_t first;
	uint8_t last;
	char text[EVENT_MESSAGE_TEXT];
};

/** Bytes of text that fit in one struct event_name. */
#define EVENT_NAME_TEXT 40

/**
 * struct event_name - a piece of a name
 * @ttl: seconds for which the answer may be used
 * @offset: offset of the piece in the name; 0 begins one
 * @length: bytes used in @text
 * @last: it ends the name; no piece of another name of the same source comes between
 * @text: the piece, not NUL-terminated; any bytes
 */
struct event_name {
	uint32_t ttl;
	uint16_t offset;
	uint8_t length;
	uint8_t last;
	char text[EVENT_NAME_TEXT];
};

/** enum lost_where - the place of the loss */
enum lost_where {
	/** libpcap's ps_drop */
	LOST_CAPTURE_KERNEL,
	/** libpcap's ps_ifdrop */
	LOST_CAPTURE_INTERFACE,
	/** the queue from the packet process to the main one */
	LOST_PACKET_QUEUE,
	/** ENOBUFS on the socket of the destroy events */
	LOST_NETLINK,
	/** the queues from the tracer thread and from the queries of sockets to the main one */
	LOST_CALL_QUEUE,
	/** connections that did not fit in the table */
	LOST_TABLE,
	/** messages of connections whose owner was not known yet */
	LOST_MESSAGES,
	/** all later packets: they are not read any more */
	LOST_PACKET_PROCESS,
	/** segments and calls of time lines */
	LOST_TIMELINE,
	/** requests whose answers cannot be found any more */
	LOST_ANSWERS,
	/** lookups of the process of a connection */
	LOST_LOOKUPS,
	/** the ring or a map of the BPF programs was full */
	LOST_RING,
	/** events of audit, an upper bound by their numbers, or records that the kernel counts as lost */
	LOST_AUDIT,
	LOST_WHERE_NUM
};

/**
 * struct event_lost - a loss
 * @count: how many since the last event of the same kind; -1 when the number is unknown
 * @where: enum lost_where
 */
struct event_lost {
	int64_t count;
	uint8_t where;
};

/**
 * struct event_run - the kind of run
 * @whole: there is no target: every connection is of interest
 * @has_destroy: destroy events come: 1 of the network namespace @netns, 2 of all
 * @has_packets: packets come: 1 some of them, 2 of all interfaces without a filter
 * @netns: network namespace of packets and destroy events, 0 unknown
 * @syn_retries: net.ipv4.tcp_syn_retries there: fewer retransmitted SYN segments are no time-out; -1 unknown
 */
struct event_run {
	uint32_t netns;
	int32_t syn_retries;
	uint8_t whole;
	uint8_t has_destroy;
	uint8_t has_packets;
};

/**
 * struct event - one fact
 * @time_ns: when it happened, nanoseconds since the epoch
 * @type: enum event_type
 * @origin: enum event_origin
 * @flow: the connection, as far as the source knows it
 * @flow_hash: flow_hash() of it under the run's key, if the source has computed it, else 0
 */
struct event {
	int64_t time_ns;
	uint8_t type;
	uint8_t origin;
	struct flow flow;
	uint32_t flow_hash;
	union {
		struct event_call call;
		struct event_info info;
		struct event_segment segment;
		struct event_icmp icmp;
		struct event_owner owner;
		struct event_process process;
		struct event_message message;
		struct event_lost lost;
		struct event_run run;
		struct event_frame frame;
		struct event_name name;
	};
};

/** event_new() - an event of @type by @origin at @time_ns, all else zero, flow.proto TCP */
struct event event_new(enum event_type type, enum event_origin origin, int64_t time_ns);

/** event_is_accept_failure() - whether @error of accept(2) is neither the lack of a connection nor a mistake */
bool event_is_accept_failure(int error);

/** event_size() - number of leading bytes of an event of @type that are used */
size_t event_size(enum event_type type);

#endif
