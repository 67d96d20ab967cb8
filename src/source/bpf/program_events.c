// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/bpf/program_events.h"

#include <netinet/tcp.h>
#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "source/bpf/kernel.h"
#include "system/tcp_info.h"

/* A connection is identified by its cookie, and its ends are those of the socket. */

/* Linux's value of min_rtt without a sample. */
#define NO_SAMPLE UINT32_MAX

static struct flow flow_of(const struct kernel_record *record)
{
	struct flow flow = {.netns = record->netns, .proto = IPPROTO_TCP};

	memcpy(&flow.local.ip, record->ends.local, sizeof(record->ends.local));
	memcpy(&flow.remote.ip, record->ends.remote, sizeof(record->ends.remote));
	flow.local.port = record->ends.lport;
	flow.remote.port = record->ends.rport;
	return flow;
}

static int32_t number32(uint32_t value)
{
	return value <= INT32_MAX ? (int32_t)value : EVENT_UNKNOWN;
}

static int64_t number64(uint64_t value)
{
	return value <= INT64_MAX ? (int64_t)value : EVENT_UNKNOWN;
}

/* Difference of two sequence numbers; the kernel may have moved one of them already. */
static int32_t distance(uint32_t from, uint32_t to)
{
	int32_t distance = (int32_t)(to - from);

	return distance > 0 ? distance : 0;
}

static void take_counters(struct event_info *info, const struct kernel_record *record)
{
	info->bytes_acked = number64(record->bytes_acked);
	info->bytes_received = number64(record->bytes_received);
	info->bytes_sent = number64(record->bytes_sent);
	info->bytes_retrans = number64(record->bytes_retrans);
	info->min_rtt_us = record->min_rtt == NO_SAMPLE ? EVENT_UNKNOWN : number32(record->min_rtt);
	info->rtt_us = number32(record->rtt);
	if (record->rtt == 0 && info->min_rtt_us == EVENT_UNKNOWN)
		info->rtt_us = EVENT_UNKNOWN;
	info->total_retrans = number32(record->total_retrans);
	info->retransmits = record->retransmits;
	info->probes = record->probes;
	info->notsent_bytes = distance(record->snd_nxt, record->write_seq);
	info->unacked = number32(record->packets_out);
	info->segs_in = number32(record->segs_in);
	info->segs_out = number32(record->segs_out);
	info->data_segs_in = number32(record->data_segs_in);
	info->data_segs_out = number32(record->data_segs_out);
	info->rqueue = distance(record->copied_seq, record->rcv_nxt);
	info->wqueue = distance(record->snd_una, record->write_seq);
	/* The time since the handshake is that of the last sent data until the program sends. */
	if (record->established != 0 && record->bytes_sent == 0)
		info->last_data_sent_ms = number32((uint32_t)((record->time - record->established) / CLOCK_NS_PER_MS));
	info->fin = record->has & KERNEL_HAS_FIN ? FIN_RECEIVED : FIN_NOT_RECEIVED;
}

static void take_measures(struct measures *measures, const struct kernel_record *record, bool has_rtt)
{
	char name[KERNEL_COMM + 1] = "";

	memcpy(name, record->comm, KERNEL_COMM);
	measures->known = 1;
	measures->mss = number32(record->mss);
	measures->cwnd = number32(record->cwnd);
	measures->rttvar_us = has_rtt ? number32(record->rttvar) : EVENT_UNKNOWN;
	measures->rate = record->rate > 0 ? number64(record->rate) : EVENT_UNKNOWN;
	measures->busy_ms = number32(record->busy_ms[0]);
	measures->rwnd_ms = number32(record->busy_ms[1]);
	measures->sndbuf_ms = number32(record->busy_ms[2]);
	measures->silent_ms = number32(record->silent_ms);
	measures->congestion = measures_congestion_number(name);
}

static const uint8_t resets[] = {
	[KERNEL_RESET_NONE] = RESET_UNSEEN,      [KERNEL_RESET_PEER] = RESET_BY_PEER,
	[KERNEL_RESET_LOCAL] = RESET_BY_OWNER,   [KERNEL_GIVEN_UP] = RESET_GIVEN_UP,
	[KERNEL_RESET_EITHER] = RESET_BY_EITHER,
};
TABLE_COVERS(resets, KERNEL_RESET_NUM);

static void take_state(struct event_info *info, const struct kernel_record *record, enum info_reason reason)
{
	bool is_wiped = record->has & KERNEL_HAS_DISCONNECTED;

	tcp_info_unknown(info);
	if (reason != INFO_DESTROY || !is_wiped) {
		take_counters(info, record);
		if (record->has & KERNEL_HAS_MEASURES)
			take_measures(&info->measures, record, info->rtt_us >= 0);
	}
	info->reason = (uint8_t)reason;
	info->cookie = record->cookie;
	info->state = record->state;
	if (!(record->has & KERNEL_HAS_PEER))
		info->listener = 0;
	else if (record->has & KERNEL_HAS_LISTENER)
		info->listener = 1;
	if (record->has & KERNEL_HAS_MPTCP)
		info->mptcp = MPTCP_PART;
	info->reset = resets[record->reset];
	/* In TCP_CLOSE a FIN that was not read is not counted as unread. */
	if (reason != INFO_DESTROY && info->state == TCP_CLOSE && info->fin == FIN_RECEIVED && info->rqueue > 0)
		info->rqueue--;
}

static struct event *add_info(struct event *event, const struct kernel_record *record, int64_t time_ns,
			      enum info_reason reason)
{
	*event = event_new(EVENT_INFO, ORIGIN_BPF, time_ns);
	event->flow = flow_of(record);
	take_state(&event->info, record, reason);
	return event;
}

static struct event *add_call(struct event *event, const struct kernel_record *record, int64_t time_ns,
			      enum call_kind kind)
{
	*event = event_new(EVENT_CALL, ORIGIN_BPF, time_ns);
	event->flow = flow_of(record);
	event->call.begin_ns = EVENT_UNKNOWN;
	event->call.cookie = record->cookie;
	event->call.pid = (int32_t)record->pid;
	event->call.tid = (int32_t)record->tid;
	event->call.fd = record->fd;
	event->call.error = record->error;
	event->call.argument = record->argument;
	event->call.uid = record->uid;
	event->call.kind = (uint8_t)kind;
	return event;
}

static size_t make_listener(const struct kernel_record *record, int64_t time_ns, struct event *events)
{
	struct event *event = add_info(&events[0], record, time_ns, INFO_EXISTING);

	tcp_info_unknown(&event->info);
	event->info.reason = INFO_EXISTING;
	event->info.cookie = record->cookie;
	event->info.state = TCP_LISTEN;
	return 1;
}

static size_t make_existing(const struct kernel_record *record, int64_t time_ns, struct event *events)
{
	struct event *owner = &events[0];

	if (record->state == TCP_LISTEN)
		return make_listener(record, time_ns, events);
	*owner = event_new(EVENT_OWNER, ORIGIN_BPF, time_ns);
	owner->flow = flow_of(record);
	owner->owner.cookie = record->cookie;
	owner->owner.pid = (int32_t)record->pid;
	owner->owner.fd = record->fd;
	owner->owner.uid = record->uid;
	add_info(&events[1], record, time_ns, INFO_EXISTING);
	return 2;
}

/* Counters as of @record, and before them the call that they belong to. */
static size_t make_both(const struct kernel_record *record, int64_t time_ns, struct event *events, enum call_kind kind,
			enum info_reason reason)
{
	add_call(&events[0], record, time_ns, kind);
	add_info(&events[1], record, time_ns, reason);
	return 2;
}

static size_t make_close(const struct kernel_record *record, int64_t time_ns, struct event *events)
{
	enum call_kind kind = record->argument > 0 ? CALL_EXIT : CALL_CLOSE;
	struct event *call = events;

	/* Closed by a thread of the kernel on behalf of a process: whose it was is known from before. */
	if (record->pid == 0) {
		add_info(&events[0], record, time_ns, INFO_CLOSE);
		return 1;
	}
	(void)add_call(call, record, time_ns, kind);
	call->call.argument = record->argument > 0 ? record->argument - 1 : 0;
	add_info(&events[1], record, time_ns, INFO_CLOSE);
	return 2;
}

/* The outcome of an attempt; the socket of a failed one has no more counters than a call would show. */
static size_t make_connected(const struct kernel_record *record, int64_t time_ns, struct event *events)
{
	return make_both(record, time_ns, events, CALL_CONNECT_END, INFO_CONNECT);
}

static size_t make_accept_failed(const struct kernel_record *record, int64_t time_ns, struct event *events)
{
	struct event *event = add_call(&events[0], record, time_ns, CALL_ACCEPT);

	memset(&event->flow.remote, 0, sizeof(event->flow.remote));
	return 1;
}

static void make_change(const struct kernel_record *record, int64_t time_ns, struct event *event)
{
	bool may_wait = record->old_state == TCP_FIN_WAIT2 || record->old_state == TCP_CLOSING;

	add_call(event, record, time_ns, record->state == record->old_state ? CALL_RETRANSMIT : CALL_STATE);
	event->call.argument = record->state;
	if (record->error == 0)
		event->call.error = EVENT_UNKNOWN;
	/* A mini socket takes its place (tcp_time_wait() in the kernel). */
	if (may_wait && record->state == TCP_CLOSE && record->error == 0 && record->has & KERNEL_HAS_FIN)
		event->call.argument = TCP_TIME_WAIT;
}

size_t program_events_make(const struct kernel_record *record, int64_t time_ns, struct event events[PROGRAM_EVENTS_MAX])
{
	size_t count;

	switch (record->type) {
	case KERNEL_ACCEPT:
		return make_both(record, time_ns, events, CALL_ACCEPT, INFO_ACCEPT);
	case KERNEL_ACCEPT_FAILED:
		return make_accept_failed(record, time_ns, events);
	case KERNEL_LISTEN:
		return make_listener(record, time_ns, events);
	case KERNEL_CONNECT:
		add_call(&events[0], record, time_ns, CALL_CONNECT_BEGIN);
		return 1;
	case KERNEL_CONNECTED:
		return make_connected(record, time_ns, events);
	case KERNEL_OUTCOME:
		return make_both(record, time_ns, events, CALL_OUTCOME, INFO_SAMPLE);
	case KERNEL_SHUTDOWN:
		return make_both(record, time_ns, events, CALL_SHUTDOWN, INFO_SHUTDOWN);
	case KERNEL_CLOSE:
		return make_close(record, time_ns, events);
	case KERNEL_DISCONNECT:
		add_call(&events[0], record, time_ns, CALL_DISCONNECT);
		return 1;
	case KERNEL_TAKE:
		return make_both(record, time_ns, events, CALL_TAKE, INFO_SAMPLE);
	case KERNEL_STATE:
		add_info(&events[0], record, time_ns, INFO_SAMPLE);
		return 1;
	case KERNEL_CHANGE:
		make_change(record, time_ns, events);
		return 1;
	case KERNEL_CLOSE_DESTROY:
		count = make_close(record, time_ns, events);
		add_info(&events[count], record, time_ns, INFO_DESTROY);
		return count + 1;
	case KERNEL_DESTROY:
		add_info(&events[0], record, time_ns, INFO_DESTROY);
		return 1;
	case KERNEL_EXISTING:
		return make_existing(record, time_ns, events);
	default:
		return 0;
	}
}
