// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/ladder/ladder_draw.h"

#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "report/rows/errno_text.h"
#include "report/rows/format.h"
#include "track/suspicious.h"

/*
 * A line is
 *
 *   time  call or local state  |--flags-->|  remote state  note
 *
 * The local side is on the left, whichever side opened. A state is named where
 * it changes. A note that is too long continues on the next line.
 */

#define RED "\033[31m"
#define YELLOW "\033[33m"
#define GREEN "\033[32m"
#define BOLD "\033[1m"
#define CYAN "\033[36m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

/* The longest names of states: ESTABLISHED. */
#define STATE_WIDTH 11

/**
 * struct form - widths of the parts of a line
 * @time: of the time
 * @left: of call and local state
 * @arrow: between the bars
 * @bars: bars are drawn
 */
struct form {
	unsigned int time;
	unsigned int left;
	unsigned int arrow;
	bool bars;
};

/* To the millisecond. */
static unsigned int narrow_time(enum report_time time, const unsigned int *times)
{
	return time == REPORT_TIME_CLOCK || time == REPORT_TIME_DELTA ? 12 : times[time];
}

static struct form form_of(const struct ladder_pen *pen)
{
	static const unsigned int times[] = {
		[REPORT_TIME_CLOCK] = 15,    [REPORT_TIME_EPOCH] = 20, [REPORT_TIME_ISO] = 32,
		[REPORT_TIME_RELATIVE] = 13, [REPORT_TIME_DELTA] = 15,
	};
	TABLE_COVERS(times, REPORT_TIME_NUM);
	struct form form = {.time = times[pen->time], .left = 20, .arrow = 10, .bars = true};

	if (pen->width < LADDER_NARROW)
		form = (struct form){.time = narrow_time(pen->time, times), .left = STATE_WIDTH + 1, .arrow = 8};
	else if (pen->width >= 120)
		form.arrow = 20;
	return form;
}

/* ---- pieces of text ------------------------------------------------------------------ */

static void add_padded(struct text *text, const char *word, unsigned int width, bool right)
{
	size_t length = strlen(word), blanks = length < width ? width - length : 0;

	if (right)
		text_add_blanks(text, blanks);
	text_add(text, word);
	if (!right)
		text_add_blanks(text, blanks);
}

static void add_endpoint(struct text *text, const struct endpoint *endpoint)
{
	char ip[ENDPOINT_TEXT];
	bool is_known = endpoint_has_ip(endpoint), bare = endpoint_is_v4(endpoint) || !is_known;

	if (!is_known && endpoint->port == 0) {
		text_add_char(text, '-');
		return;
	}
	text_add(text, bare ? "" : "[");
	text_add(text, is_known ? endpoint_ip_text(endpoint, ip) : "-");
	text_add(text, bare ? ":" : "]:");
	text_add_number(text, endpoint->port);
}

/* @time_ns as the pen shows it; or the difference to @before_ns, when requested and known. */
static void add_time(struct text *text, const struct ladder_pen *pen, int64_t time_ns, int64_t before_ns,
		     unsigned int width)
{
	const struct column column = {.name = "TIME", .type = COLUMN_TIME};
	struct style style = {.time = pen->time, .start_ns = pen->start_ns};
	struct value value = {.known = time_ns >= 0, .number = time_ns};
	struct text shown = {0};

	if (pen->time == REPORT_TIME_DELTA && before_ns >= 0 && time_ns >= 0) {
		text_add_char(&shown, time_ns < before_ns ? '-' : '+');
		text_add_decimal(&shown, time_ns < before_ns ? before_ns - time_ns : time_ns - before_ns,
				 CLOCK_NS_PER_SEC, 6);
	} else {
		style.time = pen->time == REPORT_TIME_DELTA ? REPORT_TIME_CLOCK : pen->time;
		format_text(&shown, &column, &value, &style, CONN_UNKNOWN);
	}
	if (shown.length > width)
		text_cut(&shown, width);
	add_padded(text, shown.data, width, true);
	text_free(&shown);
}

/* ---- lines ------------------------------------------------------------------------------ */

static void begin_line(struct text *text, const struct ladder_pen *pen, const struct conn *conn)
{
	size_t at = text->length;

	if (!pen->ids)
		return;
	text_add_char(text, '#');
	text_add_unsigned(text, conn->id);
	text_add_blanks(text, text->length - at < 6 ? 6 - (text->length - at) : 0);
	text_add_char(text, ' ');
}

/* How much of @note fits into @width, without splitting a word or an option. */
static size_t fitting(const char *note, size_t width)
{
	bool inside = note[strcspn(note, "<>")] == '>';
	size_t cut = 0;

	if (strlen(note) <= width)
		return strlen(note);
	for (size_t i = 0; i < width; i++) {
		inside = note[i] == '<' || (inside && note[i] != '>');
		if (note[i] == ',' || (note[i] == ' ' && !inside))
			cut = i + 1;
	}
	return cut > 0 ? cut : width;
}

static void add_note(struct text *text, const struct ladder_pen *pen, const struct form *form, size_t line,
		     const char *note)
{
	size_t column = text->length - line, room = pen->width > column + 16 ? pen->width - column : 16;

	while (*note != '\0') {
		size_t length = fitting(note, room);

		text_add_bytes(text, note, length);
		note += length;
		if (*note == '\0')
			return;
		while (text->data[text->length - 1] == ' ')
			text_cut(text, text->length - 1);
		text_add_char(text, '\n');
		text_add_blanks(text, form->bars ? form->time + 2 + form->left + (pen->ids ? 7 : 0) : column);
		if (!form->bars)
			continue;
		text_add_char(text, '|');
		text_add_blanks(text, form->arrow);
		text_add_char(text, '|');
		text_add_blanks(text, STATE_WIDTH + 2);
	}
}

static void end_line(struct text *text, size_t line, const char *color)
{
	while (text->length > line && text->data[text->length - 1] == ' ')
		text_cut(text, text->length - 1);
	if (color != NULL)
		text_add(text, PLAIN);
	text_add_char(text, '\n');
}

static void add_arrow(struct text *text, const struct form *form, const struct segment *segment)
{
	char letters[7];
	size_t dashes = form->arrow - 8;
	bool out = segment->side == WIRE_LOCAL;

	if (form->bars)
		text_add_char(text, '|');
	text_add(text, out ? "-" : "<");
	text_add(text, ladder_flags(segment->flags, letters));
	while (dashes-- > 0)
		text_add_char(text, '-');
	text_add(text, out ? ">" : "-");
	if (form->bars)
		text_add_char(text, '|');
}

static const char *changed_state(const struct segment *segment, enum wire_side side)
{
	return segment->after.of[side] != segment->before.of[side] ? ladder_state(segment->after.of[side]) : "";
}

static const char *segment_color(const struct segment *segment)
{
	if (segment->flags & SEGMENT_RST ||
	    segment->judged & (SEGMENT_RESENT | SEGMENT_RESENT_PART | SEGMENT_STRAY | SEGMENT_ZERO_WINDOW))
		return RED;
	return segment->judged & (SEGMENT_SENT_AGAIN | SEGMENT_OUT_OF_ORDER | SEGMENT_FRAGMENT | SEGMENT_CUT) ? YELLOW
													      : NULL;
}

static void draw_segment(struct text *text, const struct ladder_pen *pen, const struct form *form, size_t line,
			 const struct segment *segment)
{
	struct text note = {0};

	add_padded(text, changed_state(segment, WIRE_LOCAL), form->left - (form->bars ? 2 : 1), true);
	text_add_blanks(text, form->bars ? 2 : 1);
	add_arrow(text, form, segment);
	text_add_char(text, ' ');
	add_padded(text, changed_state(segment, WIRE_REMOTE), STATE_WIDTH, false);
	text_add_char(text, ' ');
	ladder_note(&note, segment, pen->full);
	if (note.data != NULL)
		add_note(text, pen, form, line, note.data);
	text_free(&note);
}

/* Draw an entry that is not a segment: @left beside the bars, @note after them. */
static void draw_beside(struct text *text, const struct ladder_pen *pen, const struct form *form, size_t line,
			const char *left, const char *middle, const char *note)
{
	if (!form->bars) {
		text_add(text, left);
		text_add(text, *left != '\0' ? "  " : middle);
		add_note(text, pen, form, line, note);
		return;
	}
	add_padded(text, left, form->left, false);
	text_add(text, middle);
	if (*note == '\0')
		return;
	if (middle[0] == '|')
		text_add_blanks(text, STATE_WIDTH + 2);
	add_note(text, pen, form, line, note);
}

static void draw_call(struct text *text, const struct ladder_pen *pen, const struct form *form, size_t line,
		      const struct conn *conn, const struct event_call *call)
{
	struct text shown = {0}, note = {0}, bars = {0};

	ladder_call(&shown, &note, conn, call);
	/* A state is beside the bar, as those of segments. */
	if (call->kind == CALL_STATE && form->bars) {
		text_cut(&shown, 0);
		add_padded(&shown, ladder_state((unsigned int)call->argument), form->left - 2, true);
	}
	text_add_char(&bars, '|');
	text_add_blanks(&bars, form->arrow);
	text_add_char(&bars, '|');
	draw_beside(text, pen, form, line, shown.data, bars.data, note.data != NULL ? note.data : "");
	text_free(&shown);
	text_free(&note);
	text_free(&bars);
}

static void draw_icmp(struct text *text, const struct ladder_pen *pen, const struct form *form, size_t line,
		      const struct timeline_icmp *icmp)
{
	struct text note = {0}, bars = {0};

	ladder_count(&note, icmp->icmp.version == 6 ? "ICMPv6" : "ICMP", icmp->icmp.type);
	text_add_char(&note, '/');
	text_add_number(&note, icmp->icmp.code);
	text_add(&bars, icmp->side == WIRE_LOCAL ? "|<" : "|");
	for (unsigned int i = 1; i < form->arrow; i++)
		text_add_char(&bars, i % 2 ? ' ' : '-');
	text_add(&bars, icmp->side == WIRE_LOCAL ? "|" : ">|");
	draw_beside(text, pen, form, line, "", form->bars ? bars.data : "", note.data);
	text_free(&note);
	text_free(&bars);
}

static void draw_message(struct text *text, const struct ladder_pen *pen, const struct form *form, size_t line,
			 const struct timeline_message *message)
{
	bool out = message->side == WIRE_LOCAL;
	struct text note = {0}, bars = {0};

	ladder_message(&note, message);
	text_add(&bars, out ? "|" : "|<");
	for (unsigned int i = 1; i < form->arrow; i++)
		text_add_char(&bars, '~');
	text_add(&bars, out ? ">|" : "|");
	draw_beside(text, pen, form, line, "", form->bars ? bars.data : out ? "> " : "< ", note.data);
	text_free(&note);
	text_free(&bars);
}

static void draw_fold(struct text *text, const struct ladder_pen *pen, const struct form *form, size_t line,
		      const struct timeline_fold *fold, int64_t first_ns)
{
	uint64_t segments = fold->segments[WIRE_LOCAL] + fold->segments[WIRE_REMOTE];
	struct text note = {0};

	text_add_unsigned(&note, segments);
	text_add(&note, segments == 1 ? " segment, " : " segments, ");
	text_add_unsigned(&note, fold->bytes[WIRE_LOCAL] + fold->bytes[WIRE_REMOTE]);
	text_add(&note, " bytes");
	if (fold->calls > 0)
		ladder_count(&note, "and calls:", fold->calls);
	if (first_ns >= 0 && fold->last_ns > first_ns) {
		text_add(&note, " in ");
		ladder_span(&note, fold->last_ns - first_ns);
	}
	if (fold->forced)
		text_add(&note, " (no room to keep them)");
	draw_beside(text, pen, form, line, "", ":  ", note.data);
	text_free(&note);
}

int64_t ladder_draw_entry(struct text *text, const struct ladder_pen *pen, const struct conn *conn,
			  const struct timeline_entry *entry, int64_t before_ns)
{
	/* The colour of a segment depends on its kind. */
	static const char *const colors[] = {
		[TIMELINE_SEGMENT] = NULL, [TIMELINE_CALL] = GREEN, [TIMELINE_ICMP] = RED,
		[TIMELINE_MESSAGE] = CYAN, [TIMELINE_FOLD] = DIM,
	};
	TABLE_COVERS(colors, TIMELINE_KIND_NUM);
	struct form form = form_of(pen);
	const char *color = NULL;
	size_t line;

	if (pen->color && entry->kind == TIMELINE_SEGMENT)
		color = segment_color(&entry->segment);
	else if (pen->color)
		color = colors[entry->kind];
	if (color != NULL)
		text_add(text, color);
	line = text->length;
	begin_line(text, pen, conn);
	add_time(text, pen, entry->time_ns, before_ns, form.time);
	text_add_blanks(text, form.bars ? 2 : 1);
	switch (entry->kind) {
	case TIMELINE_SEGMENT:
		draw_segment(text, pen, &form, line, &entry->segment);
		break;
	case TIMELINE_CALL:
		draw_call(text, pen, &form, line, conn, &entry->call);
		break;
	case TIMELINE_ICMP:
		draw_icmp(text, pen, &form, line, &entry->icmp);
		break;
	case TIMELINE_MESSAGE:
		draw_message(text, pen, &form, line, &entry->message);
		break;
	default:
		draw_fold(text, pen, &form, line, &entry->fold, entry->time_ns);
		break;
	}
	end_line(text, line, color);
	return entry->kind == TIMELINE_FOLD ? entry->fold.last_ns : entry->time_ns;
}

/* ---- the head ---------------------------------------------------------------------------- */

/* Append one more part, on a new line when this one is full; @line is the current column. */
static void add_part(struct text *text, const struct ladder_pen *pen, size_t *line, const char *part)
{
	if (text->length - *line + 2 + strlen(part) > pen->width && text->length > *line) {
		text_add_char(text, '\n');
		*line = text->length;
		text_add_blanks(text, 4);
	} else {
		text_add(text, "  ");
	}
	text_add(text, part);
}

static void part_process(struct text *part, const struct conn *conn)
{
	text_cut(part, 0);
	if (conn->process == NULL)
		return;
	if (conn->process->comm[0] != '\0')
		text_add_field(part, redact_text(REDACT_COMM, conn->process->comm));
	text_add_char(part, '[');
	if (conn->process->pid > 0)
		text_add_number(part, conn->process->pid);
	else
		text_add_char(part, '-');
	text_add_char(part, ']');
	if (conn->fd >= 0)
		ladder_count(part, "fd", conn->fd);
}

static void part_span(struct text *part, const char *name, int64_t span_ns)
{
	text_cut(part, 0);
	if (span_ns < 0)
		return;
	ladder_word(part, name);
	text_add_char(part, ' ');
	ladder_span(part, span_ns);
}

static void part_bytes(struct text *part, const struct conn *conn)
{
	text_cut(part, 0);
	if (conn->rx_bytes < 0 && conn->tx_bytes < 0)
		return;
	text_add(part, "rx ");
	if (conn->rx_bytes >= 0)
		text_add_number(part, conn->rx_bytes);
	else
		text_add_char(part, '-');
	text_add(part, " tx ");
	if (conn->tx_bytes >= 0)
		text_add_number(part, conn->tx_bytes);
	else
		text_add_char(part, '-');
}

void ladder_draw_nothing(struct text *text)
{
	text_add(text, "    none of its calls or segments was seen\n");
}

void ladder_draw_head(struct text *text, const struct ladder_pen *pen, const struct conn *conn)
{
	const char *dir = conn_dir_text((enum conn_dir)conn->dir), *why;
	char words[SUSPICIOUS_TEXT], number[16];
	struct text part = {0};
	size_t line;

	if (pen->color)
		text_add(text, BOLD);
	line = text->length;
	text_add_char(text, '#');
	text_add_unsigned(text, conn->id);
	ladder_word(text, dir != NULL ? dir : "-");
	text_add_char(text, ' ');
	add_endpoint(text, &conn->flow.local);
	text_add(text, conn->dir == DIR_IN ? " < " : conn->dir == DIR_OUT ? " > " : " - ");
	add_endpoint(text, &conn->flow.remote);
	part_process(&part, conn);
	if (part.length > 0)
		add_part(text, pen, &line, part.data);
	if (!pen->ids) {
		add_part(text, pen, &line, conn_result_text((enum conn_result)conn->result));
		if (conn->error > 0)
			add_part(text, pen, &line, errno_text(conn->error, number, sizeof(number)));
		part_span(&part, "hs", conn->hs_ns);
		if (part.length > 0)
			add_part(text, pen, &line, part.data);
		part_bytes(&part, conn);
		if (part.length > 0)
			add_part(text, pen, &line, part.data);
		why = suspicious_text(conn->why, words);
		text_cut(&part, 0);
		if (why != NULL) {
			text_add(&part, "why: ");
			text_add(&part, why);
			add_part(text, pen, &line, part.data);
		}
	}
	text_free(&part);
	if (pen->color)
		text_add(text, PLAIN);
	text_add_char(text, '\n');
}
