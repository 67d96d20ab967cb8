// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/io_stat.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/xalloc.h"
#include "report/io_plot.h"
#include "report/printer.h"

/*
 * A row per interval from the beginning of the run on (of a file: from its
 * first frame on), the empty ones too. All numbers are whole ones, but an
 * average, which has three decimals.
 */

/* A row is over when so much time has passed that the packets of its connections have found their owners. */
#define SETTLE_NS CLOCK_NS_PER_SEC

/* START and DUR_S come first, and IO_BOTH makes two. */
#define LEAD 2
#define SHOWN (LEAD + 2 * IO_COLUMNS)

/**
 * struct io_row - one row on its way out
 * @io: the report
 * @cells: of the row
 * @start_ns: when it begins
 * @duration_ns: how long it is
 */
struct io_row {
	const struct io_stat *io;
	const struct io_cell *cells;
	int64_t start_ns;
	int64_t duration_ns;
};

struct io_stat {
	struct io_spec spec;
	struct printer printer;
	struct column columns[SHOWN];
	char *names[SHOWN];
	uint8_t column_of[SHOWN]; /* of the spec */
	size_t shown;
	struct io_cell *cells;
	size_t rows;
	size_t room;
	size_t printed;
	size_t most;
	int64_t start_ns;
	int64_t last_ns;
	uint64_t refused;
	bool streams; /* rows are printed as they are over */
};

/* ---- columns ----------------------------------------------------------------------------- */

static void get_number(struct value *value, int64_t number)
{
	value->known = true;
	value->number = number;
}

static void get_start(const struct row *row, struct names *names, struct value *value)
{
	(void)names;
	get_number(value, row->io->start_ns);
}

static void get_duration(const struct row *row, struct names *names, struct value *value)
{
	(void)names;
	get_number(value, row->io->duration_ns);
}

static void get_cell(const struct row *row, struct names *names, struct value *value)
{
	const struct io_stat *io = row->io->io;
	size_t shown = (size_t)(value->column - io->columns);
	size_t column = io->column_of[shown];
	bool second = shown > LEAD && io->column_of[shown - 1] == column;
	int64_t number = io_plot_value(&io->spec.columns[column], &row->io->cells[column], second);

	(void)names;
	value->known = number >= 0;
	value->number = number;
}

static enum column_type type_of(const struct io_column *column, bool bytes)
{
	if (column->function >= IO_SUM && io_spec_is_span((enum io_field)column->field))
		return COLUMN_MS;
	if (column->function == IO_AVG)
		return COLUMN_RATE;
	if (bytes || column->function == IO_BYTES)
		return COLUMN_BYTES;
	if (column->function >= IO_SUM && (column->field <= IO_RESENT || column->field == IO_WINDOW))
		return COLUMN_BYTES;
	return COLUMN_COUNT;
}

/* "SUM(payload)[tcp_port_80]": without blanks, so that rows stay easy to split. */
static char *name_of(const struct io_column *column, const struct io_filters *filters, bool bytes)
{
	struct text name = {0};
	char *copy, *field;

	text_add(&name, bytes ? "BYTES" : io_spec_function_name((enum io_function)column->function));
	if (column->function >= IO_COUNT) {
		text_add_char(&name, '(');
		text_add(&name, io_spec_field_name((enum io_field)column->field));
		text_add_char(&name, ')');
	}
	if (column->filter >= 0) {
		copy = xstrdup(filters->expressions[column->filter]);
		for (field = copy; *field != '\0'; field++)
			if (isspace((unsigned char)*field))
				*field = '_';
		text_add_char(&name, '[');
		text_add_field(&name, copy);
		text_add_char(&name, ']');
		free(copy);
	}
	return name.data;
}

static void add_shown(struct io_stat *io, char *name, enum column_type type, size_t of,
		      void (*get)(const struct row *row, struct names *names, struct value *value))
{
	io->names[io->shown] = name;
	io->column_of[io->shown] = (uint8_t)of;
	io->columns[io->shown++] =
		(struct column){.name = name, .type = type, .unit = "", .help = "", .get = get};
}

static void make_columns(struct io_stat *io, const struct io_filters *filters)
{
	add_shown(io, xstrdup("START"), COLUMN_TIME, UINT8_MAX, get_start);
	add_shown(io, xstrdup("DUR_S"), COLUMN_SECONDS, UINT8_MAX, get_duration);
	for (size_t i = 0; i < io->spec.count; i++) {
		const struct io_column *column = &io->spec.columns[i];

		add_shown(io, name_of(column, filters, false), type_of(column, false), i, get_cell);
		if (column->function == IO_BOTH)
			add_shown(io, name_of(column, filters, true), type_of(column, true), i, get_cell);
	}
}

static void begin_printer(struct io_stat *io, const struct report_options *options, FILE *out)
{
	struct printer *printer = &io->printer;

	printer->out = out;
	printer->format = options->format;
	printer->style = STYLE_MACHINE;
	if (options->format == REPORT_TABLE || options->format == REPORT_RAW) {
		printer->style.human = options->human;
		printer->style.time = options->time;
		printer->style.start_ns = options->start_ns;
	}
	printer->report = options->report_count > 1 || options->besides ? "io,stat" : NULL;
	printer->separate = options->besides || (options->report_count > 1 && options->reports[0] != REPORT_IO);
	printer->header = options->header;
	printer->width = options->width;
	printer->color = options->color;
	printer->columns.count = io->shown;
	printer->columns.columns = xcalloc(io->shown, sizeof(*printer->columns.columns));
	for (size_t i = 0; i < io->shown; i++)
		printer->columns.columns[i] = &io->columns[i];
	printer_init(printer);
}

struct io_stat *io_stat_new(const struct io_spec *spec, const struct io_filters *filters,
			    const struct report_options *options, FILE *out)
{
	struct io_stat *io = xcalloc(1, sizeof(*io));

	io->spec = *spec;
	io->most = IO_CELLS / spec->count;
	io->start_ns = options->start_ns;
	io->last_ns = CLOCK_UNKNOWN;
	make_columns(io, filters);
	begin_printer(io, options, out);
	return io;
}

void io_stat_free(struct io_stat *io)
{
	if (io == NULL)
		return;
	for (size_t i = 0; i < io->shown; i++)
		free(io->names[i]);
	printer_clear(&io->printer);
	free(io->cells);
	free(io);
}

/* ---- counting ------------------------------------------------------------------------------ */

/* There are so many rows. Return: false when that is too many. */
static bool grow(struct io_stat *io, size_t rows)
{
	size_t count = io->spec.count;

	if (rows > io->most)
		return false;
	if (rows > io->room) {
		size_t room = io->room > 0 ? io->room : 64;

		while (room < rows)
			room *= 2;
		io->cells = xreallocarray(io->cells, room * count, sizeof(*io->cells));
		memset(io->cells + io->room * count, 0, (room - io->room) * count * sizeof(*io->cells));
		io->room = room;
	}
	if (rows > io->rows)
		io->rows = rows;
	return true;
}

static size_t row_at(const struct io_stat *io, int64_t time_ns)
{
	if (io->spec.interval_ns == 0 || time_ns <= io->start_ns)
		return 0;
	return (size_t)((time_ns - io->start_ns) / io->spec.interval_ns);
}

/* The cells of the row that time falls into, or NULL. */
static struct io_cell *cells_at(struct io_stat *io, int64_t time_ns)
{
	size_t row;

	if (io->start_ns < 0)
		io->start_ns = time_ns;
	row = row_at(io, time_ns);
	if (row < io->printed || !grow(io, row + 1)) {
		io->refused++;
		return NULL;
	}
	if (time_ns > io->last_ns)
		io->last_ns = time_ns;
	return io->cells + row * io->spec.count;
}

static void count(struct io_cell *cell, int64_t value)
{
	if (cell->count == 0 || value < cell->min)
		cell->min = value;
	if (cell->count == 0 || value > cell->max)
		cell->max = value;
	cell->count++;
	cell->sum += (uint64_t)value;
}

static bool passes(const struct io_column *column, uint32_t filters)
{
	return column->filter < 0 || (filters >> column->filter & 1);
}

static bool counts_frames(const struct io_column *column)
{
	return column->function <= IO_BYTES || column->field == IO_LEN;
}

void io_stat_frame(struct io_stat *io, const struct event *event)
{
	struct io_cell *cells = cells_at(io, event->time_ns);

	for (size_t i = 0; cells != NULL && i < io->spec.count; i++)
		if (counts_frames(&io->spec.columns[i]) && passes(&io->spec.columns[i], event->frame.filters))
			count(&cells[i], event->frame.length);
}

void io_stat_segment(struct io_stat *io, const struct segment *segment, bool alone)
{
	struct io_cell *cells = cells_at(io, segment->time_ns);
	uint32_t filters = segment->judged & SEGMENT_FRAME ? segment->filters : 0;
	int64_t value;

	for (size_t i = 0; cells != NULL && i < io->spec.count; i++) {
		const struct io_column *column = &io->spec.columns[i];

		if (!passes(column, filters))
			continue;
		if (counts_frames(column) && alone)
			count(&cells[i], segment->frame);
		else if (!counts_frames(column) && io_spec_field((enum io_field)column->field, segment, &value))
			count(&cells[i], value);
	}
}

/* ---- printing -------------------------------------------------------------------------------- */

/* How long the row is; the last one ends with the run. */
static int64_t duration_of(const struct io_stat *io, size_t row, int64_t end_ns)
{
	int64_t start_ns = io->start_ns + (int64_t)row * io->spec.interval_ns;
	int64_t rest_ns = end_ns > start_ns ? end_ns - start_ns : 0;

	return io->spec.interval_ns == 0 || rest_ns < io->spec.interval_ns ? rest_ns : io->spec.interval_ns;
}

static void print_rows(struct io_stat *io, size_t until, int64_t end_ns)
{
	size_t count = until - io->printed;
	struct io_row *facts = xcalloc(count > 0 ? count : 1, sizeof(*facts));
	struct row *rows = xcalloc(count > 0 ? count : 1, sizeof(*rows));

	for (size_t i = 0; i < count; i++) {
		size_t row = io->printed + i;

		facts[i] = (struct io_row){
			.io = io,
			.cells = io->cells + row * io->spec.count,
			.start_ns = io->start_ns + (int64_t)row * io->spec.interval_ns,
			.duration_ns = duration_of(io, row, end_ns),
		};
		rows[i].io = &facts[i];
	}
	if (io->printer.style.start_ns < 0)
		io->printer.style.start_ns = io->start_ns;
	if (!io->streams)
		printer_rows(&io->printer, rows, count);
	for (size_t i = 0; io->streams && i < count; i++)
		printer_row(&io->printer, &rows[i]);
	io->printed = until;
	free(facts);
	free(rows);
}

static void plot(struct io_stat *io, int64_t end_ns)
{
	for (size_t i = LEAD; i < io->shown; i++) {
		size_t column = io->column_of[i];
		bool second = i > LEAD && io->column_of[i - 1] == column;
		const struct io_plot plot = {
			.name = io->names[i],
			.column = &io->spec.columns[column],
			.cells = io->cells + column,
			.stride = io->spec.count,
			.rows = io->rows,
			.bytes = second,
			.type = io->columns[i].type,
			.interval_ns = io->spec.interval_ns,
			.start_ns = io->start_ns,
			.end_ns = end_ns,
			.width = io->printer.width,
		};
		struct text text = {0};

		io_plot_draw(&text, &plot);
		printer_write(&io->printer, text.data, text.length);
		text_free(&text);
	}
}

void io_stat_print(struct io_stat *io, int64_t now_ns, bool final)
{
	int64_t end_ns = now_ns >= 0 ? now_ns : io->last_ns;
	size_t until;

	if (io->start_ns < 0 && end_ns < 0) {
		printer_rows(&io->printer, NULL, 0);
		return;
	}
	if (io->start_ns < 0)
		io->start_ns = end_ns;
	/* Time that passes makes rows, too, as far as there is room. */
	until = row_at(io, final ? end_ns : end_ns - SETTLE_NS) + (final ? 1 : 0);
	/* A run that ends with an interval has no next one. */
	if (final && until > 1 && until > io->rows && duration_of(io, until - 1, end_ns) == 0)
		until--;
	if (until > io->most)
		until = io->most;
	grow(io, until);
	if (io->printer.format == REPORT_PLOT) {
		plot(io, end_ns);
		return;
	}
	/* While the run goes on there is nothing to say of the whole of it. */
	if (!final && io->spec.interval_ns == 0)
		return;
	io->streams |= !final;
	if (until > io->printed || !io->streams)
		print_rows(io, until > io->printed ? until : io->printed, end_ns);
}

uint64_t io_stat_refused(const struct io_stat *io)
{
	return io->refused;
}

int io_stat_error(const struct io_stat *io)
{
	return io->printer.error;
}
