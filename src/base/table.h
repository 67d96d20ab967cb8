/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_TABLE_H
#define CONNTRACE_BASE_TABLE_H

/**
 * TABLE_COVERS() - assert that a table has as many entries as its enumeration has members
 * @table: an array that is indexed by the enumeration; its own length must come from its entries
 * @number: how many members there are
 *
 * A member in the middle that has no entry is found by tests/lint/tables.py.
 */
#define TABLE_COVERS(table, number) \
	_Static_assert(sizeof(table) / sizeof((table)[0]) == (number), #table " has an entry for each member")

#endif
