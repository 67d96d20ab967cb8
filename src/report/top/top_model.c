// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/top/top_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "report/top/top_closed.h"
#include "report/top/top_order.h"

/*
 * A rate covers the last second or, when ticks are further apart, the time
 * since the last tick. So each row keeps its counters of the last ticks. The
 * counters of a connection whose start was seen began at 0; those of an older
 * one have no difference until they are sampled a second time.
 */

/* Ticks whose counters are kept: those of a second at the highest rate. */
#define TICKS 5
#define WINDOW_NS CLOCK_NS_PER_SEC

struct row {
	struct top_row shown; /* the first member: callers get a pointer to it */
	int64_t rx[TICKS];
	int64_t tx[TICKS];
	uint64_t first_tick; /* the first tick whose counters can be compared */
	uint64_t last_tick;
	int64_t steady_ns; /* time that the averages cover */
	bool finished;
	bool failed; /* counted as failed */
};

struct top_model {
	struct row **rows;
	size_t count, size;
	/* Places in rows + 1 by conn.id, 0 is free; open addressing, a power of two. */
	uint32_t *index;
	size_t index_size;
	struct top_closed *closed; /* that have left the rows */
	struct conn *ended;        /* finished between ticks */
	size_t ended_count, ended_size;
	uint64_t tick;
	int64_t times[TICKS];
	int64_t rx[TICKS]; /* received in this tick */
	int64_t tx[TICKS];
	uint8_t lacks[TICKS]; /* bits of both ways, in which the sum of the tick is that of some */
	struct top_totals totals;
};

struct top_model *top_model_new(int64_t start_ns)
{
	struct top_model *model = xcalloc(1, sizeof(*model));

	_Static_assert(offsetof(struct row, shown) == 0, "a row begins with the part shown");
	model->totals.start_ns = model->totals.now_ns = model->times[0] = start_ns;
	model->totals.rx_rate = model->totals.tx_rate = CONN_UNKNOWN;
	model->closed = top_closed_new();
	return model;
}

/* Copy a borrowed connection: take references to its processes, copy the host's name, drop the time line. */
static void conn_keep(struct conn *conn)
{
	process_ref(conn->process);
	process_ref(conn->last_process);
	conn->host = conn->host != NULL ? xstrdup(conn->host) : NULL;
	conn->name = conn->name != NULL ? xstrdup(conn->name) : NULL;
	conn->timeline = NULL;
	conn->measures = NULL;
	conn->tls = NULL;
}

static void conn_drop(struct conn *conn)
{
	process_unref(conn->process);
	process_unref(conn->last_process);
	free(conn->host);
	free(conn->name);
}

static void row_free(struct row *row)
{
	conn_drop(&row->shown.conn);
	free(row);
}

void top_model_free(struct top_model *model)
{
	if (model == NULL)
		return;
	for (size_t i = 0; i < model->count; i++)
		row_free(model->rows[i]);
	for (size_t i = 0; i < model->ended_count; i++)
		conn_drop(&model->ended[i]);
	top_closed_free(model->closed);
	free(model->rows);
	free(model->index);
	free(model->ended);
	free(model);
}

/* ---- finding rows ------------------------------------------------------------------ */

/* The program assigns conn.id in sequence, so any hash will do. */

static size_t index_place(const struct top_model *model, uint64_t id)
{
	size_t place = (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (model->index_size - 1);

	while (model->index[place] != 0 && model->rows[model->index[place] - 1]->shown.conn.id != id)
		place = (place + 1) & (model->index_size - 1);
	return place;
}

static void index_rebuild(struct top_model *model)
{
	size_t size = 64;

	while (size < model->count * 3)
		size *= 2;
	if (size != model->index_size) {
		model->index = xreallocarray(model->index, size, sizeof(*model->index));
		model->index_size = size;
	}
	memset(model->index, 0, size * sizeof(*model->index));
	for (size_t i = 0; i < model->count; i++)
		model->index[index_place(model, model->rows[i]->shown.conn.id)] = (uint32_t)i + 1;
}

static struct row *row_new(struct top_model *model, const struct conn *conn)
{
	struct row *row = xcalloc(1, sizeof(*row));

	model->rows = array_reserve(model->rows, model->count, &model->size, sizeof(*model->rows));
	model->rows[model->count++] = row;
	row->shown.conn.id = conn->id;
	if (model->count * 2 > model->index_size)
		index_rebuild(model);
	else
		model->index[index_place(model, conn->id)] = (uint32_t)model->count;
	row->shown.ended_ns = CLOCK_UNKNOWN;
	/* The last activity of a connection older than the run is unknown. */
	row->shown.active_ns = (conn->seen & SEEN_EXISTING) != 0 ? CLOCK_UNKNOWN : conn->start_ns;
	row->shown.members = 1;
	row->first_tick = model->tick;
	row->shown.piece = -1;
	row->shown.steady[0] = row->shown.steady[1] = -1;
	model->totals.seen++;
	return row;
}

/* ---- ticks ---------------------------------------------------------------------------- */

void top_model_begin(struct top_model *model, int64_t now_ns)
{
	model->tick++;
	model->times[model->tick % TICKS] = model->totals.now_ns = now_ns;
	model->rx[model->tick % TICKS] = model->tx[model->tick % TICKS] = 0;
	model->lacks[model->tick % TICKS] = 0;
	model->totals.unlisted = 0;
	top_fold_begin(&model->totals.other, &(struct top_row){.members = 0});
	model->totals.other.conn.id = TOP_OTHER_ID;
	model->totals.other.other = true;
}

/* Return: true when its start was seen, so its counters began at 0 in this run. */
static bool is_fresh(const struct conn *conn)
{
	return (conn->seen & SEEN_EXISTING) == 0 && ((conn->seen & (SEEN_CALLS | SEEN_AUDIT)) != 0 || conn->hs_ns >= 0);
}

static bool has_failed(const struct conn *conn)
{
	return conn_has_failed(conn->result);
}

static void row_update(struct top_model *model, struct row *row, const struct conn *conn)
{
	struct conn *old = &row->shown.conn, before = *old;

	if (row->last_tick != 0 &&
	    (conn->rx_bytes != old->rx_bytes || conn->tx_bytes != old->tx_bytes || conn->rx_pkts != old->rx_pkts ||
	     conn->tx_pkts != old->tx_pkts || conn->state != old->state || conn->open != old->open))
		row->shown.active_ns = model->totals.now_ns;
	/* From now on the kernel's counters are used, and they include the time before the run. */
	if (row->last_tick != 0 && (conn->seen & ~old->seen & SEEN_KERNEL) != 0 && !is_fresh(conn))
		row->first_tick = model->tick;
	row->shown.conn = *conn;
	conn_keep(&row->shown.conn);
	conn_drop(&before);
	row->rx[model->tick % TICKS] = conn->rx_bytes;
	row->tx[model->tick % TICKS] = conn->tx_bytes;
	row->last_tick = model->tick;
	row->shown.living = conn->open;
	model->totals.failed += !row->failed && has_failed(conn);
	row->failed = has_failed(conn);
	if (!conn->open && row->shown.ended_ns < 0)
		row->shown.ended_ns =
			conn->end_ns >= 0 && conn->end_ns < model->totals.now_ns ? conn->end_ns : model->totals.now_ns;
}

static struct row *row_take(struct top_model *model, const struct conn *conn)
{
	size_t place = model->index_size > 0 ? index_place(model, conn->id) : 0;
	struct row *row =
		model->index_size > 0 && model->index[place] != 0 ? model->rows[model->index[place] - 1] : NULL;

	if (row == NULL && model->count >= TOP_ROWS)
		return NULL;
	if (row == NULL)
		row = row_new(model, conn);
	row_update(model, row, conn);
	return row;
}

/* A connection without a row in the list. */
static struct top_row unlisted_row(const struct conn *conn)
{
	return (struct top_row){.conn = *conn,
				.rx_rate = CONN_UNKNOWN,
				.tx_rate = CONN_UNKNOWN,
				.steady = {-1, -1},
				.active_ns = CLOCK_UNKNOWN,
				.members = 1,
				.living = conn->open};
}

void top_model_open(struct top_model *model, const struct conn *conn)
{
	struct top_row unlisted;

	if (row_take(model, conn) != NULL)
		return;
	model->totals.unlisted += conn->open;
	unlisted = unlisted_row(conn);
	top_fold_add(&model->totals.other, &unlisted);
}

/* Too many: it is counted, not listed. */
static void remember(struct top_model *model, const struct conn *conn)
{
	struct top_row row = unlisted_row(conn);

	row.conn.open = 0;
	row.living = 0;
	model->totals.seen++;
	model->totals.failed += has_failed(conn);
	top_closed_add(model->closed, &row);
}

void top_model_finished(struct top_model *model, const struct conn *conn)
{
	if (model->ended_count == TOP_ROWS) {
		remember(model, conn);
		return;
	}
	model->ended = array_reserve(model->ended, model->ended_count, &model->ended_size, sizeof(*model->ended));
	model->ended[model->ended_count] = *conn;
	conn_keep(&model->ended[model->ended_count++]);
}

static void take_ended(struct top_model *model)
{
	for (size_t i = 0; i < model->ended_count; i++) {
		struct conn *conn = &model->ended[i];
		struct row *row;

		conn->open = 0;
		row = row_take(model, conn);
		if (row != NULL)
			row->finished = true;
		else
			remember(model, conn);
		conn_drop(conn);
	}
	model->ended_count = 0;
}

/* The counter @back ticks ago; 0 before a start that was seen; CONN_UNKNOWN. */
static int64_t counter_before(const struct top_model *model, const struct row *row, const int64_t counter[TICKS],
			      uint64_t back)
{
	uint64_t tick = model->tick - back;

	if (tick >= row->first_tick)
		return counter[tick % TICKS];
	return is_fresh(&row->shown.conn) ? 0 : CONN_UNKNOWN;
}

static int64_t grown(const struct top_model *model, const struct row *row, const int64_t counter[TICKS], uint64_t back)
{
	int64_t now = counter[model->tick % TICKS];
	int64_t before = counter_before(model, row, counter, back);

	return before < 0 || now < before ? CONN_UNKNOWN : now - before;
}

static int64_t rate_of(int64_t bytes, int64_t span_ns)
{
	double rate;

	if (bytes < 0 || span_ns <= 0)
		return CONN_UNKNOWN;
	rate = (double)bytes * (double)CLOCK_NS_PER_SEC / (double)span_ns + 0.5;
	return rate < (double)INT64_MAX ? (int64_t)rate : INT64_MAX;
}

/* The number of ticks that a rate covers: a second, or at least one tick. */
static uint64_t window(const struct top_model *model)
{
	/* Older connections can be compared from the first tick on, which is the limit for all. */
	uint64_t most = model->tick > 1 ? model->tick - 1 : 1;

	if (most > TICKS - 1)
		most = TICKS - 1;
	for (uint64_t back = 1; back < most; back++)
		if (clock_since(model->times[(model->tick - back) % TICKS], model->totals.now_ns) >= WINDOW_NS)
			return back;
	return most;
}

/*
 * The exact average until it covers TOP_STEADY_NS, then an exponential one that moves as quickly. Before a start that
 * was seen nothing moved: a short connection is not a fast one.
 */
static void row_average(struct top_model *model, struct row *row, int64_t rx, int64_t tx)
{
	int64_t span_ns = clock_since(model->times[(model->tick - 1) % TICKS], model->totals.now_ns);
	const int64_t bytes[2] = {rx, tx};

	if (span_ns <= 0)
		return;
	if (row->steady_ns == 0 && is_fresh(&row->shown.conn)) {
		row->steady_ns = clock_since(model->totals.start_ns, model->totals.now_ns) - span_ns;
		row->shown.steady[0] = row->shown.steady[1] = 0;
	}
	row->steady_ns += span_ns;
	if (row->steady_ns > TOP_STEADY_NS)
		row->steady_ns = TOP_STEADY_NS > span_ns ? TOP_STEADY_NS : span_ns;
	for (int way = 0; way < 2; way++) {
		float rate = (float)bytes[way] * (float)CLOCK_NS_PER_SEC / (float)span_ns;
		float *steady = &row->shown.steady[way];

		if (bytes[way] >= 0)
			*steady = *steady < 0 ? rate
					      : *steady + (rate - *steady) * (float)span_ns / (float)row->steady_ns;
	}
}

static void row_rates(struct top_model *model, struct row *row, uint64_t back)
{
	int64_t piece = clock_since(model->totals.start_ns, model->totals.now_ns) / TOP_PAST_NS;
	int64_t rx = grown(model, row, row->rx, 1), tx = grown(model, row, row->tx, 1);
	uint64_t reach = back;

	/* A connection older than the run but seen for less than the window has a shorter window. */
	if (!is_fresh(&row->shown.conn) && row->first_tick < model->tick && model->tick - row->first_tick < back)
		reach = model->tick - row->first_tick;
	row->shown.rx_rate = rate_of(grown(model, row, row->rx, reach),
				     clock_since(model->times[(model->tick - reach) % TICKS], model->totals.now_ns));
	row->shown.tx_rate = rate_of(grown(model, row, row->tx, reach),
				     clock_since(model->times[(model->tick - reach) % TICKS], model->totals.now_ns));
	/* Before a handshake nothing moves. */
	if (row->last_tick == model->tick && row->shown.conn.result != RESULT_PENDING && !has_failed(&row->shown.conn))
		model->lacks[model->tick % TICKS] |= (uint8_t)((rx < 0) | (tx < 0) << 1);
	model->rx[model->tick % TICKS] += rx > 0 ? rx : 0;
	model->tx[model->tick % TICKS] += tx > 0 ? tx : 0;
	top_past_shift(row->shown.past, TOP_PAST, &row->shown.piece, piece);
	row->shown.past[TOP_PAST - 1] += (float)((rx > 0 ? rx : 0) + (tx > 0 ? tx : 0));
	row_average(model, row, rx, tx);
}

static void totals_rates(struct top_model *model, uint64_t back)
{
	struct top_totals *totals = &model->totals;
	int64_t span = clock_since(model->times[(model->tick - back) % TICKS], totals->now_ns);
	int64_t before = model->times[(model->tick - 1) % TICKS];
	int64_t sum[2] = {0, 0};

	totals->lacks = totals->unlisted > 0 ? 3 : 0;
	for (uint64_t i = 0; i < back; i++) {
		totals->lacks |= model->lacks[(model->tick - i) % TICKS];
		sum[0] += model->rx[(model->tick - i) % TICKS];
		sum[1] += model->tx[(model->tick - i) % TICKS];
	}
	totals->rx_rate = rate_of(sum[0], span);
	totals->tx_rate = rate_of(sum[1], span);
	for (int way = 0; way < 2; way++) {
		int64_t second = clock_since(totals->start_ns, before) / CLOCK_NS_PER_SEC;
		int64_t new = way == 0 ? model->rx[model->tick % TICKS] : model->tx[model->tick % TICKS];

		top_past_shift(totals->past[way], TOP_MINUTE, &second,
			       clock_since(totals->start_ns, totals->now_ns) / CLOCK_NS_PER_SEC);
		totals->past[way][TOP_MINUTE - 1] += (float)new;
	}
}

/* @least_ns: a row stays as long at least, hidden, because its last second belongs to the rates of sums. */
static void sweep(struct top_model *model, int64_t keep_ns, int64_t least_ns, uint64_t pinned)
{
	size_t kept = 0;

	model->totals.open = model->totals.unlisted;
	for (size_t i = 0; i < model->count; i++) {
		struct row *row = model->rows[i];
		const struct top_row *shown = &row->shown;
		bool is_held = row->last_tick == model->tick && !row->finished;
		int64_t ended_ns = shown->ended_ns >= 0 ? clock_since(shown->ended_ns, model->totals.now_ns) : -1;
		bool is_old = ended_ns > keep_ns;

		/* The tracker may still have it and would add it again. */
		row->shown.hidden = is_old && shown->conn.id != pinned;
		if (!is_held && ((is_old && ended_ns > least_ns) || !row->finished) && shown->conn.id != pinned) {
			if (row->finished)
				top_closed_add(model->closed, shown);
			row_free(row);
			continue;
		}
		model->totals.open += shown->conn.open;
		model->rows[kept++] = row;
	}
	if (kept != model->count) {
		model->count = kept;
		index_rebuild(model);
	}
}

void top_model_end(struct top_model *model, int64_t keep_ns, uint64_t pinned)
{
	uint64_t back = window(model);

	take_ended(model);
	for (size_t i = 0; i < model->count; i++) {
		struct row *row = model->rows[i];

		/* A connection that ended before this tick has its final counters. */
		if (row->last_tick != model->tick) {
			row->rx[model->tick % TICKS] = row->shown.conn.rx_bytes;
			row->tx[model->tick % TICKS] = row->shown.conn.tx_bytes;
		}
		row_rates(model, row, back);
	}
	totals_rates(model, back);
	top_closed_age(model->closed, clock_since(model->times[(model->tick - 1) % TICKS], model->totals.now_ns),
		       clock_since(model->totals.start_ns, model->totals.now_ns) / TOP_PAST_NS);
	sweep(model, keep_ns, WINDOW_NS, pinned);
	/* When the table is nearly full, closed connections are dropped sooner. */
	if (model->count > TOP_ROWS / 4 * 3)
		sweep(model, keep_ns / 8, 0, pinned);
	if (model->count > TOP_ROWS / 4 * 3)
		sweep(model, 0, 0, pinned);
	top_closed_rest(model->closed, &model->totals.other);
}

struct top_rows top_model_rows(const struct top_model *model)
{
	struct top_rows rows = {
		.rows = (struct top_row *const *)model->rows,
		.count = model->count,
		.other = &model->totals.other,
	};

	rows.closed = top_closed_rows(model->closed, &rows.closed_count);
	return rows;
}

const struct top_totals *top_model_totals(const struct top_model *model)
{
	return &model->totals;
}
