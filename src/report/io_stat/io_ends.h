/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_IO_STAT_IO_ENDS_H
#define CONNTRACE_REPORT_IO_STAT_IO_ENDS_H

#include "model/conn.h"

/**
 * struct io_ends - connections by their ends: finds the other end of a connection that has both on this host
 *
 * Both ends are two connections with the same addresses and ports, the other way round.
 */
struct io_ends;

/** io_ends_new() - an empty one */
struct io_ends *io_ends_new(void);

/** io_ends_free() - NULL is fine */
void io_ends_free(struct io_ends *ends);

/** io_ends_join() - keep @conn; Return: the id of its other end, 0 when that is not known */
uint64_t io_ends_join(struct io_ends *ends, const struct conn *conn);

/** io_ends_leave() - @conn has ended */
void io_ends_leave(struct io_ends *ends, const struct conn *conn);

#endif
