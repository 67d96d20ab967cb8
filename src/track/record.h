/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_RECORD_H
#define CONNTRACE_TRACK_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "model/conn.h"
#include "model/event.h"
#include "model/message.h"
#include "system/tcp_payload.h"
#include "track/wire.h"

/**
 * struct evidence - the data of system calls and of the kernel's counters on a connection
 *
 * Most connections of a run on the wire have none, so it is allocated when it is needed, or when a time line is kept.
 * Times are nanoseconds since the epoch, CLOCK_UNKNOWN when it was not seen.
 *
 * @cookie: of its socket, 0 unknown
 * @by_cookie: chain of the table by cookie
 * @process: its owner, NULL unknown
 * @last_process: the last one that had it, if that is another one, else NULL
 * @host: that the first request named, NULL none
 * @pending_messages: messages that came before its owner was known, NULL when none did
 * @timeline: its events, NULL when no report needs them
 * @tid: thread of the call, 0 unknown
 * @fd: descriptor, -1 unknown
 * @uid: user, -1 unknown
 * @tcp_payload: the kernel's counters
 * @measures: where it waits, as last read; NULL never
 * @tls: what packets show of TLS; NULL nothing
 * @connect_begin_ns: connect(2) entered
 * @connect_end_ns: connect(2) returned
 * @outcome_ns: when the outcome of an unfinished connect became known without packets
 * @accept_ns: accept(2) returned
 * @close_ns: closed by its owner
 * @exit_ns: the owner ended with the connection open
 * @destroy_ns: the kernel destroyed the socket
 * @sample_ns: when the last counters were read, if that was a sample later than the calls that were seen
 * @kernel_hs_ns: round trip of the handshake as the kernel measured it
 * @finished_ns: when the handshake of an attempt finished, by the kernel's clock of ticks
 * @kernel_queue_ns: wait in the accept queue as the kernel measured it
 * @kernel_rtt_ns: smoothed round trip before the first FIN
 * @kernel_minrtt_ns: smallest round trip
 * @handshake_retrans: segments this side retransmitted during the handshake, -1 unknown
 * @total_retrans: segments this side retransmitted in all, -1 unknown
 * @failed_retrans: SYN segments retransmitted by a blocking connect(2) that failed, -1 unknown
 * @call_error: errno that connect(2) or SO_ERROR gave, -1 unknown
 * @accept_error: errno of an accept(2) that failed at its listener while it waited there, 0 none
 * @nothing_sent: connect(2) failed, and its socket never had a remote end
 * @connect_tid: connect(2) is under way in this thread, 0 none, -1 an unknown one
 * @half_place: it waits for its packets: its place in tracker_halves.c plus 1, 0 it does not
 * @kernel_state: TCP state in the last sample, 0 unknown
 * @mptcp: enum info_mptcp
 * @delay: enum info_delay
 * @established: the kernel's counters prove that the handshake finished
 * @answered: the kernel's counters prove that the peer answered
 * @unanswered: the final counters prove that no segment came
 * @waits: it waits at a target's listener to be accepted, or did
 * @may_have_exited: its process ended, and it is unknown whether it had the connection open until then
 */
struct evidence {
	uint64_t cookie;
	struct record *by_cookie;
	struct process *process;
	struct process *last_process;
	char *host;
	struct pending_messages *pending_messages;
	struct timeline *timeline;
	pid_t tid;
	int32_t fd;
	uid_t uid;
	struct tcp_payload tcp_payload;
	struct conn_measures *measures;
	struct conn_tls *tls;
	int64_t connect_begin_ns;
	int64_t connect_end_ns;
	int64_t outcome_ns;
	int64_t accept_ns;
	int64_t close_ns;
	int64_t exit_ns;
	int64_t destroy_ns;
	int64_t sample_ns;
	int64_t kernel_hs_ns;
	int64_t finished_ns;
	int64_t kernel_queue_ns;
	int64_t kernel_rtt_ns;
	int64_t kernel_minrtt_ns;
	int32_t handshake_retrans;
	int32_t total_retrans;
	int32_t failed_retrans;
	int32_t call_error;
	int32_t accept_error;
	pid_t connect_tid;
	uint32_t half_place;
	uint8_t kernel_state;
	uint8_t mptcp;
	bool nothing_sent;
	uint8_t delay;
	bool established;
	bool answered;
	bool unanswered;
	bool waits;
	bool may_have_exited;
};

/** struct record_conn - fields that need no computation, as in struct conn */
struct record_conn {
	struct flow flow;
	uint64_t id;
	int64_t start_ns;
	int64_t end_ns;
};

/**
 * struct record - a connection and all evidence about it
 *
 * Internal to the tracker; reports get the struct conn that record_settle() makes of it. There may be a million of
 * them, so values that can be computed are not stored, and fields that a packet needs come first.
 *
 * @conn: fields that need no computation
 * @wire: the evidence of packets, NULL without any
 * @evidence: the evidence of calls and the kernel; never NULL, to be written through record_evidence() only
 * @finish_at_ns: from then on the record may be finished, packets or not
 * @previous: list of all records, in the order of creation
 * @next: the same
 * @flow_hash: of its flow, while it is in that table
 * @seen: enum conn_seen
 * @dir: enum conn_dir
 * @wire_is_inside: it lies behind the record, in the same memory
 * @in_pool: record_new() allocated it from the pool
 * @owned: a traced process or a socket lookup claims it
 * @calls_unseen: it is older than the run, or known by packets only: see tcp_payload_calls_unseen()
 * @in_flow_table: in the table by flow
 * @in_cookie_table: in the table by cookie
 * @closing: waits for @finish_at_ns
 * @reported: has been reported
 * @blind: packets of it may have passed after capture ended
 * @duplicate: another SYN came on its flow while it was open, or it began with that SYN
 * @is_inside: both ends are on this host, by its packets
 * @goes_first: of both ends that are of interest this one was reported first, and stays the first
 * @is_put_off: what its packets say is not reported yet, because the accepting end may be of interest, too
 */
struct record {
	struct record_conn conn;
	struct wire *wire;
	const struct evidence *evidence;
	int64_t finish_at_ns;
	struct record *previous;
	struct record *next;
	uint32_t flow_hash;
	uint16_t seen;
	uint8_t dir : 2;
	bool wire_is_inside : 1;
	bool in_pool : 1;
	bool owned : 1;
	bool calls_unseen : 1;
	bool in_flow_table : 1;
	bool in_cookie_table : 1;
	bool closing : 1;
	bool reported : 1;
	bool blind : 1;
	bool duplicate : 1;
	bool is_inside : 1;
	bool goes_first : 1;
	bool is_put_off : 1;
};

/** Bytes of memory that a packet of a connection touches: the record, and the wire behind it. */
#define RECORD_SPAN (sizeof(struct record) + sizeof(struct wire))

_Static_assert(SEEN_PERF <= UINT16_MAX && DIR_NUM <= 4, "they fit");

/**
 * struct record_rules - what the result of a connection depends on, besides its evidence
 * @timeout_ns: a handshake without an answer of this duration has timed out
 * @now_ns: time of the newest event
 * @syn_retries: a connect(2) with fewer retransmitted SYN segments has not timed out; -1 unknown
 * @has_lost_finals: final counters of some sockets were lost
 */
struct record_rules {
	int64_t timeout_ns;
	int64_t now_ns;
	int32_t syn_retries;
	bool has_lost_finals;
};

/** Size of a cache line; larger ones are fetched twice. */
#define RECORD_LINE 64

/** record_prefetch() - fetch the part of a record that a packet touches; @record may be freed memory */
static inline void record_prefetch(const struct record *record)
{
	for (size_t at = 0; at < RECORD_SPAN; at += RECORD_LINE)
		__builtin_prefetch((const char *)record + at, 1);
}

/** record_new() - an empty record; with @pool, of RECORD_SPAN bytes, it has an empty wire, else none */
struct record *record_new(struct pool *pool);

/** record_free() - free it and its content; @pool: the pool of records allocated there */
void record_free(struct record *record, struct pool *pool);

/** record_evidence() - its evidence of calls and the kernel, for writing */
struct evidence *record_evidence(struct record *record);

/** record_bytes() - its evidence of the payload, for writing */
static inline struct tcp_payload *record_bytes(struct record *record)
{
	return &record_evidence(record)->tcp_payload;
}

/** record_dir() - the side that opened it, by a call, its listener or the counters; DIR_UNKNOWN without a proof */
static inline enum conn_dir record_dir(const struct record *record)
{
	return record->dir != DIR_UNKNOWN ? (enum conn_dir)record->dir
					  : tcp_payload_direction(&record->evidence->tcp_payload);
}

/** record_tls() - a message of TLS came at @time_ns: MESSAGE_TLS_HELLO, _ANSWER or _DATA */
void record_tls(struct record *record, const struct message *message, int64_t time_ns);

/** record_share_tls() - @to has the same packets as @from */
void record_share_tls(struct record *to, const struct record *from);

/** record_take_wire() - move the packet evidence of @from to @record, which has none */
void record_take_wire(struct record *record, struct record *from);

/** record_frames() - counted frames, both directions */
static inline uint64_t record_frames(const struct record *record)
{
	return record->wire != NULL ? wire_frames(record->wire) : 0;
}

/** record_is_undecided() - whether this errno of connect(2) leaves the outcome open */
bool record_is_undecided(int error);

/** record_settle_attempt() - RESULT, ERRNO and CONNECT_MS of an outgoing attempt, by calls and counters */
void record_settle_attempt(const struct record *record, const struct record_rules *rules, struct conn *conn);

/** record_settle_gone() - RESULT and ERRNO of an outgoing attempt without calls whose socket is destroyed */
void record_settle_gone(const struct record *record, struct conn *conn);

/** record_settle_began() - BEGAN, when all other times are settled */
void record_settle_began(const struct record *record, struct conn *conn);

/** record_is_unsent() - whether connect(2) failed in the local kernel before a SYN was made: it has no packets */
bool record_is_unsent(const struct record *record);

/** record_info() - process the kernel's counters */
void record_info(struct record *record, const struct event *event);

/** record_disconnected() - the kernel reset its counters (tcp_disconnect): no other final counters will come */
void record_disconnected(struct record *record, int64_t time_ns);

/** record_seen() - the connection existed at @time_ns */
void record_seen(struct record *record, int64_t time_ns, enum conn_seen by);

/**
 * record_settle() - compute the values for reports
 * @record: remembers who opened it
 * @rules: the rules of the run
 * @conn: all of it is written; its processes are the record's
 *
 * Sources by priority: identity and errno come from the calls; bytes and round trip from the kernel, else from the
 * wire; times of segments and reasons (RST, ICMP) from the wire, else from the kernel.
 */
void record_settle(struct record *record, const struct record_rules *rules, struct conn *conn);

/**
 * record_settle_unreported() - after record_settle(): the end of the connection may have gone unreported
 *
 * Without destroy events (another network namespace) a connection that seems open may have been closed: its numbers are
 * those of the last sample.
 */
void record_settle_unreported(const struct record *record, struct conn *conn);

#endif
