// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/event_fields.h"

#include <stddef.h>
#include <string.h>

#include "base/table.h"

/*
 * One table per type of event gives its fields, their positions and their forms. Writer and reader of event_text.c loop
 * over the same table, so that they cannot disagree.
 */

#define FIELD(form, key, member, words)                                                                     \
	{                                                                                                   \
		key, form, offsetof(struct event, member), sizeof(((struct event *)NULL)->member), 0, words \
	}
#define TEXT(key, member, length)                                                                       \
	{                                                                                               \
		key, FORM_TEXT, offsetof(struct event, member), sizeof(((struct event *)NULL)->member), \
			offsetof(struct event, length), NULL                                            \
	}
#define SIGNED(key, member) FIELD(FORM_SIGNED, key, member, NULL)
#define UNSIGNED(key, member) FIELD(FORM_UNSIGNED, key, member, NULL)
#define TIME(key, member) FIELD(FORM_TIME, key, member, NULL)
#define WORD(key, member, words) FIELD(FORM_WORD, key, member, words)
#define BITS(key, member, words) FIELD(FORM_BITS, key, member, words)
#define END                                      \
	{                                        \
		NULL, FORM_SIGNED, 0, 0, 0, NULL \
	}

/* Words in the order of their enumerations; of bits, from the lowest up. */
static const char *const type_words[] = {"none", "call",    "info", "segment", "icmp", "owner", "process",
					 "lost", "message", "run",  "frame",   "time", "name",  NULL};
static const char *const kind_words[] = {"accept",   "connect-begin", "connect-end", "connect-other", "so-error",
					 "shutdown", "close",         "exit",        "take",          "disconnect",
					 "outcome",  "gone",          "state",       "retransmit",    NULL};
static const char *const reason_words[] = {"accept",  "connect",  "look",    "shutdown", "close",
					   "destroy", "existing", "renewed", "waiting",  NULL};
static const char *const timewait_words[] = {"unknown", "present", "absent", "no-fin", NULL};
static const char *const fin_words[] = {"unknown", "received", "not-received", NULL};
static const char *const reset_words[] = {"unseen", "peer", "owner", "given-up", "either", NULL};
static const char *const delay_words[] = {"unknown", "none", "perhaps", NULL};
static const char *const flag_words[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ae", NULL};
static const char *const has_words[] = {"mss",      "wscale",   "sack-ok",        "timestamp", "fragment", "cut",
					"outgoing", "incoming", "later-fragment", "loopback",  "mptcp",    NULL};
static const char *const fact_words[] = {"comm", "exe", "cgroup", "parent", "cmdline", "gaps", NULL};
static const char *const message_words[] = {"http-request", "http-response", "tls-hello",
					    "tls-answer",   "tls-data",      NULL};
static const char *const part_words[] = {"method", "target", "host", "fields", NULL};
static const char *const where_words[] = {
	"capture-kernel", "capture-interface", "packet-queue", "netlink", "call-queue", "table", "messages",
	"packet-process", "timeline",          "answers",      "lookups", "ring",       "audit", NULL};

#define WORDS(words) (sizeof(words) / sizeof((words)[0]) - 1)
_Static_assert(WORDS(type_words) == EVENT_TYPE_NUM, "a word for every type");
_Static_assert(WORDS(kind_words) == CALL_NUM, "a word for every call");
_Static_assert(WORDS(reason_words) == INFO_REASON_NUM, "a word for every reason");
_Static_assert(WORDS(timewait_words) == TIMEWAIT_NUM, "a word for every answer");
_Static_assert(WORDS(fin_words) == FIN_NUM, "a word for every answer");
_Static_assert(WORDS(reset_words) == RESET_NUM, "a word for every side");
_Static_assert(WORDS(delay_words) == DELAY_NUM, "a word for every answer");
_Static_assert(WORDS(fact_words) == PROCESS_FACT_NUM, "a word for every fact");
_Static_assert(WORDS(message_words) == MESSAGE_KIND_NUM, "a word for every kind");
_Static_assert(WORDS(part_words) == MESSAGE_PART_NUM, "a word for every part");
_Static_assert(WORDS(where_words) == LOST_WHERE_NUM, "a word for every store");
_Static_assert(1 << (WORDS(flag_words) - 1) == SEGMENT_AE, "a word for every flag");
_Static_assert(1 << (WORDS(has_words) - 1) == SEGMENT_HAS_MPTCP, "a word for every part");

/* These three are always written, and first. */
static const struct event_field head_fields[] = {
	TIME("time", time_ns),
	WORD("type", type, type_words),
	FIELD(FORM_LETTER, "origin", origin, NULL),
	END,
};

_Static_assert(sizeof(head_fields) / sizeof(head_fields[0]) == EVENT_FIELDS_HEAD + 1, "their number and the end");

static const struct event_field flow_fields[] = {
	FIELD(FORM_ENDPOINT, "local", flow.local, NULL),
	FIELD(FORM_ENDPOINT, "remote", flow.remote, NULL),
	UNSIGNED("netns", flow.netns),
	UNSIGNED("proto", flow.proto),
	END,
};

static const struct event_field none_fields[] = {END};

static const struct event_field call_fields[] = {
	WORD("kind", call.kind, kind_words),
	TIME("begin", call.begin_ns),
	UNSIGNED("cookie", call.cookie),
	SIGNED("pid", call.pid),
	SIGNED("tid", call.tid),
	SIGNED("fd", call.fd),
	SIGNED("error", call.error),
	SIGNED("argument", call.argument),
	UNSIGNED("uid", call.uid),
	UNSIGNED("disputed", call.disputed),
	END,
};

static const struct event_field info_fields[] = {
	WORD("reason", info.reason, reason_words),
	UNSIGNED("cookie", info.cookie),
	SIGNED("bytes_acked", info.bytes_acked),
	SIGNED("bytes_received", info.bytes_received),
	SIGNED("bytes_sent", info.bytes_sent),
	SIGNED("bytes_retrans", info.bytes_retrans),
	SIGNED("rtt_us", info.rtt_us),
	SIGNED("min_rtt_us", info.min_rtt_us),
	SIGNED("last_data_sent_ms", info.last_data_sent_ms),
	SIGNED("total_retrans", info.total_retrans),
	SIGNED("retransmits", info.retransmits),
	SIGNED("probes", info.probes),
	SIGNED("notsent_bytes", info.notsent_bytes),
	SIGNED("unacked", info.unacked),
	SIGNED("segs_in", info.segs_in),
	SIGNED("segs_out", info.segs_out),
	SIGNED("data_segs_in", info.data_segs_in),
	SIGNED("data_segs_out", info.data_segs_out),
	SIGNED("rqueue", info.rqueue),
	SIGNED("wqueue", info.wqueue),
	UNSIGNED("inode", info.inode),
	UNSIGNED("uid", info.uid),
	UNSIGNED("state", info.state),
	WORD("timewait", info.timewait, timewait_words),
	SIGNED("listener", info.listener),
	WORD("fin", info.fin, fin_words),
	WORD("reset", info.reset, reset_words),
	UNSIGNED("mptcp", info.mptcp),
	WORD("delay", info.delay, delay_words),
	UNSIGNED("v6only", info.v6only),
	UNSIGNED("device", info.device),
	UNSIGNED("measured", info.measures.known),
	SIGNED("rate", info.measures.rate),
	SIGNED("snd_mss", info.measures.mss),
	SIGNED("cwnd", info.measures.cwnd),
	SIGNED("rttvar_us", info.measures.rttvar_us),
	SIGNED("busy_ms", info.measures.busy_ms),
	SIGNED("rwnd_ms", info.measures.rwnd_ms),
	SIGNED("sndbuf_ms", info.measures.sndbuf_ms),
	SIGNED("last_data_recv_ms", info.measures.silent_ms),
	WORD("congestion", info.measures.congestion, measures_congestion),
	END,
};

static const struct event_field segment_fields[] = {
	BITS("flags", segment.flags, flag_words),
	UNSIGNED("seq", segment.seq),
	UNSIGNED("ack", segment.ack),
	UNSIGNED("payload", segment.payload),
	UNSIGNED("frame", segment.frame),
	UNSIGNED("window", segment.window),
	BITS("has", segment.has, has_words),
	UNSIGNED("mss", segment.mss),
	UNSIGNED("wscale", segment.wscale),
	UNSIGNED("tsval", segment.tsval),
	UNSIGNED("tsecr", segment.tsecr),
	UNSIGNED("ip_id", segment.ip_id),
	UNSIGNED("checksum", segment.checksum),
	UNSIGNED("interface", segment.interface),
	UNSIGNED("tag", segment.tag),
	UNSIGNED("ttl", segment.ttl),
	END,
};

static const struct event_field icmp_fields[] = {
	UNSIGNED("version", icmp.version),
	UNSIGNED("icmp_type", icmp.type),
	UNSIGNED("icmp_code", icmp.code),
	UNSIGNED("seq", icmp.seq),
	END,
};

static const struct event_field run_fields[] = {
	UNSIGNED("whole", run.whole),
	UNSIGNED("has_destroy", run.has_destroy),
	UNSIGNED("has_packets", run.has_packets),
	UNSIGNED("run_netns", run.netns),
	SIGNED("syn_retries", run.syn_retries),
	END,
};

static const struct event_field frame_fields[] = {
	UNSIGNED("length", frame.length),
	UNSIGNED("filters", frame.filters),
	FIELD(FORM_HEX, "options", frame.options, NULL),
	END,
};

static const struct event_field owner_fields[] = {
	UNSIGNED("cookie", owner.cookie), UNSIGNED("inode", owner.inode),
	SIGNED("pid", owner.pid),         SIGNED("fd", owner.fd),
	UNSIGNED("uid", owner.uid),       UNSIGNED("born", owner.born),
	UNSIGNED("last", owner.last),     UNSIGNED("failed", owner.failed),
	SIGNED("since", owner.since_ns),  END,
};

static const struct event_field process_fields[] = {
	SIGNED("pid", process.pid),
	UNSIGNED("uid", process.uid),
	WORD("fact", process.fact, fact_words),
	UNSIGNED("offset", process.offset),
	TEXT("text", process.text, process.length),
	END,
};

static const struct event_field message_fields[] = {
	WORD("message", message.kind, message_words),
	UNSIGNED("status", message.status),
	WORD("part", message.part, part_words),
	UNSIGNED("offset", message.offset),
	UNSIGNED("first", message.first),
	UNSIGNED("last", message.last),
	TEXT("text", message.text, message.length),
	END,
};

static const struct event_field name_fields[] = {
	UNSIGNED("ttl", name.ttl),
	UNSIGNED("offset", name.offset),
	UNSIGNED("last", name.last),
	TEXT("text", name.text, name.length),
	END,
};

static const struct event_field lost_fields[] = {
	WORD("where", lost.where, where_words),
	SIGNED("count", lost.count),
	END,
};

static const struct event_field *const body_fields[] = {
	[EVENT_NONE] = none_fields,       [EVENT_CALL] = call_fields,   [EVENT_INFO] = info_fields,
	[EVENT_SEGMENT] = segment_fields, [EVENT_ICMP] = icmp_fields,   [EVENT_OWNER] = owner_fields,
	[EVENT_PROCESS] = process_fields, [EVENT_LOST] = lost_fields,   [EVENT_MESSAGE] = message_fields,
	[EVENT_RUN] = run_fields,         [EVENT_FRAME] = frame_fields, [EVENT_TIME] = none_fields,
	[EVENT_NAME] = name_fields,
};

TABLE_COVERS(body_fields, EVENT_TYPE_NUM);

const struct event_field *event_fields_head(void)
{
	return head_fields;
}

const struct event_field *event_fields_flow(void)
{
	return flow_fields;
}

const struct event_field *event_fields_body(enum event_type type)
{
	return body_fields[type];
}

uint64_t event_fields_load(const struct event *event, const struct event_field *field)
{
	const char *at = (const char *)event + field->offset;
	bool is_signed = field->form == FORM_SIGNED || field->form == FORM_TIME;
	uint8_t byte;
	uint16_t half;
	uint32_t word;
	uint64_t whole;

	switch (field->size) {
	case sizeof(byte):
		memcpy(&byte, at, sizeof(byte));
		return is_signed ? (uint64_t)(int8_t)byte : byte;
	case sizeof(half):
		memcpy(&half, at, sizeof(half));
		return is_signed ? (uint64_t)(int16_t)half : half;
	case sizeof(word):
		memcpy(&word, at, sizeof(word));
		return is_signed ? (uint64_t)(int32_t)word : word;
	default:
		memcpy(&whole, at, sizeof(whole));
		return whole;
	}
}

bool event_fields_store(struct event *event, const struct event_field *field, uint64_t value)
{
	char *at = (char *)event + field->offset;
	uint8_t byte = (uint8_t)value;
	uint16_t half = (uint16_t)value;
	uint32_t word = (uint32_t)value;

	if (field->size == sizeof(byte))
		memcpy(at, &byte, sizeof(byte));
	else if (field->size == sizeof(half))
		memcpy(at, &half, sizeof(half));
	else if (field->size == sizeof(word))
		memcpy(at, &word, sizeof(word));
	else
		memcpy(at, &value, sizeof(value));
	return event_fields_load(event, field) == value;
}
