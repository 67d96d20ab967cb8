/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_RECORD_H
#define CONNTRACE_TRACK_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "model/conn.h"
#include "model/event.h"
#include "track/bytes.h"
#include "track/wire.h"

/**
 * struct record - a connection and all the testimony about it
 *
 * The tracker's own; reports see @conn only. Times are nanoseconds since the
 * epoch, CLOCK_UNKNOWN when it was not seen.
 *
 * @conn: what reports see; settled from the rest by record_settle()
 * @by_flow: chain of the table by flow
 * @flow_hash: of its flow, while it is in that table
 * @by_cookie: chain of the table by cookie
 * @previous: list of all records, in the order of their birth
 * @next: the same
 * @bytes: the kernel's counters
 * @wire: what the packets said, NULL when there were none
 * @connect_begin_ns: connect(2) entered
 * @connect_end_ns: connect(2) returned
 * @outcome_ns: when the outcome of an unfinished connect became known without packets
 * @accept_ns: accept(2) returned
 * @close_ns: closed by its owner
 * @exit_ns: the owner was about to end with the connection open
 * @destroy_ns: the kernel's socket died
 * @finish_at_ns: from then on the record may be finished, packets or not
 * @kernel_hs_ns: round trip of the handshake as the kernel measured it
 * @kernel_queue_ns: wait in the accept queue as the kernel measured it
 * @kernel_rtt_ns: smoothed round trip before the first FIN
 * @kernel_minrtt_ns: smallest round trip
 * @handshake_retrans: segments this side resent during the handshake, -1 unknown
 * @total_retrans: segments this side resent in all, -1 unknown
 * @failed_retrans: SYN segments resent by a blocking connect(2) that failed, -1 unknown
 * @call_error: errno that connect(2) or SO_ERROR gave, -1 while nobody said
 * @connect_tid: connect(2) is under way in this thread, 0 none
 * @kernel_state: TCP state at the last look, 0 unknown
 * @established: the kernel's counters prove that the handshake finished
 * @answered: the kernel's counters prove that the peer answered something
 * @owned: a traced process or a socket lookup claims it
 * @in_flow_table: in the table by flow
 * @in_cookie_table: in the table by cookie
 * @is_fresh_look: the last counters are of a look in passing, later than the calls that were seen
 * @closing: waits for @finish_at_ns
 * @told: has been reported
 */
struct record {
	struct conn conn;
	struct record *by_flow;
	uint64_t flow_hash;
	struct record *by_cookie;
	struct record *previous;
	struct record *next;
	struct bytes bytes;
	struct wire *wire;
	int64_t connect_begin_ns;
	int64_t connect_end_ns;
	int64_t outcome_ns;
	int64_t accept_ns;
	int64_t close_ns;
	int64_t exit_ns;
	int64_t destroy_ns;
	int64_t finish_at_ns;
	int64_t kernel_hs_ns;
	int64_t kernel_queue_ns;
	int64_t kernel_rtt_ns;
	int64_t kernel_minrtt_ns;
	int32_t handshake_retrans;
	int32_t total_retrans;
	int32_t failed_retrans;
	int32_t call_error;
	pid_t connect_tid;
	uint8_t kernel_state;
	bool established;
	bool answered;
	bool owned;
	bool in_flow_table;
	bool in_cookie_table;
	bool is_fresh_look;
	bool closing;
	bool told;
};

/**
 * struct record_rules - what it takes to judge a connection, besides its testimony
 * @timeout_ns: a handshake without an answer for that long has timed out
 * @now_ns: time of the newest event
 * @syn_retries: a connect(2) with fewer resent SYN segments has not timed out; -1 unknown
 */
struct record_rules {
	int64_t timeout_ns;
	int64_t now_ns;
	int32_t syn_retries;
};

/** record_init() - nothing seen yet */
void record_init(struct record *record);

/** record_done() - free what it holds, not the record itself */
void record_done(struct record *record);

/** record_info() - take in the kernel's counters */
void record_info(struct record *record, const struct event *event);

/** record_seen() - @time_ns is a sign of it */
void record_seen(struct record *record, int64_t time_ns, enum conn_seen by);

/**
 * record_settle() - work out what reports see
 * @record: its @conn is filled
 * @rules: what is to be known besides
 *
 * Whose word counts: identity and errno come from the calls; bytes and round
 * trip from the kernel, else from the wire; times of segments and reasons
 * (RST, ICMP) from the wire, else from the kernel.
 */
void record_settle(struct record *record, const struct record_rules *rules);

/**
 * record_settle_unheard() - after record_settle(): nobody would have told of its end
 *
 * Without destroy events (another network namespace) a connection that looks
 * open may be long closed: its numbers are those of some look and no more.
 */
void record_settle_unheard(struct record *record);

#endif
