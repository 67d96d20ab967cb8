// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/io_stat/io_plot.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "report/rows/format.h"

/*
 * Columns of block elements (U+2581 to U+2588), eight steps in each line. In a
 * locale without UTF-8 a line is a row of number signs.
 */

#define HEIGHT 8
#define STEPS 8
#define WIDTH_DEFAULT 80
/* The values at the left, and the line beside them. */
#define LABEL 12

int64_t io_plot_value(const struct io_column *column, const struct io_cell *cell, bool bytes)
{
	if (cell->count == IO_CELL_UNKNOWN)
		return CONN_UNKNOWN;
	switch (column->function) {
	case IO_BOTH:
		return (int64_t)(bytes ? cell->sum : cell->count);
	case IO_FRAMES:
	case IO_COUNT:
		return (int64_t)cell->count;
	case IO_BYTES:
	case IO_SUM:
		return (int64_t)cell->sum;
	default:
		break;
	}
	/* Without values there is no minimum, maximum or mean. */
	if (cell->count == 0)
		return CONN_UNKNOWN;
	if (column->function == IO_MIN)
		return cell->min;
	if (column->function == IO_MAX)
		return cell->max;
	/* In thousandths, except nanoseconds. */
	if (io_spec_is_span((enum io_field)column->field))
		return (int64_t)((cell->sum + cell->count / 2) / cell->count);
	return (int64_t)(((__uint128_t)cell->sum * 1000 + cell->count / 2) / cell->count);
}

static bool has_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && *value != '\0')
			return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
	}
	return false;
}

/* Merge the rows that one column of the plot represents. */
static int64_t gather(const struct io_plot *plot, size_t from, size_t to)
{
	struct io_cell all = {.count = 0};

	for (size_t row = from; row < to; row++) {
		const struct io_cell *cell = &plot->cells[row * plot->stride];

		if (cell->count == 0)
			continue;
		if (cell->count == IO_CELL_UNKNOWN)
			return CONN_UNKNOWN;
		if (all.count == 0 || cell->min < all.min)
			all.min = cell->min;
		if (all.count == 0 || cell->max > all.max)
			all.max = cell->max;
		all.count += cell->count;
		all.sum += cell->sum;
	}
	return io_plot_value(plot->column, &all, plot->bytes);
}

static void add_value(struct text *text, const struct io_plot *plot, int64_t number, bool human)
{
	const struct column column = {.name = plot->name, .type = plot->type};
	const struct style style = {.human = human, .time = REPORT_TIME_CLOCK};
	const struct value value = {.known = number >= 0, .number = number};

	format_text(text, &column, &value, &style, CONN_UNKNOWN);
}

static void add_label(struct text *text, const struct io_plot *plot, int64_t number)
{
	struct text label = {0};

	add_value(&label, plot, number, true);
	text_add_blanks(text, label.length < LABEL - 2 ? LABEL - 2 - label.length : 0);
	text_add(text, label.data);
	text_free(&label);
}

static void add_line(struct text *text, const int64_t *values, size_t count, int64_t most, unsigned int line, bool utf8)
{
	size_t end = text->length;

	for (size_t i = 0; i < count; i++) {
		/* How many steps of this line are filled; a value above 0 gets at least one. */
		int64_t steps = values[i] <= 0 || most <= 0
					? 0
					: (int64_t)(((__uint128_t)values[i] * HEIGHT * STEPS + (uint64_t)most - 1) /
						    (uint64_t)most);
		int64_t here = steps - (int64_t)line * STEPS;
		char block[4] = {(char)0xe2, (char)0x96, 0, 0};

		if (here <= 0) {
			text_add_char(text, ' ');
			continue;
		}
		block[2] = (char)(0x80 + (here > STEPS ? STEPS : here));
		text_add(text, utf8 ? block : "#");
		end = text->length;
	}
	text_cut(text, end);
	text_add_char(text, '\n');
}

static void add_time(struct text *text, int64_t time_ns)
{
	const struct column column = {.name = "START", .type = COLUMN_TIME};
	const struct style style = {.time = REPORT_TIME_CLOCK};
	const struct value value = {.known = time_ns >= 0, .number = time_ns};

	format_text(text, &column, &value, &style, CONN_UNKNOWN);
}

static void add_axis(struct text *text, const struct io_plot *plot, size_t columns)
{
	struct text end = {0};
	size_t line;

	text_add_blanks(text, LABEL);
	line = text->length;
	add_time(text, plot->start_ns);
	add_time(&end, plot->end_ns);
	if (columns > text->length - line + end.length + 1)
		text_add_blanks(text, columns - (text->length - line) - end.length);
	else
		text_add(text, " - ");
	text_add(text, end.data);
	text_add_char(text, '\n');
	text_free(&end);
}

/* The time that a bar represents. */
static int64_t bar_ns(const struct io_plot *plot, size_t bars)
{
	if (bars == plot->rows && plot->interval_ns > 0)
		return plot->interval_ns;
	return bars > 0 ? clock_since(plot->start_ns, plot->end_ns) / (int64_t)bars : 0;
}

void io_plot_draw(struct text *text, const struct io_plot *plot)
{
	unsigned int width = plot->width > 0 ? plot->width : WIDTH_DEFAULT;
	size_t room = width > LABEL + 8 ? width - LABEL : 8;
	size_t columns = plot->rows < room ? plot->rows : room;
	int64_t *values = xcalloc(columns > 0 ? columns : 1, sizeof(*values));
	size_t wide = columns > 0 ? room / columns : 1;
	int64_t *drawn = xcalloc(room, sizeof(*drawn)), most = 0;
	bool utf8 = has_utf8();

	for (size_t i = 0; i < columns; i++) {
		values[i] = gather(plot, plot->rows * i / columns, plot->rows * (i + 1) / columns);
		if (values[i] > most)
			most = values[i];
		for (size_t k = 0; k < wide; k++)
			drawn[i * wide + k] = values[i];
	}
	text_add(text, plot->name);
	text_add(text, ": most ");
	add_value(text, plot, most, false);
	text_add(text, ", each bar ");
	text_add_decimal(text, bar_ns(plot, columns), CLOCK_NS_PER_SEC, 3);
	text_add(text, " s\n");
	for (unsigned int line = HEIGHT; line-- > 0;) {
		if (line == HEIGHT - 1)
			add_label(text, plot, most);
		else if (line == 0)
			add_label(text, plot, 0);
		else
			text_add_blanks(text, LABEL - 2);
		text_add(text, utf8 ? " \xe2\x94\x82" : " |");
		add_line(text, drawn, columns * wide, most, line, utf8);
	}
	add_axis(text, plot, columns * wide);
	free(values);
	free(drawn);
}
