// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/io_stat/io_cells.h"

#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "base/xalloc.h"

/*
 * Without packets the kernel's counters are counted. They are sampled when a
 * row ends, and also when a connection is accepted, shut down or destroyed.
 * Bytes moved between two samples belong to a row only if both samples are in
 * it; the sample at its end may be a little late. Otherwise it is unknown how
 * they are spread over the rows, and these rows show unknown.
 *
 * Of a connection with both ends on this host, the bytes of the accepting end
 * are counted, as with packets. Until that end is known the opening one
 * counts: what it has counted in a row that is not printed yet is taken back.
 */

/* How late the sample at the end of a row may be: this part of a row, and at most LATE_MOST. */
#define LATE_SHARE 4
#define LATE_MOST_NS (250 * CLOCK_NS_PER_MS)

enum quantity {
	RX_BYTES,
	TX_BYTES,
	TX_RETRANS,
	QUANTITIES
};

/* A connection: until when it has been counted, and its counters then. */
struct counted {
	int64_t time_ns[QUANTITIES];
	int64_t value[QUANTITIES];
	int64_t added[QUANTITIES]; /* to @row */
	size_t row;                /* the row that it has counted in; SEVERAL */
	bool is_accepting;
	bool is_counted_there; /* its other end counts */
};

#define SEVERAL SIZE_MAX

_Static_assert(sizeof(struct counted) == IO_CELLS_CONN, "what is known of a connection fits");

/* ---- rows ---------------------------------------------------------------------------------- */

void io_cells_start(struct io_cells *cells, int64_t time_ns)
{
	bool align = cells->align && cells->spec.interval_ns > 0;

	cells->begin_ns = time_ns;
	cells->start_ns = align ? clock_aligned(time_ns, cells->spec.interval_ns) : time_ns;
}

size_t io_cells_row(const struct io_cells *cells, int64_t time_ns)
{
	if (cells->spec.interval_ns == 0 || time_ns <= cells->start_ns)
		return 0;
	return (size_t)(clock_since(cells->start_ns, time_ns) / cells->spec.interval_ns);
}

int64_t io_cells_begin_ns(const struct io_cells *cells, size_t row)
{
	return clock_after(cells->start_ns, clock_times(cells->spec.interval_ns, row));
}

static int64_t end_of(const struct io_cells *cells, size_t row)
{
	return cells->spec.interval_ns > 0 ? io_cells_begin_ns(cells, row + 1) : INT64_MAX;
}

static void begin_row(const struct io_cells *cells, struct io_cell *row)
{
	for (size_t i = 0; cells->counters && i < cells->spec.count; i++)
		if (io_spec_needs_frames(&cells->spec.columns[i]))
			row[i].count = IO_CELL_UNKNOWN;
}

bool io_cells_grow(struct io_cells *cells, size_t rows)
{
	size_t count = cells->spec.count;

	if (rows > cells->most)
		return false;
	if (rows > cells->room) {
		size_t room = cells->room > 0 ? cells->room : 64;

		while (room < rows)
			room *= 2;
		cells->cells = xreallocarray(cells->cells, room * count, sizeof(*cells->cells));
		memset(cells->cells + cells->room * count, 0, (room - cells->room) * count * sizeof(*cells->cells));
		for (size_t row = cells->room; row < room; row++)
			begin_row(cells, cells->cells + row * count);
		cells->room = room;
	}
	if (rows > cells->rows)
		cells->rows = rows;
	return true;
}

struct io_cell *io_cells_at(struct io_cells *cells, int64_t time_ns)
{
	size_t row;

	cells->timeless |= time_ns < 0;
	if (cells->start_ns < 0 && time_ns >= 0)
		io_cells_start(cells, time_ns);
	row = io_cells_row(cells, time_ns);
	/* Without a time it belongs to the whole run, but to no interval. */
	if ((time_ns < 0 && cells->spec.interval_ns > 0) || row < cells->printed || !io_cells_grow(cells, row + 1)) {
		cells->refused++;
		return NULL;
	}
	if (time_ns > cells->last_ns)
		cells->last_ns = time_ns;
	return cells->cells + row * cells->spec.count;
}

void io_cells_count(struct io_cell *cell, int64_t value)
{
	if (value < 0)
		cell->count = IO_CELL_UNKNOWN;
	if (cell->count == IO_CELL_UNKNOWN)
		return;
	if (cell->count == 0 || value < cell->min)
		cell->min = value;
	if (cell->count == 0 || value > cell->max)
		cell->max = value;
	cell->count++;
	cell->sum += (uint64_t)value;
}

/* ---- connections --------------------------------------------------------------------------- */

static bool has_field(const struct io_column *column, enum io_field field)
{
	return column->function >= IO_COUNT && column->field == field;
}

/* Return: true when the column counts @quantity. */
static bool counts(const struct io_column *column, enum quantity quantity)
{
	static const enum io_field fields[] = {IO_RX_BYTES, IO_TX_BYTES, IO_TX_RETRANS};
	TABLE_COVERS(fields, QUANTITIES);

	return has_field(column, fields[quantity]) || (quantity != TX_RETRANS && has_field(column, IO_PAYLOAD));
}

static void doubt_rows(struct io_cells *cells, enum quantity quantity, size_t from, size_t to)
{
	if (from < cells->printed)
		from = cells->printed;
	for (size_t row = from; row <= to && io_cells_grow(cells, row + 1); row++)
		for (size_t i = 0; i < cells->spec.count; i++)
			if (counts(&cells->spec.columns[i], quantity))
				cells->cells[row * cells->spec.count + i].count = IO_CELL_UNKNOWN;
}

/* Count bytes or segments; a negative @amount takes them back. */
static bool add(struct io_cells *cells, enum quantity quantity, size_t row, int64_t amount)
{
	if (row < cells->printed || !io_cells_grow(cells, row + 1)) {
		cells->refused++;
		return false;
	}
	for (size_t i = 0; i < cells->spec.count; i++) {
		struct io_cell *cell = &cells->cells[row * cells->spec.count + i];

		if (!counts(&cells->spec.columns[i], quantity) || cell->count == IO_CELL_UNKNOWN)
			continue;
		cell->count += (uint64_t)amount;
		cell->sum += (uint64_t)amount;
	}
	return true;
}

static int64_t late_ns(const struct io_cells *cells)
{
	int64_t share_ns = cells->spec.interval_ns / LATE_SHARE;

	return share_ns < LATE_MOST_NS ? share_ns : LATE_MOST_NS;
}

static bool has_added(const struct counted *counted)
{
	return counted->row == SEVERAL || counted->added[RX_BYTES] > 0 || counted->added[TX_BYTES] > 0 ||
	       counted->added[TX_RETRANS] > 0;
}

static void note(struct counted *counted, enum quantity quantity, size_t row, int64_t amount)
{
	if (has_added(counted) && counted->row != row) {
		counted->row = SEVERAL;
		return;
	}
	counted->row = row;
	counted->added[quantity] += amount;
}

/* Return: false when its numbers are printed, or in several rows. */
static bool take_back(struct io_cells *cells, struct counted *counted)
{
	if (has_added(counted) && (counted->row == SEVERAL || counted->row < cells->printed))
		return false;
	for (unsigned int i = 0; i < QUANTITIES; i++)
		if (counted->added[i] > 0)
			(void)add(cells, i, counted->row, -counted->added[i]);
	counted->is_counted_there = true;
	return true;
}

/* Count what was moved since @counted, up to @time_ns. */
static void take(struct io_cells *cells, struct counted *counted, enum quantity quantity, int64_t time_ns, int64_t now)
{
	int64_t from_ns = counted->time_ns[quantity];
	int64_t amount = counted->value[quantity] >= 0 ? now - counted->value[quantity] : CONN_UNKNOWN;
	size_t row = io_cells_row(cells, from_ns), last = io_cells_row(cells, time_ns);
	bool is_sure = row == last || clock_since(end_of(cells, row), time_ns) <= late_ns(cells);

	if (counted->is_counted_there)
		return;
	if (amount > 0 && is_sure && add(cells, quantity, row, amount))
		note(counted, quantity, row, amount);
	else if (amount > 0 && is_sure)
		counted->row = SEVERAL;
	else if (amount != 0)
		doubt_rows(cells, quantity, row, last);
	counted->value[quantity] = now;
	counted->time_ns[quantity] = time_ns;
	if (time_ns > cells->last_ns)
		cells->last_ns = time_ns;
}

static void get_values(const struct conn *conn, int64_t values[QUANTITIES])
{
	values[RX_BYTES] = conn->rx_bytes;
	values[TX_BYTES] = conn->tx_bytes;
	values[TX_RETRANS] = conn->tx_retrans;
	/* Before the handshake no payload can have been moved. */
	for (size_t i = 0; conn->result == RESULT_PENDING && i < QUANTITIES; i++)
		if (values[i] < 0)
			values[i] = 0;
}

static void count_conn(struct io_cells *cells, enum io_field field, int64_t time_ns)
{
	struct io_cell *row = io_cells_at(cells, time_ns);

	for (size_t i = 0; row != NULL && i < cells->spec.count; i++)
		if (has_field(&cells->spec.columns[i], field))
			io_cells_count(&row[i], 1);
}

/* Its other end may be counted. */
static void choose_end(struct io_cells *cells, const struct conn *conn, struct counted *counted)
{
	uint64_t id = cells->counters ? io_ends_join(cells->ends, conn) : 0;
	struct counted *other = id != 0 ? idmap_find(cells->conns, id) : NULL;

	counted->is_accepting = conn->dir == DIR_IN;
	if (other != NULL && !other->is_counted_there)
		counted->is_counted_there = other->is_accepting || !counted->is_accepting || !take_back(cells, other);
}

/* For a connection older than the run, the first known counters are taken as those at the start. */
static struct counted *find(struct io_cells *cells, const struct conn *conn, int64_t time_ns)
{
	struct counted *counted = idmap_find(cells->conns, conn->id);
	bool is_older = conn->seen & SEEN_EXISTING;

	if (counted != NULL)
		return counted;
	counted = idmap_put(cells->conns, conn->id);
	choose_end(cells, conn, counted);
	if (cells->start_ns < 0)
		io_cells_start(cells, conn->start_ns);
	for (size_t i = 0; i < QUANTITIES; i++)
		counted->time_ns[i] = is_older ? time_ns : conn->start_ns;
	if (is_older)
		get_values(conn, counted->value);
	else
		count_conn(cells, IO_OPENED, conn->start_ns);
	return counted;
}

void io_cells_counters(struct io_cells *cells, const struct conn *conn, int64_t time_ns)
{
	struct counted *counted;
	int64_t values[QUANTITIES];

	if (!cells->counters || cells->conns == NULL)
		return;
	counted = find(cells, conn, time_ns);
	get_values(conn, values);
	/* An unknown value may become known later; if not, io_cells_doubt() marks the rows. */
	for (unsigned int i = 0; i < QUANTITIES; i++)
		if (values[i] >= 0)
			take(cells, counted, i, time_ns, values[i]);
}

void io_cells_conn(struct io_cells *cells, const struct conn *conn)
{
	struct counted *counted;
	int64_t values[QUANTITIES];

	if (cells->conns == NULL || conn->start_ns < 0)
		return;
	counted = find(cells, conn, conn->start_ns);
	if (conn->open)
		return;
	get_values(conn, values);
	for (unsigned int i = 0; cells->counters && i < QUANTITIES; i++) {
		if (values[i] >= 0)
			take(cells, counted, i, conn->end_ns, values[i]);
		else if (!counted->is_counted_there)
			doubt_rows(cells, i, io_cells_row(cells, counted->time_ns[i]),
				   io_cells_row(cells, conn->end_ns));
	}
	count_conn(cells, IO_ENDED, conn->end_ns);
	io_ends_leave(cells->ends, conn);
	idmap_remove(cells->conns, conn->id);
}

void io_cells_doubt(struct io_cells *cells, size_t until, int64_t sure_ns)
{
	const struct counted *counted = NULL;

	if (!cells->counters || cells->conns == NULL || until == 0)
		return;
	while ((counted = idmap_next(cells->conns, counted)) != NULL)
		for (unsigned int i = 0; i < QUANTITIES; i++)
			if (!counted->is_counted_there && (counted->value[i] < 0 || counted->time_ns[i] < sure_ns))
				doubt_rows(cells, i, io_cells_row(cells, counted->time_ns[i]), until - 1);
}
