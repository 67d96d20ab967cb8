// SPDX-License-Identifier: GPL-2.0-or-later
/* The page of one connection: its history, its time line, then all columns. */
#include "report/top/top_layout.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/columns.h"
#include "report/rows/column.h"
#include "report/rows/errno_text.h"
#include "report/rows/format.h"
#include "report/ladder/ladder_draw.h"

/* Title and traffic stay; the lines below them scroll. */
#define LINES_ABOVE 3
/* A name, a blank and a value that is not an address of IPv6. */
#define FIELD_NAME 11
#define FIELD_WIDTH 38

static void put_title(struct top_grid *grid, const struct top_row *row, const struct top_style *style)
{
	const struct conn *conn = &row->conn;
	const char *dir = conn_dir_text(conn->dir);
	struct text text = {0};

	text_add(&text, " ");
	top_cell(&text, row, TOP_LOCAL, style, 60);
	text_add(&text, conn->dir == DIR_OUT ? " > " : conn->dir == DIR_IN ? " < " : " - ");
	top_cell(&text, row, TOP_PEER, style, 60);
	text_add(&text, "  ");
	text_add(&text, dir != NULL ? dir : "");
	text_add(&text, "  ");
	top_process_text(&text, conn->process, 40);
	top_grid_put(grid, 0, 0, text.data, TOP_BOLD);
	for (unsigned int x = 0; x < grid->width; x++)
		grid->chars[x].attributes |= TOP_REVERSE;
	text_free(&text);
}

static void put_minute(struct top_grid *grid, const struct top_row *row, const struct top_state *state)
{
	struct text text = {0};
	float full = 0;
	unsigned int x;

	for (int i = 0; i < TOP_PAST; i++)
		if (row->past[i] > full)
			full = row->past[i];
	text_add(&text, "RX/s ");
	top_text_rate(&text, row->rx_rate, state->units);
	text_add(&text, "  TX/s ");
	top_text_rate(&text, row->tx_rate, state->units);
	text_add(&text, "  ");
	x = top_grid_put(grid, 1, 1, text.data, TOP_BOLD);
	top_grid_spark(grid, 1, x, TOP_PAST, row->past, TOP_PAST, full, state->utf8);
	text_free(&text);
}

/* Draw a line below the title, unless it is scrolled off. */
static void put_line(struct top_grid *grid, int y, unsigned int x, const char *line, unsigned int attributes)
{
	if (y >= LINES_ABOVE)
		top_grid_put(grid, (unsigned int)y, x, line, attributes);
}

/* One line of the history: @before, a span, @after. */
static int put_span(struct top_grid *grid, int y, const char *before, int64_t span_ns, const char *after,
		    const char *detail)
{
	struct text text = {0};

	if (span_ns < 0)
		return y;
	text_add(&text, before);
	if (span_ns < CLOCK_NS_PER_SEC) {
		text_add_decimal(&text, span_ns, CLOCK_NS_PER_MS, 3);
		text_add(&text, " ms");
	} else {
		text_add_decimal(&text, span_ns, CLOCK_NS_PER_SEC, 3);
		text_add(&text, " s");
	}
	text_add(&text, after);
	text_add(&text, detail != NULL ? detail : "");
	put_line(grid, y, 1, text.data, 0);
	text_free(&text);
	return y + 1;
}

static int put_events(struct top_grid *grid, int y, const struct top_row *row, const struct top_style *style)
{
	const struct conn *conn = &row->conn;
	const char *close = conn_close_text(conn->close);
	bool failed = conn_has_failed(conn->result);
	char outcome[80] = "";

	if ((conn->seen & SEEN_EXISTING) != 0)
		put_line(grid, y++, 1, "open before the run began", 0);
	y = put_span(grid, y, "began ", clock_span(conn->start_ns, style->now_ns), " ago", NULL);
	y = put_span(grid, y, "SYN/ACK ", conn->hs_net_ns, " after the SYN", NULL);
	y = put_span(grid, y, "ACK ", conn->hs_ack_ns, " after the SYN/ACK", NULL);
	y = put_span(grid, y, "handshake finished ", conn->hs_ns, " after the start", NULL);
	y = put_span(grid, y, "accepted ", conn->queue_ns, " after the handshake", NULL);
	if (conn->error >= 0) {
		char name[64];
		const char *text = errno_text(conn->error, name, sizeof(name));

		snprintf(outcome, sizeof(outcome), ": %s", conn->error == 0 ? "connected" : text != NULL ? text : "?");
	}
	y = put_span(grid, y, "connect(2) finished after ", conn->connect_ns, "", outcome);
	y = put_span(grid, y, "longest silence ", conn->gap_ns, "", NULL);
	if (conn->open) {
		struct text text = {0};

		text_add(&text, "idle for ");
		top_text_span(&text, clock_span(row->active_ns, style->now_ns));
		put_line(grid, y, 1, text.data, 0);
		text_free(&text);
		return y + 1;
	}
	snprintf(outcome, sizeof(outcome), "%s%s",
		 failed          ? ": "
		 : close != NULL ? ": "
				 : "",
		 failed          ? conn_result_text(conn->result)
		 : close != NULL ? close
				 : "");
	return put_span(grid, y, "ended after ", columns_duration(conn), "", outcome);
}

/* The lines of the ladder, with a blank one before and after them. */
static int put_ladder(struct top_grid *grid, int y, const char *ladder)
{
	y++;
	while (ladder != NULL && *ladder != '\0') {
		size_t length = strcspn(ladder, "\n");
		struct text line = {0};

		for (size_t i = 0; i < length; i++)
			text_add_char(&line, ladder[i]);
		put_line(grid, y++, 0, length > 0 ? line.data : "", 0);
		text_free(&line);
		ladder += length + (ladder[length] == '\n');
		if (*ladder == '\0')
			y++;
	}
	return y;
}

static int put_fields(struct top_grid *grid, int y, const struct top_row *row)
{
	const struct row about = {.conn = &row->conn};
	const struct style style = {.time = REPORT_TIME_CLOCK, .names = names_new()};
	unsigned int across = grid->width / (FIELD_WIDTH + 1), down;
	size_t count;
	const struct column *columns = column_conns(&count);

	names_never_wait(style.names);
	if (across == 0)
		across = 1;
	down = ((unsigned int)count + across - 1) / across;
	for (unsigned int i = 0; i < count; i++) {
		unsigned int x = 1 + i / down * (FIELD_WIDTH + 1);
		struct value value;
		struct text text = {0};

		column_fetch(&columns[i], &about, style.names, &value);
		format_text(&text, &columns[i], &value, &style, CONN_UNKNOWN);
		/* A value is cut before the next column; the last one is not. */
		if (x + 2 * FIELD_WIDTH < grid->width && text.length > FIELD_WIDTH - FIELD_NAME - 1)
			text_cut(&text, FIELD_WIDTH - FIELD_NAME - 1);
		put_line(grid, y + (int)(i % down), x, columns[i].name, TOP_DIM);
		put_line(grid, y + (int)(i % down), x + FIELD_NAME, text.data, 0);
		text_free(&text);
	}
	names_free(style.names);
	return y + (int)down;
}

void top_ladder(struct text *text, const struct conn *conn, unsigned int width)
{
	const struct ladder_pen pen = {.width = width, .time = REPORT_TIME_DELTA};
	int64_t before_ns = CLOCK_UNKNOWN;
	struct timeline *folded;

	if (timeline_is_empty(conn->timeline)) {
		ladder_draw_nothing(text);
		return;
	}
	folded = timeline_folded(conn->timeline);
	for (uint32_t i = 0; i < folded->count; i++)
		before_ns = ladder_draw_entry(text, &pen, conn, &folded->entries[i], before_ns);
	timeline_free(folded);
}

unsigned int top_details(struct top_grid *grid, const struct top_row *row, const struct top_style *style)
{
	int scroll = (int)style->state->scroll;
	int y;

	if (row == NULL) {
		top_grid_put(grid, 0, 0, "this connection is gone; Esc goes back", TOP_BOLD);
		return 0;
	}
	put_title(grid, row, style);
	put_minute(grid, row, style->state);
	y = put_events(grid, LINES_ABOVE - scroll, row, style);
	y = put_ladder(grid, y, style->ladder);
	y = put_fields(grid, y, row);
	if (y > (int)grid->height)
		top_grid_put(grid, 2, 1, "PgDn, PgUp: more", TOP_DIM);
	return y + scroll > (int)grid->height ? (unsigned int)(y + scroll - (int)grid->height) : 0;
}
