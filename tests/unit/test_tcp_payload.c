// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * First tables: snapshots as the kernel gives them, and what must follow. Then
 * the kernel itself: connections on loopback that end in many ways, where both
 * programs are ours, so the truth is known. What tcp_payload_settle() says must be it
 * or unknown, whatever evidence is withheld.
 */
#include "unit.h"

#include "namespace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/destroy/destroy.h"
#include "system/diag.h"
#include "system/socket.h"
#include "system/tcp_info.h"
#include "system/tcp_payload.h"

#define NOT CONN_UNKNOWN

/** struct snapshot - what a row feeds; the queues count with the final counters only */
struct snapshot {
	int reason, state;
	int64_t received, sent, acked;
	int segs, unacked, notsent, rqueue, wqueue, timewait, fin;
};

/** struct row - a socket's scenario */
struct row {
	const char *scenario;
	struct snapshot looks[3];
	int64_t rx, tx;
	int close, dir;
	/** what else is known: 'o' opened, 'a' accepted, 's' shutdown, 'p' the peer sent 50,
	 * 'd' calls are not seen, 'e' ended, 'r' segments were resent, 'q' nothing without payload was sent after
	 * the first look, 'k' nothing without payload came, 'm' a subflow of MPTCP */
	const char *known;
};

#define LOOK(state, received, sent, acked, segs)                                    \
	{                                                                           \
		INFO_SAMPLE, state, received, sent, acked, segs, 0, 0, -1, -1, 0, 0 \
	}
#define AT_CLOSE(state, received, sent, acked, segs)                               \
	{                                                                          \
		INFO_CLOSE, state, received, sent, acked, segs, 0, 0, -1, -1, 0, 0 \
	}
#define DEAD(received, sent, acked, segs, unread, fin)                                             \
	{                                                                                          \
		INFO_CLOSE, TCP_CLOSE, received, sent, acked, segs, 0, 0, unread, -1, 0, FIN_##fin \
	}
#define LAST(received, sent, acked, segs, rqueue, wqueue, timewait)                                                \
	{                                                                                                          \
		INFO_DESTROY, TCP_CLOSE, received, sent, acked, segs, 0, 0, rqueue, wqueue, TIMEWAIT_##timewait, 0 \
	}
#define WIPED                                                                 \
	{                                                                     \
		INFO_DESTROY, TCP_CLOSE, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0 \
	}
#define LOST                                                          \
	{                                                             \
		INFO_DESTROY, 0, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0 \
	}

static const struct row rows[] = {
	/* --- the ending alone --- */
	{"closed first, FIN not there yet", {LAST(50, 100, 102, 1, 0, 0, PRESENT)}, 50, 100, CLOSE_LFIN, 0, "o"},
	{"closed first, FIN came with the ACK", {LAST(51, 100, 102, 1, 1, 0, PRESENT)}, 50, 100, CLOSE_LFIN, 0, "o"},
	{"peer first and end of file read, or a RST took the mini socket",
	 {LAST(51, 100, 102, 1, 0, 0, ABSENT)},
	 NOT,
	 100,
	 0,
	 0,
	 "o"},
	{"the same, not read", {LAST(51, 100, 102, 1, 0, 0, UNKNOWN)}, NOT, 100, 0, 0, "o"},
	{"a FIN not read: the two may have crossed", {LAST(51, 100, 102, 1, 1, 0, ABSENT)}, 50, 100, 0, 0, "o"},
	{"shutdown may have been called", {LAST(51, 100, 102, 1, 0, 0, PRESENT)}, NOT, 100, CLOSE_LFIN, 0, "od"},
	{"shutdown was called", {LAST(51, 100, 102, 1, 0, 0, PRESENT)}, NOT, 100, CLOSE_LFIN, 0, "os"},
	{"unread FIN and mini socket, calls unseen",
	 {LAST(51, 100, 102, 1, 1, 0, PRESENT)},
	 50,
	 100,
	 CLOSE_LFIN,
	 0,
	 "od"},
	{"shutdown was called, data unread", {LAST(51, 100, 102, 1, 9, 0, PRESENT)}, 50, 100, CLOSE_LFIN, 0, "os"},
	{"acceptor, closed first", {LAST(100, 50, 51, 1, 0, 0, PRESENT)}, 100, 50, CLOSE_LFIN, 0, "a"},
	{"opener or acceptor? both counted", {LAST(50, 100, 102, 1, 1, 0, PRESENT)}, 49, 100, CLOSE_LFIN, 0, ""},
	{"reset with data unread", {LAST(50, 100, 101, 1, 50, 0, UNKNOWN)}, NOT, 100, 0, 0, "o"},
	{"reset, nothing ever came", {LAST(0, 100, 101, 0, 0, 0, UNKNOWN)}, 0, 100, 0, 0, "o"},
	{"only a FIN came", {LAST(1, 0, 1, 0, 1, 0, UNKNOWN)}, 0, 0, 0, 0, "o"},
	{"died in SYN_SENT", {LAST(0, 0, 0, 0, 0, 1, UNKNOWN)}, 0, 0, 0, 0, "o"},
	{"died with data not sent",
	 {{INFO_DESTROY, TCP_CLOSE, 0, 100, 33, 0, 0, 901, 0, 969, 0, 0}},
	 0,
	 100,
	 0,
	 0,
	 "o"},
	{"no counters of payload (Linux 4.18)", {LAST(50, -1, 102, 1, 0, 0, PRESENT)}, 50, 100, CLOSE_LFIN, 0, "o"},
	{"the same, who opened is not known", {LAST(50, -1, 102, 1, 0, 0, PRESENT)}, 50, NOT, CLOSE_LFIN, 0, ""},
	{"own host dropped what it sent", {LAST(50, 110, 102, 1, 0, 0, PRESENT)}, 50, 100, CLOSE_LFIN, 0, "o"},
	{"the same, no mini socket", {LAST(51, 110, 102, 1, 0, 0, ABSENT)}, NOT, NOT, 0, 0, "o"},
	/* --- the opener, by the final counters alone --- */
	{"SYN and FIN are acknowledged", {LAST(50, 100, 102, 3, 0, 0, PRESENT)}, 50, 100, CLOSE_LFIN, DIR_OUT, ""},
	/* --- lost final counters --- */
	{"unknown", {LOOK(TCP_ESTABLISHED, 50, 100, 101, 3), LOST}, NOT, NOT, 0, DIR_OUT, ""},
	{"closed during a sample, in an unknown way",
	 {AT_CLOSE(TCP_ESTABLISHED, 50, 100, 101, 3), LOST},
	 50,
	 100,
	 0,
	 DIR_OUT,
	 ""},
	/* --- payload alone (MPTCP) --- */
	{"MPTCP lives", {LOOK(TCP_CLOSE_WAIT, 50, 100, -1, -1)}, 50, 100, 0, 0, "o"},
	{"MPTCP was closed", {AT_CLOSE(TCP_ESTABLISHED, 50, 100, -1, -1)}, 50, 100, 0, 0, "ae"},
	{"MPTCP was closed between samples", {LOOK(TCP_ESTABLISHED, 50, 100, -1, -1)}, NOT, NOT, 0, 0, "ae"},
	{"MPTCP was closed before all was sent",
	 {{INFO_CLOSE, TCP_ESTABLISHED, 50, 100, -1, -1, -1, 7, -1, -1, 0, 0}},
	 50,
	 NOT,
	 0,
	 0,
	 "ae"},
	/* --- anchors --- */
	{"one byte was dropped by its own host",
	 {LOOK(TCP_ESTABLISHED, 50, 2, 1, 1), LAST(51, 2, 2, 1, 1, 0, ABSENT)},
	 50,
	 1,
	 0,
	 0,
	 "a"},
	{"and one was sent since",
	 {LOOK(TCP_ESTABLISHED, 50, 2, 1, 1), LAST(51, 3, 3, 1, 1, 0, ABSENT)},
	 50,
	 2,
	 0,
	 0,
	 "a"},
	{"the queue was read before the program sent more",
	 {{INFO_SAMPLE, TCP_ESTABLISHED, 50, 100, 60, 3, 2, 0, -1, 17, 0, 0}, LAST(51, 120, 121, 3, 1, 0, ABSENT)},
	 50,
	 120,
	 0,
	 0,
	 "a"},
	{"no data since the look",
	 {LOOK(TCP_ESTABLISHED, 50, 100, 101, 3), LAST(51, 100, 101, 3, 0, 0, UNKNOWN)},
	 50,
	 100,
	 0,
	 DIR_OUT,
	 ""},
	{"data since the look",
	 {LOOK(TCP_ESTABLISHED, 50, 100, 101, 3), LAST(61, 100, 101, 4, 0, 0, UNKNOWN)},
	 NOT,
	 100,
	 0,
	 DIR_OUT,
	 ""},
	{"FIN known since the look",
	 {LOOK(TCP_CLOSE_WAIT, 51, 100, 101, 3), LAST(51, 120, 122, 3, 0, 0, UNKNOWN)},
	 50,
	 120,
	 CLOSE_RFIN,
	 DIR_OUT,
	 ""},
	{"nothing came since the look",
	 {LOOK(TCP_ESTABLISHED, 50, 100, 100, 3), LAST(50, 100, 100, 3, 50, 0, UNKNOWN)},
	 50,
	 100,
	 0,
	 DIR_IN,
	 ""},
	{"an old look comes late",
	 {LOOK(TCP_CLOSE_WAIT, 51, 100, 101, 3), LOOK(TCP_ESTABLISHED, 10, 0, 1, 1)},
	 50,
	 100,
	 CLOSE_RFIN,
	 DIR_OUT,
	 ""},
	/* --- a look at the entry of close(2) --- */
	{"close looked at: peer first",
	 {AT_CLOSE(TCP_CLOSE_WAIT, 51, 100, 101, 3), LAST(51, 100, 102, 3, 0, 0, ABSENT)},
	 50,
	 100,
	 CLOSE_RFIN,
	 DIR_OUT,
	 ""},
	{"close looked at: closed first, no mini socket left",
	 {AT_CLOSE(TCP_ESTABLISHED, 50, 100, 101, 3), LAST(50, 100, 102, 4, 0, 0, ABSENT)},
	 50,
	 100,
	 0,
	 DIR_OUT,
	 ""},
	{"close looked at: FIN answered with a RST",
	 {AT_CLOSE(TCP_ESTABLISHED, 50, 100, 101, 3), LAST(50, 100, 101, 4, 0, 1, ABSENT)},
	 50,
	 100,
	 0,
	 DIR_OUT,
	 ""},
	{"close looked at: data came into the gap",
	 {AT_CLOSE(TCP_ESTABLISHED, 50, 100, 101, 3), LAST(90, 100, 102, 4, 0, 0, ABSENT)},
	 NOT,
	 100,
	 0,
	 DIR_OUT,
	 ""},
	{"close looked at: unread, so reset",
	 {AT_CLOSE(TCP_ESTABLISHED, 50, 100, 101, 3), LAST(50, 100, 101, 3, 7, 0, UNKNOWN)},
	 50,
	 100,
	 CLOSE_LRST,
	 DIR_OUT,
	 ""},
	{"close looked at: was reset before",
	 {LOOK(TCP_ESTABLISHED, 50, 100, 101, 3), AT_CLOSE(TCP_CLOSE, 50, 100, 101, 3),
	  LAST(50, 100, 101, 3, 0, 0, UNKNOWN)},
	 50,
	 100,
	 0,
	 DIR_OUT,
	 ""},
	{"the same, nothing went out that can be a RST",
	 {LOOK(TCP_ESTABLISHED, 50, 100, 101, 3), AT_CLOSE(TCP_CLOSE, 50, 100, 101, 3),
	  LAST(50, 100, 101, 3, 0, 0, UNKNOWN)},
	 50,
	 100,
	 CLOSE_RRST,
	 DIR_OUT,
	 "q"},
	{"killed: nothing came that can be a RST",
	 {LOOK(TCP_ESTABLISHED, 50, 100, 101, 3), LAST(50, 100, 101, 3, 0, 0, UNKNOWN)},
	 50,
	 100,
	 CLOSE_LRST,
	 DIR_OUT,
	 "k"},
	{"shutdown entered, the peer's FIN came meanwhile",
	 {{INFO_SHUTDOWN, TCP_ESTABLISHED, 50, 100, 101, 3, 0, 0, -1, -1, 0, 0}, LAST(51, 100, 102, 3, 1, 0, ABSENT)},
	 50,
	 100,
	 0,
	 DIR_OUT,
	 "s"},
	{"shutdown entered, and our FIN was the first",
	 {{INFO_SHUTDOWN, TCP_ESTABLISHED, 50, 100, 101, 3, 0, 0, -1, -1, 0, 0}, LAST(51, 100, 102, 3, 1, 0, PRESENT)},
	 50,
	 100,
	 CLOSE_LFIN,
	 DIR_OUT,
	 "s"},
	{"closed, and the peer's FIN came unread: perhaps before ours",
	 {AT_CLOSE(TCP_ESTABLISHED, 50, 100, 101, 3), LAST(51, 100, 102, 3, 1, 0, UNKNOWN)},
	 50,
	 100,
	 0,
	 DIR_OUT,
	 "s"},
	{"half closed, all done before close",
	 {AT_CLOSE(TCP_CLOSE, 51, 100, 102, 1), LAST(51, 100, 102, 1, 0, 0, PRESENT)},
	 50,
	 100,
	 CLOSE_LFIN,
	 0,
	 "os"},
	{"half closed, no mini socket",
	 {AT_CLOSE(TCP_CLOSE, 51, 100, 102, 1), LAST(51, 100, 102, 1, 0, 0, ABSENT)},
	 NOT,
	 100,
	 0,
	 0,
	 "os"},
	{"SO_LINGER without time",
	 {AT_CLOSE(TCP_ESTABLISHED, 50, 100, 101, 3), WIPED},
	 50,
	 100,
	 CLOSE_LRST,
	 DIR_OUT,
	 ""},
	{"the same, close not looked at", {LOOK(TCP_ESTABLISHED, 50, 100, 101, 3), WIPED}, NOT, NOT, 0, DIR_OUT, ""},
	{"disconnected, then closed",
	 {LOOK(TCP_ESTABLISHED, 50, 100, 101, 3), AT_CLOSE(TCP_CLOSE, 0, 0, 0, 0), WIPED},
	 NOT,
	 NOT,
	 0,
	 DIR_OUT,
	 ""},
	{"no final counters", {AT_CLOSE(TCP_ESTABLISHED, 50, 100, 101, 3)}, 50, 100, 0, DIR_OUT, "e"},
	{"no final counters, data waiting",
	 {{INFO_CLOSE, TCP_ESTABLISHED, 50, 100, 90, 3, 2, 500, -1, -1, 0, 0}},
	 50,
	 NOT,
	 0,
	 0,
	 "e"},
	{"no final counters, only a look", {LOOK(TCP_ESTABLISHED, 50, 100, 101, 3)}, NOT, NOT, 0, DIR_OUT, "e"},
	/* --- dead before it was closed, all read: the kernel tells; some unread: the queue does --- */
	{"reset, no FIN before",
	 {DEAD(50, 100, 101, 1, 0, NOT_RECEIVED), LAST(50, 100, 101, 1, 0, 0, UNKNOWN)},
	 50,
	 100,
	 0,
	 0,
	 "o"},
	{"reset with data under way",
	 {DEAD(50, 100, 91, 1, 0, NOT_RECEIVED), LAST(50, 100, 91, 1, 0, 10, UNKNOWN)},
	 50,
	 100,
	 0,
	 0,
	 "o"},
	{"reset or timed out",
	 {DEAD(50, 100, 91, 1, 0, NOT_RECEIVED), LAST(50, 100, 91, 1, 0, 10, UNKNOWN)},
	 50,
	 100,
	 0,
	 0,
	 "or"},
	{"reset after the FIN",
	 {DEAD(51, 100, 101, 1, 0, RECEIVED), LAST(51, 100, 101, 1, 1, 0, UNKNOWN)},
	 50,
	 100,
	 0,
	 0,
	 "o"},
	{"reset with data unread",
	 {DEAD(50, 100, 101, 1, 7, UNKNOWN), LAST(50, 100, 101, 1, 7, 0, UNKNOWN)},
	 50,
	 100,
	 0,
	 0,
	 "o"},
	{"reset with data and FIN unread",
	 {DEAD(51, 100, 101, 1, 7, UNKNOWN), LAST(51, 100, 101, 1, 8, 0, UNKNOWN)},
	 50,
	 100,
	 0,
	 0,
	 "o"},
	{"wiped by close(2) after the peer's FIN",
	 {AT_CLOSE(TCP_CLOSE_WAIT, 51, 100, 101, 3), WIPED},
	 50,
	 100,
	 CLOSE_LRST,
	 DIR_OUT,
	 ""},
	{"a subflow has no final counters",
	 {AT_CLOSE(TCP_CLOSE_WAIT, 51, 100, 101, 3), WIPED},
	 50,
	 100,
	 CLOSE_RFIN,
	 DIR_OUT,
	 "m"},
	/* --- alive --- */
	{"alive", {LOOK(TCP_ESTABLISHED, 50, 100, 101, 3)}, 50, 100, 0, DIR_OUT, ""},
	{"alive, half closed by us", {LOOK(TCP_FIN_WAIT2, 50, 100, 101, 3)}, 50, 100, CLOSE_LFIN, DIR_IN, ""},
	{"alive, the FINs have crossed", {LOOK(TCP_CLOSING, 51, 100, 101, 3)}, 50, 100, 0, DIR_UNKNOWN, ""},
	{"alive, data under way",
	 {{INFO_SAMPLE, TCP_ESTABLISHED, 50, 100, 60, 3, 2, 0, -1, -1, 0, 0}},
	 50,
	 100,
	 0,
	 DIR_UNKNOWN,
	 ""},
	{"alive, and the queue was read before the program sent more",
	 {{INFO_SAMPLE, TCP_ESTABLISHED, 50, 100, 60, 3, 2, 0, -1, 17, 0, 0}},
	 50,
	 NOT,
	 0,
	 0,
	 "a"},
	{"alive, only the SYN is more",
	 {{INFO_SAMPLE, TCP_ESTABLISHED, 0, 100, 101, 0, 2, 0, -1, -1, 0, 0}},
	 0,
	 100,
	 0,
	 DIR_OUT,
	 ""},
	/* --- the other end and the wire --- */
	{"the peer sent as much", {LAST(51, 100, 101, 1, 0, 0, UNKNOWN)}, 50, 100, 0, 0, "op"},
	{"the peer's FIN did not come", {LAST(50, 100, 101, 1, 50, 0, UNKNOWN)}, 50, 100, 0, 0, "op"},
	{"the peer sent less than came: no evidence", {LAST(60, 100, 101, 1, 60, 0, UNKNOWN)}, NOT, 100, 0, 0, "op"},
	{"absence contradicted by the other end", {LAST(50, 100, 102, 1, 0, 0, ABSENT)}, 50, 100, CLOSE_LFIN, 0, "op"},
};

static void feed_row(struct tcp_payload *tcp_payload, const struct row *row)
{
	tcp_payload_init(tcp_payload);
	for (const char *known = row->known; *known != '\0'; known++) {
		if (*known == 'o' || *known == 'a')
			tcp_payload_opener(tcp_payload, *known == 'o' ? DIR_OUT : DIR_IN);
		else if (*known == 's')
			tcp_payload_shutdown(tcp_payload, SHUT_WR);
		else if (*known == 'p')
			tcp_payload_peer_sent(tcp_payload, 50);
		else if (*known == 'd')
			tcp_payload_calls_unseen(tcp_payload);
		else if (*known == 'e')
			tcp_payload_ended(tcp_payload);
	}
	for (size_t i = 0; i < 3 && (row->looks[i].state != 0 || row->looks[i].reason != 0); i++) {
		const struct snapshot *look = &row->looks[i];
		struct event_info info;

		tcp_info_unknown(&info);
		info.reason = (uint8_t)look->reason;
		info.state = (uint8_t)look->state;
		info.bytes_received = look->received;
		info.bytes_acked = look->acked;
		/* Resent bytes are sent bytes. */
		info.bytes_sent = look->sent < 0 ? -1 : look->sent + 1000;
		info.bytes_retrans = look->sent < 0 ? -1 : 1000;
		info.data_segs_in = look->segs;
		info.segs_in = look->segs + (strchr(row->known, 'k') != NULL ? 4 : 4 + (int)i);
		info.data_segs_out = 1;
		info.segs_out = strchr(row->known, 'q') != NULL ? 3 : 3 + (int)i;
		info.unacked = look->unacked;
		info.notsent_bytes = look->notsent;
		info.rqueue = look->rqueue;
		info.total_retrans = strchr(row->known, 'r') != NULL;
		info.wqueue = look->wqueue;
		info.timewait = (uint8_t)look->timewait;
		info.fin = (uint8_t)look->fin;
		info.mptcp = strchr(row->known, 'm') != NULL ? MPTCP_PART : MPTCP_NO;
		tcp_payload_feed(tcp_payload, &info);
	}
}

static void tables_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct tcp_payload tcp_payload;
		int64_t rx, tx;

		feed_row(&tcp_payload, row);
		tcp_payload_settle(&tcp_payload, &rx, &tx);
		if (rx != row->rx || tx != row->tx || tcp_payload_close(&tcp_payload) != (enum conn_close)row->close)
			print_error("%s: rx %lld tx %lld close %d\n", row->scenario, (long long)rx, (long long)tx,
				    tcp_payload_close(&tcp_payload));
		assert_int_equal(rx, row->rx);
		assert_int_equal(tx, row->tx);
		assert_int_equal(tcp_payload_close(&tcp_payload), row->close);
		if (strchr(row->known, 'k') != NULL)
			assert_true(tcp_payload_died(&tcp_payload) && tcp_payload_was_cut(&tcp_payload));
		if (row->dir != 0)
			assert_int_equal(tcp_payload_direction(&tcp_payload), row->dir);
	}
}

static void other_ends_word_counts(void **state)
{
	struct event_info info;

	(void)state;
	tcp_info_unknown(&info);
	info.reason = INFO_DESTROY;
	assert_int_equal(tcp_payload_final_sent(&info), CONN_UNKNOWN);
	info.bytes_received = 0;
	info.bytes_sent = 150;
	info.bytes_retrans = 50;
	info.bytes_acked = 102;
	info.notsent_bytes = info.wqueue = 0;
	assert_int_equal(tcp_payload_final_sent(&info), 100);
	/* More sent than the sequence numbers allow: dropped by its own host. */
	info.bytes_sent = 250;
	assert_int_equal(tcp_payload_final_sent(&info), CONN_UNKNOWN);
}

/* ---- the kernel itself ---------------------------------------------------------- */

/** struct end - one end of a connection and the truth about it */
struct end {
	int fd;
	struct event look;
	struct event last;
	int64_t rx, tx;
	/** the peer's data no longer gets in */
	bool deaf;
	bool used_shutdown;
	struct tcp_payload tcp_payload;
};

/** enum first - what ended the connection */
enum first {
	FIRST_NONE,
	FIRST_FIN,
	FIRST_RST,
};

/** struct live - what a run needs */
struct live {
	struct destroy *destroy;
	struct diag *diag;
	struct queue *queue;
	struct end ends[2];
	unsigned int random;
	bool look_at_close;
	enum first first;
	/** which end did it */
	int who;
	/** ends that may have sent a RST */
	bool resets[2];
};

static unsigned int dice(struct live *live, unsigned int sides)
{
	live->random = live->random * 1103515245U + 12345U;
	return (live->random >> 16) % sides;
}

static void look(struct end *end, enum info_reason reason)
{
	assert_int_equal(socket_read(end->fd, &end->look), 0);
	end->look.info.reason = (uint8_t)reason;
	tcp_payload_feed(&end->tcp_payload, &end->look.info);
}

static void connect_ends(struct live *live)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(live->ends, 0, sizeof(live->ends));
	live->first = FIRST_NONE;
	live->resets[0] = live->resets[1] = false;
	assert_return_code(bind(listener, (struct sockaddr *)&address, sizeof(address)), errno);
	assert_return_code(listen(listener, 1), errno);
	assert_return_code(getsockname(listener, (struct sockaddr *)&address, &length), errno);
	live->ends[0].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(connect(live->ends[0].fd, (struct sockaddr *)&address, sizeof(address)), errno);
	live->ends[1].fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_return_code(live->ends[1].fd, errno);
	close(listener);
	for (int i = 0; i < 2; i++) {
		tcp_payload_init(&live->ends[i].tcp_payload);
		look(&live->ends[i], i == 0 ? INFO_CONNECT : INFO_ACCEPT);
		assert_int_equal(tcp_payload_direction(&live->ends[i].tcp_payload), i == 0 ? DIR_OUT : DIR_IN);
	}
}

/** arrived() - wait until the end has taken in all it can: loopback is quick but not immediate */
static void arrived(struct end *end)
{
	int64_t limit = clock_monotonic() + 5 * CLOCK_NS_PER_SEC;
	struct event event;

	while (end->fd >= 0 && !end->deaf && clock_monotonic() < limit) {
		assert_int_equal(socket_read(end->fd, &event), 0);
		if (event.info.bytes_received >= end->rx || event.info.state == TCP_CLOSE)
			return;
		sched_yield();
	}
}

/** heard() - wait until the other end has taken in this one's FIN or RST, so that who was first is certain */
static void heard(const struct live *live, int from)
{
	const struct end *other = &live->ends[1 - from];
	int64_t limit = clock_monotonic() + 5 * CLOCK_NS_PER_SEC;
	struct event event;

	while (other->fd >= 0 && clock_monotonic() < limit) {
		assert_int_equal(socket_read(other->fd, &event), 0);
		if (event.info.state != TCP_ESTABLISHED && event.info.state != TCP_FIN_WAIT1 &&
		    event.info.state != TCP_FIN_WAIT2)
			return;
		sched_yield();
	}
}

static void send_some(struct live *live, int from)
{
	static const char tcp_payload[20000];
	struct end *end = &live->ends[from], *other = &live->ends[1 - from];
	size_t want = 1 + dice(live, dice(live, 2) ? 10 : sizeof(tcp_payload) - 1);
	ssize_t sent;

	if (end->fd < 0)
		return;
	sent = send(end->fd, tcp_payload, want, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return;
	end->tx += sent;
	if (other->fd >= 0 && !other->deaf)
		other->rx += sent;
	else
		live->resets[1 - from] = true;
	arrived(other);
}

static void receive_some(struct live *live, int at)
{
	char tcp_payload[20000];

	if (live->ends[at].fd >= 0)
		(void)!recv(live->ends[at].fd, tcp_payload, 1 + dice(live, sizeof(tcp_payload) - 1), MSG_DONTWAIT);
}

static void ends_by(struct live *live, int which, enum first first)
{
	if (live->first != FIRST_NONE)
		return;
	live->first = first;
	live->who = which;
}

static void close_end(struct live *live, int which)
{
	struct end *end = &live->ends[which];
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	enum first first = FIRST_FIN;
	int unread;

	if (end->fd < 0)
		return;
	assert_return_code(ioctl(end->fd, FIONREAD, &unread), errno);
	if (unread > 0)
		first = FIRST_RST;
	if (dice(live, 8) == 0) {
		setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		first = FIRST_RST;
	}
	live->resets[which] |= first == FIRST_RST;
	ends_by(live, which, first);
	if (live->look_at_close)
		look(end, INFO_CLOSE);
	close(end->fd);
	end->fd = -1;
	heard(live, which);
}

static void shut_end(struct live *live, int which)
{
	static const int hows[] = {SHUT_WR, SHUT_WR, SHUT_RDWR};
	struct end *end = &live->ends[which];
	int how = hows[dice(live, 3)];

	if (end->fd < 0 || end->used_shutdown || shutdown(end->fd, how) != 0)
		return;
	end->used_shutdown = true;
	ends_by(live, which, FIRST_FIN);
	/* What comes after SHUT_RDWR is answered with a RST. */
	if (how == SHUT_RDWR)
		end->deaf = true;
	tcp_payload_shutdown(&end->tcp_payload, how);
	if (dice(live, 2))
		look(end, INFO_SHUTDOWN);
	heard(live, which);
}

/** hear_last_words() - of both ends */
static void hear_last_words(struct live *live)
{
	int64_t limit = clock_monotonic() + 10 * CLOCK_NS_PER_SEC;
	struct pollfd poller = {.fd = destroy_fd(live->destroy), .events = POLLIN};
	int missing = 2;

	while (missing > 0 && clock_monotonic() < limit) {
		struct event event;

		poll(&poller, 1, 100);
		assert_true(destroy_read(live->destroy, live->queue, NULL) >= 0);
		while (queue_pop(live->queue, &event)) {
			for (int i = 0; i < 2; i++) {
				if (event.type != EVENT_INFO || event.info.cookie != live->ends[i].look.info.cookie)
					continue;
				live->ends[i].last = event;
				missing--;
			}
		}
	}
	assert_int_equal(missing, 0);
}

/** struct result - over all connections */
struct result {
	int known_rx, known_tx, known_close, ends;
};

/* Lower bounds are never too high, and of final counters at most the FIN too low. */
static void judge_least(const struct end *end)
{
	int64_t rx, tx;

	tcp_payload_least(&end->tcp_payload, &rx, &tx);
	assert_true(rx <= end->rx);
	assert_true(tx <= end->tx);
	if (end->tcp_payload.final && !end->tcp_payload.disconnected)
		assert_true(rx >= end->rx - 1);
}

static void judge(struct live *live, int which, struct result *result, unsigned int seed)
{
	struct end *end = &live->ends[which];
	enum conn_close close, truth;
	int64_t rx, tx, sent = end->tx;

	/* On a busy processor ACKs come late; Nagle's algorithm then holds a small segment back, which a RST discards.
	 */
	if (end->last.info.bytes_sent >= 0 && end->last.info.bytes_sent < sent)
		sent = end->last.info.bytes_sent;
	end->last.info.timewait = (uint8_t)diag_timewait(live->diag, &end->last.flow, end->look.info.cookie);
	tcp_payload_feed(&end->tcp_payload, &end->last.info);
	tcp_payload_settle(&end->tcp_payload, &rx, &tx);
	if ((rx != CONN_UNKNOWN && rx != end->rx) || (tx != CONN_UNKNOWN && tx != sent))
		print_error("seed %u end %d: rx %lld of %lld, tx %lld of %lld; last received %lld acked %lld sent %lld "
			    "rqueue %d wqueue %d timewait %d\n",
			    seed, which, (long long)rx, (long long)end->rx, (long long)tx, (long long)end->tx,
			    (long long)end->last.info.bytes_received, (long long)end->last.info.bytes_acked,
			    (long long)end->last.info.bytes_sent, end->last.info.rqueue, end->last.info.wqueue,
			    end->last.info.timewait);
	if (rx != CONN_UNKNOWN)
		assert_int_equal(rx, end->rx);
	if (tx != CONN_UNKNOWN)
		assert_int_equal(tx, sent);
	judge_least(end);
	close = tcp_payload_close(&end->tcp_payload);
	if (live->first == FIRST_FIN)
		truth = live->who == which ? CLOSE_LFIN : CLOSE_RFIN;
	else
		truth = live->who == which ? CLOSE_LRST : CLOSE_RRST;
	/* A RST that came after a FIN. */
	if ((close == CLOSE_LRST && live->resets[which]) || (close == CLOSE_RRST && live->resets[1 - which]))
		truth = close;
	if (close != CLOSE_UNKNOWN && close != truth)
		print_error("seed %u end %d: close %d, not %d\n", seed, which, close, truth);
	if (close != CLOSE_UNKNOWN)
		assert_int_equal(close, truth);
	result->known_close += close != CLOSE_UNKNOWN;
	result->ends++;
	result->known_rx += rx != CONN_UNKNOWN;
	result->known_tx += tx != CONN_UNKNOWN;
}

static void run_scenario(struct live *live, unsigned int seed, struct result *result)
{
	unsigned int steps;

	live->random = seed;
	connect_ends(live);
	steps = dice(live, 12);
	for (unsigned int step = 0; step < steps; step++) {
		int which = (int)dice(live, 2);

		switch (dice(live, 8)) {
		case 0:
		case 1:
		case 2:
			send_some(live, which);
			break;
		case 3:
		case 4:
		case 5:
			receive_some(live, which);
			break;
		case 6:
			shut_end(live, which);
			break;
		default:
			if (dice(live, 3) == 0)
				close_end(live, which);
			break;
		}
	}
	for (int i = 0; i < 4; i++)
		receive_some(live, i % 2);
	close_end(live, (int)dice(live, 2));
	if (dice(live, 2))
		receive_some(live, (int)dice(live, 2));
	close_end(live, 0);
	close_end(live, 1);
	hear_last_words(live);
	judge(live, 0, result, seed);
	judge(live, 1, result, seed);
}

/** tells_fin() - does this kernel tell whether a dead socket had taken in a FIN? */
static bool tells_fin(struct live *live)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	struct event event;

	connect_ends(live);
	setsockopt(live->ends[0].fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(live->ends[0].fd);
	assert_int_equal(socket_read(live->ends[1].fd, &event), 0);
	close(live->ends[1].fd);
	return event.info.fin != FIN_UNKNOWN;
}

static void kernel_is_understood(void **state)
{
	enum {
		SCENARIOS = 1000
	};
	struct destroy_config config = {.disconnected = true};
	struct live live = {0};

	(void)state;
	assert_int_equal(destroy_open(&live.destroy, &config, NULL), 0);
	assert_int_equal(diag_open(&live.diag, 0, NULL), 0);
	live.queue = queue_new(sizeof(struct event), 100000);
	for (int at_close = 0; at_close < 2; at_close++) {
		struct result result = {0};

		live.look_at_close = at_close;
		for (unsigned int seed = 1; seed <= SCENARIOS; seed++)
			run_scenario(&live, seed, &result);
		print_message("# close %s: rx known of %d, tx of %d, how it ended of %d of %d ends\n",
			      at_close ? "looked at" : "not looked at", result.known_rx, result.known_tx,
			      result.known_close, result.ends);
		/*
		 * Unknown is always right, so it must not be said too often. With close(2) looked at it is
		 * never needed, unless the kernel is too old to tell of a FIN after the end.
		 */
		assert_true(result.known_rx >= result.ends * (at_close && tells_fin(&live) ? 10 : 6) / 10);
		assert_true(result.known_tx >= result.ends * (at_close ? 10 : 9) / 10);
		assert_true(result.known_close >= result.ends * (at_close ? 7 : 4) / 10);
	}
	queue_free(live.queue);
	diag_close(live.diag);
	destroy_close(live.destroy);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_hold),
		cmocka_unit_test(other_ends_word_counts),
		cmocka_unit_test(kernel_is_understood),
	};

	namespace_enter();
	return UNIT_RUN(tests);
}
