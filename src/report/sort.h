/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_SORT_H
#define CONNTRACE_REPORT_SORT_H

#include "report/select.h"

/**
 * sort_rows() - put rows in an order
 * @rows: sorted in place; those that are equal keep their order
 * @by: the columns, the most important first; unknown values come last, whether ascending or descending
 */
void sort_rows(struct row *rows, size_t count, const struct selection *by, struct names *names);

#endif
