// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/suspicious.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "base/words.h"
#include "model/columns.h"
#include "track/record.h"

static const char *const words[] = {"failed", "reset", "syn-rtx", "retrans", "slow",    "gap",  "long",   "frag",
				    "dup",    "idle",  "open",    "kernel",  "timeout", "rwnd", "sndbuf", "app"};

TABLE_COVERS(words, SUSPICIOUS_NUM);
_Static_assert(sizeof("failed,reset,syn-rtx,retrans,slow,gap,long,frag,dup,idle,open,kernel,timeout,rwnd,sndbuf,app") <=
		       SUSPICIOUS_TEXT,
	       "all of them fit");

const char *suspicious_word(unsigned int index)
{
	return words[index];
}

static int parse_word(const char *word, uint16_t *reasons, struct err *err)
{

	for (unsigned int i = 0; i < SUSPICIOUS_NUM; i++) {
		if (strcmp(word, words[i]) == 0) {
			*reasons |= (uint16_t)(1u << i);
			return 0;
		}
	}
	return err_set(err, EINVAL,
		       ERR_QUOTED
		       " is no reason; allowed are failed, reset, syn-rtx, retrans, slow, gap, long, frag, dup, "
		       "idle, open, kernel, timeout, rwnd, sndbuf and app",
		       word);
}

int suspicious_parse(const char *list, uint16_t *reasons, struct err *err)
{
	struct words words = words_open(list);
	const char *word;
	uint16_t parsed = *reasons;
	int error = 0;

	while (error == 0 && (word = words_next(&words)) != NULL)
		error = parse_word(word, &parsed, err);
	words_close(&words);
	if (error == 0)
		*reasons = parsed;
	return error;
}

const char *suspicious_text(uint16_t reasons, char text[SUSPICIOUS_TEXT])
{
	char *end = text;

	for (unsigned int i = 0; i < SUSPICIOUS_NUM; i++) {
		if (!(reasons >> i & 1))
			continue;
		if (end != text)
			*end++ = ',';
		end = stpcpy(end, words[i]);
	}
	return end != text ? text : NULL;
}

/* An unknown value, and a limit that is off, are -1. */
static bool is_over(int64_t value, int64_t limit)
{
	return limit >= 0 && value > limit;
}

static bool was_reset(const struct record *record, const struct conn *conn)
{
	/* Its RST is the refusal, even if the SYN was not captured, as where a packet filter of this host rejects it.
	 */
	if (conn->result == RESULT_REFUSED)
		return false;
	/* A RST that was not captured counts too. */
	if (record->wire != NULL && wire_is_finished(record->wire))
		return wire_was_cut(record->wire);
	return conn->result == RESULT_RESET || tcp_payload_was_cut(&record->evidence->tcp_payload);
}

/* A RST of this host after which the socket goes on is not the socket's. */
static bool outlived_reset(const struct record *record, const struct conn *conn)
{
	const struct evidence *evidence = record->evidence;

	return conn->close == CLOSE_LRST && wire_is_finished(record->wire) && evidence->kernel_state != TCP_CLOSE &&
	       evidence->sample_ns > wire_last_ns(record->wire) && wire_last_ns(record->wire) >= 0;
}

/* Reasons for an end that neither program caused. */
static uint16_t by_whom(const struct record *record, const struct conn *conn)
{
	const struct tcp_payload *tcp_payload = &record->evidence->tcp_payload;

	if (record->wire != NULL && (wire_was_reset_here(record->wire) || outlived_reset(record, conn)))
		return SUSPICIOUS_KERNEL;
	if (conn->close != CLOSE_RRST && tcp_payload_was_given_up(tcp_payload))
		return SUSPICIOUS_TIMEOUT;
	return conn->close == CLOSE_LRST && tcp_payload_died(tcp_payload) ? SUSPICIOUS_KERNEL : 0;
}

static bool was_resent(const struct record *record, const struct conn *conn, int64_t limit)
{
	if (limit == 0)
		return columns_retrans(conn) > 0;
	return limit > 0 && record->wire != NULL && wire_late_ns(record->wire) >= limit;
}

/* Whether one side waits for the other to open or close it. */
static bool is_half_open(unsigned int state)
{
	return state == TCP_SYN_SENT || state == TCP_SYN_RECV || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
	       state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

/* The kernel's counters do not contain the time of the last segment, so only packets show silence. */
static bool is_idle(const struct record *record, const struct conn *conn, const struct suspicious_limits *limits,
		    int64_t now_ns)
{
	int64_t silence;

	if (is_over(conn->gap_ns, limits->idle_ns))
		return true;
	if (!conn->open || record->wire == NULL || record->blind)
		return false;
	silence = clock_span(wire_last_ns(record->wire), now_ns);
	return is_over(silence, limits->idle_ns) ||
	       (limits->idle_ns >= 0 && is_half_open(conn->state) && is_over(silence, limits->half_open_ns));
}

static bool is_most(int32_t held_ms, int32_t busy_ms, int64_t limit_ns)
{
	return is_over(held_ms * CLOCK_NS_PER_MS, limit_ns) && held_ms > busy_ms / 2;
}

/* Reasons for a wait that the kernel measures. */
static unsigned int held_up(const struct conn_measures *measures, const struct suspicious_limits *limits)
{
	const struct measures *tcp;
	unsigned int reasons = 0;

	if (measures == NULL || !measures->is_current)
		return 0;
	tcp = &measures->tcp;
	if (is_most(tcp->rwnd_ms, tcp->busy_ms, limits->limited_ns))
		reasons |= SUSPICIOUS_RWND;
	if (is_most(tcp->sndbuf_ms, tcp->busy_ms, limits->limited_ns))
		reasons |= SUSPICIOUS_SNDBUF;
	if (measures->unread > 0 && is_over(tcp->silent_ms * CLOCK_NS_PER_MS, limits->slow_ns))
		reasons |= SUSPICIOUS_APP;
	return reasons;
}

uint16_t suspicious_judge(const struct record *record, const struct conn *conn, const struct suspicious_limits *limits,
			  int64_t now_ns)
{
	int64_t lasted = clock_span(conn->start_ns, conn->open ? now_ns : conn->end_ns);
	unsigned int reasons = held_up(conn->measures, limits);

	reasons |= conn_has_failed(conn->result) ? SUSPICIOUS_FAILED : 0;
	reasons |= was_reset(record, conn) ? SUSPICIOUS_RESET : 0;
	reasons |= conn->syn_rtx > 0 || conn->synack_rtx > 0 ? SUSPICIOUS_SYN_RTX : 0;
	reasons |= was_resent(record, conn, limits->retrans_ns) ? SUSPICIOUS_RETRANS : 0;
	if (is_over(conn->hs_ns, limits->slow_ns) || is_over(conn->connect_ns, limits->slow_ns) ||
	    is_over(conn->queue_ns, limits->slow_ns))
		reasons |= SUSPICIOUS_SLOW;
	reasons |= is_over(conn->gap_ns, limits->gap_ns) ? SUSPICIOUS_GAP : 0;
	reasons |= is_over(lasted, limits->long_ns) ? SUSPICIOUS_LONG : 0;
	reasons |= record->wire != NULL && wire_had_fragments(record->wire) ? SUSPICIOUS_FRAG : 0;
	reasons |= record->duplicate ? SUSPICIOUS_DUP : 0;
	reasons |= is_idle(record, conn, limits, now_ns) ? SUSPICIOUS_IDLE : 0;
	reasons |= conn->open ? SUSPICIOUS_OPEN : 0;
	reasons |= by_whom(record, conn);
	return (uint16_t)(reasons & limits->reasons);
}
