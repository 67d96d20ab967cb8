// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/*
 * A merge sort of row numbers: it is stable, and its comparison gets an
 * argument, which qsort(3) does not pass; not every libc has qsort_r(3). Values
 * are fetched once per row and column, because a median needs sorting.
 */
struct sorter {
	const struct selection *by;
	const struct key *keys; /* count times by->count */
};

/* What a value is compared by: there may be a million, so without its buffer. */
struct key {
	int64_t number;
	const char *text;
	const struct peers_group *group;
	struct endpoint address;
	bool known;
	bool owns_text;
};

/* The order of pseudonyms says nothing about the addresses. */
static int compare_addresses(const struct endpoint *a, const struct endpoint *b)
{
	const struct endpoint shown[] = {endpoint_shown(a), endpoint_shown(b)};

	return endpoint_compare(&shown[0], &shown[1]);
}

static int compare_known(const struct column *column, const struct key *a, const struct key *b)
{
	switch (column->type) {
	case COLUMN_ADDRESS:
		return compare_addresses(&a->address, &b->address);
	case COLUMN_TEXT:
	case COLUMN_OUTCOME:
	case COLUMN_NAME:
	case COLUMN_WORDS:
		return strcmp(a->text, b->text);
	case COLUMN_NAMES:
		return strcmp(a->group->comms[0], b->group->comms[0]);
	case COLUMN_NUMBERS:
		return (a->group->pids[0] > b->group->pids[0]) - (a->group->pids[0] < b->group->pids[0]);
	case COLUMN_COOKIE:
		return ((uint64_t)a->number > (uint64_t)b->number) - ((uint64_t)a->number < (uint64_t)b->number);
	default:
		return (a->number > b->number) - (a->number < b->number);
	}
}

static int compare(const struct sorter *sorter, size_t a, size_t b)
{
	size_t width = sorter->by->count;

	for (size_t i = 0; i < width; i++) {
		const struct key *left = &sorter->keys[a * width + i];
		const struct key *right = &sorter->keys[b * width + i];
		int order;

		if (left->known != right->known)
			return left->known ? -1 : 1;
		order = left->known ? compare_known(sorter->by->columns[i], left, right) : 0;
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

static void get_keys(const struct row *row, const struct selection *by, struct names *names, struct key *keys)
{
	for (size_t k = 0; k < by->count; k++) {
		struct value value = {.text = NULL};
		bool is_built;

		column_fetch(by->columns[k], row, names, &value);
		/* A part of a sum or maximum is sorted by its known value. */
		if (!value.known && value.of_rest >= 0) {
			value.known = true;
			value.number = value.of_rest;
		}
		is_built =
			value.known && value.text >= value.buffer && value.text < value.buffer + sizeof(value.buffer);
		keys[k] = (struct key){
			.number = value.number,
			.text = is_built ? xstrdup(value.text) : value.text,
			.group = value.group,
			.address = value.address,
			.known = value.known,
			.owns_text = is_built,
		};
	}
}

static void clear_keys(struct key *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (keys[i].owns_text)
			free((void *)(uintptr_t)keys[i].text);
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
	struct key *keys = xcalloc(2 * by->count, sizeof(*keys));
	const struct sorter sorter = {.by = by, .keys = keys};
	bool sorted = true;

	for (size_t i = 0; sorted && i < count; i++) {
		size_t other = i % 2;

		clear_keys(&keys[other * by->count], by->count);
		get_keys(&rows[i], by, names, &keys[other * by->count]);
		sorted = i == 0 || compare(&sorter, 1 - other, other) <= 0;
	}
	clear_keys(keys, 2 * by->count);
	free(keys);
	return sorted;
}

/* Row number order[i] moves to place i; @order is used up. */
static void permute(struct row *rows, size_t *order, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct row first = rows[i];
		size_t to = i;

		while (order[to] != i) {
			size_t from = order[to];

			rows[to] = rows[from];
			order[to] = to;
			to = from;
		}
		rows[to] = first;
		order[to] = to;
	}
}

static void sort(struct row *rows, size_t count, const struct selection *by, struct names *names)
{
	struct key *keys = xcalloc(count * by->count, sizeof(*keys));
	size_t *order = xcalloc(count, sizeof(*order));
	size_t *spare = xcalloc(count, sizeof(*spare));
	const struct sorter sorter = {.by = by, .keys = keys};

	for (size_t i = 0; i < count; i++) {
		order[i] = i;
		get_keys(&rows[i], by, names, &keys[i * by->count]);
	}
	merge_sort(&sorter, order, spare, count);
	permute(rows, order, count);
	clear_keys(keys, count * by->count);
	free(keys);
	free(order);
	free(spare);
}

size_t sort_rows(struct row *rows, size_t count, const struct selection *by, struct names *names)
{
	count = others_last(rows, count);
	if (!is_sorted(rows, count, by, names))
		sort(rows, count, by, names);
	return count;
}
