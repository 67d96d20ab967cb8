// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/ladder/ladder_draw.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/redact.h"
#include "base/table.h"
#include "model/tcp_options.h"
#include "report/rows/errno_text.h"

/* The notes of a ladder's lines. */

const char *ladder_flags(uint16_t flags, char letters[7])
{
	static const struct {
		uint16_t flag;
		char letter;
	} known[] = {{SEGMENT_URG, 'U'}, {SEGMENT_ACK, 'A'}, {SEGMENT_PSH, 'P'},
		     {SEGMENT_RST, 'R'}, {SEGMENT_SYN, 'S'}, {SEGMENT_FIN, 'F'}};

	for (int i = 0; i < 6; i++)
		letters[i] = flags & known[i].flag ? known[i].letter : '-';
	letters[6] = '\0';
	return letters;
}

/* "1.003 s", "12.3 ms", "40 us": about three digits. */
void ladder_span(struct text *text, int64_t span_ns)
{
	if (span_ns >= CLOCK_NS_PER_SEC) {
		text_add_decimal(text, span_ns, CLOCK_NS_PER_SEC, 3);
		text_add(text, " s");
	} else if (span_ns >= CLOCK_NS_PER_MS) {
		text_add_decimal(text, span_ns, CLOCK_NS_PER_MS, 1);
		text_add(text, " ms");
	} else {
		text_add_number(text, (span_ns + CLOCK_NS_PER_US / 2) / CLOCK_NS_PER_US);
		text_add(text, " us");
	}
}

void ladder_word(struct text *text, const char *word)
{
	if (text->length > 0)
		text_add_char(text, ' ');
	text_add(text, word);
}

void ladder_count(struct text *text, const char *word, int64_t count)
{
	ladder_word(text, word);
	text_add_char(text, ' ');
	text_add_number(text, count);
}

static void note_judged(struct text *text, const struct segment *segment)
{
	if (segment->judged & (SEGMENT_RESENT | SEGMENT_RESENT_PART)) {
		if (segment->judged & SEGMENT_RESENT_PART && !(segment->judged & SEGMENT_FORGOTTEN))
			ladder_count(text, "of it", segment->resent);
		ladder_word(text, "resent");
		if (segment->before_ns >= 0 && segment->time_ns >= 0) {
			text_add_char(text, ' ');
			ladder_span(text, clock_since(segment->before_ns, segment->time_ns));
			text_add(text, " later");
		}
		if (segment->judged & SEGMENT_SPURIOUS)
			text_add(text, ", was acknowledged");
	}
	if (segment->judged & SEGMENT_OUT_OF_ORDER)
		ladder_word(text, "out of order");
	if (segment->judged & SEGMENT_SENT_AGAIN)
		ladder_word(text, "sent again");
	if (segment->judged & SEGMENT_KEEPALIVE)
		ladder_word(text, "keep-alive");
	if (segment->judged & SEGMENT_WINDOW_PROBE)
		ladder_word(text, "window probe");
	if (segment->judged & SEGMENT_STRAY)
		ladder_word(text, "outside the window");
	if (segment->judged & SEGMENT_FRAGMENT)
		ladder_word(text, "fragment");
	if (segment->judged & SEGMENT_COPY)
		ladder_word(text, "copy");
}

void ladder_note(struct text *text, const struct segment *segment, bool full)
{
	const struct span options = {.data = segment->options, .length = sizeof(segment->options)};
	bool syn = segment->flags & SEGMENT_SYN;
	char shown[TCP_OPTIONS_TEXT];

	if (segment->seq >= 0 && (syn || full || segment->payload > 0 || segment->flags & (SEGMENT_FIN | SEGMENT_RST)))
		ladder_count(text, "seq", segment->seq);
	if (segment->ack >= 0 && !(segment->flags & SEGMENT_RST && segment->ack == 0))
		ladder_count(text, "ack", segment->ack);
	if (segment->payload > 0)
		ladder_count(text, "len", segment->payload);
	if ((syn && !(segment->judged & SEGMENT_RESENT)) || full || segment->judged & SEGMENT_ZERO_WINDOW) {
		ladder_count(text, "win", segment->window);
		if (segment->judged & SEGMENT_UNSCALED && segment->window > 0)
			text_add(text, " unscaled");
	}
	if (segment->flags & SEGMENT_ECE)
		ladder_word(text, "ECE");
	if (segment->flags & SEGMENT_CWR)
		ladder_word(text, "CWR");
	note_judged(text, segment);
	tcp_options_text(shown, sizeof(shown), options, full || (syn && !(segment->judged & SEGMENT_RESENT)),
			 segment->ack_offset);
	/* The options of a retransmitted SYN are the same. */
	if (shown[0] != '\0' && (full || !(syn && segment->judged & SEGMENT_RESENT))) {
		ladder_word(text, "<");
		text_add(text, shown);
		text_add_char(text, '>');
	} else if (segment->judged & SEGMENT_CUT && shown[0] == '\0') {
		ladder_word(text, "<options cut>");
	}
	if (full && segment->rtt_ns >= 0) {
		ladder_word(text, "rtt ");
		ladder_span(text, segment->rtt_ns);
	}
}

void ladder_message(struct text *text, const struct timeline_message *message)
{
	switch (message->kind) {
	case MESSAGE_HTTP_REQUEST:
		text_add_field(text, message->method);
		text_add_char(text, ' ');
		text_add_field(text, redact_text(REDACT_PATH, message->target));
		break;
	case MESSAGE_HTTP_RESPONSE:
		ladder_count(text, "HTTP", message->status);
		break;
	default:
		ladder_word(text, "TLS hello");
		break;
	}
	if (message->host[0] == '\0')
		return;
	ladder_word(text, message->kind == MESSAGE_HTTP_REQUEST ? "Host: " : "to ");
	text_add_field(text, redact_text(REDACT_HOST, message->host));
}

const char *ladder_state(unsigned int state)
{
	const char *name = conn_state_text(state);

	/* The column has "closed"; here all states are in one style. */
	return name == NULL ? "" : strcmp(name, "closed") == 0 ? "CLOSED" : name;
}

static void add_how(struct text *text, int32_t how)
{
	text_add(text, how == SHUT_RD ? ", RD" : how == SHUT_WR ? ", WR" : how == SHUT_RDWR ? ", RDWR" : "");
}

static void note_end(struct text *note, int32_t status)
{
	if (WIFSIGNALED(status))
		ladder_count(note, "signal", WTERMSIG(status));
	else if (WIFEXITED(status))
		ladder_count(note, "status", WEXITSTATUS(status));
}

/*
 * " = 0", or " = -1" with the reason in the note. After a call interrupted by a
 * signal it is unknown whether the program gets EINTR or the call is restarted.
 */
static void add_result(struct text *text, struct text *note, int32_t error)
{
	char number[16];

	if (error < 0)
		return;
	text_add(text, error == 0 ? " = 0" : error == EINTR ? " = ?" : " = -1");
	if (error == EINTR)
		ladder_word(note, "interrupted: EINTR, or restarted");
	else if (error > 0)
		ladder_word(note, errno_text(error, number, sizeof(number)));
}

bool ladder_is_of_peer(const struct conn *conn, const struct event_call *call)
{
	return conn->dir == DIR_IN && (call->kind == CALL_CONNECT_BEGIN || call->kind == CALL_CONNECT_END ||
				       call->kind == CALL_CONNECT_OTHER || call->kind == CALL_OUTCOME);
}

void ladder_call(struct text *text, struct text *note, const struct conn *conn, const struct event_call *call)
{
	static const char *const names[] = {
		[CALL_ACCEPT] = "accept",       [CALL_CONNECT_BEGIN] = "connect",
		[CALL_CONNECT_END] = "connect", [CALL_CONNECT_OTHER] = "connect",
		[CALL_SO_ERROR] = "getsockopt", [CALL_SHUTDOWN] = "shutdown",
		[CALL_CLOSE] = "close",         [CALL_EXIT] = "exit",
		[CALL_TAKE] = "take",           [CALL_DISCONNECT] = "connect",
		[CALL_OUTCOME] = "connect",     [CALL_GONE] = "close",
		[CALL_STATE] = "state",         [CALL_RETRANSMIT] = "retransmission",
	};
	TABLE_COVERS(names, CALL_NUM);
	char number[16];
	bool gives = call->kind == CALL_ACCEPT || call->kind == CALL_TAKE; /* a descriptor */

	if (call->kind == CALL_STATE) {
		text_add(text, ladder_state((unsigned int)call->argument));
		if (call->error > 0)
			ladder_word(note, errno_text(call->error, number, sizeof(number)));
		return;
	}
	text_add(text, call->kind < CALL_NUM ? names[call->kind] : "?");
	if (call->kind == CALL_RETRANSMIT)
		return;
	if (call->kind != CALL_EXIT && !gives) {
		text_add_char(text, '(');
		if (call->fd >= 0)
			text_add_number(text, call->fd);
		if (call->kind == CALL_SHUTDOWN)
			add_how(text, call->argument);
		text_add(text, call->kind == CALL_DISCONNECT ? ", AF_UNSPEC)" : ")");
	}
	if (gives) {
		text_add(text, "() = ");
		text_add_number(text, call->fd);
	} else if (call->kind == CALL_CONNECT_END) {
		add_result(text, note, call->error);
	} else if (call->kind == CALL_SO_ERROR && call->error >= 0) {
		ladder_word(note, "SO_ERROR ");
		text_add(note, errno_text(call->error, number, sizeof(number)));
	} else if (call->kind == CALL_EXIT) {
		note_end(note, call->argument);
	}
	if (ladder_is_of_peer(conn, call))
		ladder_count(note, "by the other side, pid", call->pid);
	else if (conn->process != NULL && call->pid != conn->process->pid)
		ladder_count(note, "by pid", call->pid);
}
