// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/ladder/ladder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "base/words.h"
#include "base/xalloc.h"
#include "model/tcp_options.h"
#include "report/ladder/ladder_mermaid.h"
#include "report/rows/errno_text.h"
#include "report/rows/printer.h"
#include "track/suspicious.h"

struct ladder {
	struct ladder_options options;
	struct printer printer; /* for the formats with rows */
	struct text text;
	bool separate;     /* a blank line is printed before the next connection */
	int64_t before_ns; /* time of the previous line, with LADDER_LIVE */
	uint64_t unkept;   /* see ladder_unkept() */
	bool any;          /* a connection has been drawn */
	int error;
};

/* ---- rows ------------------------------------------------------------------------------ */

static void get_text(struct value *value, const char *text)
{
	value->known = text != NULL && *text != '\0';
	value->text = text;
}

static void get_number(struct value *value, int64_t number)
{
	value->known = number >= 0;
	value->number = number;
}

static const struct segment *segment_of(const struct row *row)
{
	return row->entry->kind == TIMELINE_SEGMENT ? &row->entry->segment : NULL;
}

static struct span options_of(const struct segment *segment)
{
	return (struct span){.data = segment->options, .length = sizeof(segment->options)};
}

/* A field has no blanks: "mss:1460,sackOK". */
static const char *options_text(struct value *value, const struct segment *segment)
{
	tcp_options_text(value->buffer, sizeof(value->buffer), options_of(segment), 1, segment->ack_offset);
	for (char *at = value->buffer; (at = strchr(at, ' ')) != NULL;)
		*at = ':';
	return value->buffer;
}

static const char *sack_text(struct value *value, const struct segment *segment)
{
	return tcp_options_sack(value->buffer, sizeof(value->buffer), options_of(segment), segment->ack_offset);
}

static const struct event_call *call_of(const struct row *row)
{
	return row->entry->kind == TIMELINE_CALL ? &row->entry->call : NULL;
}

/* The state that it has become; 0 it is no change of state. */
static uint8_t state_of(const struct row *row)
{
	const struct event_call *call = call_of(row);

	return call != NULL && call->kind == CALL_STATE ? (uint8_t)call->argument : 0;
}

static const struct timeline_message *message_of(const struct row *row)
{
	return row->entry->kind == TIMELINE_MESSAGE ? &row->entry->message : NULL;
}

static uint64_t both(const uint64_t numbers[WIRE_SIDES])
{
	return numbers[WIRE_LOCAL] + numbers[WIRE_REMOTE];
}

#define GETTER(name) static void get_##name(const struct row *row, struct names *names, struct value *value)

/* A column of segments: @expression uses segment. */
#define OF_SEGMENT(name, get, expression)                        \
	GETTER(name)                                             \
	{                                                        \
		const struct segment *segment = segment_of(row); \
		(void)names;                                     \
		value->known = false;                            \
		if (segment != NULL)                             \
			get(value, expression);                  \
	}

/* A column of calls: @expression uses call. */
#define OF_CALL(name, get, expression)                        \
	GETTER(name)                                          \
	{                                                     \
		const struct event_call *call = call_of(row); \
		(void)names;                                  \
		value->known = false;                         \
		if (call != NULL)                             \
			get(value, expression);               \
	}

/* A column of messages: @expression uses message. */
#define OF_MESSAGE(name, get, expression)                                 \
	GETTER(name)                                                      \
	{                                                                 \
		const struct timeline_message *message = message_of(row); \
		(void)names;                                              \
		value->known = false;                                     \
		if (message != NULL)                                      \
			get(value, expression);                           \
	}

GETTER(conn)
{
	(void)names;
	get_number(value, (int64_t)row->conn->id);
}

GETTER(time)
{
	(void)names;
	get_number(value, row->entry->time_ns);
}

GETTER(what)
{
	static const char *const words[] = {"segment", "call", "icmp", "message", "fold"};
	TABLE_COVERS(words, TIMELINE_KIND_NUM);

	(void)names;
	get_text(value, state_of(row) > 0 ? "state" : words[row->entry->kind]);
}

GETTER(from)
{
	uint8_t kind = row->entry->kind;
	uint8_t side = kind == TIMELINE_ICMP      ? row->entry->icmp.side
		       : kind == TIMELINE_MESSAGE ? row->entry->message.side
						  : row->entry->segment.side;

	(void)names;
	value->known = false;
	if (kind != TIMELINE_CALL && kind != TIMELINE_FOLD)
		get_text(value, side == WIRE_LOCAL ? "local" : "remote");
}

GETTER(segments)
{
	(void)names;
	value->known = false;
	if (row->entry->kind == TIMELINE_SEGMENT)
		get_number(value, 1);
	else if (row->entry->kind == TIMELINE_FOLD)
		get_number(value, (int64_t)both(row->entry->fold.segments));
}

GETTER(payload)
{
	(void)names;
	value->known = false;
	if (row->entry->kind == TIMELINE_SEGMENT)
		get_number(value, row->entry->segment.payload);
	else if (row->entry->kind == TIMELINE_FOLD)
		get_number(value, (int64_t)both(row->entry->fold.bytes));
}

GETTER(judged)
{
	static const struct {
		uint16_t bit;
		const char *word;
	} words[] = {
		{SEGMENT_COPY, "copy"},
		{SEGMENT_RESENT, "resent"},
		{SEGMENT_RESENT_PART, "partly-resent"},
		{SEGMENT_SPURIOUS, "spurious"},
		{SEGMENT_OUT_OF_ORDER, "out-of-order"},
		{SEGMENT_KEEPALIVE, "keep-alive"},
		{SEGMENT_WINDOW_PROBE, "window-probe"},
		{SEGMENT_ZERO_WINDOW, "zero-window"},
		{SEGMENT_STRAY, "stray"},
		{SEGMENT_FRAGMENT, "fragment"},
		{SEGMENT_CUT, "options-cut"},
		{SEGMENT_SENT_AGAIN, "sent-again"},
	};
	const struct segment *segment = segment_of(row);
	size_t used = 0;

	(void)names;
	value->known = false;
	for (size_t i = 0; segment != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i].word);

		if (!(segment->judged & words[i].bit) || used + length + 2 > sizeof(value->buffer))
			continue;
		if (used > 0)
			value->buffer[used++] = ',';
		memcpy(value->buffer + used, words[i].word, length + 1);
		used += length;
	}
	if (used > 0)
		get_text(value, value->buffer);
}

OF_SEGMENT(flags, get_text, ladder_flags(segment->flags, value->buffer))
OF_SEGMENT(seq, get_number, segment->seq)
OF_SEGMENT(ack, get_number, segment->ack)
OF_SEGMENT(frame, get_number, segment->frame)
OF_SEGMENT(window, get_number, segment->window)
OF_SEGMENT(resent, get_number, segment->judged &SEGMENT_FORGOTTEN ? CONN_UNKNOWN : segment->resent)
OF_SEGMENT(later, get_number, segment->before_ns >= 0 ? clock_span(segment->before_ns, segment->time_ns) : CONN_UNKNOWN)
OF_SEGMENT(rtt, get_number, segment->rtt_ns)
OF_SEGMENT(rstate, get_text, segment->after.heard[WIRE_REMOTE] ? conn_state_text(segment->after.of[WIRE_REMOTE]) : NULL)
OF_SEGMENT(options, get_text, options_text(value, segment))
OF_SEGMENT(sack, get_text, sack_text(value, segment))
OF_CALL(fd, get_number, call->fd)
OF_CALL(error, get_text, call->error >= 0 ? errno_text(call->error, value->buffer, sizeof(value->buffer)) : NULL)
OF_CALL(pid, get_number, call->pid)
OF_MESSAGE(method, get_text, message->method)
OF_MESSAGE(target, get_text, message->target)
OF_MESSAGE(status, get_number, message->status > 0 ? message->status : CONN_UNKNOWN)
OF_MESSAGE(host, get_text, message->host)

GETTER(lstate)
{
	const struct segment *segment = segment_of(row);

	(void)names;
	get_text(value, conn_state_text(segment != NULL ? segment->after.of[WIRE_LOCAL] : state_of(row)));
}

GETTER(call)
{
	static const char *const words[] = {
		[CALL_ACCEPT] = "accept",
		[CALL_CONNECT_BEGIN] = "connect-begin",
		[CALL_CONNECT_END] = "connect-end",
		[CALL_CONNECT_OTHER] = "connect-other",
		[CALL_SO_ERROR] = "so-error",
		[CALL_SHUTDOWN] = "shutdown",
		[CALL_CLOSE] = "close",
		[CALL_EXIT] = "exit",
		[CALL_TAKE] = "take",
		[CALL_DISCONNECT] = "disconnect",
		[CALL_OUTCOME] = "outcome",
		[CALL_GONE] = "gone",
		[CALL_STATE] = NULL,
		[CALL_RETRANSMIT] = "retransmit",
	};
	TABLE_COVERS(words, CALL_NUM);

	(void)names;
	value->known = false;
	if (call_of(row) != NULL && call_of(row)->kind < CALL_NUM)
		get_text(value, words[call_of(row)->kind]);
}

GETTER(icmp)
{
	(void)names;
	value->known = false;
	if (row->entry->kind != TIMELINE_ICMP)
		return;
	snprintf(value->buffer, sizeof(value->buffer), "%u:%u/%u", row->entry->icmp.icmp.version,
		 row->entry->icmp.icmp.type, row->entry->icmp.icmp.code);
	get_text(value, value->buffer);
}

GETTER(message)
{
	(void)names;
	get_text(value, message_of(row) != NULL ? column_message_kind(message_of(row)->kind) : NULL);
}

#define COLUMN(name, type, unit, help, getter)                   \
	{                                                        \
		name, COLUMN_##type, unit, help, get_##getter, 0 \
	}
static const struct column columns[] = {
	COLUMN("CONN", NUMBER, "", "number of the connection", conn),
	COLUMN("TIME", TIME, "s", "when the segment passed, or the call returned", time),
	COLUMN("WHAT", TEXT, "", "segment, call, state, icmp, message, or fold: several, counted only", what),
	COLUMN("FROM", TEXT, "", "local or remote: the sender", from),
	COLUMN("FLAGS", TEXT, "", "UAPRSF, - for those that are not set", flags),
	COLUMN("SEQ", COUNT, "", "sequence number, from 0", seq),
	COLUMN("ACK", COUNT, "", "acknowledgement, from 0", ack),
	COLUMN("PAYLOAD", BYTES, "bytes", "payload", payload),
	COLUMN("FRAME", BYTES, "bytes", "length of the frame", frame),
	COLUMN("WINDOW", BYTES, "bytes", "window as advertised, scaled when the handshake was seen", window),
	COLUMN("LSTATE", TEXT, "", "TCP state of the local side afterwards", lstate),
	COLUMN("RSTATE", TEXT, "", "TCP state of the remote side afterwards", rstate),
	COLUMN("JUDGED", TEXT, "", "further properties", judged),
	COLUMN("RESENT", BYTES, "bytes", "payload that was seen before", resent),
	COLUMN("LATER_MS", MS, "ms", "since it was sent before", later),
	COLUMN("RTT_MS", MS, "ms", "round trip that it ends", rtt),
	COLUMN("SEGMENTS", COUNT, "segments", "number of segments that the row represents", segments),
	COLUMN("ICMP", TEXT, "", "version:type/code", icmp),
	COLUMN("CALL", TEXT, "", "the call", call),
	COLUMN("FD", NUMBER, "", "descriptor of the connection there", fd),
	COLUMN("ERRNO", TEXT, "", "error of the call", error),
	COLUMN("PID", NUMBER, "", "process", pid),
	COLUMN("MESSAGE", TEXT, "", "request or response of HTTP; hello: a ClientHello of TLS", message),
	COLUMN("METHOD", TEXT, "", "of a request", method),
	COLUMN("TARGET", TEXT, "", "of a request; a long one ends in ..", target),
	COLUMN("STATUS", NUMBER, "", "of a response", status),
	COLUMN("HOST", TEXT, "", "Host of a request, server name of a hello; a long one ends in ..", host),
	COLUMN("OPTIONS", TEXT, "", "TCP options, comma separated, each with its values after colons", options),
	COLUMN("SACK", TEXT, "", "ranges that it acknowledges selectively, from-to as ACK, comma separated", sack),
};

static void begin_printer(struct printer *printer, const struct ladder_options *options)
{
	size_t count = sizeof(columns) / sizeof(columns[0]);

	printer->out = options->out;
	printer->format = options->format;
	printer->style = STYLE_MACHINE;
	if (options->format == REPORT_RAW) {
		printer->style.time = options->pen.time;
		printer->style.start_ns = options->pen.start_ns;
	}
	printer->report = options->named ? "ladder" : NULL;
	printer->header = options->header;
	printer->columns.count = count;
	printer->columns.columns = xcalloc(count, sizeof(*printer->columns.columns));
	for (size_t i = 0; i < count; i++)
		printer->columns.columns[i] = &columns[i];
	printer_init(printer);
}

/* ---- the report ------------------------------------------------------------------------- */

int ladder_parse(const char *text, unsigned int *which, struct err *err)
{
	static const struct words_bit words[] = {
		{"suspicious", LADDER_SUSPICIOUS},
		{"all", LADDER_ALL},
		{"full", LADDER_FULL},
		{NULL, 0},
	};

	return words_bits(which, words, "suspicious, all and full", "--ladder", text, err);
}

/* The other formats have rows. */
static bool is_drawn(enum report_format format)
{
	return format == REPORT_TABLE || format == REPORT_MERMAID;
}

struct ladder *ladder_new(const struct ladder_options *options)
{
	struct ladder *ladder = xcalloc(1, sizeof(*ladder));

	ladder->options = *options;
	/* "full" alone means all connections. */
	if (!(options->which & LADDER_SUSPICIOUS))
		ladder->options.which |= options->which & LADDER_FULL ? LADDER_ALL : 0;
	ladder->options.pen.full = options->which & LADDER_FULL;
	ladder->before_ns = CLOCK_UNKNOWN;
	if (!is_drawn(options->format))
		begin_printer(&ladder->printer, &ladder->options);
	return ladder;
}

void ladder_free(struct ladder *ladder)
{
	if (ladder == NULL)
		return;
	if (!is_drawn(ladder->options.format))
		printer_clear(&ladder->printer);
	text_free(&ladder->text);
	free(ladder);
}

static void write_text(struct ladder *ladder)
{
	errno = 0;
	if (ladder->error == 0 &&
	    (fwrite(ladder->text.data, 1, ladder->text.length, ladder->options.out) != ladder->text.length ||
	     fflush(ladder->options.out) != 0))
		ladder->error = errno != 0 ? -errno : -EIO;
	text_cut(&ladder->text, 0);
}

static void print_row(struct ladder *ladder, const struct conn *conn, const struct timeline_entry *entry)
{
	const struct row row = {.conn = conn, .entry = entry};

	printer_row(&ladder->printer, &row);
}

/* The start of the run is unknown: relative times begin with the first line printed. */
static void begin_time(struct ladder *ladder, int64_t time_ns)
{
	if (ladder->options.pen.start_ns < 0)
		ladder->options.pen.start_ns = time_ns;
}

static void draw_mermaid(struct ladder *ladder, const struct conn *conn)
{
	struct timeline *folded = timeline_is_empty(conn->timeline) ? NULL : timeline_folded(conn->timeline);

	if (ladder->separate)
		text_add_char(&ladder->text, '\n');
	ladder->separate = true;
	ladder->unkept += timeline_unkept(conn->timeline);
	ladder_mermaid(&ladder->text, conn, folded, ladder->options.chars);
	timeline_free(folded);
	write_text(ladder);
}

void ladder_conn(struct ladder *ladder, const struct conn *conn)
{
	unsigned int which = ladder->options.which;
	bool is_empty = timeline_is_empty(conn->timeline);
	int64_t before_ns = CLOCK_UNKNOWN;
	struct timeline *folded;

	if (!(which & LADDER_ALL) && !(which & LADDER_SUSPICIOUS && conn->why & SUSPICIOUS_SET))
		return;
	ladder->any = true;
	if (ladder->options.format == REPORT_MERMAID) {
		draw_mermaid(ladder, conn);
		return;
	}
	if (ladder->options.format == REPORT_TABLE) {
		if (ladder->separate)
			text_add_char(&ladder->text, '\n');
		ladder->separate = true;
		ladder_draw_head(&ladder->text, &ladder->options.pen, conn);
	}
	if (is_empty) {
		if (ladder->options.format == REPORT_TABLE) {
			ladder_draw_nothing(&ladder->text);
			write_text(ladder);
		}
		return;
	}
	folded = timeline_folded(conn->timeline);
	ladder->unkept += timeline_unkept(conn->timeline);
	begin_time(ladder, folded->entries[0].time_ns);
	for (uint32_t i = 0; i < folded->count; i++) {
		const struct timeline_entry *entry = &folded->entries[i];

		if (ladder->options.format == REPORT_TABLE)
			before_ns = ladder_draw_entry(&ladder->text, &ladder->options.pen, conn, entry, before_ns);
		else
			print_row(ladder, conn, entry);
	}
	timeline_free(folded);
	if (ladder->options.format == REPORT_TABLE)
		write_text(ladder);
}

const char *ladder_nothing(const struct ladder *ladder)
{
	if (ladder == NULL || ladder->any || !(ladder->options.which & LADDER_SUSPICIOUS))
		return NULL;
	return "no connection is suspicious; --ladder=all shows all";
}

uint64_t ladder_unkept(const struct ladder *ladder)
{
	return ladder != NULL ? ladder->unkept : 0;
}

void ladder_entry(struct ladder *ladder, const struct conn *conn, const struct timeline_entry *entry)
{
	struct ladder_pen pen;

	if (!(ladder->options.which & LADDER_LIVE))
		return;
	/* Both ends are watched: the packet is shown once. */
	if (entry->kind == TIMELINE_SEGMENT && entry->segment.judged & SEGMENT_REPORTED)
		return;
	if (ladder->options.format != REPORT_TABLE) {
		print_row(ladder, conn, entry);
		return;
	}
	begin_time(ladder, entry->time_ns);
	pen = ladder->options.pen;
	pen.ids = true;
	if (conn->timeline != NULL && !conn->timeline->headed) {
		conn->timeline->headed = true;
		ladder_draw_head(&ladder->text, &pen, conn);
	}
	ladder->before_ns = ladder_draw_entry(&ladder->text, &pen, conn, entry, ladder->before_ns);
	ladder->separate = true;
	write_text(ladder);
}

void ladder_titles(struct ladder *ladder, bool are_out)
{
	ladder->printer.header_done = are_out;
}

int ladder_error(const struct ladder *ladder, struct err *err)
{
	int error = ladder->error != 0 ? ladder->error : ladder->printer.error;

	return error == 0 ? 0 : err_set(err, error, "the ladder could not be written: %s", strerror(-error));
}
