// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/tcp_info.h"

#include <netinet/tcp.h>
#include <string.h>

/* TCPI_OPT_SYN_DATA of linux/tcp.h: data in the SYN was acknowledged. */
#define OPTION_SYN_DATA 0x20

/* A wrong offset gives wrong numbers, not a failure: checks both ends and the places where the layout grew. */
_Static_assert(offsetof(struct tcp_info_layout, total_retrans) == 100, "the layout of Linux 2.6");
_Static_assert(offsetof(struct tcp_info_layout, bytes_acked) == 120, "the layout of Linux 4.1");
_Static_assert(offsetof(struct tcp_info_layout, data_segs_in) == 152, "the layout of Linux 4.6");
_Static_assert(offsetof(struct tcp_info_layout, bytes_sent) == 200, "the layout of Linux 4.19");
_Static_assert(sizeof(struct tcp_info_layout) == 248, "the layout of Linux 6.7");

void tcp_info_unknown(struct event_info *info)
{
	memset(info, 0, sizeof(*info));
	info->bytes_acked = info->bytes_received = EVENT_UNKNOWN;
	info->bytes_sent = info->bytes_retrans = EVENT_UNKNOWN;
	info->rtt_us = info->min_rtt_us = EVENT_UNKNOWN;
	info->last_data_sent_ms = EVENT_UNKNOWN;
	info->total_retrans = EVENT_UNKNOWN;
	info->retransmits = info->probes = EVENT_UNKNOWN;
	info->notsent_bytes = info->unacked = EVENT_UNKNOWN;
	info->segs_in = info->segs_out = EVENT_UNKNOWN;
	info->data_segs_in = info->data_segs_out = EVENT_UNKNOWN;
	info->rqueue = info->wqueue = EVENT_UNKNOWN;
	info->uid = (uint32_t)-1;
	info->listener = EVENT_UNKNOWN;
}

/** number32() - a count that fits, else unknown: the kernel's 32-bit counters wrap silently beyond */
static int32_t number32(uint32_t value)
{
	return value <= INT32_MAX ? (int32_t)value : EVENT_UNKNOWN;
}

static int64_t number64(uint64_t value)
{
	return value <= INT64_MAX ? (int64_t)value : EVENT_UNKNOWN;
}

static bool skips_measures;

void tcp_info_skip_measures(void)
{
	skips_measures = true;
}

bool tcp_info_has_measures(void)
{
	return !skips_measures;
}

/* Milliseconds of a 64-bit count of microseconds, as ss(8) shows them. */
static int32_t milliseconds(uint64_t us)
{
	return us / 1000 <= INT32_MAX ? (int32_t)(us / 1000) : EVENT_UNKNOWN;
}

/* Fields that the kernel does not have are all ones. */
static void take_measures(struct measures *measures, const struct tcp_info_layout *from, bool has_rtt)
{
	measures->known = 1;
	measures->mss = number32(from->snd_mss);
	measures->cwnd = number32(from->snd_cwnd);
	measures->rttvar_us = has_rtt ? number32(from->rttvar) : EVENT_UNKNOWN;
	/* Without a sample the kernel has 0. */
	measures->rate = from->delivery_rate > 0 ? number64(from->delivery_rate) : EVENT_UNKNOWN;
	measures->busy_ms = milliseconds(from->busy_time);
	measures->rwnd_ms = milliseconds(from->rwnd_limited);
	measures->sndbuf_ms = milliseconds(from->sndbuf_limited);
	measures->silent_ms = number32(from->last_data_recv);
}

void tcp_info_to_event(struct event_info *info, const void *bytes, size_t length)
{
	struct tcp_info_layout from;

	if (length > sizeof(from))
		length = sizeof(from);
	/* All ones reads as unknown through number32() and number64(), and so does a truncated field. */
	memset(&from, 0xff, sizeof(from));
	memcpy(&from, bytes, length);
#define TAKE(bits, field)                                                                                  \
	(length >= offsetof(struct tcp_info_layout, field) + sizeof(from.field) ? number##bits(from.field) \
										: EVENT_UNKNOWN)
	info->state = length > 0 ? from.state : 0;
	if (info->state == TCP_LISTEN)
		length = 0; /* a listener reuses the fields for its queue and leaves the rest zero */
	info->bytes_acked = TAKE(64, bytes_acked);
	info->bytes_received = TAKE(64, bytes_received);
	info->bytes_sent = TAKE(64, bytes_sent);
	info->bytes_retrans = TAKE(64, bytes_retrans);
	info->rtt_us = TAKE(32, rtt);
	info->min_rtt_us = TAKE(32, min_rtt);
	info->last_data_sent_ms = TAKE(32, last_data_sent);
	info->total_retrans = TAKE(32, total_retrans);
	info->retransmits = length > offsetof(struct tcp_info_layout, retransmits) ? from.retransmits : EVENT_UNKNOWN;
	info->probes = length > offsetof(struct tcp_info_layout, probes) ? from.probes : EVENT_UNKNOWN;
	info->notsent_bytes = TAKE(32, notsent_bytes);
	info->unacked = TAKE(32, unacked);
	info->segs_in = TAKE(32, segs_in);
	info->segs_out = TAKE(32, segs_out);
	info->data_segs_in = TAKE(32, data_segs_in);
	info->data_segs_out = TAKE(32, data_segs_out);
#undef TAKE
	/* No sample yet: the kernel's smoothed value is 0 then, which a sample below 1 us can be too. */
	if (info->rtt_us == 0 && info->min_rtt_us == EVENT_UNKNOWN)
		info->rtt_us = EVENT_UNKNOWN;
	if (!skips_measures && length > 0)
		take_measures(&info->measures, &from, info->rtt_us >= 0);
	/* Counted from the boot until the handshake finishes; by TCP Fast Open (RFC 7413) from the SYN. */
	if (info->state == TCP_SYN_SENT ||
	    (length > offsetof(struct tcp_info_layout, options) && from.options & OPTION_SYN_DATA))
		info->last_data_sent_ms = EVENT_UNKNOWN;
}

bool tcp_info_had_peer(const void *bytes, size_t length)
{
	uint32_t advmss;
	size_t at = offsetof(struct tcp_info_layout, advmss);

	if (length < at + sizeof(advmss))
		return false;
	memcpy(&advmss, (const char *)bytes + at, sizeof(advmss));
	return advmss != 0;
}
