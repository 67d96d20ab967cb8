// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "base/clock.h"
#include "base/redact.h"
#include "base/table.h"
#include "report/html/html_state.h"
#include "report/rows/errno_text.h"

/*
 * A time line as JSON: {"id":1,"e":[[time,kind,...],...],"cut":0}. The kind is a letter, and what follows depends on
 *it:
 *
 *	s  sender, flags, sequence number, acknowledgement, payload, window, properties, states of both ends, later_us
 *	c  name, descriptor, error, process
 *	i  sender of the segment that it is about, text
 *	m  sender, text, status
 *	f  segments by side, bytes by side, time of the last one, calls
 */

static void add_number(struct text *text, int64_t number)
{
	text_add_char(text, ',');
	if (number < 0)
		text_add(text, "null");
	else
		text_add_number(text, number);
}

static void add_word(struct text *text, const char *word)
{
	text_add_char(text, ',');
	if (word == NULL || word[0] == '\0')
		text_add(text, "null");
	else
		text_add_json(text, word);
}

static void add_segment(struct text *text, const struct segment *segment)
{
	add_number(text, segment->side);
	add_number(text, segment->flags);
	add_number(text, segment->seq);
	add_number(text, segment->ack);
	add_number(text, segment->payload);
	add_number(text, segment->window);
	add_number(text, segment->judged);
	add_word(text, segment->after.of[WIRE_LOCAL] != segment->before.of[WIRE_LOCAL]
			       ? conn_state_text(segment->after.of[WIRE_LOCAL])
			       : NULL);
	add_word(text,
		 segment->after.heard[WIRE_REMOTE] && segment->after.of[WIRE_REMOTE] != segment->before.of[WIRE_REMOTE]
			 ? conn_state_text(segment->after.of[WIRE_REMOTE])
			 : NULL);
	add_number(text,
		   segment->before_ns >= 0 ? clock_span(segment->before_ns, segment->time_ns) / CLOCK_NS_PER_US : -1);
}

static void add_call(struct text *text, const struct event_call *call)
{
	static const char *const names[] = {
		[CALL_ACCEPT] = "accept",
		[CALL_CONNECT_BEGIN] = "connect",
		[CALL_CONNECT_END] = "connect returns",
		[CALL_CONNECT_OTHER] = "connect",
		[CALL_SO_ERROR] = "getsockopt SO_ERROR",
		[CALL_SHUTDOWN] = "shutdown",
		[CALL_CLOSE] = "close",
		[CALL_EXIT] = "exit",
		[CALL_TAKE] = "take",
		[CALL_DISCONNECT] = "disconnect",
		[CALL_OUTCOME] = "connect finishes",
		[CALL_GONE] = "close",
		[CALL_STATE] = "state",
		[CALL_RETRANSMIT] = "retransmission",
	};
	TABLE_COVERS(names, CALL_NUM);
	char error[16];

	if (call->kind == CALL_STATE)
		add_word(text, conn_state_text((uint8_t)call->argument));
	else
		add_word(text, call->kind < CALL_NUM ? names[call->kind] : NULL);
	add_number(text, call->fd);
	add_word(text, call->error > 0 ? errno_text(call->error, error, sizeof(error)) : NULL);
	add_number(text, call->pid);
}

static void add_message(struct text *text, const struct timeline_message *message)
{
	struct text shown = {0};

	add_number(text, message->side);
	if (message->kind == MESSAGE_HTTP_REQUEST) {
		text_add(&shown, message->method);
		text_add_char(&shown, ' ');
		text_add(&shown, redact_text(REDACT_PATH, message->target));
	} else {
		text_add(&shown, message->kind == MESSAGE_HTTP_RESPONSE ? "HTTP answer" : "TLS hello");
	}
	if (message->host[0] != '\0') {
		text_add(&shown, message->kind == MESSAGE_HTTP_REQUEST ? " Host " : " to ");
		text_add(&shown, redact_text(REDACT_HOST, message->host));
	}
	add_word(text, shown.data);
	add_number(text, message->status > 0 ? message->status : -1);
	text_free(&shown);
}

static void add_entry(const struct html *html, struct text *text, const struct timeline_entry *entry)
{
	static const char kinds[] = {
		[TIMELINE_SEGMENT] = 's', [TIMELINE_CALL] = 'c', [TIMELINE_ICMP] = 'i',
		[TIMELINE_MESSAGE] = 'm', [TIMELINE_FOLD] = 'f',
	};
	TABLE_COVERS(kinds, TIMELINE_KIND_NUM);
	const char kind[] = {kinds[entry->kind], '\0'};
	char icmp[24];

	text_add_char(text, '[');
	html_time(html, text, entry->time_ns);
	add_word(text, kind);
	switch (entry->kind) {
	case TIMELINE_SEGMENT:
		add_segment(text, &entry->segment);
		break;
	case TIMELINE_CALL:
		add_call(text, &entry->call);
		break;
	case TIMELINE_ICMP:
		snprintf(icmp, sizeof(icmp), "%u:%u/%u", entry->icmp.icmp.version, entry->icmp.icmp.type,
			 entry->icmp.icmp.code);
		add_number(text, entry->icmp.side);
		add_word(text, icmp);
		break;
	case TIMELINE_MESSAGE:
		add_message(text, &entry->message);
		break;
	default:
		for (int side = 0; side < WIRE_SIDES; side++)
			add_number(text, (int64_t)entry->fold.segments[side]);
		for (int side = 0; side < WIRE_SIDES; side++)
			add_number(text, (int64_t)entry->fold.bytes[side]);
		text_add_char(text, ',');
		html_time(html, text, entry->fold.last_ns);
		add_number(text, entry->fold.calls);
		break;
	}
	text_add_char(text, ']');
}

void html_ladder(const struct html *html, struct text *text, const struct conn *conn)
{
	struct timeline *folded = timeline_folded(conn->timeline);
	uint32_t last = folded->count, cut = 0, head;

	/* The middle of a long one is left out. */
	if (last > HTML_ENTRIES)
		cut = last - HTML_ENTRIES;
	head = cut > 0 ? HTML_ENTRIES * 2 / 3 : last;
	text_add(text, "{\"id\":");
	text_add_unsigned(text, conn->id);
	text_add(text, ",\"cut\":");
	text_add_unsigned(text, cut);
	text_add(text, ",\"at\":");
	text_add_unsigned(text, head);
	text_add(text, ",\"e\":[");
	for (uint32_t i = 0; i < last; i++) {
		if (i >= head && i < head + cut)
			continue;
		text_add(text, i > 0 ? "," : "");
		add_entry(html, text, &folded->entries[i]);
	}
	text_add(text, "]}");
	timeline_free(folded);
}
