/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_CONN_H
#define CONNTRACE_MODEL_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "model/flow.h"
#include "model/measures.h"
#include "model/process.h"

/** An unknown quantity of a connection; shown as "-" or null. */
#define CONN_UNKNOWN INT64_C(-1)

/** enum conn_dir - who opened it, seen from the local side */
enum conn_dir {
	DIR_UNKNOWN,
	DIR_IN,
	DIR_OUT,
	DIR_NUM
};

/** enum conn_result - result of the attempt (column RESULT) */
enum conn_result {
	RESULT_UNKNOWN,
	RESULT_OK,
	/** RST to the SYN */
	RESULT_REFUSED,
	/** RST by the opener before the handshake finished */
	RESULT_RESET,
	RESULT_TIMEOUT,
	RESULT_UNREACH,
	/** closed by its owner before an answer */
	RESULT_ABORT,
	/** refused by the local kernel before a segment was sent, or in accept(2) */
	RESULT_ERROR,
	/** not decided when the run (or the file) ended */
	RESULT_PENDING,
	RESULT_NUM
};

/** conn_has_failed() - whether the attempt failed; a pending or unknown one has not */
static inline bool conn_has_failed(unsigned int result)
{
	return result >= RESULT_REFUSED && result <= RESULT_ERROR;
}

/** enum conn_close - who ended it and how (column CLOSE) */
enum conn_close {
	CLOSE_UNKNOWN,
	/** the local side's FIN came first */
	CLOSE_LFIN,
	/** the remote side's FIN came first */
	CLOSE_RFIN,
	/** the local side sent a RST */
	CLOSE_LRST,
	/** the remote side sent a RST */
	CLOSE_RRST,
	/** the process ended with the connection open */
	CLOSE_EXIT,
	CLOSE_NUM
};

/** enum conn_seen - the evidence (column SEEN); conn_seen_text() gives the letters */
enum conn_seen {
	SEEN_CALLS = 0x01,
	SEEN_KERNEL = 0x02,
	SEEN_WIRE = 0x04,
	SEEN_AUDIT = 0x08,
	SEEN_BPF = 0x10,
	SEEN_EXISTING = 0x20,
	SEEN_UNATTRIBUTED = 0x40,
	/** the sources contradict each other about its identity or its owner */
	SEEN_DISPUTED = 0x80,
	SEEN_PERF = 0x100,
	/** other connections of its process may be missing: a moment of it, or io_uring(7), was not watched */
	SEEN_GAPS = 0x200,
};

/** Values of conn.state beyond the kernel's TCP_ESTABLISHED ... TCP_CLOSING (netinet/tcp.h). */
enum conn_state {
	STATE_UNKNOWN = 0,
	STATE_CLOSED = 32,
	STATE_RESET = 33,
	STATE_NUM
};

/** enum conn_reported - items that count once in a run of several slices (track/interval_delta.h) */
enum conn_reported {
	/** the attempt and its result */
	REPORTED_ATTEMPT = 0x01,
	REPORTED_HS = 0x02,
	REPORTED_QUEUE = 0x04,
	REPORTED_FIRST = 0x08,
	REPORTED_TLS = 0x10,
};

struct timeline;

/** Room for a name of ALPN, which are registered with up to 21 bytes; longer ones are cut. */
#define CONN_ALPN 32

/**
 * struct conn_tls - TLS of a connection, in packets
 * @hello_ns: when the ClientHello was sent, CONN_UNKNOWN not seen
 * @answer_ns: when the ServerHello was sent, likewise
 * @data_ns: when the side of the ClientHello sent the first record of application data after the ServerHello, likewise
 * @version: that of the ServerHello, 0 unknown
 * @alpn: protocol that the ServerHello chose, raw bytes, "" unknown
 */
struct conn_tls {
	int64_t hello_ns;
	int64_t answer_ns;
	int64_t data_ns;
	uint16_t version;
	char alpn[CONN_ALPN];
};

/**
 * struct conn - a connection as given to reports
 *
 * All values are settled: an unknown one is CONN_UNKNOWN (or the enum's UNKNOWN, or NULL). track/record.c computes them
 * from the evidence; report/rows/columns.def has their description for users.
 *
 * @flow: local is the traced side, also when the other one opened
 * @id: number within the run, from 1
 * @cookie: socket cookie, 0 unknown
 * @seen: enum conn_seen bits
 * @start_ns: first sign of it, since the epoch
 * @end_ns: last sign of it
 * @began_ns: when its handshake began: @start_ns, or earlier where @hs_ns and @queue_ns show it; unknown when it is
 *            older than its first sign
 * @error: errno of the outcome as the program would see it, 0 none, -1 unknown
 * @icmp_version: 4 or 6 when an ICMP error ended it, else 0
 * @icmp_type: ICMP type then
 * @icmp_code: ICMP code then
 * @connect_ns: connect(2) called to outcome known
 * @hs_ns: first SYN to the ACK that finished the handshake
 * @hs_net_ns: SYN to SYN/ACK
 * @hs_ack_ns: SYN/ACK to ACK
 * @queue_ns: handshake finished to accept(2) returned
 * @syn_rtx: retransmitted SYN segments
 * @synack_rtx: retransmitted SYN/ACK segments
 * @first_answer_ns: the opener's last byte before an answer to the first byte of that
 * @xfer_ns: first to last byte of that answer; so far, of an open connection
 * @rtt_ns: smoothed round trip
 * @minrtt_ns: smallest round trip
 * @rx_bytes: payload the local side received, each byte once
 * @tx_bytes: payload the local side sent, each byte once
 * @rx_least: payload received is at least this much; @rx_bytes if that is known, unknown when nothing is known
 * @tx_least: the same of payload sent
 * @rx_pkts: frames towards the local side
 * @tx_pkts: frames from the local side
 * @copies: copies of frames, both directions, that were captured more than once; in no other count
 * @rx_wire: their bytes on the wire
 * @tx_wire: their bytes on the wire
 * @rx_retrans: segments the remote side retransmitted
 * @tx_retrans: segments the local side retransmitted
 * @ooo: segments out of order, both directions
 * @zerowin: zero-window advertisements, both directions
 * @keepalive: keep-alive probes, which do not count as retransmissions, both directions
 * @rx_fin: segments with FIN from the remote side
 * @tx_fin: segments with FIN from the local side
 * @rx_rst: segments with RST from the remote side
 * @tx_rst: segments with RST from the local side
 * @gap_ns: longest silence between two segments
 * @process: the process that opened or accepted it, NULL unknown
 * @last_process: the process that used it last, if another, else NULL
 * @timeline: its events (track/timeline.h), NULL when not requested; owned by the tracker and valid during the call
 *            only
 * @measures: where it waits, NULL unknown, or not wanted; owned by the tracker and valid during the call only
 * @tls: NULL no TLS was seen; as @measures
 * @host: name that the opener requested: HTTP Host or TLS server name, raw bytes; NULL unknown
 * @name: name for which the last answer of DNS before its begin gave the address of the remote side, raw bytes; NULL
 *	  unknown; as @measures
 * @tid: thread that opened or accepted it, 0 unknown
 * @fd: its descriptor there, -1 unknown
 * @uid: owner of the socket, -1 (as uid_t) unknown
 * @dir: enum conn_dir
 * @result: enum conn_result
 * @close: enum conn_close
 * @state: TCP state now, or STATE_CLOSED, STATE_RESET
 * @open: still open
 * @proto: that of flow, or FLOW_PROTO_MPTCP when it is a subflow of an MPTCP connection; 0: unknown whether it is
 * @why: enum suspicious_reason bits of track/suspicious.h
 * @reported: enum conn_reported bits: items reported in an earlier slice of the run; sums are then the rest
 */
struct conn {
	struct flow flow;
	uint64_t id;
	uint64_t cookie;
	uint32_t seen;
	int32_t error;
	int64_t start_ns;
	int64_t end_ns;
	int64_t began_ns;
	int64_t connect_ns;
	int64_t hs_ns;
	int64_t hs_net_ns;
	int64_t hs_ack_ns;
	int64_t queue_ns;
	int64_t first_answer_ns;
	int64_t xfer_ns;
	int64_t rtt_ns;
	int64_t minrtt_ns;
	int64_t gap_ns;
	int64_t rx_bytes;
	int64_t rx_least;
	int64_t tx_least;
	int64_t tx_bytes;
	int64_t rx_wire;
	int64_t tx_wire;
	int64_t rx_pkts;
	int64_t tx_pkts;
	int64_t copies;
	int32_t syn_rtx;
	int32_t synack_rtx;
	int32_t rx_retrans;
	int32_t tx_retrans;
	int32_t ooo;
	int32_t zerowin;
	int32_t keepalive;
	int32_t rx_fin;
	int32_t tx_fin;
	int32_t rx_rst;
	int32_t tx_rst;
	struct process *process;
	struct process *last_process;
	struct timeline *timeline;
	const struct conn_measures *measures;
	const struct conn_tls *tls;
	char *host;
	char *name;
	pid_t tid;
	int32_t fd;
	uid_t uid;
	uint8_t icmp_version;
	uint8_t icmp_type;
	uint8_t icmp_code;
	uint8_t dir;
	uint8_t result;
	uint8_t close;
	uint8_t state;
	uint8_t open;
	uint16_t why;
	uint8_t reported;
	uint8_t proto;
};

/** conn_init() - everything unknown */
void conn_init(struct conn *conn);

/** conn_dir_text() - "in", "out", or NULL when unknown */
const char *conn_dir_text(enum conn_dir dir);

/** conn_result_text() - "ok", "refused", ...; "unknown" is a value of its own here */
const char *conn_result_text(enum conn_result result);

/** conn_close_text() - "lfin", ...; NULL when unknown */
const char *conn_close_text(enum conn_close close);

/** conn_state_text() - "ESTABLISHED", ..., "closed", "reset"; NULL when unknown (names: ss(8), RFC 9293) */
const char *conn_state_text(unsigned int state);

/** Room for all letters of the SEEN column. */
#define CONN_SEEN_TEXT 11

/** conn_seen_text() - the evidence as letters, "-" when there is none; Return: @text */
const char *conn_seen_text(uint32_t seen, char text[CONN_SEEN_TEXT]);

/** conn_service_port() - port of the service: local if the remote side opened, remote if the local side did, else 0 */
uint16_t conn_service_port(const struct conn *conn);

/** conn_server() - the end that was connected to, without an address while it is unknown who opened */
const struct endpoint *conn_server(const struct conn *conn);

/** conn_client() - the end that opened, likewise */
const struct endpoint *conn_client(const struct conn *conn);

#endif
