// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "report/rows/format.h"

/*
 * A merge sort of row numbers: it is stable, and its comparison gets an
 * argument, which qsort(3) does not pass; not every libc has qsort_r(3). Values
 * are fetched once per row and column, because a median needs sorting.
 */
struct sorter {
	const struct selection *by;
	const struct value *values; /* count times by->count */
};

static int compare(const struct sorter *sorter, size_t a, size_t b)
{
	size_t width = sorter->by->count;

	for (size_t i = 0; i < width; i++) {
		const struct value *left = &sorter->values[a * width + i];
		const struct value *right = &sorter->values[b * width + i];
		int order;

		if (left->known != right->known)
			return left->known ? -1 : 1;
		order = left->known ? format_compare(sorter->by->columns[i], left, right) : 0;
		if (order != 0)
			return sorter->by->descending[i] ? -order : order;
	}
	return 0;
}

static void merge_sort(const struct sorter *sorter, size_t *order, size_t *spare, size_t count)
{
	size_t half = count / 2, left = 0, right = half;

	if (count < 2)
		return;
	merge_sort(sorter, order, spare, half);
	merge_sort(sorter, order + half, spare, count - half);
	for (size_t i = 0; i < count; i++) {
		bool take_left = right == count || (left < half && compare(sorter, order[left], order[right]) <= 0);

		spare[i] = take_left ? order[left++] : order[right++];
	}
	memcpy(order, spare, count * sizeof(*order));
}

static void get_values(const struct row *row, const struct selection *by, struct names *names, struct value *values)
{
	for (size_t k = 0; k < by->count; k++) {
		struct value *value = &values[k];

		column_fetch(by->columns[k], row, names, value);
		/* A part of a sum or maximum is sorted by its known value. */
		if (!value->known && value->of_rest >= 0) {
			value->known = true;
			value->number = value->of_rest;
		}
	}
}

/* The row of everything that a full table did not keep comes last in any order. */
static size_t others_last(struct row *rows, size_t count)
{
	size_t kept = 0, others = 0;
	struct row *moved;

	for (size_t i = 0; i < count; i++)
		others += rows[i].group != NULL && rows[i].group->other;
	if (others == 0)
		return count;
	moved = xcalloc(others, sizeof(*moved));
	others = 0;
	for (size_t i = 0; i < count; i++) {
		if (rows[i].group != NULL && rows[i].group->other)
			moved[others++] = rows[i];
		else
			rows[kept++] = rows[i];
	}
	memcpy(rows + kept, moved, others * sizeof(*moved));
	free(moved);
	return kept;
}

/* Connections are added as they end, which often is the order in which they began. */
static bool is_sorted(const struct row *rows, size_t count, const struct selection *by, struct names *names)
{
	struct value *values = xcalloc(2 * by->count, sizeof(*values));
	const struct sorter sorter = {.by = by, .values = values};
	bool sorted = true;

	for (size_t i = 0; sorted && i < count; i++) {
		size_t other = i % 2;

		get_values(&rows[i], by, names, &values[other * by->count]);
		sorted = i == 0 || compare(&sorter, 1 - other, other) <= 0;
	}
	free(values);
	return sorted;
}

static void sort(struct row *rows, size_t count, const struct selection *by, struct names *names)
{
	struct value *values = xcalloc(count * by->count, sizeof(*values));
	size_t *order = xcalloc(count, sizeof(*order));
	size_t *spare = xcalloc(count, sizeof(*spare));
	struct row *sorted = xcalloc(count, sizeof(*sorted));
	struct sorter sorter = {.by = by, .values = values};

	for (size_t i = 0; i < count; i++) {
		order[i] = i;
		get_values(&rows[i], by, names, &values[i * by->count]);
	}
	merge_sort(&sorter, order, spare, count);
	for (size_t i = 0; i < count; i++)
		sorted[i] = rows[order[i]];
	memcpy(rows, sorted, count * sizeof(*rows));
	free(values);
	free(order);
	free(spare);
	free(sorted);
}

size_t sort_rows(struct row *rows, size_t count, const struct selection *by, struct names *names)
{
	count = others_last(rows, count);
	if (!is_sorted(rows, count, by, names))
		sort(rows, count, by, names);
	return count;
}
