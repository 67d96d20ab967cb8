// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/top/top_layout.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/columns.h"

/*
 * From top to bottom: title, traffic of the last minute, column titles, rows,
 * sums, and a line for input, messages or hints.
 */
#define LINES_ABOVE 3
#define LINES_BELOW 2
/* An IPv6 address with its port. */
#define LONG_ADDRESS 47

unsigned int top_layout_rows(unsigned int height)
{
	return height > LINES_ABOVE + LINES_BELOW ? height - LINES_ABOVE - LINES_BELOW : 0;
}

/* ---- which columns, and how wide ----------------------------------------------------------- */

struct columns {
	unsigned int width[TOP_COLUMN_NUM]; /* 0: not shown */
	unsigned int left;                  /* unused cells */
};

static bool has_units(const struct top_list *list)
{
	for (size_t i = 0; i < list->count && i < 1000; i++)
		if (list->rows[i]->conn.process != NULL && list->rows[i]->conn.process->unit != NULL)
			return true;
	return false;
}

static bool is_sensible(enum top_column column, enum top_fold fold, const struct top_list *list)
{
	const struct top_row *total = &list->total;

	if (column == top_fold_column(fold))
		return true;
	if (column == TOP_CONNS || column == TOP_CLOSED)
		return fold != TOP_FOLD_NONE;
	if (column == TOP_FAIL)
		return fold != TOP_FOLD_NONE && total->failed > 0;
	if (column == TOP_PENDING)
		return fold != TOP_FOLD_NONE && total->pending > 0;
	if (column == TOP_UNDECIDED)
		return fold != TOP_FOLD_NONE && total->undecided > 0;
	if (column == TOP_PEER || column == TOP_PROGRAM)
		return false;
	if (column == TOP_PROCESS)
		return fold == TOP_FOLD_NONE || fold == TOP_FOLD_PEERS;
	if (column == TOP_UNIT)
		return (fold == TOP_FOLD_NONE || fold == TOP_FOLD_PROCESSES) && has_units(list);
	return column != TOP_LOCAL || fold == TOP_FOLD_NONE;
}

/* Widen a column to @wanted, with a gap if it is new; Return: true when it fits. */
static bool widen(struct columns *columns, enum top_column column, unsigned int wanted)
{
	unsigned int gap = columns->width[column] == 0 && columns->left > 0 ? 1 : 0;
	unsigned int more = wanted > columns->width[column] ? wanted - columns->width[column] : 0;

	if (columns->width[column] == 0 && columns->left < wanted + gap)
		return false;
	if (more + gap > columns->left)
		more = columns->left - gap;
	columns->width[column] += more;
	columns->left -= more + gap;
	return true;
}

/* Width of the mark of a sum of some members only; a folded state has a number, "100 open". */
static unsigned int mark_of(enum top_column column, enum top_fold fold, const struct top_row *total)
{
	bool is_summed = column == TOP_RX_RATE || column == TOP_TX_RATE || column == TOP_RATE;

	if (column == TOP_STATE)
		return fold != TOP_FOLD_NONE ? 2 : 0;
	return fold != TOP_FOLD_NONE || is_summed ? total->lacks >> column & 1 : 0;
}

static void add_ranks(struct columns *columns, enum top_fold fold, const struct top_list *list, unsigned int from,
		      unsigned int to, bool good)
{
	enum top_column first = top_fold_column(fold);

	for (unsigned int rank = from; rank <= to; rank++) {
		for (unsigned int i = 0; i < TOP_COLUMN_NUM; i++) {
			const struct top_column_def *def = &top_columns[i];

			if ((i == first ? 1 : def->rank) == rank && is_sensible(i, fold, list) &&
			    !widen(columns, i, (good ? def->good : def->least) + mark_of(i, fold, &list->total)))
				return;
		}
	}
}

static bool has_long_addresses(const struct top_list *list, const struct top_style *style)
{
	if (style->state->resolve)
		return true;
	for (size_t i = 0; i < list->count && i < 1000; i++)
		if (!endpoint_is_v4(&list->rows[i]->conn.flow.remote))
			return true;
	return false;
}

static void choose_columns(struct columns *columns, unsigned int width, const struct top_list *list,
			   const struct top_style *style)
{
	enum top_fold fold = style->state->fold;
	enum top_column sort = style->state->sort;
	bool grew = true;

	memset(columns, 0, sizeof(*columns));
	/* One more than the width, because the first column needs no gap. */
	columns->left = width + 1;
	add_ranks(columns, fold, list, 1, 1, false);
	/* The column by which rows are sorted is shown; of a sum its parts suffice, which are. */
	if (sort != TOP_RATE && sort != TOP_BYTES &&
	    (is_sensible(sort, fold, list) || (fold != TOP_FOLD_NONE && sort >= TOP_CONNS && sort <= TOP_UNDECIDED)))
		(void)widen(columns, sort, top_columns[sort].least + mark_of(sort, fold, &list->total));
	add_ranks(columns, fold, list, 1, TOP_RANK_CORE, false);
	add_ranks(columns, fold, list, 1, TOP_RANK_CORE, true);
	/* Addresses must be distinguishable before columns beyond the core are added. */
	if (has_long_addresses(list, style) && columns->width[TOP_PEER] > 0)
		(void)widen(columns, TOP_PEER, LONG_ADDRESS);
	add_ranks(columns, fold, list, TOP_RANK_CORE + 1, TOP_COLUMN_NUM, true);
	while (grew && columns->left > 0) {
		grew = false;
		for (unsigned int i = 0; i < TOP_COLUMN_NUM && columns->left > 0; i++) {
			if (columns->width[i] > 0 && columns->width[i] < top_columns[i].wish) {
				columns->width[i]++;
				columns->left--;
				grew = true;
			}
		}
	}
	if (has_long_addresses(list, style) && columns->width[TOP_LOCAL] > 0)
		(void)widen(columns, TOP_LOCAL, LONG_ADDRESS);
}

/* ---- lines -------------------------------------------------------------------------------- */

static void put_right(struct top_grid *grid, unsigned int y, unsigned int end, const char *text,
		      unsigned int attributes)
{
	unsigned int length = top_grid_places(text);

	if (length <= end)
		top_grid_put(grid, y, end - length, text, attributes);
}

static void clock_text(char *piece, size_t size, int64_t span_ns)
{
	int64_t seconds = span_ns > 0 ? span_ns / CLOCK_NS_PER_SEC : 0;

	snprintf(piece, size, "%lld:%02d:%02d", (long long)(seconds / 3600), (int)(seconds / 60 % 60),
		 (int)(seconds % 60));
}

static void put_title(struct top_grid *grid, const struct top_totals *totals, const struct top_state *state)
{
	char left[160], middle[120], right[80], clock[32], speed[32] = "";
	unsigned int x;

	clock_text(clock, sizeof(clock), clock_since(totals->start_ns, totals->now_ns));
	if (state->is_file && state->speed % TOP_SPEED_ONE == 0)
		snprintf(speed, sizeof(speed), "  x%lld", (long long)(state->speed / TOP_SPEED_ONE));
	else if (state->is_file)
		snprintf(speed, sizeof(speed), "  x%.3g", (double)state->speed / (double)TOP_SPEED_ONE);
	if (state->is_file && state->percent >= 0)
		snprintf(right, sizeof(right), "%s%s  %d%% ", clock, speed, (int)state->percent);
	else
		snprintf(right, sizeof(right), "%s%s ", clock, speed);
	snprintf(left, sizeof(left), " %s%s%s", state->paused ? "PAUSED  " : "", state->has_ended ? "END  " : "",
		 state->title);
	snprintf(middle, sizeof(middle), "%llu open, %llu seen, %llu failed", (unsigned long long)totals->open,
		 (unsigned long long)totals->seen, (unsigned long long)totals->failed);
	x = top_grid_put(grid, 0, 0, left, TOP_BOLD);
	/* The middle part is shortened first. */
	if (x + 2 + top_grid_places(middle) + 2 + top_grid_places(right) > grid->width)
		snprintf(middle, sizeof(middle), "%llu open", (unsigned long long)totals->open);
	if (x + 2 + top_grid_places(middle) + 2 + top_grid_places(right) <= grid->width)
		top_grid_put(grid, 0, x + (grid->width - x - top_grid_places(right) - top_grid_places(middle)) / 2,
			     middle, 0);
	if (x + 1 + top_grid_places(right) <= grid->width)
		put_right(grid, 0, grid->width, right, 0);
	top_grid_paint(grid, 0, 0, grid->width, TOP_REVERSE);
}

static void put_minute(struct top_grid *grid, const struct top_totals *totals, const struct top_state *state)
{
	unsigned int half = grid->width / 2;

	for (unsigned int way = 0; way < 2; way++) {
		struct text rate = {0}, most = {0};
		unsigned int x = way * half, width, end = way == 0 ? half - 2 : grid->width;
		int64_t now = way == 0 ? totals->rx_rate : totals->tx_rate;
		/* The last second is not aligned with the last bar, and may be higher. */
		float full = now > 0 ? (float)now : 0;

		for (int i = 0; i < TOP_MINUTE; i++)
			if (totals->past[way][i] > full)
				full = totals->past[way][i];
		x = top_grid_put(grid, 1, x, way == 0 ? "RX " : "TX ", TOP_BOLD);
		top_text_rate(&rate, now, state->units);
		put_right(grid, 1, x + 5, rate.data, TOP_BOLD);
		if (now >= 0 && totals->lacks >> way & 1)
			top_grid_put(grid, 1, x + 5, "+", TOP_BOLD);
		text_free(&rate);
		x += 6;
		if (half >= 40) {
			text_add(&most, " max ");
			top_text_rate(&most, (int64_t)full, state->units);
			end -= 10;
		}
		width = end - x < TOP_MINUTE ? end - x : TOP_MINUTE;
		top_grid_spark(grid, 1, x, width, totals->past[way] + (TOP_MINUTE - width), width, full, state->utf8);
		if (most.data != NULL)
			top_grid_put(grid, 1, x + width, most.data, 0);
		text_free(&most);
	}
}

/* Whether rows are sorted by this column, or by the sum of two of which it is one, and which is not shown. */
static bool is_sorted(const struct columns *columns, enum top_column column, enum top_column sort)
{
	if (columns->width[sort] > 0)
		return column == sort;
	if (sort == TOP_RATE)
		return column == TOP_RX_RATE || column == TOP_TX_RATE;
	return sort == TOP_BYTES && (column == TOP_RX || column == TOP_TX);
}

/* The mark of the sort column is in the gap beside its title. */
static void put_sort_mark(struct top_grid *grid, unsigned int x, const struct top_state *state)
{
	const char *mark = state->descending ? ">" : "<"; /* a letter would be read as part of the title */

	if (state->utf8)
		mark = state->descending ? "\xe2\x96\xbc" : "\xe2\x96\xb2";
	top_grid_put(grid, 2, x, mark, TOP_BOLD | TOP_REVERSE);
}

static void put_titles(struct top_grid *grid, const struct columns *columns, const struct top_state *state)
{
	unsigned int x = 0;

	for (unsigned int i = 0; i < TOP_COLUMN_NUM; i++) {
		const struct top_column_def *def = &top_columns[i];
		unsigned int width = columns->width[i];
		bool sorted = is_sorted(columns, i, state->sort);
		const char *title = def->title;

		if (width == 0)
			continue;
		if (def->long_title != NULL && strlen(def->long_title) <= width)
			title = def->long_title;
		if (def->right)
			put_right(grid, 2, x + width, title, 0);
		else
			top_grid_put(grid, 2, x, title, 0);
		top_grid_paint(grid, 2, x, x + width, sorted ? TOP_BOLD | TOP_REVERSE : TOP_BOLD | TOP_UNDERLINE);
		if (sorted)
			put_sort_mark(grid,
				      def->right ? x + width - (unsigned int)strlen(title) - 1
						 : x + (unsigned int)strlen(title),
				      state);
		x += width + 1;
	}
}

static unsigned int state_color(const struct conn *conn)
{
	if (conn_has_failed(conn->result) || conn->state == STATE_RESET)
		return TOP_RED;
	if (!conn->open)
		return TOP_DIM;
	if (conn->state == TCP_ESTABLISHED)
		return TOP_GREEN;
	return conn->state != STATE_UNKNOWN ? TOP_ORANGE : 0;
}

static unsigned int cell_attributes(const struct top_row *row, enum top_column column)
{
	bool closed = row->members == 1 && row->living == 0;

	if (column == TOP_STATE && !row->folded)
		return state_color(&row->conn);
	if (column == TOP_FAIL && row->failed > 0)
		return TOP_RED;
	if (column == TOP_RESENT && columns_retrans(&row->conn) > 0)
		return TOP_MAGENTA;
	if (column == TOP_DIR && !closed)
		return row->conn.dir == DIR_IN ? TOP_BLUE : row->conn.dir == DIR_OUT ? TOP_ORANGE : 0;
	if ((column == TOP_RX_RATE && row->rx_rate > 0) || (column == TOP_TX_RATE && row->tx_rate > 0) ||
	    (column == TOP_RATE && (row->rx_rate > 0 || row->tx_rate > 0)))
		return TOP_BOLD;
	return row->living == 0 ? TOP_DIM : 0;
}

static void put_spark(struct top_grid *grid, unsigned int y, unsigned int x, unsigned int width,
		      const struct top_row *row, bool utf8)
{
	float full = 0;

	for (int i = 0; i < TOP_PAST; i++)
		if (row->past[i] > full)
			full = row->past[i];
	width = width < TOP_PAST ? width : TOP_PAST;
	top_grid_spark(grid, y, x, width, row->past, TOP_PAST, full, utf8);
}

static bool has_no_total(enum top_column column)
{
	return column <= TOP_PORT || column == TOP_DIR || column == TOP_STATE || column == TOP_IDLE ||
	       column == TOP_RTT || column == TOP_HS || column == TOP_QUEUE;
}

static void put_row(struct top_grid *grid, unsigned int y, const struct top_row *row, const struct columns *columns,
		    const struct top_style *style, bool is_total)
{
	unsigned int x = 0;

	for (unsigned int i = 0; i < TOP_COLUMN_NUM; i++) {
		unsigned int width = columns->width[i], attributes = is_total ? TOP_BOLD : cell_attributes(row, i);
		struct text text = {0};

		if (width == 0)
			continue;
		if (is_total && has_no_total(i))
			;
		else if (i == TOP_SPARK)
			put_spark(grid, y, x, width, row, style->state->utf8);
		else
			top_cell(&text, row, i, style, width);
		if (text.data != NULL && top_columns[i].right)
			put_right(grid, y, x + width, text.data, attributes);
		else if (text.data != NULL)
			top_grid_put(grid, y, x, text.data, attributes);
		text_free(&text);
		x += width + 1;
	}
}

/* The sums. What they are of is in the columns that have none, if they are wide enough. */
static void put_total(struct top_grid *grid, const struct top_list *list, const struct columns *columns,
		      const struct top_style *style)
{
	const struct top_row *total = &list->total;
	unsigned int y = grid->height - 2, room = 0, length;
	char text[64];

	put_row(grid, y, total, columns, style, true);
	for (unsigned int i = 0; i < TOP_COLUMN_NUM && (has_no_total(i) || columns->width[i] == 0); i++)
		room += columns->width[i] > 0 ? columns->width[i] + 1 : 0;
	length = top_grid_put(grid, y, 0, "TOTAL", TOP_BOLD);
	snprintf(text, sizeof(text), "  %lu open, %lu closed", (unsigned long)total->living,
		 (unsigned long)(total->members - total->living));
	if (length + strlen(text) < room)
		top_grid_put(grid, y, length, text, 0);
}

static void put_prompt(struct top_grid *grid, unsigned int y, const struct top_state *state)
{
	unsigned int x = top_grid_put(grid, y, 0,
				      state->prompt == TOP_PROMPT_FILTER ? "filter (words, !word): "
									 : "keep closed ones for seconds: ",
				      TOP_BOLD);

	grid->cursor_x = (int)top_grid_put(grid, y, x, state->typed, 0);
}

static void put_status(struct top_grid *grid, const struct top_list *list, const struct top_totals *totals,
		       const struct top_state *state)
{
	static const char *const hints[] = {"q quit",        "? help",    "s sort",  "/ filter", "t fold", "p pause",
					    "Enter details", "a average", "u units", "n names",  "r keep"};
	unsigned int y = grid->height - 1, x = 0, room;
	char place[200];
	size_t last = state->first + top_layout_rows(grid->height);

	if (state->prompt != TOP_PROMPT_NONE) {
		put_prompt(grid, y, state);
		return;
	}
	if (state->message[0] != '\0') {
		top_grid_put(grid, y, 0, state->message, TOP_BOLD);
		return;
	}
	last = last < list->count ? last : list->count;
	snprintf(place, sizeof(place), "%zu-%zu of %zu  by %s%s%s  %s%s%s", list->count > 0 ? state->first + 1 : 0,
		 last, list->count, top_column_title(state->sort),
		 !state->steady && top_column_is_rate(state->sort) ? " of 1s" : "",
		 state->descending == top_columns[state->sort].right ? "" : " reversed", top_text_units(state->units),
		 state->filter[0] != '\0' ? "  /" : "", state->filter);
	if (totals->unlisted > 0)
		snprintf(place + strlen(place), sizeof(place) - strlen(place), "  and %llu not listed",
			 (unsigned long long)totals->unlisted);
	room = strlen(place) + 2 < grid->width ? grid->width - (unsigned int)strlen(place) - 2 : 0;
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		if (x + strlen(hints[i]) > room)
			break;
		x = top_grid_put(grid, y, x, hints[i], TOP_DIM) + 2;
	}
	put_right(grid, y, grid->width, place, 0);
}

static void put_list(struct top_grid *grid, const struct top_list *list, const struct top_totals *totals,
		     const struct top_style *style)
{
	unsigned int rows = top_layout_rows(grid->height);
	struct columns columns;

	choose_columns(&columns, grid->width, list, style);
	put_title(grid, totals, style->state);
	put_minute(grid, totals, style->state);
	put_titles(grid, &columns, style->state);
	for (unsigned int i = 0; i < rows && style->state->first + i < list->count; i++) {
		put_row(grid, LINES_ABOVE + i, list->rows[style->state->first + i], &columns, style, false);
		if (style->state->chosen && style->state->first + i == style->state->at)
			top_grid_paint(grid, LINES_ABOVE + i, 0, grid->width, TOP_REVERSE);
	}
	if (list->count == 0)
		top_grid_put(grid, LINES_ABOVE, 1,
			     style->state->filter[0] != '\0' ? "no connection matches the filter" : "no connection yet",
			     TOP_DIM);
	put_total(grid, list, &columns, style);
}

unsigned int top_layout(struct top_grid *grid, const struct top_list *list, const struct top_totals *totals,
			const struct top_style *style)
{
	const struct top_state *state = style->state;

	for (size_t i = 0; i < (size_t)grid->width * grid->height; i++)
		grid->chars[i] = (struct top_char){' ', 0};
	grid->cursor_x = -1;
	if (grid->width < TOP_WIDTH_LEAST || grid->height < TOP_HEIGHT_LEAST) {
		char small[64];

		snprintf(small, sizeof(small), "%ux%u: needs %dx%d", grid->width, grid->height, TOP_WIDTH_LEAST,
			 TOP_HEIGHT_LEAST);
		top_grid_put(grid, 0, 0, small, 0);
		return 0;
	}
	if (state->page == TOP_PAGE_HELP)
		return top_help(grid, state->scroll);
	if (state->page == TOP_PAGE_DETAILS) {
		size_t at = top_order_find(list, state->chosen_id);

		return top_details(grid, at < list->count ? list->rows[at] : NULL, style);
	}
	put_list(grid, list, totals, style);
	put_status(grid, list, totals, state);
	return 0;
}
