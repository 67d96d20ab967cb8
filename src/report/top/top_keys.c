// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/top/top_keys.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/table.h"
#include "base/words.h"

#define CONTROL(letter) ((letter) - '@')
/* A day. */
#define KEEP_MOST_NS (INT64_C(86400) * CLOCK_NS_PER_SEC)
#define SPEED_LEAST (TOP_SPEED_ONE / 1024)
#define SPEED_MOST (TOP_SPEED_ONE * 1000000)

void top_state_init(struct top_state *state)
{
	*state = (struct top_state){
		.sort = TOP_RATE,
		.descending = true,
		.steady = true,
		.speed = TOP_SPEED_ONE,
		.percent = CONN_UNKNOWN,
	};
}

/* ---- typing ----------------------------------------------------------------------------- */

static void take_typed(struct top_state *state)
{
	int64_t keep_ns;

	if (state->prompt == TOP_PROMPT_FILTER) {
		memcpy(state->filter, state->typed, sizeof(state->filter));
	} else if (number_parse_duration(state->typed, 0, KEEP_MOST_NS, &keep_ns) == 0) {
		state->keep_ns = keep_ns;
		snprintf(state->message, sizeof(state->message), "closed connections stay for %g s",
			 (double)keep_ns / CLOCK_NS_PER_SEC);
	} else if (state->typed[0] != '\0') {
		snprintf(state->message, sizeof(state->message), "\"%s\" is not a number of seconds up to a day",
			 state->typed);
	}
	state->prompt = TOP_PROMPT_NONE;
}

static void type(struct top_state *state, int key)
{
	size_t length = strlen(state->typed);

	if (key == '\n' || key == '\r')
		take_typed(state);
	else if (key == TOP_KEY_ESCAPE || key == CONTROL('C'))
		state->prompt = TOP_PROMPT_NONE;
	else if ((key == TOP_KEY_BACKSPACE || key == CONTROL('H')) && length > 0)
		state->typed[length - 1] = '\0';
	else if (key == CONTROL('U'))
		memset(state->typed, 0, sizeof(state->typed));
	else if (key >= ' ' && key < 0x7f && length + 1 < sizeof(state->typed))
		state->typed[length] = (char)key;
}

static void ask(struct top_state *state, enum top_prompt prompt)
{
	state->prompt = prompt;
	memset(state->typed, 0, sizeof(state->typed));
	if (prompt == TOP_PROMPT_FILTER)
		memcpy(state->typed, state->filter, sizeof(state->typed));
}

/* ---- moving ----------------------------------------------------------------------------- */

static void choose(struct top_state *state, const struct top_list *list, int64_t at)
{
	if (at < 0)
		at = 0;
	if (list->count == 0)
		return;
	state->at = (size_t)at < list->count ? (size_t)at : list->count - 1;
	state->chosen = true;
	state->chosen_id = list->rows[state->at]->conn.id;
}

void top_keys_settle(struct top_state *state, const struct top_list *list, size_t rows)
{
	size_t last = list->count > rows ? list->count - rows : 0;

	/* A selected row stays selected when sorting moves it; if it is gone, its index is kept. */
	if (state->chosen && state->page != TOP_PAGE_DETAILS) {
		size_t at = top_order_find(list, state->chosen_id);

		choose(state, list, at < list->count ? (int64_t)at : (int64_t)state->at);
		if (list->count == 0)
			state->chosen = false;
	}
	if (state->chosen && state->at < state->first)
		state->first = state->at;
	if (state->chosen && rows > 0 && state->at >= state->first + rows)
		state->first = state->at - rows + 1;
	if (state->first > last)
		state->first = last;
}

static void move(struct top_state *state, const struct top_list *list, int64_t by)
{
	/* The first arrow key selects the first row shown. */
	choose(state, list, state->chosen ? (int64_t)state->at + by : (int64_t)state->first);
}

/* Each key's value is exactly that of the row. One that is too long is found by its beginning. */
static void filter_members(struct top_state *state, const struct top_row *row)
{
	static const char *const words[] = {
		[TOP_FOLD_NONE] = "",         [TOP_FOLD_PEERS] = "peer", [TOP_FOLD_PROCESSES] = "process",
		[TOP_FOLD_PROGRAMS] = "comm", [TOP_FOLD_UNITS] = "unit",
	};
	const struct top_style style = {.state = state};
	const char *word = words[state->fold], *value;
	char ip[ENDPOINT_TEXT];
	struct text text = {0};
	bool fits;

	TABLE_COVERS(words, TOP_FOLD_NUM);
	if (state->fold != TOP_FOLD_PEERS)
		top_cell(&text, row, top_fold_column(state->fold), &style, TOP_UNCUT);
	value = state->fold == TOP_FOLD_PEERS ? endpoint_ip_text(&row->conn.flow.remote, ip) : text.data;
	fits = strlen(word) + strlen("==") + strlen(value) < sizeof(state->filter);
	snprintf(state->filter, sizeof(state->filter), "%s%s%s", word, fits ? "==" : "=", value);
	text_free(&text);
}

static void open_row(struct top_state *state, const struct top_list *list)
{
	const struct top_row *row;

	if (!state->chosen)
		choose(state, list, (int64_t)state->first);
	if (!state->chosen || state->at >= list->count)
		return;
	row = list->rows[state->at];
	if (row->other)
		return;
	if (state->fold == TOP_FOLD_NONE) {
		state->page = TOP_PAGE_DETAILS;
		state->scroll = 0;
		return;
	}
	/* For a folded row: filter its members. */
	filter_members(state, row);
	state->fold = TOP_FOLD_NONE;
	state->chosen = false;
	state->first = 0;
}

/* ---- choosing --------------------------------------------------------------------------- */

static bool is_of_many(enum top_column column)
{
	return column == TOP_CONNS || column == TOP_CLOSED || column == TOP_FAIL || column == TOP_PENDING ||
	       column == TOP_UNDECIDED;
}

static bool is_sortable(const struct top_state *state, enum top_column column)
{
	if (column == TOP_PROGRAM)
		return state->fold == TOP_FOLD_PROGRAMS;
	/* Connections of a peer, or of a program, may have different ones. */
	if (column == TOP_UNIT)
		return state->fold != TOP_FOLD_PEERS && state->fold != TOP_FOLD_PROGRAMS;
	return column != TOP_SPARK && (!is_of_many(column) || state->fold != TOP_FOLD_NONE);
}

static void sort_by(struct top_state *state, int step)
{
	do {
		state->sort = (state->sort + TOP_COLUMN_NUM + (unsigned int)step) % TOP_COLUMN_NUM;
	} while (!is_sortable(state, state->sort));
	state->descending = top_columns[state->sort].right;
	snprintf(state->message, sizeof(state->message), "sorted by %s: %s", top_column_title(state->sort),
		 top_columns[state->sort].help);
}

void top_state_sort(struct top_state *state, const char *list)
{
	struct words words = words_open(list);
	char *word;

	while ((word = words_next(&words)) != NULL) {
		char *order = strchr(word, ':');
		enum top_column column;

		if (order != NULL)
			*order++ = '\0';
		column = top_column_find(word);
		if (column == TOP_COLUMN_NUM || column == TOP_SPARK)
			continue;
		state->sort = column;
		state->descending = order != NULL ? strcasecmp(order, "desc") == 0 : top_columns[column].right;
		if (column == TOP_PROGRAM)
			state->fold = TOP_FOLD_PROGRAMS;
		else if (is_of_many(column))
			state->fold = TOP_FOLD_PEERS;
		break;
	}
	words_close(&words);
}

static void change_speed(struct top_state *state, bool faster)
{
	if (!state->is_file)
		return;
	if (faster && state->speed <= SPEED_MOST / 2)
		state->speed *= 2;
	else if (!faster && state->speed / 2 >= SPEED_LEAST)
		state->speed /= 2;
}

static bool press_moving(struct top_state *state, int key, const struct top_list *list, size_t rows)
{
	switch (key) {
	case TOP_KEY_UP:
	case 'k':
		move(state, list, -1);
		return true;
	case TOP_KEY_DOWN:
	case 'j':
		move(state, list, 1);
		return true;
	case TOP_KEY_PAGE_UP:
		move(state, list, -(int64_t)rows);
		return true;
	case TOP_KEY_PAGE_DOWN:
	case ' ':
		if (!state->chosen)
			choose(state, list, (int64_t)state->first);
		move(state, list, (int64_t)rows);
		return true;
	case TOP_KEY_HOME:
	case 'g':
		state->chosen = false;
		state->at = state->first = 0;
		return true;
	case TOP_KEY_END:
	case 'G':
		choose(state, list, (int64_t)list->count - 1);
		return true;
	default:
		return false;
	}
}

/* @lines: height of the page; the screen may have been resized since. */
static bool press_scrolling(struct top_state *state, int key, size_t lines)
{
	unsigned int by = lines > 0 ? (unsigned int)lines : 1;

	if (state->scroll > state->scroll_most)
		state->scroll = state->scroll_most;
	if (key == TOP_KEY_PAGE_DOWN || key == ' ')
		state->scroll += by;
	else if (key == TOP_KEY_PAGE_UP)
		state->scroll -= state->scroll < by ? state->scroll : by;
	else
		return false;
	if (state->scroll > state->scroll_most)
		state->scroll = state->scroll_most;
	return true;
}

/* Movement keys scroll the help, any other key leaves it. */
static void press_help(struct top_state *state, int key, size_t lines)
{
	if (key == TOP_KEY_DOWN || key == 'j')
		(void)press_scrolling(state, TOP_KEY_PAGE_DOWN, 1);
	else if (key == TOP_KEY_UP || key == 'k')
		(void)press_scrolling(state, TOP_KEY_PAGE_UP, 1);
	else if (key == TOP_KEY_HOME || key == 'g')
		state->scroll = 0;
	else if (key == TOP_KEY_END || key == 'G')
		state->scroll = state->scroll_most;
	else if (!press_scrolling(state, key, lines))
		state->page = TOP_PAGE_LIST;
}

static void press_choosing(struct top_state *state, int key)
{
	switch (key) {
	case 's':
	case '>':
	case TOP_KEY_RIGHT:
		sort_by(state, 1);
		break;
	case '<':
	case TOP_KEY_LEFT:
		sort_by(state, -1);
		break;
	case 'S':
		state->descending = !state->descending;
		break;
	case 'a':
		state->steady = !state->steady;
		snprintf(state->message, sizeof(state->message), "the order is by rates of the last %s",
			 state->steady ? "10 seconds" : "second");
		break;
	case 'p':
		state->paused = !state->paused;
		break;
	case '/':
		ask(state, TOP_PROMPT_FILTER);
		break;
	case 'r':
		ask(state, TOP_PROMPT_KEEP);
		break;
	case 't':
		state->fold = (state->fold + 1) % TOP_FOLD_NUM;
		state->chosen = false;
		state->first = 0;
		if (!is_sortable(state, state->sort))
			state->sort = TOP_RATE;
		break;
	case 'u':
		state->units = (state->units + 1) % TOP_UNITS_NUM;
		break;
	case 'n':
		state->resolve = !state->resolve;
		break;
	case '+':
	case '=':
	case '-':
		change_speed(state, key != '-');
		break;
	case '?':
	case 'h':
		state->page = TOP_PAGE_HELP;
		state->scroll = 0;
		break;
	default:
		break;
	}
}

enum top_action top_keys_press(struct top_state *state, int key, const struct top_list *list, size_t rows)
{
	if (key == CONTROL('L'))
		return TOP_ACTION_REDRAW;
	if (key == TOP_KEY_RESIZE || key == TOP_KEY_NONE)
		return TOP_ACTION_DRAW;
	if (state->prompt != TOP_PROMPT_NONE) {
		type(state, key);
		return TOP_ACTION_DRAW;
	}
	state->message[0] = '\0';
	if (key == CONTROL('C'))
		return TOP_ACTION_QUIT;
	if (state->page == TOP_PAGE_HELP) {
		/* The help uses all lines except the title. */
		press_help(state, key, rows + 3);
		return TOP_ACTION_DRAW;
	}
	if (key == TOP_KEY_ESCAPE || (key == 'q' && state->page == TOP_PAGE_DETAILS)) {
		if (state->page == TOP_PAGE_LIST && !state->chosen)
			state->filter[0] = '\0';
		else if (state->page == TOP_PAGE_LIST)
			state->chosen = false;
		state->page = TOP_PAGE_LIST;
		return TOP_ACTION_DRAW;
	}
	if (key == 'q')
		return TOP_ACTION_QUIT;
	if (key == '\n' || key == '\r') {
		if (state->page == TOP_PAGE_DETAILS)
			state->page = TOP_PAGE_LIST;
		else
			open_row(state, list);
		return TOP_ACTION_DRAW;
	}
	if (state->page == TOP_PAGE_DETAILS) {
		if (press_scrolling(state, key, rows))
			return TOP_ACTION_DRAW;
		state->scroll = 0;
		/* Up and down: the previous connection, the next one. */
		if (press_moving(state, key, list, 1))
			return TOP_ACTION_DRAW;
		if (key != 'p' && key != 'u' && key != 'n' && key != '?')
			return TOP_ACTION_DRAW;
	} else if (press_moving(state, key, list, rows)) {
		return TOP_ACTION_DRAW;
	}
	press_choosing(state, key);
	return TOP_ACTION_DRAW;
}
