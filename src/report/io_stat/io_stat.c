// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/io_stat/io_stat.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "report/io_stat/io_cells.h"
#include "report/io_stat/io_plot.h"
#include "report/io_stat/io_spec.h"
#include "report/rows/report_rows.h"

/*
 * One row per interval from the start of the run (of a file: from its first
 * frame), including empty ones. Numbers are integers, except averages, which
 * have three decimals.
 */

/* A row is complete this long after its end: by then the packets of its connections have an owner. */
#define SETTLE_NS CLOCK_NS_PER_SEC

/* At the end everything is sampled within this time. */
#define LAST_SAMPLE_NS CLOCK_NS_PER_SEC

/* START and DUR_S come first; IO_BOTH makes two columns. */
#define LEAD 2
#define SHOWN (LEAD + 2 * IO_COLUMNS)

/**
 * struct io_row - one row to be printed
 * @io: the report
 * @cells: of the row
 * @start_ns: when it begins
 * @duration_ns: its length
 */
struct io_row {
	const struct io_stat *io;
	const struct io_cell *cells;
	int64_t start_ns;
	int64_t duration_ns;
};

struct io_stat {
	struct report report;
	struct io_cells cells;
	struct column columns[SHOWN];
	char *names[SHOWN];
	uint8_t column_of[SHOWN]; /* index into the columns of the spec */
	size_t shown;
	int64_t linger_ns;
	int64_t settle_ns;
	bool streams;  /* rows are printed as soon as they are complete */
	bool is_live;  /* time goes on without packets */
	bool is_alone; /* no other output comes between them */
};

/* ---- columns ----------------------------------------------------------------------------- */

static void get_number(struct value *value, int64_t number)
{
	value->known = number >= 0;
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
	int64_t number = io_plot_value(&io->cells.spec.columns[column], &row->io->cells[column], second);

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
	if (column->function >= IO_SUM && (column->field <= IO_RESENT || column->field == IO_WINDOW ||
					   column->field == IO_RX_BYTES || column->field == IO_TX_BYTES))
		return COLUMN_BYTES;
	return COLUMN_COUNT;
}

/* "SUM(payload)[tcp_port_80]": without blanks, to keep rows easy to split. */
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
		copy = xstrdup(redact_text(REDACT_ARGS, filters->expressions[column->filter]));
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
	io->columns[io->shown++] = (struct column){.name = name, .type = type, .unit = "", .help = "", .get = get};
}

/* The columns of the spec from @first on. */
static void make_columns(struct io_stat *io, const struct io_filters *filters, size_t first)
{
	for (size_t i = first; i < io->cells.spec.count; i++) {
		const struct io_column *column = &io->cells.spec.columns[i];

		add_shown(io, name_of(column, filters, false), type_of(column, false), i, get_cell);
		if (column->function == IO_BOTH)
			add_shown(io, name_of(column, filters, true), type_of(column, true), i, get_cell);
	}
}

static void show_columns(struct io_stat *io)
{
	struct printer *printer = &io->report.printer;

	printer_clear(printer);
	printer->columns.count = io->shown;
	printer->columns.columns = xcalloc(io->shown, sizeof(*printer->columns.columns));
	for (size_t i = 0; i < io->shown; i++)
		printer->columns.columns[i] = &io->columns[i];
	printer_init(printer);
}

/* Return: true when a column counts connections. */
static bool wants_conns(const struct io_spec *spec)
{
	for (size_t i = 0; i < spec->count; i++)
		if (spec->columns[i].function >= IO_COUNT && io_spec_is_conn((enum io_field)spec->columns[i].field))
			return true;
	return false;
}

/* The end of a connection is reported after the wait for late packets, which takes longer. */
static void count_conns(struct io_stat *io)
{
	int64_t more_ns = io->linger_ns < SETTLE_NS ? io->linger_ns : SETTLE_NS;

	if (io->cells.conns != NULL)
		return;
	io->cells.conns = idmap_new(IO_CELLS_CONN);
	io->cells.ends = io_ends_new();
	if (io->settle_ns < clock_after(io->linger_ns, more_ns))
		io->settle_ns = clock_after(io->linger_ns, more_ns);
}

static void open_io(struct report *report, const struct report_options *options)
{
	struct io_stat *io = (struct io_stat *)report;
	const struct io_spec *spec = report->spec;

	io->is_live = options->start_ns >= 0;
	io->is_alone = options->report_count <= 1 && !options->besides;
	io->cells.spec = *spec;
	io->cells.most = IO_CELLS / spec->count;
	io->cells.align = options->align;
	io->linger_ns = options->linger_ns;
	io->cells.start_ns = io->cells.last_ns = CLOCK_UNKNOWN;
	if (options->start_ns >= 0)
		io_cells_start(&io->cells, options->start_ns);
	io->settle_ns = SETTLE_NS;
	if (wants_conns(spec))
		count_conns(io);
	add_shown(io, xstrdup("START"), COLUMN_TIME, UINT8_MAX, get_start);
	add_shown(io, xstrdup("DUR_S"), COLUMN_SECONDS, UINT8_MAX, get_duration);
	make_columns(io, options->io_filters, 0);
	show_columns(io);
}

static void close_io(struct report *report)
{
	struct io_stat *io = (struct io_stat *)report;

	for (size_t i = 0; i < io->shown; i++)
		free(io->names[i]);
	idmap_free(io->cells.conns);
	io_ends_free(io->cells.ends);
	free(io->cells.cells);
}

/* Without frames the kernel's counters are counted. */
static void begin_io(struct report *report, bool has_frames)
{
	struct io_stat *io = (struct io_stat *)report;
	struct io_spec *spec = &io->cells.spec;
	size_t before = spec->count;

	if (has_frames)
		return;
	io->cells.counters = true;
	count_conns(io);
	if (!spec->is_default)
		return;
	io_spec_add_counters(spec);
	io->cells.most = IO_CELLS / spec->count;
	make_columns(io, NULL, before);
	show_columns(io);
}

/* ---- counting ------------------------------------------------------------------------------ */

/* The counters are read at the end of each interval. */
static int64_t border_of(const struct report *report, int64_t now_ns)
{
	const struct io_cells *cells = &((const struct io_stat *)report)->cells;

	if (!cells->counters || cells->spec.interval_ns == 0 || cells->start_ns < 0)
		return INT64_MAX;
	return io_cells_begin_ns(cells, io_cells_row(cells, now_ns) + 1);
}

static void count_counters(struct report *report, const struct conn *conn, int64_t time_ns)
{
	io_cells_counters(&((struct io_stat *)report)->cells, conn, time_ns);
}

static void count_conn(struct report *report, const struct conn *conn)
{
	io_cells_conn(&((struct io_stat *)report)->cells, conn);
}

static bool passes(const struct io_column *column, uint32_t filters)
{
	return column->filter < 0 || (filters >> column->filter & 1);
}

static bool counts_frames(const struct io_column *column)
{
	return column->function <= IO_BYTES || column->field == IO_LEN;
}

static void count_frame(struct report *report, const struct event *event)
{
	struct io_stat *io = (struct io_stat *)report;
	const struct io_spec *spec = &io->cells.spec;
	struct io_cell *cells = io_cells_at(&io->cells, event->time_ns);

	for (size_t i = 0; cells != NULL && i < spec->count; i++)
		if (counts_frames(&spec->columns[i]) && passes(&spec->columns[i], event->frame.filters))
			io_cells_count(&cells[i], event->frame.length);
}

static void count_segment(struct report *report, const struct segment *segment, bool alone)
{
	struct io_stat *io = (struct io_stat *)report;
	const struct io_spec *spec = &io->cells.spec;
	struct io_cell *cells = io_cells_at(&io->cells, segment->time_ns);
	uint32_t filters = segment->judged & SEGMENT_FRAME ? segment->filters : 0;
	int64_t value;

	for (size_t i = 0; cells != NULL && i < spec->count; i++) {
		const struct io_column *column = &spec->columns[i];

		if (!passes(column, filters))
			continue;
		if (counts_frames(column) && alone)
			io_cells_count(&cells[i], segment->frame);
		else if (!counts_frames(column) && io_spec_field((enum io_field)column->field, segment, &value))
			io_cells_count(&cells[i], value);
	}
}

/* ---- printing -------------------------------------------------------------------------------- */

/* The first row begins with the run, the last one ends with it. */
static int64_t start_of(const struct io_stat *io, size_t row)
{
	if (io->cells.timeless && io->cells.spec.interval_ns == 0)
		return CLOCK_UNKNOWN;
	return row == 0 ? io->cells.begin_ns : io_cells_begin_ns(&io->cells, row);
}

static int64_t duration_of(const struct io_stat *io, size_t row, int64_t end_ns)
{
	int64_t start_ns = start_of(io, row);

	if (io->cells.spec.interval_ns > 0 && start_of(io, row + 1) < end_ns)
		end_ns = start_of(io, row + 1);
	if (start_ns < 0)
		return CLOCK_UNKNOWN;
	return end_ns > start_ns ? clock_since(start_ns, end_ns) : 0;
}

static void print_rows(struct io_stat *io, size_t until, int64_t end_ns)
{
	size_t count = until - io->cells.printed;
	struct io_row *facts = xcalloc(count > 0 ? count : 1, sizeof(*facts));
	struct row *rows = xcalloc(count > 0 ? count : 1, sizeof(*rows));

	for (size_t i = 0; i < count; i++) {
		size_t row = io->cells.printed + i;

		facts[i] = (struct io_row){
			.io = io,
			.cells = io->cells.cells + row * io->cells.spec.count,
			.start_ns = start_of(io, row),
			.duration_ns = duration_of(io, row, end_ns),
		};
		rows[i].io = &facts[i];
	}
	if (io->report.printer.style.start_ns < 0)
		io->report.printer.style.start_ns = io->cells.start_ns;
	if (!io->streams)
		printer_rows(&io->report.printer, rows, count);
	for (size_t i = 0; io->streams && i < count; i++)
		printer_row(&io->report.printer, &rows[i]);
	io->cells.printed = until;
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
			.column = &io->cells.spec.columns[column],
			.cells = io->cells.cells + column,
			.stride = io->cells.spec.count,
			.rows = io->cells.rows,
			.bytes = second,
			.type = io->columns[i].type,
			.interval_ns = io->cells.spec.interval_ns,
			.start_ns = io->cells.start_ns,
			.end_ns = end_ns,
			.width = io->report.printer.width,
		};
		struct text text = {0};

		io_plot_draw(&text, &plot);
		printer_write(&io->report.printer, text.data, text.length);
		text_free(&text);
	}
}

void io_stat_print(struct report *report, int64_t now_ns, bool final)
{
	struct io_stat *io = (struct io_stat *)report;
	int64_t end_ns = now_ns >= 0 ? now_ns : io->cells.last_ns;
	size_t until;

	if (io->cells.start_ns < 0 && end_ns < 0 && io->cells.rows == 0) {
		printer_rows(&io->report.printer, NULL, 0);
		return;
	}
	if (io->cells.start_ns < 0 && end_ns >= 0)
		io_cells_start(&io->cells, end_ns);
	/* Time that passes makes rows too, up to the limit. */
	until = io_cells_row(&io->cells, final ? end_ns : clock_after(end_ns, -io->settle_ns)) + (final ? 1 : 0);
	/* A run that ends exactly with an interval has no further row. */
	if (final && until > 1 && until > io->cells.rows && duration_of(io, until - 1, end_ns) == 0)
		until--;
	if (until > io->cells.most)
		until = io->cells.most;
	io_cells_grow(&io->cells, until);
	io_cells_doubt(&io->cells, until, final ? clock_after(end_ns, -LAST_SAMPLE_NS) : start_of(io, until));
	if (io->report.printer.format == REPORT_PLOT) {
		plot(io, end_ns);
		return;
	}
	/* The row of the whole run is printed at its end only. */
	if (!final && io->cells.spec.interval_ns == 0)
		return;
	io->streams |= !final;
	if (until > io->cells.printed || !io->streams)
		print_rows(io, until > io->cells.printed ? until : io->cells.printed, end_ns);
	/* From now on other reports may have printed in between. */
	io->report.printer.separate |= !io->is_alone;
}

static void print_io(struct report *report, report_next *next_open, void *context, bool final)
{
	struct io_stat *io = (struct io_stat *)report;

	for (const struct conn *conn = NULL; (conn = next_open(context, conn)) != NULL;)
		if (conn->open || final)
			count_conn(report, conn);
	/* The time of a file comes from its frames. */
	io_stat_print(report, io->is_live ? clock_now() : CLOCK_UNKNOWN, final);
}

/* Values that had no row, or came after their row was printed. */
static uint64_t count_late(const struct report *report)
{
	return ((const struct io_stat *)report)->cells.refused;
}

static int parse_spec(void *spec, const char *text, struct io_filters *filters, struct err *err)
{
	return io_spec_parse(spec, text, filters, err);
}

static int64_t interval_of(const void *spec)
{
	return ((const struct io_spec *)spec)->interval_ns;
}

/* Traffic is counted before the result of its connection is known, so --only does not apply. */
const struct report_ops report_io_stat = {
	.name = "io,stat",
	.help = "io,stat,SEC",
	.size = sizeof(struct io_stat),
	.spec_size = sizeof(struct io_spec),
	.counts_frames = true,
	.has_all = true,
	.plots = true,
	.parse = parse_spec,
	.interval_ns = interval_of,
	.open = open_io,
	.begin = begin_io,
	.finished = count_conn,
	.frame = count_frame,
	.segment = count_segment,
	.counters = count_counters,
	.border_ns = border_of,
	.print = print_io,
	.late = count_late,
	.close = close_io,
};
