/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_SCHEMA_H
#define CONNTRACE_REPORT_ROWS_SCHEMA_H

#include "report/rows/select.h"

/* Names of other tools for the columns of a connection (option --schema). */

/**
 * schema_apply() - replace columns of connections by those of a schema, which come first
 * @selection: all columns; one that has only another name is replaced. Others, and those from which a column of the
 *             schema is chosen by the direction, stay, as "conntrace.NAME"
 */
void schema_apply(enum report_schema schema, struct selection *selection);

#endif
