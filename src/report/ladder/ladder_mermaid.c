// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/ladder/ladder_mermaid.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/redact.h"
#include "report/ladder/ladder_draw.h"

/*
 * Forges render a fenced block of Mermaid. Its text has no quotes: what has a meaning there is written as an entity,
 * "#59;" for a semicolon, and so is a letter of the word "end".
 */

/* Entries from the least telling to the most. */
enum weight {
	/* counted already, or plain */
	WEIGHT_PLAIN,
	/* said about by the segment, as "out of order" */
	WEIGHT_JUDGED,
	/* retransmissions, closed windows */
	WEIGHT_RESENT,
	WEIGHT_GAP,
	WEIGHT_CALL,
	/* SYN, FIN, RST, ICMP, messages */
	WEIGHT_MILESTONE,
	WEIGHT_NUM
};

/* A line of the diagram, or several that are only counted. */
struct line {
	char *text; /* owned; NULL: counted */
	uint8_t weight;
	uint64_t segments;
	uint64_t bytes;
	uint64_t others;
};

struct lines {
	struct line *line;
	size_t count;
	size_t room;
};

static bool is_end(const char *at, const char *begin)
{
	return strncasecmp(at, "end", 3) == 0 && (at == begin || !isalnum((unsigned char)at[-1])) &&
	       !isalnum((unsigned char)at[3]);
}

/* @plain is printable ASCII: other bytes are escaped by text_add_field(). */
static void add_safe(struct text *text, const char *plain)
{
	for (const char *at = plain; *at != '\0'; at++) {
		if (is_end(at, plain) || strchr("#;:<>\"'`{}\\%$&*_~|", *at) != NULL) {
			text_add_char(text, '#');
			text_add_number(text, (unsigned char)*at);
			text_add_char(text, ';');
		} else {
			text_add_char(text, *at);
		}
	}
}

static void add_foreign(struct text *text, const char *foreign)
{
	struct text field = {0};

	text_add_field(&field, foreign);
	add_safe(text, field.data != NULL ? field.data : "");
	text_free(&field);
}

static struct line *add_line(struct lines *lines, enum weight weight)
{
	lines->line = array_reserve(lines->line, lines->count, &lines->room, sizeof(*lines->line));
	lines->line[lines->count] = (struct line){.weight = (uint8_t)weight};
	return &lines->line[lines->count++];
}

/* The text of a line of @arrow, taken from @words. */
static void set_line(struct line *line, const char *arrow, struct text *words)
{
	struct text text = {0};

	text_add(&text, "    ");
	text_add(&text, arrow);
	text_add(&text, ": ");
	add_safe(&text, words->data != NULL ? words->data : "");
	text_add_char(&text, '\n');
	text_free(words);
	line->text = text.data;
}

static void add_segment(struct lines *lines, const struct segment *segment)
{
	static const struct {
		uint16_t flag;
		const char *name;
	} flags[] = {{SEGMENT_SYN, "SYN"}, {SEGMENT_FIN, "FIN"}, {SEGMENT_RST, "RST"}, {SEGMENT_ACK, "ACK"}};
	static const struct {
		uint16_t bit;
		const char *word;
		enum weight weight;
	} judged[] = {
		{SEGMENT_RESENT, "resent", WEIGHT_RESENT},
		{SEGMENT_RESENT_PART, "partly resent", WEIGHT_RESENT},
		{SEGMENT_ZERO_WINDOW, "window 0", WEIGHT_RESENT},
		{SEGMENT_WINDOW_PROBE, "window probe", WEIGHT_JUDGED},
		{SEGMENT_KEEPALIVE, "keep-alive", WEIGHT_JUDGED},
		{SEGMENT_OUT_OF_ORDER, "out of order", WEIGHT_JUDGED},
		{SEGMENT_SENT_AGAIN, "sent again", WEIGHT_JUDGED},
	};
	enum weight weight = WEIGHT_PLAIN;
	struct text words = {0};
	struct line *line;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (segment->flags & flags[i].flag && !(flags[i].flag == SEGMENT_ACK && segment->payload > 0))
			ladder_word(&words, flags[i].name);
	if (segment->payload > 0) {
		ladder_word(&words, "");
		text_add_unsigned(&words, segment->payload);
		text_add(&words, " B");
	}
	for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++)
		if (segment->judged & judged[i].bit) {
			ladder_word(&words, judged[i].word);
			weight = judged[i].weight > weight ? judged[i].weight : weight;
		}
	if (segment->flags & (SEGMENT_SYN | SEGMENT_FIN | SEGMENT_RST))
		weight = WEIGHT_MILESTONE;
	line = add_line(lines, weight);
	line->segments = 1;
	line->bytes = segment->payload;
	set_line(line, segment->side == WIRE_LOCAL ? "L->>R" : "R->>L", &words);
}

static void add_call(struct lines *lines, const struct conn *conn, const struct event_call *call)
{
	bool returns = call->kind == CALL_ACCEPT || call->kind == CALL_CONNECT_END || call->kind == CALL_TAKE;
	bool is_call = call->kind != CALL_STATE && call->kind != CALL_RETRANSMIT;
	struct line *line = add_line(lines, WEIGHT_CALL);
	struct text words = {0}, note = {0};

	line->others = 1;
	ladder_call(&words, &note, conn, call);
	if (note.length > 0)
		ladder_word(&words, note.data);
	text_free(&note);
	if (ladder_is_of_peer(conn, call))
		set_line(line, "Note over R", &words);
	else
		set_line(line, !is_call ? "Note over L" : returns ? "L-->>P" : "P->>L", &words);
}

static void add_gap(struct lines *lines, int64_t gap_ns)
{
	struct text words = {0};

	ladder_span(&words, gap_ns);
	text_add(&words, " later");
	set_line(add_line(lines, WEIGHT_GAP), "Note over L,R", &words);
}

static void add_entry(struct lines *lines, const struct conn *conn, const struct timeline_entry *entry)
{
	struct text words = {0};
	struct line *line;

	switch (entry->kind) {
	case TIMELINE_SEGMENT:
		add_segment(lines, &entry->segment);
		break;
	case TIMELINE_CALL:
		add_call(lines, conn, &entry->call);
		break;
	case TIMELINE_ICMP:
		ladder_count(&words, entry->icmp.icmp.version == 6 ? "ICMPv6" : "ICMP", entry->icmp.icmp.type);
		text_add_char(&words, '/');
		text_add_number(&words, entry->icmp.icmp.code);
		set_line(add_line(lines, WEIGHT_MILESTONE), entry->icmp.side == WIRE_LOCAL ? "R-xL" : "L-xR", &words);
		break;
	case TIMELINE_MESSAGE:
		ladder_message(&words, &entry->message);
		line = add_line(lines, WEIGHT_MILESTONE);
		line->others = 1;
		set_line(line, entry->message.side == WIRE_LOCAL ? "L->>R" : "R->>L", &words);
		break;
	default:
		line = add_line(lines, WEIGHT_PLAIN);
		line->segments = entry->fold.segments[WIRE_LOCAL] + entry->fold.segments[WIRE_REMOTE];
		line->bytes = entry->fold.bytes[WIRE_LOCAL] + entry->fold.bytes[WIRE_REMOTE];
		line->others = entry->fold.calls;
		break;
	}
}

/* What is only counted: "Note over L,R: 14 segments, 9412 bytes". */
static void write_counted(struct text *text, const struct line *line)
{
	text_add(text, "    Note over L,R: ");
	text_add_unsigned(text, line->segments);
	text_add(text, line->segments == 1 ? " segment, " : " segments, ");
	text_add_unsigned(text, line->bytes);
	text_add(text, " bytes");
	if (line->others > 0) {
		text_add(text, ", ");
		text_add_unsigned(text, line->others);
		text_add(text, " calls and messages");
	}
	text_add_char(text, '\n');
}

static void count_in(struct line *to, struct line *from)
{
	to->segments += from->segments;
	to->bytes += from->bytes;
	to->others += from->others;
	free(from->text);
	from->text = NULL;
}

/* Let neighbours up to @weight be one line that counts them; a single one is as short as it is. */
static void fold(struct lines *lines, unsigned int weight)
{
	size_t kept = 0;

	for (size_t i = 0; i < lines->count;) {
		size_t end = i;

		while (end < lines->count && lines->line[end].weight <= weight)
			end++;
		lines->line[kept] = lines->line[i];
		for (size_t j = i + 1; j < end; j++) {
			free(lines->line[kept].text);
			lines->line[kept].text = NULL;
			count_in(&lines->line[kept], &lines->line[j]);
		}
		kept++;
		i = end > i ? end : i + 1;
	}
	lines->count = kept;
}

static size_t length_of(const struct line *line)
{
	struct text text = {0};
	size_t length;

	if (line->text != NULL)
		return strlen(line->text);
	write_counted(&text, line);
	length = text.length;
	text_free(&text);
	return length;
}

static size_t size_of(const struct lines *lines)
{
	size_t size = 0;

	for (size_t i = 0; i < lines->count; i++)
		size += length_of(&lines->line[i]);
	return size;
}

/* Even the milestones are too many: the middle is counted. */
static void fold_middle(struct lines *lines, size_t most)
{
	size_t middle = lines->count / 2, size = size_of(lines);

	while (size > most && lines->count > 2) {
		struct line *line = lines->line;
		size_t next = middle + 1 < lines->count ? middle + 1 : middle - 1, low = next < middle ? next : middle;

		size -= length_of(&line[low]) + length_of(&line[low + 1]);
		free(line[low].text);
		line[low].text = NULL;
		count_in(&line[low], &line[low + 1]);
		size += length_of(&line[low]);
		memmove(&line[low + 1], &line[low + 2], (lines->count - low - 2) * sizeof(*line));
		lines->count--;
		middle = low > lines->count / 2 ? low - 1 : low;
	}
}

static void add_participant(struct text *text, const char *letter, const struct endpoint *endpoint)
{
	char ip[ENDPOINT_TEXT];

	text_add(text, "    participant ");
	text_add(text, letter);
	text_add(text, " as ");
	add_safe(text, endpoint_has_ip(endpoint) ? endpoint_ip_text(endpoint, ip) : "unknown");
	text_add(text, " port ");
	text_add_number(text, endpoint->port);
	text_add_char(text, '\n');
}

static void add_head(struct text *text, const struct conn *conn)
{
	text_add(text, "sequenceDiagram\n    participant P as ");
	if (conn->process != NULL && conn->process->comm[0] != '\0')
		add_foreign(text, redact_text(REDACT_COMM, conn->process->comm));
	else
		text_add(text, "unknown process");
	if (conn->process != NULL && conn->process->pid > 0) {
		text_add_char(text, ' ');
		text_add_number(text, conn->process->pid);
	}
	text_add_char(text, '\n');
	add_participant(text, "L", &conn->flow.local);
	add_participant(text, "R", &conn->flow.remote);
	text_add(text, "    Note over P,R: connection ");
	text_add_unsigned(text, conn->id);
	text_add(text, ", ");
	text_add(text, conn_result_text((enum conn_result)conn->result));
	text_add_char(text, '\n');
}

void ladder_mermaid(struct text *text, const struct conn *conn, const struct timeline *timeline, size_t most)
{
	struct text head = {0};
	struct lines lines = {0};
	int64_t before_ns = CLOCK_UNKNOWN, all_ns = clock_span(conn->start_ns, conn->end_ns);
	size_t room;

	add_head(&head, conn);
	room = most > head.length ? most - head.length : 0;
	for (uint32_t i = 0; timeline != NULL && i < timeline->count; i++) {
		const struct timeline_entry *entry = &timeline->entries[i];
		int64_t gap_ns = clock_span(before_ns, entry->time_ns);

		if (gap_ns > 20 * CLOCK_NS_PER_MS && gap_ns > all_ns / 20)
			add_gap(&lines, gap_ns);
		add_entry(&lines, conn, entry);
		before_ns = entry->kind == TIMELINE_FOLD ? entry->fold.last_ns : entry->time_ns;
	}
	for (unsigned int weight = 0; weight + 1 < WEIGHT_NUM && size_of(&lines) > room; weight++)
		fold(&lines, weight);
	fold_middle(&lines, room);
	text_add(text, "```mermaid\n");
	text_add_bytes(text, head.data, head.length);
	for (size_t i = 0; i < lines.count; i++) {
		if (lines.line[i].text != NULL)
			text_add(text, lines.line[i].text);
		else
			write_counted(text, &lines.line[i]);
		free(lines.line[i].text);
	}
	text_add(text, "```\n");
	free(lines.line);
	text_free(&head);
}
