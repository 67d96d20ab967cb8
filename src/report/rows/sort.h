/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_SORT_H
#define CONNTRACE_REPORT_ROWS_SORT_H

#include "report/rows/select.h"

/**
 * sort_rows() - put rows in an order
 * @rows: sorted in place; equal ones keep their order
 * @by: the columns, the most important first; unknown values come last, whether ascending or descending
 *
 * Rows of everything that a full table did not keep come last in any order.
 *
 * Return: the number of rows before these.
 */
size_t sort_rows(struct row *rows, size_t count, const struct selection *by, struct names *names);

#endif
