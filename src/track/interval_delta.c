// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/interval_delta.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/idmap.h"
#include "base/xalloc.h"

#define SUMS 7
#define COUNTS 9

/* The first two are those of which struct conn has lower bounds. */
static const size_t sums[SUMS] = {
	offsetof(struct conn, rx_bytes), offsetof(struct conn, tx_bytes), offsetof(struct conn, rx_wire),
	offsetof(struct conn, tx_wire),  offsetof(struct conn, rx_pkts),  offsetof(struct conn, tx_pkts),
	offsetof(struct conn, copies),
};

static const size_t counts[COUNTS] = {
	offsetof(struct conn, rx_retrans), offsetof(struct conn, tx_retrans), offsetof(struct conn, ooo),
	offsetof(struct conn, zerowin),    offsetof(struct conn, keepalive),  offsetof(struct conn, rx_fin),
	offsetof(struct conn, tx_fin),     offsetof(struct conn, rx_rst),     offsetof(struct conn, tx_rst),
};

/* Reported values of a connection. */
struct reported {
	int64_t sums[SUMS];
	int32_t counts[COUNTS];
	uint32_t known; /* of those: known in this slice or in an earlier one */
	uint8_t what;   /* enum conn_reported */
	bool ended;
};

struct interval_delta {
	struct idmap *reported; /* reported before this slice */
	struct idmap *next;     /* reported when the next slice begins */
};

static int64_t *sum_of(struct conn *conn, size_t i)
{
	return (int64_t *)(void *)((char *)conn + sums[i]);
}

static int32_t *count_of(struct conn *conn, size_t i)
{
	return (int32_t *)(void *)((char *)conn + counts[i]);
}

struct interval_delta *interval_delta_new(void)
{
	struct interval_delta *delta = xcalloc(1, sizeof(*delta));

	delta->reported = idmap_new(sizeof(struct reported));
	delta->next = idmap_new(sizeof(struct reported));
	return delta;
}

void interval_delta_free(struct interval_delta *delta)
{
	if (delta == NULL)
		return;
	idmap_free(delta->reported);
	idmap_free(delta->next);
	free(delta);
}

/* The difference to an unknown value is unknown. */
static int64_t difference(int64_t now, int64_t before)
{
	return now < 0 || before < 0 || now < before ? CONN_UNKNOWN : now - before;
}

/* At least this much of the difference to an exact value is known. */
static int64_t least_difference(int64_t exact, int64_t least, int64_t before)
{
	if (exact >= 0)
		return exact;
	return before >= 0 && least > before ? least - before : CONN_UNKNOWN;
}

const struct conn *interval_delta_part(const struct interval_delta *delta, const struct conn *conn, struct conn *part)
{
	const struct reported *reported = delta != NULL ? idmap_find(delta->reported, conn->id) : NULL;

	if (reported == NULL)
		return conn;
	if (reported->ended)
		return NULL;
	*part = *conn;
	for (size_t i = 0; i < SUMS; i++)
		*sum_of(part, i) = difference(*sum_of(part, i), reported->sums[i]);
	for (size_t i = 0; i < COUNTS; i++)
		*count_of(part, i) = (int32_t)difference(*count_of(part, i), reported->counts[i]);
	part->rx_least = least_difference(part->rx_bytes, conn->rx_least, reported->sums[0]);
	part->tx_least = least_difference(part->tx_bytes, conn->tx_least, reported->sums[1]);
	part->reported = reported->what;
	return part;
}

bool interval_delta_can_end(const struct conn *conn)
{
	return conn->rx_bytes >= 0 && conn->tx_bytes >= 0;
}

/*
 * What is reported so far of a count that is @value now. An unknown count of an undecided attempt is 0: it has not
 * begun. The counters of a connection older than the run may be read a little after its packets: until then nothing of
 * them is reported, and the first slice that has them has all.
 */
static int64_t so_far(const struct conn *conn, struct reported *reported, size_t bit, int64_t value)
{
	if (value >= 0)
		reported->known |= UINT32_C(1) << bit;
	else if (conn->result == RESULT_PENDING ||
		 (conn->seen & SEEN_EXISTING && !(reported->known >> bit & UINT32_C(1))))
		return 0;
	return value;
}

void interval_delta_keep(struct interval_delta *delta, const struct conn *conn)
{
	struct conn copy = *conn;
	const struct reported *before = idmap_find(delta->reported, conn->id);
	struct reported *reported = idmap_put(delta->next, conn->id);

	reported->known = before != NULL ? before->known : 0;
	for (size_t i = 0; i < SUMS; i++)
		reported->sums[i] = so_far(conn, reported, i, *sum_of(&copy, i));
	for (size_t i = 0; i < COUNTS; i++)
		reported->counts[i] = (int32_t)so_far(conn, reported, SUMS + i, *count_of(&copy, i));
	if (conn->result != RESULT_PENDING)
		reported->what |= REPORTED_ATTEMPT;
	if (conn->hs_ns >= 0)
		reported->what |= REPORTED_HS;
	if (conn->first_answer_ns >= 0)
		reported->what |= REPORTED_FIRST;
	if (conn->tls != NULL && clock_span(conn->tls->hello_ns, conn->tls->data_ns) >= 0)
		reported->what |= REPORTED_TLS;
	if (conn->queue_ns >= 0)
		reported->what |= REPORTED_QUEUE;
	reported->ended = conn->open == 0;
}

void interval_delta_pass(struct interval_delta *delta, const struct conn *conn)
{
	const struct reported *reported = idmap_find(delta->reported, conn->id);

	if (reported != NULL)
		*(struct reported *)idmap_put(delta->next, conn->id) = *reported;
}

void interval_delta_next(struct interval_delta *delta)
{
	idmap_free(delta->reported);
	delta->reported = delta->next;
	delta->next = idmap_new(sizeof(struct reported));
}
