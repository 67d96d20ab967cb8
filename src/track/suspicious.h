/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_SUSPICIOUS_H
#define CONNTRACE_TRACK_SUSPICIOUS_H

#include <stdint.h>

#include "base/err.h"
#include "model/conn.h"

struct record;

/* Reasons to inspect a connection (options --only and --suspicious, column WHY). */

/** enum suspicious_reason - bits of struct conn's why; the words are those of --only */
enum suspicious_reason {
	/** "failed": conn_has_failed() */
	SUSPICIOUS_FAILED = 0x001,
	/** "reset": a RST cut it off: no answer to the SYN, and to a FIN only if payload was sent after that */
	SUSPICIOUS_RESET = 0x002,
	/** "syn-rtx": a SYN or SYN/ACK was retransmitted */
	SUSPICIOUS_SYN_RTX = 0x004,
	/** "retrans": a segment was retransmitted late */
	SUSPICIOUS_RETRANS = 0x008,
	/** "slow": the handshake, connect(2) or the accept queue took long */
	SUSPICIOUS_SLOW = 0x010,
	/** "gap": a long silence between two segments */
	SUSPICIOUS_GAP = 0x020,
	/** "long": it lasted long */
	SUSPICIOUS_LONG = 0x040,
	/** "frag": segments came in IP fragments */
	SUSPICIOUS_FRAG = 0x080,
	/** "dup": another SYN came on its addresses and ports while it was open; both have the reason */
	SUSPICIOUS_DUP = 0x100,
	/** "idle": no segment has passed for very long */
	SUSPICIOUS_IDLE = 0x200,
	/** "open": it is open; no cause for suspicion, but a word of --only */
	SUSPICIOUS_OPEN = 0x400,
	/** "kernel": this host's kernel reset it, without a close by the program */
	SUSPICIOUS_KERNEL = 0x800,
	/** "timeout": the kernel gave it up because the other side did not answer any more */
	SUSPICIOUS_TIMEOUT = 0x1000,
	/** "rwnd": the other side's receive window held it up for most of the time in which there was data to send */
	SUSPICIOUS_RWND = 0x2000,
	/** "sndbuf": its send buffer did */
	SUSPICIOUS_SNDBUF = 0x4000,
	/** "app": data that has arrived was not read by the program for long */
	SUSPICIOUS_APP = 0x8000,
};

/** Number of reasons. */
#define SUSPICIOUS_NUM 16

/** The reasons of --suspicious: signs of trouble by themselves, or by a threshold that is off by default. */
#define SUSPICIOUS_SET                                                                                     \
	(SUSPICIOUS_FAILED | SUSPICIOUS_RESET | SUSPICIOUS_SYN_RTX | SUSPICIOUS_RETRANS | SUSPICIOUS_GAP | \
	 SUSPICIOUS_LONG | SUSPICIOUS_FRAG | SUSPICIOUS_DUP | SUSPICIOUS_IDLE | SUSPICIOUS_KERNEL |        \
	 SUSPICIOUS_TIMEOUT | SUSPICIOUS_RWND | SUSPICIOUS_SNDBUF | SUSPICIOUS_APP)

/** A threshold that is never reached. */
#define SUSPICIOUS_OFF INT64_C(-1)

/**
 * struct suspicious_limits - thresholds of the reasons
 *
 * Nanoseconds; SUSPICIOUS_OFF for never. A value has to be larger, or in the case of @retrans_ns at least as large.
 *
 * @retrans_ns: from a side's last new byte to the segment it retransmitted; 0 for any retransmitted segment
 * @slow_ns: handshake, connect(2), accept queue, each; data that was not read
 * @limited_ns: time in which a window or a buffer held it up
 * @gap_ns: silence between two segments
 * @long_ns: from the first to the last sign
 * @idle_ns: silence, up to now as well
 * @half_open_ns: the same while it is being opened or closed
 * @reasons: the reasons that are checked
 */
struct suspicious_limits {
	int64_t retrans_ns;
	int64_t slow_ns;
	int64_t limited_ns;
	int64_t gap_ns;
	int64_t long_ns;
	int64_t idle_ns;
	int64_t half_open_ns;
	uint16_t reasons;
};

/** suspicious_parse() - add the reasons of a list, "failed,dup"; Return: 0, or -EINVAL with the message in @err */
int suspicious_parse(const char *list, uint16_t *reasons, struct err *err);

/** suspicious_word() - of the reason that is bit number @index: "failed", ... */
const char *suspicious_word(unsigned int index);

/** Room for all words, comma separated. */
#define SUSPICIOUS_TEXT 96

/** suspicious_text() - the words of reasons, comma separated; Return: @text, NULL when there is none */
const char *suspicious_text(uint16_t reasons, char text[SUSPICIOUS_TEXT]);

/**
 * suspicious_judge() - the reasons against a connection
 * @record: all evidence about it
 * @conn: result of record_settle(); an unknown value is no reason
 * @limits: thresholds
 * @now_ns: time of the newest event
 */
uint16_t suspicious_judge(const struct record *record, const struct conn *conn, const struct suspicious_limits *limits,
			  int64_t now_ns);

#endif
