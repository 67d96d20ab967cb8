/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_COLUMNS_H
#define CONNTRACE_MODEL_COLUMNS_H

#include "base/clock.h"
#include "model/conn.h"

/*
 * Quantities that are derived from a connection and have more than one reader. The columns of reports are in
 * report/rows/columns.def.
 */

/**
 * columns_retrans() - segments retransmitted by both sides
 *
 * The kernel counts only the retransmissions of its own side. When no more is known, that is the number; see the help
 * of the column.
 */
static inline int64_t columns_retrans(const struct conn *conn)
{
	if (conn->tx_retrans < 0 || (conn->rx_retrans < 0 && conn->rx_pkts >= 0))
		return CONN_UNKNOWN;
	return (int64_t)conn->tx_retrans + (conn->rx_retrans > 0 ? conn->rx_retrans : 0);
}

/**
 * columns_duration() - nanoseconds from the first to the last sign
 *
 * Unknown for a connection known only by its final counters: these are its only sign. Unknown, too, for an accepted one
 * that only audit has.
 */
static inline int64_t columns_duration(const struct conn *conn)
{
	/* Audit has the time at which accept(2) was called, and not when it returned. */
	if (conn->dir == DIR_IN && (conn->seen & (SEEN_AUDIT | SEEN_WIRE)) == SEEN_AUDIT)
		return CONN_UNKNOWN;
	if (conn->start_ns == conn->end_ns && (conn->seen & (SEEN_CALLS | SEEN_WIRE)) == 0)
		return CONN_UNKNOWN;
	return clock_span(conn->start_ns, conn->end_ns);
}

/** columns_uid() - the socket's owner, else the process's user, else -1 (as uid_t) */
static inline uid_t columns_uid(const struct conn *conn)
{
	return conn->uid != (uid_t)-1 || conn->process == NULL ? conn->uid : conn->process->uid;
}

#endif
